//! A process that writes to a log and says what it has been told.

use std::{
    fs::OpenOptions,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use daicho_eventlog::{
    Append, EventLog, ExpectedVersion, NewEvent,
    conformance::{event, long_event, stream},
    evidence::{Checkpoint, LogKey, TreeHead, sign_checkpoint},
};
use daicho_eventlog_sled::{Options, SledLog};

const WRITERS: u64 = 4;
/// A writer keeps a checkpoint after this many of its appends.
const CHECKPOINT_EVERY: u64 = 12;
/// Of this many appends one has a long event.
const LONG_EVERY: u64 = 40;
/// The same in every third million of numbers: enough for sled to fall behind.
const LONG_EVERY_THERE: u64 = 3;
const PAUSE: Duration = Duration::from_millis(400);

/// Small files and segments, so that every change from one to the next is met often.
pub(crate) fn options() -> Options {
    Options {
        journal_file_bytes: 128 << 10,
        index_segment_events: 100,
        sled_cache_bytes: 8 << 20,
        disk_reserve_bytes: 0,
        ballast_bytes: 0,
        ..Options::default()
    }
}

/// What command `number` records, always the same.
pub(crate) fn events_of(number: u64) -> Vec<NewEvent> {
    let writer = number % WRITERS;
    let (one, two) = (format!("one{writer}"), format!("two{writer}"));
    let mut events = vec![event(number, &one), event(number, &two)];
    let long_every = match number / 1_000_000 % 3 {
        2 => LONG_EVERY_THERE,
        _ => LONG_EVERY,
    };
    if number % long_every == 1 {
        let bytes = 1_000 + (number * 7919 % 20_000) as usize;
        events.push(long_event(number, &one, bytes));
    } else if !number.is_multiple_of(3) {
        events.push(event(number, &one));
    }
    events
}

/// The signed head that is kept for the tree of this size and root, always the same.
pub(crate) fn checkpoint_of(head: TreeHead) -> Checkpoint {
    let key = LogKey::from_seed("log.example", &[7; 32]).unwrap();
    sign_checkpoint(&key, head).unwrap()
}

/// A process to be started.
#[derive(Debug)]
pub(crate) struct Load<'a> {
    /// The folder of the log.
    pub(crate) folder: &'a Path,
    /// Numbers of its commands begin here.
    pub(crate) base: u64,
    /// It closes the log and ends after this many appends.
    pub(crate) ends_after: Option<u64>,
    /// It rests after this many appends, long enough for sled to become durable.
    pub(crate) rests_after: Option<u64>,
    /// What it has been told goes into this file instead of to its parent.
    pub(crate) told: Option<&'a Path>,
    /// Files and segments as they are outside tests.
    pub(crate) with_default_options: bool,
    /// A library that is loaded before all others, with its environment.
    pub(crate) preload: Option<(&'a Path, Vec<(&'a str, PathBuf)>)>,
}

impl<'a> Load<'a> {
    pub(crate) fn new(folder: &'a Path, base: u64) -> Self {
        Self {
            folder,
            base,
            ends_after: None,
            rests_after: None,
            told: None,
            with_default_options: false,
            preload: None,
        }
    }

    pub(crate) fn start(self) -> Running {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args([
                "--exact",
                "load::writes_until_it_is_killed",
                "--ignored",
                "--nocapture",
            ])
            .env("DAICHO_LOAD_FOLDER", self.folder)
            .env("DAICHO_LOAD_BASE", self.base.to_string())
            .stdout(Stdio::piped());
        // Most of them die in the middle of something; DAICHO_LOUD=1 shows what they say.
        if std::env::var_os("DAICHO_LOUD").is_none() {
            command.stderr(Stdio::null());
        }
        for (variable, value) in [
            ("DAICHO_LOAD_ENDS", self.ends_after),
            ("DAICHO_LOAD_RESTS", self.rests_after),
        ] {
            if let Some(value) = value {
                command.env(variable, value.to_string());
            }
        }
        if self.with_default_options {
            command.env("DAICHO_LOAD_DEFAULT", "1");
        }
        if let Some(told) = self.told {
            command.env("DAICHO_LOAD_TOLD", told);
        }
        if let Some((library, environment)) = self.preload {
            command.env("LD_PRELOAD", library).envs(environment);
        }
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        Running { process, lines }
    }
}

/// A writing process. Killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) process: Child,
    pub(crate) lines: BufReader<ChildStdout>,
}

impl Running {
    /// The next whole line; `None` when the process has ended. A line without its end was cut by
    /// the kill.
    pub(crate) fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.ends_with('\n').then_some(line)
    }

    /// Reads lines until `appends` have been acknowledged.
    pub(crate) fn acknowledged(&mut self, appends: usize) -> Vec<String> {
        let mut lines = Vec::new();
        let mut count = 0;
        while count < appends {
            let line = self.line();
            let line = line.unwrap_or_else(|| panic!("the writing process ended by itself"));
            count += usize::from(line.contains("ack "));
            lines.push(line);
        }
        lines
    }

    /// kill -9, and what else it had said.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.process.kill().unwrap();
        self.rest()
    }

    /// Waits until it has ended by itself, and what else it said.
    pub(crate) fn end(mut self) -> Vec<String> {
        let rest = self.rest();
        let status = self.process.wait().unwrap();
        assert!(status.success(), "the writing process failed: {rest:?}");
        rest
    }

    fn rest(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.line() {
            lines.push(line);
        }
        self.process.wait().unwrap();
        lines
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn variable(name: &str) -> Option<u64> {
    Some(std::env::var(name).ok()?.parse().unwrap())
}

#[test]
#[ignore = "run by other tests as the process that is killed"]
fn writes_until_it_is_killed() {
    let folder = std::env::var("DAICHO_LOAD_FOLDER").unwrap();
    let base = variable("DAICHO_LOAD_BASE").unwrap();
    let ends_after = variable("DAICHO_LOAD_ENDS").unwrap_or(u64::MAX);
    let rests_after = variable("DAICHO_LOAD_RESTS").unwrap_or(u64::MAX);
    let told: Box<dyn Write + Send> = match std::env::var("DAICHO_LOAD_TOLD") {
        Ok(path) => Box::new(
            OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .unwrap(),
        ),
        Err(_) => Box::new(std::io::stdout()),
    };
    let told = Arc::new(Mutex::new(told));
    // One write each: a kill leaves whole lines and at most one that is cut.
    let tell = move |line: String| {
        let mut told = told.lock().unwrap();
        told.write_all(line.as_bytes()).unwrap();
        told.flush().unwrap();
    };
    let options = match std::env::var("DAICHO_LOAD_DEFAULT") {
        Ok(_) => Options::default(),
        Err(_) => options(),
    };
    let log = Arc::new(SledLog::open(Path::new(&folder), options).unwrap().0);
    let done = Arc::new(AtomicU64::new(0));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (log, done, tell) = (Arc::clone(&log), Arc::clone(&done), tell.clone());
            runtime.spawn(async move {
                let (one, two) = (format!("one{writer}"), format!("two{writer}"));
                let mut has_rested = false;
                for round in 0.. {
                    let so_far = done.fetch_add(1, Ordering::Relaxed);
                    if so_far >= ends_after {
                        break;
                    }
                    if so_far >= rests_after && !std::mem::replace(&mut has_rested, true) {
                        tokio::time::sleep(PAUSE).await;
                    }
                    let number = base + round * WRITERS + writer;
                    let mut expected = Vec::new();
                    for id in [&one, &two] {
                        let version = log.stream_version(&stream(id)).await.unwrap();
                        expected.push((stream(id), ExpectedVersion::still(version)));
                    }
                    let append = Append {
                        expected,
                        events: events_of(number),
                    };
                    let outcome = log.append(append).await.unwrap();
                    tell(format!("ack {number} {} {}\n", outcome.first, outcome.last));
                    if round % CHECKPOINT_EVERY == CHECKPOINT_EVERY - 1 {
                        let head = log.tree_head().await.unwrap();
                        log.keep_checkpoint(checkpoint_of(head)).await.unwrap();
                        tell(format!("kept {}\n", head.size));
                    }
                }
            })
        })
        .collect();
    runtime
        .block_on(futures::future::try_join_all(writers))
        .unwrap();
    drop(runtime);
    log.close_now().unwrap();
}
