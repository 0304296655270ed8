//! What the index files say, and whether the journal's full files still bear it out.

use std::path::Path;

use daicho_eventlog::{LogError, evidence::Tree};

use super::contradicts;
use crate::{
    index_file::{IndexFile, IndexFolder},
    journal::{FinishedFile, JournalFile, scan::end_of},
    visible::Contents,
};

/// The index files and what they say beside the index itself.
pub(super) struct Cache {
    pub(super) folder: IndexFolder,
    /// Positions where a file ends, with the tree up to there.
    points: Vec<(u64, Tree)>,
    finished: Vec<FinishedFile>,
}

impl Cache {
    pub(super) fn load(folder: &Path) -> Result<(Self, Contents), LogError> {
        let path = folder.join("index");
        let failed = |source| LogError::io(format!("read the index in {}", path.display()), source);
        let (folder, files) = IndexFolder::load(&path).map_err(failed)?;
        let mut contents = Contents::default();
        let mut cache = Self {
            folder,
            points: Vec::new(),
            finished: Vec::new(),
        };
        for file in files {
            let IndexFile {
                segment,
                block_starts,
                tree,
                finished,
            } = file;
            if contents.index.load(segment).is_err() {
                break;
            }
            contents.block_starts.extend(block_starts);
            cache.points.push((tree.size(), tree.clone()));
            contents.tree = tree;
            cache.finished.extend(finished);
        }
        Ok((cache, contents))
    }

    pub(super) fn clear(&mut self) -> Result<(), LogError> {
        self.points.clear();
        self.finished.clear();
        self.folder
            .clear()
            .map_err(|source| LogError::io("remove index files that are wrong", source))
    }

    /// Journal files that are full must be there and end where the next one begins.
    pub(super) fn check_full_files(&self, files: &[JournalFile]) -> Result<(), LogError> {
        let first = files.first().map_or(0, |file| file.first);
        for finished in self.finished.iter().filter(|file| file.first >= first) {
            let place = files.iter().position(|file| file.first == finished.first);
            let Some(place) = place else {
                return Err(contradicts(format!(
                    "the journal file that begins at position {} is missing",
                    finished.first
                )));
            };
            let end = end_of(&files[place], *finished)?;
            match files.get(place + 1) {
                Some(next) if next.first == end => {}
                Some(next) => {
                    return Err(contradicts(format!(
                        "the journal file {} begins at position {}, but {end} comes next",
                        next.path.display(),
                        next.first
                    )));
                }
                None => {
                    return Err(contradicts(format!(
                        "the journal file that begins at position {end} is missing"
                    )));
                }
            }
        }
        Ok(())
    }

    /// The last point at or before `position` from which the tree can be grown.
    pub(super) fn tree_before(&self, position: u64) -> Tree {
        self.points
            .iter()
            .rev()
            .find(|(at, _)| *at <= position)
            .map(|(_, tree)| tree.clone())
            .unwrap_or_default()
    }
}
