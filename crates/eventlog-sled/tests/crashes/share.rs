//! How much of a test is run, and the dice for it.

use std::{
    fs, io,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Whether everything is to be run, however long it takes.
pub(crate) fn is_torture() -> bool {
    std::env::var("DAICHO_TORTURE").is_ok_and(|value| value == "1")
}

/// Seeds of the trials: `normal` of them, or `full` with `DAICHO_TORTURE=1`, or the one of
/// `DAICHO_SEED`.
pub(crate) fn seeds(normal: u64, full: u64) -> RangeInclusive<u64> {
    if let Ok(seed) = std::env::var("DAICHO_SEED") {
        let seed = seed.parse().unwrap();
        return seed..=seed;
    }
    let count = std::env::var("DAICHO_TRIALS").map(|count| count.parse().unwrap());
    1..=count.unwrap_or(if is_torture() { full } else { normal })
}

/// A place for a trial's folder: in memory where there is one, as nothing here needs a disk.
pub(crate) fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        tempfile::tempdir_in(memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    }
}

/// Held by a test that starts processes or opens stores: a process that is just being started holds
/// the locks of all stores that are open beside it.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// splitmix64: the same trial for the same seed, everywhere.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.next() % 100 < chance
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// Copies a folder with everything in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The files in a folder and below it, relative to it, in order.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    fn collect(folder: &Path, inner: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder.join(inner)).unwrap() {
            let entry = entry.unwrap();
            let path = inner.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                collect(folder, &path, files);
            } else {
                files.push(path);
            }
        }
    }
    let mut files = Vec::new();
    collect(folder, Path::new(""), &mut files);
    files.sort();
    files
}

/// Compiles a C source beside this file. `None`, said loudly, where there is no compiler.
pub(crate) fn compile(source: &str, into: &Path, arguments: &[&str]) -> Option<PathBuf> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/crashes")
        .join(source);
    let to = into.join(source).with_extension("out");
    let compiled = Command::new("cc")
        .args(["-O1", "-Wall", "-Werror", "-o"])
        .args([&to, &from])
        .args(arguments)
        .status();
    match compiled {
        Ok(status) => {
            assert!(status.success(), "cc did not compile {source}");
            Some(to)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            println!("SKIPPED: there is no C compiler (cc) to make {source} with");
            None
        }
        Err(error) => panic!("cc: {error}"),
    }
}
