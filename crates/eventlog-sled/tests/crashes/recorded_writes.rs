//! What a process wrote, in order, and the states in which a power cut can leave it.

use std::{
    collections::{BTreeMap, HashMap},
    ffi::OsString,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::share::Random;

const SECTOR_BYTES: u64 = 512;
const PAGE_BYTES: u64 = 4096;
const HEADER_BYTES: usize = 40;

/// What a cut takes of the writes that no completed sync covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    Everything,
    Nothing,
    /// Each sector with this chance in a hundred.
    Sectors(u64),
    /// Each page with this chance in a hundred.
    Pages(u64),
    /// Each write with this chance in a hundred.
    Writes(u64),
    /// The first half of them: written last, kept first.
    OlderHalf,
}

pub(crate) const LOSSES: [Loss; 9] = [
    Loss::Everything,
    Loss::Nothing,
    Loss::Sectors(50),
    Loss::Sectors(90),
    Loss::Sectors(10),
    Loss::Pages(50),
    Loss::Writes(50),
    Loss::Writes(10),
    Loss::OlderHalf,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    File(usize),
    Folder(usize),
}

/// Changes by the number of their record, and the syncs: records of beginning and end.
#[derive(Debug)]
struct History<T> {
    initial: T,
    syncs: Vec<(usize, usize)>,
}

impl<T> History<T> {
    fn new(initial: T) -> Self {
        Self {
            initial,
            syncs: Vec::new(),
        }
    }

    /// Changes before this record are durable at `cut`.
    fn durable(&self, cut: usize) -> usize {
        let complete = self.syncs.iter().filter(|(_, end)| *end < cut);
        complete.map(|(begin, _)| *begin).max().unwrap_or(0)
    }
}

#[derive(Debug)]
struct FileHistory {
    history: History<Vec<u8>>,
    changes: Vec<(usize, Change)>,
}

#[derive(Debug)]
enum Change {
    Write {
        at: u64,
        data: Vec<u8>,
        /// Its length, unless it is all zeros: files that are only being prepared do not count.
        weight: u64,
    },
    Length(u64),
}

type Entries = BTreeMap<OsString, Node>;
/// A name and what it stands for afterwards.
type EntryChange = (OsString, Option<Node>);

#[derive(Debug)]
struct FolderHistory {
    history: History<Entries>,
    changes: Vec<(usize, Vec<EntryChange>)>,
    now: Entries,
}

/// Everything that a process did to a folder.
#[derive(Debug)]
pub(crate) struct RecordedWrites {
    root: PathBuf,
    files: Vec<FileHistory>,
    folders: Vec<FolderHistory>,
    by_inode: HashMap<u64, Node>,
    /// Number of records.
    pub(crate) records: usize,
    /// What the process was told, with the record.
    pub(crate) told: Vec<(usize, String)>,
    /// Records that make, rename or remove something.
    pub(crate) turns: Vec<usize>,
    /// Where a record of the journal has been written and not yet synced.
    pub(crate) commits: Vec<usize>,
    sync_begins: HashMap<u64, usize>,
}

impl RecordedWrites {
    /// Begins with what is in `root` now, which is taken to be durable.
    pub(crate) fn before(root: &Path) -> Self {
        let mut recorded = Self {
            root: root.to_owned(),
            files: Vec::new(),
            folders: Vec::new(),
            by_inode: HashMap::new(),
            records: 0,
            told: Vec::new(),
            turns: Vec::new(),
            commits: Vec::new(),
            sync_begins: HashMap::new(),
        };
        recorded.look_at(root);
        recorded
    }

    fn look_at(&mut self, path: &Path) -> Node {
        let about = fs::metadata(path).unwrap();
        let node = if about.is_dir() {
            let node = self.new_folder();
            let Node::Folder(folder) = node else {
                unreachable!()
            };
            let mut entries = Entries::new();
            for entry in fs::read_dir(path).unwrap() {
                let entry = entry.unwrap();
                entries.insert(entry.file_name(), self.look_at(&entry.path()));
            }
            self.folders[folder].history.initial = entries.clone();
            self.folders[folder].now = entries;
            node
        } else {
            self.new_file(fs::read(path).unwrap())
        };
        self.by_inode.insert(about.ino(), node);
        node
    }

    fn new_file(&mut self, initial: Vec<u8>) -> Node {
        self.files.push(FileHistory {
            history: History::new(initial),
            changes: Vec::new(),
        });
        Node::File(self.files.len() - 1)
    }

    fn new_folder(&mut self) -> Node {
        self.folders.push(FolderHistory {
            history: History::new(Entries::new()),
            changes: Vec::new(),
            now: Entries::new(),
        });
        Node::Folder(self.folders.len() - 1)
    }

    /// Adds what the recorder has recorded.
    pub(crate) fn add(&mut self, trace: &[u8]) {
        let mut rest = trace;
        while !rest.is_empty() {
            let (header, behind) = rest.split_at(HEADER_BYTES);
            let (numbers, _) = header.as_chunks::<8>();
            let [kind, inode, one, _, length] =
                [0, 1, 2, 3, 4].map(|n| u64::from_le_bytes(numbers[n]));
            let (data, behind) = behind.split_at(length as usize);
            rest = behind;
            self.add_record(kind, inode, one, data);
            self.records += 1;
        }
    }

    fn add_record(&mut self, kind: u64, inode: u64, one: u64, data: &[u8]) {
        let record = self.records;
        let text = || String::from_utf8(data.to_vec()).unwrap();
        match kind {
            1 => {
                if data.starts_with(b"DJR") {
                    self.commits.push(record + 1);
                }
                let is_filling = data.starts_with(b"DJU") || data.iter().all(|byte| *byte == 0);
                let change = Change::Write {
                    at: one,
                    data: data.to_vec(),
                    weight: if is_filling { 0 } else { data.len() as u64 },
                };
                self.change(inode, change);
            }
            2 => self.change(inode, Change::Length(one)),
            3 => {
                self.sync_begins.insert(one, record);
            }
            4 => {
                let sync = (self.sync_begins[&one], record);
                match self.by_inode[&inode] {
                    Node::File(file) => self.files[file].history.syncs.push(sync),
                    Node::Folder(folder) => self.folders[folder].history.syncs.push(sync),
                }
            }
            5 | 8 => {
                let node = if kind == 5 {
                    self.new_file(Vec::new())
                } else {
                    self.new_folder()
                };
                // Inode numbers are used again.
                self.by_inode.insert(inode, node);
                let (folder, name) = self.place(Path::new(&text()));
                self.turn(folder, vec![(name, Some(node))]);
            }
            6 => {
                let both = text();
                let (from, to) = both.split_once('\n').unwrap();
                let (from_folder, from) = self.place(Path::new(from));
                let (to_folder, to) = self.place(Path::new(to));
                assert_eq!(from_folder, to_folder, "moved to another folder");
                let node = self.folders[from_folder].now[&from];
                self.turn(from_folder, vec![(from, None), (to, Some(node))]);
            }
            7 => {
                let (folder, name) = self.place(Path::new(&text()));
                self.turn(folder, vec![(name, None)]);
            }
            9 => self.told.push((record, text())),
            _ => panic!(
                "the process writes in a way that is not recorded: {}",
                text()
            ),
        }
    }

    fn change(&mut self, inode: u64, change: Change) {
        let Node::File(file) = self.by_inode[&inode] else {
            panic!("a folder is written to")
        };
        self.files[file].changes.push((self.records, change));
    }

    fn turn(&mut self, folder: usize, changes: Vec<EntryChange>) {
        self.turns.push(self.records);
        let folder = &mut self.folders[folder];
        apply(&mut folder.now, &changes);
        folder.changes.push((self.records, changes));
    }

    /// The folder that holds `path`, and its name there.
    fn place(&self, path: &Path) -> (usize, OsString) {
        let inner = path.strip_prefix(&self.root).unwrap();
        let mut folder = 0;
        for part in inner.parent().unwrap() {
            let Node::Folder(next) = self.folders[folder].now[part] else {
                panic!("{path:?}")
            };
            folder = next;
        }
        (folder, inner.file_name().unwrap().to_owned())
    }

    /// Bytes written before `cut` that no completed sync covers.
    pub(crate) fn unsynced_bytes(&self, cut: usize) -> u64 {
        let lengths = self.files.iter().map(|file| {
            let durable = file.history.durable(cut);
            let pending = file
                .changes
                .iter()
                .filter(|(record, _)| (durable..cut).contains(record));
            pending
                .map(|(_, change)| match change {
                    Change::Write { weight, .. } => *weight,
                    Change::Length(_) => 0,
                })
                .sum::<u64>()
        });
        lengths.sum()
    }

    /// Builds in `folder`, which is empty, what a cut before record `cut` can leave. Where no
    /// `loss` is given, each file has its own.
    pub(crate) fn build(&self, cut: usize, loss: Option<Loss>, folder: &Path, random: &mut Random) {
        let entries = match loss {
            Some(Loss::Nothing) => 0,
            Some(Loss::Everything) => 100,
            _ => *random.pick(&[0, 0, 30, 50, 100]),
        };
        self.build_folder(0, cut, loss, entries, folder, random);
    }

    fn build_folder(
        &self,
        number: usize,
        cut: usize,
        loss: Option<Loss>,
        entries_lost: u64,
        path: &Path,
        random: &mut Random,
    ) {
        let folder = &self.folders[number];
        let durable = folder.history.durable(cut);
        let mut entries = folder.history.initial.clone();
        for (record, changes) in folder.changes.iter().filter(|(record, _)| *record < cut) {
            if *record < durable || !random.percent(entries_lost) {
                apply(&mut entries, changes);
            }
        }
        for (name, node) in &entries {
            let path = path.join(name);
            match node {
                Node::Folder(inner) => {
                    fs::create_dir(&path).unwrap();
                    self.build_folder(*inner, cut, loss, entries_lost, &path, random);
                }
                Node::File(file) => {
                    let loss = loss.unwrap_or_else(|| *random.pick(&LOSSES));
                    fs::write(&path, self.files[*file].at(cut, loss, random)).unwrap();
                }
            }
        }
    }
}

impl FileHistory {
    fn at(&self, cut: usize, loss: Loss, random: &mut Random) -> Vec<u8> {
        let durable = self.history.durable(cut);
        let mut bytes = self.history.initial.clone();
        let all: Vec<_> = self
            .changes
            .iter()
            .filter(|(record, _)| *record < cut)
            .collect();
        let synced = all.partition_point(|(record, _)| *record < durable);
        let half = synced + (all.len() - synced) / 2;
        for (place, (_, change)) in all.iter().enumerate() {
            let grain = match loss {
                _ if place < synced => None,
                Loss::Nothing => None,
                Loss::Everything => Some((u64::MAX, 100)),
                Loss::Sectors(chance) => Some((SECTOR_BYTES, chance)),
                Loss::Pages(chance) => Some((PAGE_BYTES, chance)),
                Loss::Writes(chance) => Some((u64::MAX, chance)),
                Loss::OlderHalf => (place < half).then_some((u64::MAX, 100)),
            };
            match (change, grain) {
                (Change::Write { at, data, .. }, None) => put(&mut bytes, *at, data),
                (Change::Write { at, data, .. }, Some((grain, chance))) => {
                    let end = at + data.len() as u64;
                    let mut from = *at;
                    while from < end {
                        let until = (from / grain)
                            .saturating_add(1)
                            .saturating_mul(grain)
                            .min(end);
                        if !random.percent(chance) {
                            put(
                                &mut bytes,
                                from,
                                &data[(from - at) as usize..(until - at) as usize],
                            );
                        }
                        from = until;
                    }
                }
                (Change::Length(length), grain) => {
                    if grain.is_none_or(|(_, chance)| !random.percent(chance)) {
                        bytes.resize(*length as usize, 0);
                    }
                }
            }
        }
        bytes
    }
}

fn apply(entries: &mut Entries, changes: &[EntryChange]) {
    for (name, node) in changes {
        match node {
            Some(node) => entries.insert(name.clone(), *node),
            None => entries.remove(name),
        };
    }
}

fn put(bytes: &mut Vec<u8>, at: u64, data: &[u8]) {
    let (at, end) = (at as usize, at as usize + data.len());
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[at..end].copy_from_slice(data);
}
