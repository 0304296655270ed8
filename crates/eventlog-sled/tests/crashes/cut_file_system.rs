//! Power cuts, on a real file system: an ext4 of its own is shut down under a writing process.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use crate::{
    load::Load,
    power_cuts::examine,
    share::{Random, alone, compile, is_torture, scratch, seeds},
    truth::Truth,
};

const FILE_SYSTEM_BYTES: u64 = 512 << 20;
/// A store lives through this many cuts.
const CUTS_A_STORE: u64 = 8;

fn run(program: &str, arguments: &[&Path]) -> Result<(), String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!(
            "{program}: {}",
            String::from_utf8_lossy(&output.stderr)
        ))
    }
}

/// A file system in a file. Unmounted when it is dropped.
struct FileSystem {
    image: PathBuf,
    place: PathBuf,
}

impl FileSystem {
    fn make(inside: &Path) -> Result<Self, String> {
        let (image, place) = (inside.join("image"), inside.join("mounted"));
        let _ = fs::create_dir(&place);
        fs::File::create(&image)
            .and_then(|file| file.set_len(FILE_SYSTEM_BYTES))
            .map_err(|error| error.to_string())?;
        run("mkfs.ext4", &[Path::new("-q"), Path::new("-F"), &image])?;
        let made = Self { image, place };
        made.mount()?;
        Ok(made)
    }

    fn mount(&self) -> Result<(), String> {
        let options = [Path::new("-o"), Path::new("loop"), &self.image, &self.place];
        run("mount", &options)
    }

    fn unmount(&self) -> Result<(), String> {
        let mut attempts = 1;
        loop {
            // Whoever had it open may still be letting go of it.
            match run("umount", &[&self.place]) {
                Err(_) if attempts < 100 => {
                    attempts += 1;
                    thread::sleep(Duration::from_millis(50));
                }
                result => return result,
            }
        }
    }
}

impl Drop for FileSystem {
    fn drop(&mut self) {
        let _ = self.unmount();
    }
}

#[test]
fn a_file_system_that_is_shut_down_holds_everything_acknowledged() {
    // Needs to mount, so it is left to the long run.
    if !is_torture() {
        return;
    }
    let _alone = alone();
    let tools = scratch();
    let Some(shut_down) = compile("shut_down.c", tools.path(), &[]) else {
        return;
    };
    let made = FileSystem::make(tools.path());
    let mut file_system = match made {
        Ok(made) => made,
        Err(why) => {
            println!("SKIPPED: no file system can be mounted here: {why}");
            return;
        }
    };
    let mut truth = Truth::default();
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut failures = Vec::new();
    let mut times = Vec::new();
    for seed in seeds(0, 60) {
        let mut random = Random::new(seed);
        if seed % CUTS_A_STORE == 0 {
            drop(file_system);
            file_system = FileSystem::make(tools.path()).unwrap();
            truth = Truth::default();
        }
        let store = file_system.place.join("store");
        let mut load = Load::new(&store, seed * 1_000_000).start();
        let mut lines = Vec::new();
        if random.percent(75) {
            lines = load.acknowledged(1 + random.below(50));
            thread::sleep(Duration::from_millis(random.next() % 400));
        } else {
            thread::sleep(Duration::from_millis(random.next() % 120));
        }
        // What it says from now on may have been said before the cut or after it.
        let said = Arc::new(Mutex::new(lines));
        let counted = {
            let said = Arc::clone(&said);
            thread::spawn(move || {
                while let Some(line) = load.line() {
                    said.lock().unwrap().push(line);
                }
                load.kill()
            })
        };
        thread::sleep(Duration::from_millis(5));
        let before = said.lock().unwrap().len();
        run(shut_down.to_str().unwrap(), &[&file_system.place]).unwrap();
        counted.join().unwrap();
        let lines = std::mem::take(&mut *said.lock().unwrap());
        file_system.unmount().unwrap();
        file_system.mount().unwrap();
        truth.learn(lines[..before].iter().map(String::as_str));
        let mut with_late = truth.clone();
        with_late.learn(lines[before..].iter().map(String::as_str));
        let mut count = |what, by: bool| *counts.entry(what).or_default() += u64::from(by);
        count("cuts", true);
        let acknowledged = |lines: &[String]| lines.iter().any(|line| line.contains("ack "));
        count(
            "cuts before the first append",
            !acknowledged(&lines[..before]),
        );
        count(
            "cuts with appends acknowledged while cutting",
            acknowledged(&lines[before..]),
        );
        // A sync that has succeeded has succeeded, also while the cut was under way: so it must be
        // for events, whose file never changes its length. A sync of a file that grows ext4 lets
        // succeed around a shutdown without doing it, so of checkpoints only those told before
        // count.
        with_late.kept.clone_from(&truth.kept);
        match examine(&store, &with_late) {
            Ok((report, took)) => {
                times.push(took);
                count("with a torn tail", report.torn_tail.is_some());
                count("where sled lacked events", report.replayed_events > 0);
                count(
                    "where sled did not open and was rebuilt",
                    report.set_aside.is_some(),
                );
                truth = with_late;
            }
            Err(wrong) => {
                let failure = format!("seed {seed}: {wrong}");
                println!("{failure}");
                failures.push(failure);
                truth = Truth::default();
                drop(file_system);
                file_system = FileSystem::make(tools.path()).unwrap();
            }
        }
        truth.acknowledged.retain(|number, _| *number < 1 << 40);
    }
    times.sort();
    println!("{counts:#?}");
    println!(
        "{} failures; opening took {:?} at the median, {:?} at most",
        failures.len(),
        times.get(times.len() / 2),
        times.last()
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
