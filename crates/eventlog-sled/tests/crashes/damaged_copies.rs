//! One file of a store is damaged: it is mended with nothing lost, or refused with the right words.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use daicho_eventlog::LogError;
use daicho_eventlog_sled::{OpenError, OpenReport, SledLog};

use crate::{
    load::{Load, options},
    share::{Random, alone, copy, files_below, scratch, seeds},
    truth::{Truth, probe},
};

const RECORD_HEADER_BYTES: usize = 88;
const PAGE_BYTES: usize = 4096;
const APPENDS: u64 = 400;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    FullJournalFile,
    LastJournalFile,
    SledDb,
    SledConf,
    SledSnapshot,
    Index,
    Checkpoints,
    Lock,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Damage {
    Flipped,
    Cut,
    PageZeroed,
    OlderCopy,
}

/// What became of a damaged store; everything else is a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// All is there and nothing is said: the damage met nothing that counts, or was mended.
    Whole,
    /// All is there, and the report of opening says what was mended.
    MendedAndSaid,
    /// All is there, and verification names the damage.
    NamedByVerify,
    Refused,
    /// Of a killed store, the last record: as a torn write that was never acknowledged.
    LastRecordReported,
    /// Of a killed store, checkpoints that only the damaged file had: sled gets them for good a
    /// tenth of a second later.
    LastCheckpointsReported,
    /// The same, but their lines have gone without a trace.
    LastCheckpointsMissing,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole => "whole, silent",
            Self::MendedAndSaid => "mended, said",
            Self::NamedByVerify => "whole, verify names it",
            Self::Refused => "refused",
            Self::LastRecordReported => "last record reported",
            Self::LastCheckpointsReported => "last checkpoints reported",
            Self::LastCheckpointsMissing => "last checkpoints missing",
        })
    }
}

/// A store, older copies of it, and what must be in it.
struct Base {
    name: &'static str,
    is_killed: bool,
    folder: PathBuf,
    older: [PathBuf; 2],
    truth: Truth,
    files: Vec<(Kind, PathBuf)>,
    /// Events before this position are in sled.
    stored_next: u64,
    /// Sizes of the checkpoints that sled has.
    stored_checkpoints: BTreeSet<u64>,
}

impl Base {
    fn make(name: &'static str, is_killed: bool, inside: &Path) -> Self {
        let at = |part: &str| inside.join(format!("{name}-{part}"));
        let (folder, older) = (at("now"), [at("older"), at("a-little-older")]);
        let mut truth = Truth::default();
        for (number, step) in [APPENDS / 2, APPENDS / 2, 40].into_iter().enumerate() {
            let mut load = Load::new(&folder, number as u64 * 1_000_000);
            let lines = if is_killed {
                // Of the last process sled has the first half, and the rest only the journal.
                load.rests_after = Some(step / 2);
                let mut running = load.start();
                let mut lines = running.acknowledged(step as usize);
                lines.extend(running.kill());
                lines
            } else {
                load.ends_after = Some(step);
                load.start().end()
            };
            truth.learn(lines.iter().map(String::as_str));
            if let Some(older) = older.get(number) {
                copy(&folder, older);
            }
        }
        let (stored_next, stored_checkpoints) = in_sled(&folder, inside);
        let mut files = Vec::new();
        let mut last_journal = None;
        for path in files_below(&folder) {
            let text = path.to_str().unwrap();
            let kind = match path.extension().and_then(|extension| extension.to_str()) {
                Some("journal") => {
                    last_journal = Some(files.len());
                    Kind::FullJournalFile
                }
                Some("segment") => Kind::Index,
                _ if text == "sled/db" => Kind::SledDb,
                _ if text == "sled/conf" => Kind::SledConf,
                _ if text.starts_with("sled/snap.") => Kind::SledSnapshot,
                _ if text == "checkpoints" => Kind::Checkpoints,
                _ if text == "lock" => Kind::Lock,
                _ => continue,
            };
            files.push((kind, path));
        }
        files[last_journal.unwrap()].0 = Kind::LastJournalFile;
        Self {
            name,
            is_killed,
            folder,
            older,
            truth,
            files,
            stored_next,
            stored_checkpoints,
        }
    }

    /// A store that was killed while sled lacked events. When a process dies is chance: sled may
    /// have had everything, and then another one is killed.
    fn killed(inside: &Path) -> Self {
        (0..10)
            .map(|attempt| {
                let inside = inside.join(format!("attempt-{attempt}"));
                fs::create_dir(&inside).unwrap();
                Self::make("killed", true, &inside)
            })
            .find(|base| base.stored_next < base.truth.next())
            .unwrap()
    }

    /// A base without the things to be damaged would find nothing.
    fn assert_rich(&self) {
        let count = |kind| {
            self.files
                .iter()
                .filter(|(other, _)| *other == kind)
                .count()
        };
        assert!(count(Kind::FullJournalFile) > 2, "{:?}", self.files);
        assert!(count(Kind::Index) > 0, "{:?}", self.files);
        assert!(self.truth.kept.len() > 10 && self.truth.next() > 1_000);
        if self.is_killed {
            assert!(self.stored_next < self.truth.next());
        }
        let work = scratch();
        copy(&self.folder, work.path());
        let (log, report) = SledLog::open(work.path(), options()).unwrap();
        assert_eq!(report.clean_shutdown, !self.is_killed);
        self.truth.compare(&log).unwrap();
        assert_eq!(log.verify().unwrap().difference, None);
        println!(
            "{}: {} events, {} of them in sled, {} checkpoints, {} of them in sled",
            self.name,
            self.truth.next(),
            self.stored_next,
            self.truth.kept.len(),
            self.stored_checkpoints.len()
        );
    }

    /// Begin and end of every record of the last journal file, with the position of its first
    /// event.
    fn last_records(&self) -> Vec<(usize, usize, u64)> {
        let (_, path) = self
            .files
            .iter()
            .find(|(kind, _)| *kind == Kind::LastJournalFile)
            .unwrap();
        records(&fs::read(self.folder.join(path)).unwrap())
    }

    /// Chooses a file and damages it in `work`, a copy. Says what was done.
    fn damage(&self, work: &Path, random: &mut Random) -> (Kind, Damage, String) {
        loop {
            let kinds: BTreeSet<_> = self.files.iter().map(|(kind, _)| *kind).collect();
            let kind = *random.pick(&kinds.into_iter().collect::<Vec<_>>());
            let files: Vec<_> = self
                .files
                .iter()
                .filter(|(other, _)| *other == kind)
                .collect();
            let path = &random.pick(&files).1;
            let damage = *random.pick(&[
                Damage::Flipped,
                Damage::Cut,
                Damage::PageZeroed,
                Damage::OlderCopy,
            ]);
            let was = fs::read(self.folder.join(path)).unwrap();
            if let Some((is, what)) = self.damaged(kind, path, damage, &was, random) {
                fs::write(work.join(path), is).unwrap();
                return (kind, damage, format!("{}, {what}", path.display()));
            }
        }
    }

    /// `None` where this file cannot be damaged in this way.
    fn damaged(
        &self,
        kind: Kind,
        path: &Path,
        damage: Damage,
        was: &[u8],
        random: &mut Random,
    ) -> Option<(Vec<u8>, String)> {
        let used = match kind {
            Kind::FullJournalFile | Kind::LastJournalFile => records(was).last()?.1,
            _ => was.iter().rposition(|byte| *byte != 0)? + 1,
        };
        // sled's file is mostly holes: only sectors that hold something are in use.
        let sectors: Vec<_> = (0..used.div_ceil(512))
            .filter(|sector| {
                was[sector * 512..used.min((sector + 1) * 512)]
                    .iter()
                    .any(|byte| *byte != 0)
            })
            .collect();
        let sector = *random.pick(&sectors) * 512;
        let place = sector + random.below((used - sector).min(512));
        let mut is = was.to_vec();
        let what = match damage {
            Damage::Flipped => {
                let bit = random.below(8);
                is[place] ^= 1 << bit;
                format!("bit {bit} of byte {place} flipped")
            }
            Damage::Cut => {
                // Cut exactly between two records it is a file to which they were never added.
                let is_between = kind == Kind::LastJournalFile
                    && self.last_records().iter().any(|(at, ..)| *at == place);
                if is_between {
                    return None;
                }
                is.truncate(place);
                format!("cut to {place} of {used} bytes in use")
            }
            Damage::PageZeroed => {
                let page = place / PAGE_BYTES * PAGE_BYTES;
                let end = (page + PAGE_BYTES).min(is.len());
                is[page..end].fill(0);
                format!("bytes {page} to {end} zeroed, {used} in use")
            }
            Damage::OlderCopy => {
                let older = random.pick(&self.older);
                let same = older.join(path);
                let from = if same.exists() {
                    same
                } else {
                    // Of files whose names go with what they hold, any other.
                    let folder = older.join(path.parent()?);
                    let names = fs::read_dir(folder)
                        .ok()?
                        .map(|entry| entry.unwrap().path());
                    let mut names: Vec<_> = names
                        .filter(|other| match kind {
                            Kind::SledSnapshot => other.to_str().unwrap().contains("/snap."),
                            Kind::Index => true,
                            _ => false,
                        })
                        .collect();
                    names.sort();
                    names.pop()?
                };
                is = fs::read(&from).unwrap();
                format!("swapped for {}", from.display())
            }
        };
        (is != was).then_some((is, what))
    }

    /// Opens the damaged store and judges it.
    fn judge(&self, work: &Path, kind: Kind, damage: Damage) -> Result<Outcome, String> {
        let (log, report) = match SledLog::open(work, options()) {
            Ok(opened) => opened,
            Err(OpenError::Log(LogError::Damaged { what, what_to_do })) => {
                return refused(&what, &what_to_do);
            }
            Err(other) => return Err(format!("refused with the wrong words: {other}: {other:?}")),
        };
        let verified = log.verify();
        let named = match &verified {
            Ok(verified) => verified.difference.as_ref().map(ToString::to_string),
            Err(LogError::Damaged { what, what_to_do }) => {
                refused(what, what_to_do)?;
                Some(what.clone())
            }
            Err(other) => return Err(format!("verification says {other}")),
        };
        let mut truth = self.truth.clone();
        let mut outcome = match truth.compare(&log) {
            Ok(_) if named.is_some() => Outcome::NamedByVerify,
            Ok(_) if says_something(&report, self.is_killed) => Outcome::MendedAndSaid,
            Ok(_) => Outcome::Whole,
            Err(wrong) if wrong.starts_with("LOST CHECKPOINTS") => {
                // Nothing but the file had these, and sled was never told for good.
                truth
                    .kept
                    .retain(|size| self.stored_checkpoints.contains(size));
                truth.compare(&log)?;
                if !self.is_killed || kind != Kind::Checkpoints {
                    return Err(format!("{wrong}; verification: {named:?}; {report:?}"));
                }
                if named.is_some() || report.checkpoints_set_aside.is_some() {
                    Outcome::LastCheckpointsReported
                } else {
                    Outcome::LastCheckpointsMissing
                }
            }
            Err(wrong) => {
                let allowed =
                    self.is_killed && kind == Kind::LastJournalFile && damage != Damage::OlderCopy;
                let torn = report.torn_tail.as_ref().filter(|_| allowed);
                let torn = torn.ok_or_else(|| format!("{wrong}; {report:?}"))?;
                let position = torn.position;
                let records = self.last_records();
                let lost = records
                    .iter()
                    .filter(|(.., first)| *first >= position)
                    .count();
                truth = truth.before(position);
                let events = truth.compare(&log)?;
                if events != position || position < self.stored_next || named.is_some() {
                    return Err(format!(
                        "{events} events are left, but {} are in sled; verification: {named:?}; {report:?}",
                        self.stored_next
                    ));
                }
                if lost != 1 {
                    return Err(format!("{lost} records are gone at once; {report:?}"));
                }
                Outcome::LastRecordReported
            }
        };
        if outcome == Outcome::Whole && report.torn_tail.is_some() {
            outcome = Outcome::MendedAndSaid;
        }

        // It goes on, and what was mended stays so.
        probe(&log, &mut truth, 1)?;
        log.close_now()
            .map_err(|error| format!("closing says {error}"))?;
        drop(log);
        let (log, report) = SledLog::open(work, options()).map_err(|error| {
            format!("opened once, and then no more: {error}; it was {outcome:?}")
        })?;
        probe(&log, &mut truth, 2)
            .and_then(|()| truth.compare(&log))
            .map_err(|wrong| format!("opened again: {wrong}; {report:?}"))?;
        let still = match log.verify() {
            Ok(verified) => verified.difference.map(|difference| difference.to_string()),
            Err(error) => Some(error.to_string()),
        };
        if still.is_some() && named.is_none() {
            return Err(format!("opened again, verification says {still:?}"));
        }
        let is_in_sled = matches!(kind, Kind::SledDb | Kind::SledConf | Kind::SledSnapshot);
        if is_in_sled && let Some(still) = still {
            return Err(format!(
                "sled has not been mended from the journal: {still}"
            ));
        }
        log.close_now()
            .map_err(|error| format!("closing again says {error}"))?;
        Ok(outcome)
    }
}

/// Begin and end of every record of a journal file, with the position of its first event.
fn records(journal_file: &[u8]) -> Vec<(usize, usize, u64)> {
    let mut records = Vec::new();
    let mut at = 0;
    while journal_file[at..].starts_with(b"DJR") {
        let header = &journal_file[at..at + RECORD_HEADER_BYTES];
        let body = u32::from_le_bytes(header[4..8].try_into().unwrap());
        let first = u64::from_le_bytes(header[8..16].try_into().unwrap());
        let length = RECORD_HEADER_BYTES + body as usize;
        let end = at + length.next_multiple_of(PAGE_BYTES);
        records.push((at, end, first));
        at = end;
    }
    records
}

/// The right words: what is damaged and where, and the way out.
fn refused(what: &str, what_to_do: &str) -> Result<Outcome, String> {
    let names_it = [".journal", "position", "sled", "checkpoint"];
    if names_it.iter().any(|name| what.contains(name)) && what_to_do.len() > 10 {
        Ok(Outcome::Refused)
    } else {
        Err(format!("refused without naming it: {what}. {what_to_do}"))
    }
}

fn says_something(report: &OpenReport, is_killed: bool) -> bool {
    report.set_aside.is_some()
        || report.checkpoints_set_aside.is_some()
        || !is_killed && report.replayed_checkpoints > 0
        || !is_killed && (report.replayed_events > 0 || report.indexed_events > 0)
}

/// How far sled goes, and its checkpoints, read behind the log's back in a copy.
fn in_sled(folder: &Path, inside: &Path) -> (u64, BTreeSet<u64>) {
    let work = tempfile::tempdir_in(inside).unwrap();
    copy(&folder.join("sled"), work.path());
    let db = sled::Config::new()
        .path(work.path())
        .segment_size(8 << 20)
        .flush_every_ms(None)
        .open()
        .unwrap();
    let number = |key: &[u8]| u64::from_be_bytes(key.try_into().unwrap());
    let (first, block) = db.open_tree("blocks").unwrap().last().unwrap().unwrap();
    // After the format comes the number of events.
    let count = u32::from_le_bytes(block[1..5].try_into().unwrap());
    let checkpoints = db.open_tree("checkpoints").unwrap();
    let sizes = checkpoints.iter().keys().map(|key| number(&key.unwrap()));
    (number(&first) + u64::from(count), sizes.collect())
}

#[test]
fn a_damaged_copy_is_mended_or_refused_but_never_silently_short_or_wrong() {
    let _alone = alone();
    let bases = scratch();
    let bases = [
        Base::make("closed", false, bases.path()),
        Base::killed(bases.path()),
    ];
    for base in &bases {
        base.assert_rich();
    }
    let mut table: BTreeMap<(&str, Kind, Damage), BTreeMap<Outcome, u64>> = BTreeMap::new();
    let mut failures = Vec::new();
    let mut trials = 0;
    for seed in seeds(50, 1200) {
        trials += 1;
        let base = &bases[(seed % 2) as usize];
        let mut random = Random::new(seed);
        let work = scratch();
        copy(&base.folder, work.path());
        let (kind, damage, what) = base.damage(work.path(), &mut random);
        let judged = catch_unwind(AssertUnwindSafe(|| base.judge(work.path(), kind, damage)));
        let judged = judged.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            Err(format!("PANIC: {}", text.unwrap_or_default()))
        });
        match judged {
            Ok(outcome) => {
                let counts = table.entry((base.name, kind, damage)).or_default();
                *counts.entry(outcome).or_default() += 1;
            }
            Err(wrong) => {
                let failure = format!(
                    "seed {seed}, {} {kind:?} {damage:?}: {what}: {wrong}",
                    base.name
                );
                println!("{failure}");
                failures.push(failure);
            }
        }
    }
    for ((name, kind, damage), counts) in &table {
        let counts: Vec<_> = counts
            .iter()
            .map(|(outcome, n)| format!("{outcome}: {n}"))
            .collect();
        println!(
            "{name} {:<17} {:<10} {}",
            format!("{kind:?}"),
            format!("{damage:?}"),
            counts.join(", ")
        );
    }
    println!("{trials} trials, {} failures", failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
