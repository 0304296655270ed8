//! The journal: what has been acknowledged. Files named after the position of their
//! first event, filled before use so that a record needs no change of the file's
//! size or extents to be durable, written in order and synced before anything is
//! acknowledged. A file gets its name only when its first record is durable: one without
//! a first record has been damaged.

pub(crate) mod record;
pub(crate) mod scan;
mod syncing;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
};

use daicho_eventlog::{LogError, evidence::Hash};

use crate::{named_thread, request::Teller};

use self::{
    record::{PAGE_BYTES, Record, unused},
    scan::Scan,
    syncing::{Placed, Syncing},
};

const EXTENSION: &str = "journal";
/// The next file while it is being filled.
const SPARE: &str = "spare";

/// A file of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JournalFile {
    /// Position of its first event, as its name says.
    pub(crate) first: u64,
    /// Where it is.
    pub(crate) path: PathBuf,
}

/// The files of the journal in order.
pub(crate) fn files(folder: &Path) -> Result<Vec<JournalFile>, LogError> {
    let failed = |source| LogError::io(format!("list {}", folder.display()), source);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == EXTENSION)
        {
            let first = path
                .file_stem()
                .and_then(|stem| stem.to_str()?.parse().ok());
            let first = first.ok_or_else(|| LogError::Damaged {
                what: format!("{} is not named after a position", path.display()),
                what_to_do: "Move it out of the journal's folder if it does not belong there."
                    .to_owned(),
            })?;
            files.push(JournalFile { first, path });
        }
    }
    files.sort_by_key(|file| file.first);
    Ok(files)
}

/// What was removed from the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trimmed {
    /// Number of files.
    pub files: usize,
    /// Their length in bytes.
    pub bytes: u64,
}

/// Bytes at the journal's end that are never removed.
const KEPT_BYTES: u64 = 64 << 20;

/// Removes the files that lie wholly before `position`, oldest first, but for the newest
/// [`KEPT_BYTES`] and the file that is being written.
pub(crate) fn trim(folder: &Path, position: u64) -> Result<Trimmed, LogError> {
    let failed = |source| LogError::io(format!("trim {}", folder.display()), source);
    let files = files(folder)?;
    let mut trimmed = Trimmed::default();
    let mut kept = 0;
    let mut removable = 0;
    for (place, file) in files.iter().enumerate().rev() {
        let covered = files
            .get(place + 1)
            .is_some_and(|next| next.first <= position);
        if covered && kept >= KEPT_BYTES {
            removable = place + 1;
            break;
        }
        kept += fs::metadata(&file.path).map_err(failed)?.len();
    }
    for file in &files[..removable] {
        trimmed.bytes += fs::metadata(&file.path).map_err(failed)?.len();
        fs::remove_file(&file.path).map_err(failed)?;
        // One after the other, so that a crash leaves no gap.
        sync_folder(folder).map_err(failed)?;
        trimmed.files += 1;
    }
    Ok(trimmed)
}

/// Makes a folder's entries durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The end of the journal, where records are added. Only the writer has it.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    file_bytes: u64,
    open: Option<OpenFile>,
    spare: Option<JoinHandle<io::Result<()>>>,
    syncing: Option<Syncing>,
    /// The tree's root behind the last record, durable or not.
    root: Hash,
    /// The files that are full, and where the last record of each begins.
    finished: Vec<FinishedFile>,
}

/// A journal file that nothing will be added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FinishedFile {
    /// Position of its first event.
    pub(crate) first: u64,
    /// Offset of its last record, in bytes.
    pub(crate) last_record: u64,
}

/// Why a record was not added.
#[derive(Debug)]
pub(crate) enum AppendError {
    /// Nothing was written and the journal is as before: there was no room for another file.
    NoRoom(io::Error),
    /// It is not known what of the record is on the disk.
    Failed(io::Error),
}

#[derive(Debug)]
struct OpenFile {
    file: Arc<File>,
    length: u64,
    end: u64,
    first: u64,
    last_record: u64,
}

impl Journal {
    /// Goes on where `scan` found the end. Mends the tail first: what was torn is
    /// unused again, and after an unclean end the last file is written once more.
    pub(crate) fn resume(
        folder: &Path,
        file_bytes: u64,
        scan: &Scan,
        clean: bool,
    ) -> Result<Self, LogError> {
        let failed = |source| LogError::io(format!("mend {}", folder.display()), source);
        match fs::remove_file(folder.join(SPARE)) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(failed(source)),
            _ => {}
        }
        let open = match scan.files.last() {
            None => None,
            Some(last) => Some(mend(last, scan, clean).map_err(failed)?),
        };
        sync_folder(folder).map_err(failed)?;
        Ok(Self {
            folder: folder.to_owned(),
            file_bytes: file_bytes.next_multiple_of(PAGE_BYTES as u64),
            open,
            spare: None,
            syncing: None,
            root: scan.root,
            finished: scan.finished.clone(),
        })
    }

    /// The files that are full, as far as they have been read since the newest index segment.
    pub(crate) fn take_finished(&mut self) -> Vec<FinishedFile> {
        std::mem::take(&mut self.finished)
    }

    /// Adds a record and returns when it is durable. What was begun has to be durable already.
    /// After [`AppendError::Failed`] nothing may be added before the journal has been opened again.
    pub(crate) fn append(&mut self, record: &Record) -> Result<(), AppendError> {
        let is_busy = self.syncing.as_ref().is_some_and(Syncing::is_busy);
        assert!(!is_busy, "nothing may be durable before what it follows");
        match self.place(record)? {
            Some(placed) => placed.make_durable().map_err(AppendError::Failed),
            None => Ok(()),
        }
    }

    /// Begins to add a record, beside the caller and behind those begun before; [`Self::wait`] has
    /// to be called for each. The writer is told when that need not wait any more, unless it need
    /// not wait now. Errors as of [`Self::append`].
    pub(crate) fn begin(&mut self, record: &Record, writer: &Teller) -> Result<(), AppendError> {
        let Some(placed) = self.place(record)? else {
            return Ok(());
        };
        if self.syncing.is_none() {
            self.syncing = Syncing::start(writer.clone()).ok();
        }
        let begun = match &mut self.syncing {
            Some(syncing) => syncing.begin(placed),
            // Without a thread it is done here, which only takes longer.
            None => placed.make_durable(),
        };
        begun.map_err(AppendError::Failed)
    }

    /// Whether [`Self::wait`] would return at once.
    pub(crate) fn is_synced(&mut self) -> bool {
        self.syncing.as_mut().is_none_or(Syncing::is_done)
    }

    /// Returns when the oldest record that was begun and not waited for is durable.
    pub(crate) fn wait(&mut self) -> Result<(), AppendError> {
        match &mut self.syncing {
            Some(syncing) => syncing.wait().map_err(AppendError::Failed),
            None => Ok(()),
        }
    }

    /// Gives a record its place: what is to be written there, or nothing if it is durable already
    /// because it begins a new file.
    fn place(&mut self, record: &Record) -> Result<Option<Placed>, AppendError> {
        assert_eq!(
            record.root_before, self.root,
            "a record continues the journal"
        );
        let bytes = record.encode();
        let needed = bytes.len() as u64;
        let has_room = |open: &&mut OpenFile| open.length - open.end >= needed;
        let placed = match self.open.as_mut().filter(has_room) {
            Some(open) => {
                let at = open.end;
                open.last_record = at;
                open.end += needed;
                Some(Placed {
                    file: Arc::clone(&open.file),
                    at,
                    bytes,
                })
            }
            None => {
                // A file must not be durable before what comes before it.
                if let Some(syncing) = &mut self.syncing {
                    syncing.wait_for_all().map_err(AppendError::Failed)?;
                }
                let next = self.next_file(record.first, &bytes)?;
                if let Some(syncing) = &mut self.syncing {
                    syncing.count_as_done();
                }
                if let Some(full) = self.open.replace(next) {
                    self.finished.push(FinishedFile {
                        first: full.first,
                        last_record: full.last_record,
                    });
                }
                None
            }
        };
        self.root = record.root_after;
        let is_half_full = |open: &OpenFile| open.end > open.length / 2;
        if self.spare.is_none() && self.open.as_ref().is_some_and(is_half_full) {
            self.prepare_spare();
        }
        Ok(placed)
    }

    /// Fills the next file beside the writer: in line it would hold up every
    /// commit for as long as it takes to write a whole file.
    fn prepare_spare(&mut self) {
        let path = self.folder.join(SPARE);
        let length = self.file_bytes;
        self.spare = Some(named_thread::spawn("log-spare", move || {
            filled(&path, length).map(drop)
        }));
    }

    /// The next file, with its first record `bytes` durable in it.
    fn next_file(&mut self, first: u64, bytes: &[u8]) -> Result<OpenFile, AppendError> {
        let needed = bytes.len() as u64;
        let spare_path = self.folder.join(SPARE);
        // A spare that could not be made is made again below, when it is needed.
        let prepared = match self.spare.take() {
            Some(spare) => {
                let made = spare.join().map_err(|_| {
                    AppendError::NoRoom(io::Error::other("filling a file panicked"))
                })?;
                made.is_ok() && self.file_bytes >= needed
            }
            None => false,
        };
        let length = self.file_bytes.max(needed);
        if !prepared {
            filled(&spare_path, length).map_err(AppendError::NoRoom)?;
        }
        let path = self.folder.join(format!("{first:020}.{EXTENSION}"));
        // Until it has its name the file is not part of the journal, whatever fails.
        let file = OpenOptions::new()
            .write(true)
            .open(&spare_path)
            .and_then(|file| file.write_all_at(bytes, 0).map(|()| file))
            .and_then(|file| file.sync_data().map(|()| file))
            .and_then(|file| fs::rename(&spare_path, &path).map(|()| file))
            .map_err(AppendError::NoRoom)?;
        sync_folder(&self.folder).map_err(AppendError::Failed)?;
        Ok(OpenFile {
            file: Arc::new(file),
            length,
            end: needed,
            first,
            last_record: 0,
        })
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if let Some(spare) = self.spare.take() {
            // Nobody waits for this file any more; it must only not appear later on.
            let _ = spare.join();
        }
    }
}

/// A file of `length` bytes, a whole number of pages, that holds no record yet.
fn filled(path: &Path, length: u64) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)?;
    write_unused(length, |pages| file.write_all(pages))?;
    file.sync_all()?;
    Ok(file)
}

fn write_unused(length: u64, mut write: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let pages = unused(64);
    let mut left = length;
    while left > 0 {
        let step = left.min(pages.len() as u64);
        write(&pages[..step as usize])?;
        left -= step;
    }
    Ok(())
}

fn mend(last: &JournalFile, scan: &Scan, clean: bool) -> io::Result<OpenFile> {
    let file = OpenOptions::new().read(true).write(true).open(&last.path)?;
    let length = file.metadata()?.len();
    let end = scan.end;
    if !clean {
        // A failed sync leaves pages that look clean and are not on the disk. Writing
        // the same bytes again makes them dirty, so that the sync below reaches them.
        let mut records = vec![0; usize::try_from(end).map_err(io::Error::other)?];
        file.read_exact_at(&mut records, 0)?;
        file.write_all_at(&records, 0)?;
    }
    if let Some(torn) = &scan.torn {
        let mut bytes = vec![0; usize::try_from(torn.bytes).map_err(io::Error::other)?];
        file.read_exact_at(&mut bytes, torn.offset)?;
        let mut kept = File::create(&torn.kept_as)?;
        kept.write_all(&bytes)?;
        kept.sync_all()?;
        let mut at = torn.offset;
        write_unused(torn.bytes, |pages| {
            file.write_all_at(pages, at)?;
            at += pages.len() as u64;
            Ok(())
        })?;
    }
    // Also when nothing was written: what is served from here on must be durable, and
    // the process before may have died between its write and its sync.
    file.sync_all()?;
    Ok(OpenFile {
        file: Arc::new(file),
        length,
        end,
        first: last.first,
        last_record: scan.last_record,
    })
}
