//! A file system of its own, small enough to be filled: ext4 in a file behind a loop device.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "each journey uses its part; a test may panic"
)]

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use tempfile::TempDir;

/// A mounted file system; dropped, it is unmounted and its device is given back.
pub struct SmallDisk {
    folder: TempDir,
    device: String,
    is_mounted: bool,
}

fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        let error = String::from_utf8_lossy(&output.stderr);
        Err(format!("{program} {}: {error}", arguments.join(" ")))
    }
}

impl SmallDisk {
    /// A file system of `mebibytes`; none, said loudly, where this machine has no loop devices or
    /// this user may not mount.
    pub fn make(mebibytes: u64) -> Option<Self> {
        match Self::try_make(mebibytes) {
            Ok(made) => Some(made),
            Err(why) => {
                eprintln!("SKIPPED: no file system can be mounted here: {why}");
                None
            }
        }
    }

    fn try_make(mebibytes: u64) -> Result<Self, String> {
        // In memory where there is room for it: only what is written to it takes any.
        let memory = Path::new("/dev/shm");
        let has_room = statvfs(memory)
            .is_ok_and(|there| there.f_bavail * there.f_frsize > (2 * mebibytes) << 20);
        let folder = if has_room {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        };
        let folder = folder.map_err(|error| error.to_string())?;
        let image = folder.path().join("image");
        File::create(&image)
            .and_then(|file| file.set_len(mebibytes << 20))
            .map_err(|error| error.to_string())?;
        // Nothing is kept for root, who may run this: full is full.
        let image = image.to_str().unwrap();
        run("mkfs.ext4", &["-q", "-F", "-m", "0", image])?;
        let device = run("losetup", &["--find", "--show", image])?;
        let mut made = Self {
            folder,
            device,
            is_mounted: false,
        };
        fs::create_dir(made.place()).map_err(|error| error.to_string())?;
        made.mount("rw,errors=remount-ro")?;
        // Others may go through it to folders that they own.
        fs::set_permissions(made.folder.path(), Permissions::from_mode(0o755))
            .map_err(|error| error.to_string())?;
        Ok(made)
    }

    /// Where it is mounted.
    pub fn place(&self) -> PathBuf {
        self.folder.path().join("mounted")
    }

    /// A path on it as text.
    pub fn path(&self, name: &str) -> String {
        self.place().join(name).to_str().unwrap().to_owned()
    }

    /// A path beside it as text.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Mounts it with these options.
    pub fn mount(&mut self, options: &str) -> Result<(), String> {
        let place = self.path("");
        run("mount", &["-o", options, &self.device, &place])?;
        self.is_mounted = true;
        Ok(())
    }

    /// Unmounts it; nobody may use it.
    pub fn unmount(&mut self) {
        let place = self.path("");
        let mut left = 100;
        while let Err(why) = run("umount", &[&place]) {
            assert!(left > 0, "{why}");
            left -= 1;
            std::thread::sleep(Duration::from_millis(50));
        }
        self.is_mounted = false;
    }

    /// What the kernel does when it no longer trusts a file system: everything open stays open, and
    /// nothing can be written any more. Only unmounting ends it.
    pub fn becomes_read_only(&self) {
        let place = self.path("");
        run("mount", &["-o", "remount,abort", &place]).unwrap();
        // Nothing tells when it is done; writing does.
        let probe = self.place().join("probe");
        assert!(File::create(probe).is_err(), "it can still be written");
    }

    /// Bytes that can still be written.
    pub fn free_bytes(&self) -> u64 {
        let there = statvfs(self.place()).unwrap();
        there.f_bavail * there.f_frsize
    }

    /// Somebody else's file that leaves `bytes` of room, taken at one go; dropped, it is removed.
    pub fn fill_leaving(&self, bytes: u64) -> Filling {
        let path = self.place().join("somebody-elses-file");
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .unwrap();
        let mut length = file.metadata().unwrap().len();
        let mut step = self.free_bytes().saturating_sub(bytes);
        while step >= 4096 {
            match fallocate(&file, FallocateFlags::empty(), length, step) {
                Ok(()) => {
                    length += step;
                    step = self.free_bytes().saturating_sub(bytes);
                }
                Err(_) => step /= 2,
            }
        }
        if bytes == 0 {
            while file.write(&[7; 4096]).is_ok() {}
            assert!(self.free_bytes() < 1 << 20, "{} left", self.free_bytes());
        }
        Filling(path)
    }
}

/// A file that takes room.
pub struct Filling(PathBuf);

impl Filling {
    /// Gives the room back.
    pub fn remove(self) {}
}

impl Drop for Filling {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let place = self.path("");
        if self.is_mounted && run("umount", &[&place]).is_err() {
            // A service that is just ending may still have files open.
            std::thread::sleep(Duration::from_millis(500));
            if run("umount", &[&place]).is_err() {
                let _ = run("umount", &["--lazy", &place]);
            }
        }
        if let Err(why) = run("losetup", &["--detach", &self.device]) {
            eprintln!("{} is left behind: {why}", self.device);
        }
    }
}
