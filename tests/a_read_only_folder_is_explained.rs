//! A data folder that cannot be written: under a running service, and for whatever is started on
//! it. The error names the folder and the next step, and nothing acknowledged is lost.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "a test may panic; that is how it fails"
)]

#[path = "support/small_disk.rs"]
mod small_disk;
mod support;
#[path = "support/watched.rs"]
mod watched;
#[path = "support/writers.rs"]
mod writers;

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::Value;
use small_disk::SmallDisk;
use support::*;
use watched::{Watched, is_for_people};
use writers::{Until, Writer, check_answers, check_log, open_year, sign_in, work};

const DISK_MEBIBYTES: u64 = 800;

/// Every command that opens a data folder.
fn commands(data: &str, elsewhere: &Path) -> Vec<Vec<String>> {
    let backup = elsewhere.join("city.daicho-backup");
    let listen = format!("127.0.0.1:{}", free_port());
    [
        vec!["serve", "--listen", &listen],
        vec!["verify"],
        vec!["export", "--fiscal-year", "R3"],
        vec!["backup", "-o", backup.to_str().unwrap()],
        vec!["plans"],
    ]
    .into_iter()
    .map(|mut command| {
        command.extend(["--data", data]);
        command.into_iter().map(str::to_owned).collect()
    })
    .collect()
}

/// Runs a prepared command that must end with 1 and say all of `parts`.
#[track_caller]
fn is_refused(mut command: Command, parts: &[&str]) {
    let output = command.env("NO_COLOR", "1").output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{command:?}\n{error}");
    is_for_people(&error);
    for part in parts {
        assert!(says(&error, part), "no '{part}':\n{command:?}\n{error}");
    }
}

fn start_writing(
    writers: Vec<Writer>,
    url: &str,
) -> (Arc<Until>, std::thread::JoinHandle<Vec<Writer>>) {
    let until = Until::stopped();
    let (url, writing) = (url.to_owned(), Arc::clone(&until));
    let writing = std::thread::spawn(move || work(writers, &url, 1, &writing));
    (until, writing)
}

fn wait_for(until: &Until, count: u64) {
    while until.count() < count {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// Pages, answers and the log itself can be read.
#[track_caller]
fn is_read(service: &Watched, auditor: &str) {
    let plans = service.graphql(Some(auditor), "{ plans { id } }", &Value::Null);
    let plan = plans["data"]["plans"][0]["id"].as_str().unwrap().to_owned();
    let (status, page) = get(&format!("{}/public/{plan}/R3", service.url)).unwrap();
    assert!(status == 200 && page.contains("41"), "{status}");
    for part in ["log/tile/entries/001", "log/tile/0/000", "log/checkpoint"] {
        let url = format!("{}/{part}", service.url);
        let (status, _, body) = get_as(&url, Some(auditor));
        assert_eq!(status, 200, "{part}: {}", String::from_utf8_lossy(&body));
    }
}

#[test]
fn a_file_system_that_becomes_read_only_is_read_and_named() {
    let Some(mut disk) = SmallDisk::make(DISK_MEBIBYTES) else {
        return;
    };
    let data = disk.path("data");
    sample_city(&data);
    let service = Watched::start(&data, &disk.beside("said-1")).unwrap();
    service.becomes_ready();
    let writers = open_year(&service.url, 6);
    let auditor = sign_in(&service.url, "auditor");
    let (until, writing) = start_writing(writers, &service.url);
    wait_for(&until, 60);

    disk.becomes_read_only();
    let reason = service.becomes_unready("read-only");
    assert!(
        reason.contains(&data) && reason.contains("stop the service"),
        "{reason}"
    );
    for _ in 0..5 {
        is_read(&service, &auditor);
        std::thread::sleep(std::time::Duration::from_millis(600));
    }
    until.stop();
    let writers = writing.join().unwrap();
    let told: Vec<&String> = writers
        .iter()
        .flat_map(|writer| writer.refusals.keys())
        .collect();
    assert!(
        !told.is_empty() && told.iter().all(|told| told.starts_with("read_only: ")),
        "{told:?}"
    );
    let refused = fail(
        1,
        &[
            "department",
            "open",
            "新しい課",
            "--data",
            &data,
            "--as",
            "admin",
        ],
    );
    assert!(
        says(&refused, "read-only") && says(&refused, &data),
        "{refused}"
    );
    let exported = run(&["export", "--data", &data, "--fiscal-year", "R3"]);
    assert!(exported.status.success() && !exported.stdout.is_empty());
    let ended = service.stop();
    is_for_people(&ended.said);
    assert_eq!(ended.status, Some(1), "{}", ended.said);
    assert!(says(&ended.said, "read-only"), "{}", ended.said);

    disk.unmount();
    disk.mount("ro").unwrap();
    let elsewhere = folder();
    for command in commands(&data, elsewhere.path()) {
        let arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        is_refused(
            daicho(&arguments),
            &[&data, "read-only", "mount it for writing"],
        );
    }

    disk.unmount();
    disk.mount("rw").unwrap();
    let service = Watched::start(&data, &disk.beside("said-2")).unwrap();
    service.becomes_ready();
    let writers = work(writers, &service.url, 1, &Until::acknowledged(30));
    check_answers(&service.url, &writers);
    check_log(&service.url, &writers);
    let ended = service.stop();
    assert_eq!(ended.status, Some(0), "{}", ended.said);
    assert!(succeed(&["verify", "--data", &data]).contains("everything agrees"));
}

/// Everything below `folder` and itself, set to be unchangeable or changeable again.
fn set_unchangeable(folder: &str, unchangeable: bool) -> Result<(), String> {
    let flag = if unchangeable { "+i" } else { "-i" };
    let output = Command::new("chattr").args(["-R", flag, folder]).output();
    let output = output.map_err(|error| format!("chattr: {error}"))?;
    // It complains about sockets, which have no such flag.
    let is_set = std::fs::File::create(format!("{folder}/log/probe")).is_err();
    if is_set == unchangeable {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn a_folder_that_can_be_written_again_is_written_without_a_restart() {
    let Some(disk) = SmallDisk::make(DISK_MEBIBYTES) else {
        return;
    };
    let data = disk.path("data");
    sample_city(&data);
    let service = Watched::start(&data, &disk.beside("said-1")).unwrap();
    service.becomes_ready();
    let writers = open_year(&service.url, 6);
    let auditor = sign_in(&service.url, "auditor");
    let (until, writing) = start_writing(writers, &service.url);
    for _ in 0..3 {
        wait_for(&until, until.count() + 40);
        if let Err(why) = set_unchangeable(&data, true) {
            eprintln!("SKIPPED: files cannot be made unchangeable here: {why}");
            until.stop();
            writing.join().unwrap();
            return;
        }
        let reason = service.becomes_unready("cannot be written");
        assert!(
            reason.contains(&data) && reason.contains("goes on by itself"),
            "{reason}"
        );
        is_read(&service, &auditor);
        std::thread::sleep(std::time::Duration::from_millis(1500));
        is_read(&service, &auditor);
        set_unchangeable(&data, false).unwrap();
        service.becomes_ready();
    }
    eprintln!("{:#?}", service.troubles());
    wait_for(&until, until.count() + 40);
    until.stop();
    let writers = writing.join().unwrap();
    let writers = work(writers, &service.url, 1, &Until::acknowledged(0));
    check_answers(&service.url, &writers);
    check_log(&service.url, &writers);
    let ended = service.stop();
    is_for_people(&ended.said);
    assert_eq!(ended.status, Some(0), "{}", ended.said);
    assert!(succeed(&["verify", "--data", &data]).contains("everything agrees"));
}

/// Nobody in particular, as every Unix has one.
const NOBODY: u32 = 65534;

#[test]
fn a_folder_that_this_user_may_not_write_is_named_with_whom_to_ask() {
    let folder = folder();
    let data = path(&folder, "data");
    sample_city(&data);
    let elsewhere = path(&folder, "elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let is_root = std::fs::metadata(&data).unwrap().uid() == 0;
    // The one that was built may lie where only its builder can go.
    let program = path(&folder, "daicho");
    std::fs::copy(env!("CARGO_BIN_EXE_daicho"), &program).unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let as_another = |arguments: &[&str]| {
        let own = daicho(arguments);
        let mut command = Command::new(&program);
        command.args(own.get_args()).stdin(Stdio::null());
        for (name, value) in own.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.current_dir("/").uid(NOBODY).gid(NOBODY);
        command
    };
    let can_change = is_root
        && as_another(&["--version"])
            .output()
            .is_ok_and(|output| output.status.success());
    if !can_change {
        eprintln!("SKIPPED: only root can become somebody else, who may run {program}");
        return;
    }
    chown(&elsewhere, Some(NOBODY), Some(NOBODY)).unwrap();
    let refused = |parts: &[&str]| {
        for command in commands(&data, Path::new(&elsewhere)) {
            let arguments: Vec<&str> = command.iter().map(String::as_str).collect();
            is_refused(as_another(&arguments), parts);
        }
    };

    // Root's folder, as after 'sudo daicho init'.
    refused(&[&data, "sudo -u"]);

    // A folder that was given to the service without what is in it.
    chown(&data, Some(NOBODY), Some(NOBODY)).unwrap();
    refused(&[&data, "chown -R"]);

    // All of it is the user's, but it may not be written.
    assert!(
        Command::new("chown")
            .args(["-R", &format!("{NOBODY}:{NOBODY}"), &data])
            .status()
            .unwrap()
            .success()
    );
    let chmod = |mode: &str| {
        let changed = Command::new("chmod").args(["-R", mode, &data]).status();
        assert!(changed.unwrap().success());
    };
    chmod("u-w");
    refused(&[&data, "chown -R", "chmod -R u+w"]);

    chmod("u+w");
    let verified = as_another(&["verify", "--data", &data]).output().unwrap();
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stderr)
    );
}
