//! Whatever is given to the service: the error says what is wrong and what to do, and the
//! records are as they were.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "a test may panic; that is how it fails"
)]

mod support;

use support::*;

#[test]
fn a_binary_file_is_no_sheet() {
    let folder = folder();
    let file = path(&folder, "sheet.tsv");
    std::fs::write(&file, [0x7f, b'E', b'L', b'F', 0, 0, 0, 1, 2, 3]).unwrap();
    let error = fail(1, &["import", &file, "--dry-run"]);
    assert!(
        error.contains("save the sheet as") || error.contains("text"),
        "{error}"
    );
}

#[test]
fn an_unknown_encoding_is_named_with_a_way_out() {
    let folder = folder();
    let file = path(&folder, "sheet.tsv");
    // Neither UTF-8 nor Shift_JIS has these bytes.
    std::fs::write(&file, b"\x67\x6f\x61\x6c\t\xff\xfd\xa0\x80\n").unwrap();
    let error = fail(1, &["import", &file, "--dry-run"]);
    assert!(error.contains("UTF-8"), "{error}");
}

#[test]
fn a_sheet_without_an_actual_row_is_not_imported() {
    let folder = folder();
    let data = path(&folder, "data");
    city(&data, &[("planning", "planning", None)]);
    let text = std::fs::read_to_string(sample_sheet()).unwrap();
    let lines: Vec<&str> = text.split('\n').collect();
    // Line 13 is the 実績値 row of line 12.
    let broken: Vec<&str> = lines
        .iter()
        .enumerate()
        .filter(|(index, _)| *index != 12)
        .map(|(_, line)| *line)
        .collect();
    let file = path(&folder, "broken.tsv");
    std::fs::write(&file, broken.join("\n")).unwrap();
    let output = run(&[
        "import",
        &file,
        "--plan",
        &sample_plan(),
        "--data",
        &data,
        "--as",
        "planning",
    ]);
    assert_eq!(
        output.status.code(),
        Some(2),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("W_PAIR_MISSING error line 12"), "{said}");
    assert!(said.contains("nothing was imported"), "{said}");
    assert_eq!(succeed(&["plans", "--data", &data]), "");
}

#[test]
fn a_folder_in_use_is_not_opened_twice() {
    let folder = folder();
    let data = path(&folder, "data");
    city(&data, &[]);
    let service = Service::start(&data);
    let port = free_port();
    let error = fail(
        1,
        &[
            "serve",
            "--data",
            &data,
            "--listen",
            &format!("127.0.0.1:{port}"),
        ],
    );
    assert!(
        error.contains("in use") && error.contains(&service.id().to_string()),
        "{error}"
    );
    // Other commands reach the service that has it.
    assert!(succeed(&["department", "--data", &data, "list"]).contains("砂川市"));
    assert_eq!(service.stop(), 0);
}

#[test]
fn a_folder_that_others_can_read_is_not_used() {
    let folder = folder();
    let data = path(&folder, "data");
    city(&data, &[]);
    std::fs::set_permissions(&data, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let error = fail(1, &["verify", "--data", &data]);
    assert!(error.contains("chmod 700"), "{error}");
}

#[test]
fn a_folder_that_is_none_is_not_made_by_accident() {
    let folder = folder();
    let data = path(&folder, "nothing");
    let error = fail(1, &["serve", "--data", &data]);
    assert!(error.contains("daicho init"), "{error}");
    assert!(!std::path::Path::new(&data).exists());
}

#[test]
fn a_weak_password_and_a_wrong_code_leave_nothing_behind() {
    let folder = folder();
    let data = path(&folder, "data");
    let init = |code: &str, password: &str| {
        use std::io::Write as _;
        let mut child = daicho(&[
            "init",
            "--data",
            &data,
            "--code",
            code,
            "--name",
            "砂川市",
            "--password-stdin",
        ])
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(password.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (status, error) = init("012262", "short");
    assert_eq!(status, Some(1));
    assert!(error.contains("15"), "{error}");
    let (status, error) = init("012261", PASSWORD);
    assert_eq!(status, Some(1));
    assert!(error.contains("012261"), "{error}");
    assert_eq!(init("012262", PASSWORD), (Some(0), String::new()));
    assert!(init("012262", PASSWORD).1.contains("砂川市"));
}

/// A folder with records in it, and the path of its newest journal file.
fn recorded() -> (tempfile::TempDir, String, std::path::PathBuf) {
    let folder = folder();
    let data = path(&folder, "data");
    city(&data, &[("planning", "planning", None)]);
    let journal = std::fs::read_dir(format!("{data}/log/journal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .max()
        .unwrap();
    (folder, data, journal)
}

#[test]
fn a_flipped_bit_in_the_journal_is_found_and_nothing_is_started() {
    let (_folder, data, journal) = recorded();
    assert!(succeed(&["verify", "--data", &data]).contains("everything agrees"));
    let mut bytes = std::fs::read(&journal).unwrap();
    bytes[200] ^= 1;
    std::fs::write(&journal, bytes).unwrap();
    let found = fail(3, &["verify", "--data", &data]);
    assert!(found.contains("damaged"), "{found}");
    let refused = fail(1, &["serve", "--data", &data]);
    assert!(refused.contains("damaged"), "{refused}");
}

#[test]
fn a_lost_log_does_not_look_like_a_new_city() {
    let (_folder, data, _) = recorded();
    std::fs::remove_dir_all(format!("{data}/log")).unwrap();
    std::fs::create_dir(format!("{data}/log")).unwrap();
    let refused = fail(1, &["serve", "--data", &data]);
    assert!(
        refused.contains("lost") && refused.contains("backup"),
        "{refused}"
    );
    fail(3, &["verify", "--data", &data]);
}

#[test]
fn a_lost_register_of_people_is_not_replaced_by_an_empty_one() {
    let (_folder, data, _) = recorded();
    std::fs::remove_dir_all(format!("{data}/identity")).unwrap();
    let refused = fail(1, &["serve", "--data", &data]);
    assert!(refused.contains("register of people"), "{refused}");
}

#[test]
fn the_same_sheet_is_not_imported_twice() {
    let (_folder, data, _) = recorded();
    let import = [
        "import",
        &sample_sheet(),
        "--plan",
        &sample_plan(),
        "--data",
        &data,
        "--as",
        "planning",
    ];
    succeed(&import);
    let refused = fail(1, &import);
    assert!(refused.contains("imported before"), "{refused}");
    assert_eq!(
        succeed(&["plans", "--data", &data])
            .lines()
            .filter(|line| !line.starts_with(' '))
            .count(),
        1
    );
}

#[test]
fn whoever_may_not_do_it_is_told_whom_to_ask() {
    let (_folder, data, _) = recorded();
    let refused = fail(
        1,
        &[
            "import",
            &sample_sheet(),
            "--plan",
            &sample_plan(),
            "--data",
            &data,
            "--as",
            "admin",
        ],
    );
    assert!(refused.contains("planning"), "{refused}");
    let refused = fail(
        1,
        &[
            "department",
            "open",
            "新しい課",
            "--data",
            &data,
            "--as",
            "planning",
        ],
    );
    assert!(refused.contains("administrator"), "{refused}");
}
