//! What a snapshot's file looks like.
//!
//! | bytes | what |
//! |---|---|
//! | 16 | `daicho-snapshot` and a line end |
//! | 4 | [`READ_MODELS_FORMAT`] |
//! | 4 | version of the calculation rules |
//! | 1 + n | version of this software, with its length |
//! | 8 | position of the last event that is folded in |
//! | 32 | root of the log's tree after that event |
//! | 8 | length of the body |
//! | … | the read models in their canonical form, compressed with zstd |
//! | 32 | SHA-256 over everything before |
//!
//! Numbers are big-endian. The version of the software stands there because a changed fold makes
//! other read models of the same events, and nobody would remember to raise a number for it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use daicho_domain::sheet::RULE_VERSION;
use daicho_eventlog::evidence::Hash;
use sha2::{Digest, Sha256};

use super::{Distrust, SnapshotError};
use crate::canonical;
use crate::read_models::ReadModels;

/// Raised with every change of the file's layout, of what read models hold, or of how events are
/// folded into them.
pub const READ_MODELS_FORMAT: u32 = 1;

const MAGIC: &[u8; 16] = b"daicho-snapshot\n";
const CHECKSUM_BYTES: usize = 32;

/// Levels above gain little on this content and take much longer.
const COMPRESSION_LEVEL: i32 = 3;

const SOFTWARE: &str = env!("CARGO_PKG_VERSION");

fn version(software: &str, rules: u32) -> String {
    format!("daicho {software} with calculation rules {rules}")
}

pub(super) fn failed(doing: &str, path: &Path, source: io::Error) -> SnapshotError {
    SnapshotError::Io {
        doing: format!("{doing} {}", path.display()),
        source,
    }
}

/// The content of the file.
pub(super) fn encode(
    models: &ReadModels,
    position: u64,
    root: Hash,
) -> Result<Vec<u8>, SnapshotError> {
    let compress = || -> io::Result<Vec<u8>> {
        let mut body = zstd::Encoder::new(Vec::new(), COMPRESSION_LEVEL)?;
        let mut plain = io::BufWriter::with_capacity(1 << 16, &mut body);
        canonical::write(models, &mut plain).map_err(io::Error::other)?;
        plain.flush()?;
        drop(plain);
        body.finish()
    };
    let body = compress().map_err(|source| SnapshotError::Io {
        doing: "encode the read models".to_owned(),
        source,
    })?;
    let mut content = Vec::with_capacity(body.len() + 128);
    content.extend_from_slice(MAGIC);
    content.extend_from_slice(&READ_MODELS_FORMAT.to_be_bytes());
    content.extend_from_slice(&RULE_VERSION.to_be_bytes());
    // A version is a few characters long; a longer one would be cut the same way when read.
    content.push(u8::try_from(SOFTWARE.len()).unwrap_or(u8::MAX));
    content.extend(SOFTWARE.bytes().take(usize::from(u8::MAX)));
    content.extend_from_slice(&position.to_be_bytes());
    content.extend_from_slice(&root.0);
    content.extend_from_slice(&(body.len() as u64).to_be_bytes());
    content.extend_from_slice(&body);
    let checksum = Sha256::digest(&content);
    content.extend_from_slice(&checksum);
    Ok(content)
}

/// Puts `content` at `path` in `folder`: all of it, durably, or nothing.
pub(super) fn put(folder: &Path, path: &Path, content: &[u8]) -> Result<(), SnapshotError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| failed("make", folder, source))?;
    // There is one writer, so whatever has this name is what a crash left.
    let unfinished = folder.join("unfinished");
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(|source| {
        // A full disk needs the space more than we need the remains.
        let _ = fs::remove_file(&unfinished);
        failed("write", path, source)
    })
}

/// A file that is as it was written, by this version.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) position: u64,
    pub(super) root: Hash,
    content: Vec<u8>,
    body: std::ops::Range<usize>,
}

/// Reads the file at `path` and checks all that can be checked without the log.
pub(super) fn open(path: &Path) -> Result<Result<Opened, Distrust>, SnapshotError> {
    let content = fs::read(path).map_err(|source| failed("read", path, source))?;
    Ok(check(content))
}

/// Takes the header apart.
struct Reading<'a>(&'a [u8]);

impl<'a> Reading<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Distrust> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or_else(|| Distrust::Damaged("it ends within its header".to_owned()))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Distrust> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }
}

fn check(content: Vec<u8>) -> Result<Opened, Distrust> {
    let damaged = |what: &str| Distrust::Damaged(what.to_owned());
    let mut reading = Reading(&content);
    if &reading.array()? != MAGIC {
        return Err(damaged("it does not begin as a snapshot does"));
    }
    // Another format may have its checksum elsewhere, so this comes first.
    let format = u32::from_be_bytes(reading.array()?);
    if format != READ_MODELS_FORMAT {
        return Err(Distrust::Format { found: format });
    }
    let checked = content.len() - CHECKSUM_BYTES.min(content.len());
    if Sha256::digest(&content[..checked])[..] != content[checked..] {
        return Err(damaged("its checksum does not fit"));
    }
    let rules = u32::from_be_bytes(reading.array()?);
    let [software_bytes] = reading.array()?;
    let software = reading.take(usize::from(software_bytes))?;
    if rules != RULE_VERSION || software != SOFTWARE.as_bytes() {
        return Err(Distrust::Version {
            found: version(&String::from_utf8_lossy(software), rules),
            own: version(SOFTWARE, RULE_VERSION),
        });
    }
    let position = u64::from_be_bytes(reading.array()?);
    let root = Hash(reading.array()?);
    let length = u64::from_be_bytes(reading.array()?);
    let start = content.len() - reading.0.len();
    if (checked.saturating_sub(start)) as u64 != length {
        return Err(damaged("its body has another length than its header says"));
    }
    Ok(Opened {
        position,
        root,
        body: start..checked,
        content,
    })
}

impl Opened {
    /// The read models in it.
    pub(super) fn read_models(&self) -> Result<ReadModels, Distrust> {
        let plain = zstd::decode_all(&self.content[self.body.clone()])
            .map_err(|error| Distrust::Damaged(format!("it does not unpack: {error}")))?;
        let models = canonical::read(&plain)
            .map_err(|error| Distrust::Damaged(format!("it is no read models: {error}")))?;
        if models.position != Some(self.position) {
            return Err(Distrust::Damaged(
                "its read models are at another position than its header says".to_owned(),
            ));
        }
        Ok(models)
    }
}
