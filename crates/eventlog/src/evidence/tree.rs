//! The tree as it grows: what has to be kept in memory to add a leaf and to know the root.

use tlog_tiles::{EMPTY_HASH, HASH_SIZE, Hash, Tile, node_hash};

use super::tile::{HashTile, TILE_WIDTH};

/// Size and root of the tree at some moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TreeHead {
    /// Number of leaves, which is the number of events.
    pub size: u64,
    /// RFC 6962's tree hash over them.
    pub root: Hash,
}

impl TreeHead {
    /// The head of a tree without leaves.
    pub const EMPTY: Self = Self {
        size: 0,
        root: EMPTY_HASH,
    };
}

/// A tile that will never change again and can be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullTile {
    /// Level of the tile, counted in tiles: the leaves are in level 0.
    pub level: u8,
    /// Which tile of its level.
    pub index: u64,
    /// Its [`TILE_WIDTH`] hashes, one behind the other.
    pub hashes: Vec<u8>,
}

/// Why a tree could not be taken up again from what was stored.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError<E> {
    /// A tile could not be read.
    #[error("a stored tile of the tree could not be read")]
    Read(#[source] E),
    /// A tile has not the length that it must have.
    #[error("the stored tile {index} of level {level} has {bytes} bytes; rebuild the tree")]
    Length {
        /// Level of the tile.
        level: u8,
        /// Which tile of its level.
        index: u64,
        /// Its length, in bytes.
        bytes: usize,
    },
    /// Not as many leaf hashes as the size says.
    #[error("{found} leaf hashes for the last {expected} events; rebuild the tree")]
    Tail {
        /// How many the size says.
        expected: u64,
        /// How many came.
        found: usize,
    },
}

/// The right edge of a tree: the tiles that are not full yet, and the roots of the largest
/// complete subtrees. At most some ten kilobytes, however many leaves there are.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tree {
    size: u64,
    /// Of each level of tiles, the hashes of the one that is not full.
    edge: Vec<Vec<Hash>>,
    /// Complete subtrees from left to right, each with its height.
    peaks: Vec<(u8, Hash)>,
}

impl Tree {
    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Size and root.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        let mut peaks = self.peaks.iter().rev().map(|&(_, hash)| hash);
        let root = match peaks.next() {
            None => EMPTY_HASH,
            Some(last) => peaks.fold(last, |right, left| node_hash(left, right)),
        };
        TreeHead {
            size: self.size,
            root,
        }
    }

    /// Adds a leaf; tiles that became full by it are added to `full`, lower levels first.
    pub fn push(&mut self, leaf: Hash, full: &mut Vec<FullTile>) {
        self.grow_peaks(leaf);
        let mut hash = leaf;
        let mut index = self.size;
        for level in 0_u8.. {
            let at = usize::from(level);
            if self.edge.len() == at {
                self.edge.push(Vec::with_capacity(TILE_WIDTH));
            }
            let hashes = &mut self.edge[at];
            hashes.push(hash);
            if hashes.len() < TILE_WIDTH {
                break;
            }
            let bytes = hashes.iter().flat_map(|hash| hash.0).collect::<Vec<u8>>();
            hashes.clear();
            hash = Tile::subtree_hash(&bytes);
            index /= TILE_WIDTH as u64;
            full.push(FullTile {
                level,
                index,
                hashes: bytes,
            });
        }
        self.size += 1;
    }

    fn grow_peaks(&mut self, leaf: Hash) {
        let mut height = 0;
        let mut hash = leaf;
        while let Some(&(left_height, left)) = self.peaks.last()
            && left_height == height
        {
            hash = node_hash(left, hash);
            height += 1;
            self.peaks.pop();
        }
        self.peaks.push((height, hash));
    }

    /// The hashes of `tile`, if it is the rightmost of its level and not full.
    #[must_use]
    pub fn partial_tile(&self, tile: HashTile) -> Option<Vec<u8>> {
        let hashes = self.edge.get(usize::from(tile.level))?;
        let is_rightmost = tile.index == self.rightmost(tile.level);
        let width = usize::from(tile.width);
        (is_rightmost && (1..=hashes.len()).contains(&width)).then(|| {
            hashes[..width]
                .iter()
                .flat_map(|hash| hash.0)
                .collect::<Vec<u8>>()
        })
    }

    /// The index of the tile at `level` that is not full yet.
    fn rightmost(&self, level: u8) -> u64 {
        self.size
            .checked_shr(8 * (u32::from(level) + 1))
            .unwrap_or(0)
    }

    /// Takes a tree of `size` leaves up again from its full tiles and the leaf hashes behind
    /// the last full tile of level 0.
    ///
    /// # Errors
    /// [`ResumeError`] when something is missing; whether the tree is the right one shows
    /// when its root is compared with the recorded one.
    pub fn resume<E>(
        size: u64,
        tail: &[Hash],
        mut full_tile: impl FnMut(u8, u64) -> Result<Vec<u8>, E>,
    ) -> Result<Self, ResumeError<E>> {
        let expected = size % TILE_WIDTH as u64;
        if tail.len() as u64 != expected {
            return Err(ResumeError::Tail {
                expected,
                found: tail.len(),
            });
        }
        let mut edge = vec![tail.to_vec()];
        let mut below = size / TILE_WIDTH as u64;
        let mut level = 0_u8;
        // Each hash of the next level is the root of a full tile of this one.
        while below > 0 {
            let first = below - below % TILE_WIDTH as u64;
            let mut hashes = Vec::with_capacity(TILE_WIDTH);
            for index in first..below {
                let bytes = full_tile(level, index).map_err(ResumeError::Read)?;
                if bytes.len() != TILE_WIDTH * HASH_SIZE {
                    return Err(ResumeError::Length {
                        level,
                        index,
                        bytes: bytes.len(),
                    });
                }
                hashes.push(Tile::subtree_hash(&bytes));
            }
            edge.push(hashes);
            below /= TILE_WIDTH as u64;
            level += 1;
        }
        let mut tree = Self {
            size,
            edge,
            peaks: Vec::new(),
        };
        tree.peaks = tree.peaks_of_edge();
        Ok(tree)
    }

    /// The tree in a form that [`Tree::from_bytes`] reads, for a snapshot.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.size.to_be_bytes().to_vec();
        for hashes in &self.edge {
            // A tile that is not full has at most 255 hashes.
            bytes.push(u8::try_from(hashes.len()).unwrap_or(u8::MAX));
            bytes.extend(hashes.iter().flat_map(|hash| hash.0));
        }
        bytes
    }

    /// The tree that [`Tree::to_bytes`] wrote; `None` if the bytes are something else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (size, mut rest) = bytes.split_first_chunk()?;
        let mut tree = Self {
            size: u64::from_be_bytes(*size),
            edge: Vec::new(),
            peaks: Vec::new(),
        };
        while let Some((&count, behind)) = rest.split_first() {
            let (hashes, behind) = behind.split_at_checked(usize::from(count) * HASH_SIZE)?;
            let (hashes, _) = hashes.as_chunks();
            tree.edge.push(hashes.iter().copied().map(Hash).collect());
            rest = behind;
        }
        let leaves = tree.edge.iter().rev().try_fold(0_u64, |above, hashes| {
            above
                .checked_mul(TILE_WIDTH as u64)?
                .checked_add(hashes.len() as u64)
        });
        tree.peaks = tree.peaks_of_edge();
        (leaves == Some(tree.size)).then_some(tree)
    }

    fn peaks_of_edge(&self) -> Vec<(u8, Hash)> {
        let mut peaks = Vec::new();
        for (level, hashes) in self.edge.iter().enumerate().rev() {
            let base = u8::try_from(level * 8).unwrap_or(u8::MAX);
            let mut rest = hashes.as_slice();
            while !rest.is_empty() {
                let height = rest.len().ilog2();
                let (complete, behind) = rest.split_at(1 << height);
                let bytes: Vec<u8> = complete.iter().flat_map(|hash| hash.0).collect();
                peaks.push((
                    base + u8::try_from(height).unwrap_or(u8::MAX),
                    Tile::subtree_hash(&bytes),
                ));
                rest = behind;
            }
        }
        peaks
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::convert::Infallible;

    use super::*;
    use crate::evidence::leaf_hash;

    fn leaves(count: u64) -> impl Iterator<Item = Hash> {
        (0..count).map(|number| leaf_hash(&number.to_be_bytes()))
    }

    /// RFC 6962, section 2.1, as it is written there.
    fn root_by_definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => EMPTY_HASH,
            [one] => *one,
            _ => {
                let left = 1 << (leaves.len() - 1).ilog2();
                node_hash(
                    root_by_definition(&leaves[..left]),
                    root_by_definition(&leaves[left..]),
                )
            }
        }
    }

    #[test]
    fn the_root_is_the_one_of_the_definition_at_every_size() {
        let all: Vec<_> = leaves(700).collect();
        let mut tree = Tree::default();
        assert_eq!(tree.head(), TreeHead::EMPTY);
        for (at, leaf) in all.iter().enumerate() {
            tree.push(*leaf, &mut Vec::new());
            if at % 7 == 0 || (250..262).contains(&at) {
                assert_eq!(tree.head().root, root_by_definition(&all[..=at]), "{at}");
            }
        }
    }

    #[test]
    fn a_tree_taken_up_again_is_the_same_tree() {
        for size in [0, 1, 255, 256, 257, 511, 65_535, 65_536, 65_537, 66_000] {
            let mut tree = Tree::default();
            let mut full = Vec::new();
            for leaf in leaves(size) {
                tree.push(leaf, &mut full);
            }
            let stored: HashMap<_, _> = full
                .into_iter()
                .map(|tile| ((tile.level, tile.index), tile.hashes))
                .collect();
            assert_eq!(stored.len() as u64, size / 256 + size / 65_536);
            let tail: Vec<_> = leaves(size).skip((size - size % 256) as usize).collect();
            let resumed = Tree::resume(size, &tail, |level, index| {
                Ok::<_, Infallible>(stored[&(level, index)].clone())
            })
            .unwrap();
            assert_eq!(resumed.head(), tree.head(), "{size}");
            let read = Tree::from_bytes(&resumed.to_bytes()).unwrap();
            assert_eq!(read.head(), tree.head(), "{size}");
            let bytes = resumed.to_bytes();
            if size > 0 {
                assert_eq!(Tree::from_bytes(&bytes[..bytes.len() - 1]), None, "{size}");
            }
            let mut both = (Vec::new(), Vec::new());
            let mut grown = resumed;
            for leaf in leaves(300) {
                tree.push(leaf, &mut both.0);
                grown.push(leaf, &mut both.1);
            }
            assert_eq!(grown.head(), tree.head(), "{size}");
            assert_eq!(both.0, both.1, "{size}");
        }
    }

    #[test]
    fn a_tree_without_its_tail_is_not_taken_up() {
        let read = |_, _| Ok::<_, Infallible>(vec![0; 8192]);
        assert!(matches!(
            Tree::resume(257, &[], read),
            Err(ResumeError::Tail { expected: 1, .. })
        ));
        let short = |_, _| Ok::<_, Infallible>(vec![0; 8191]);
        assert!(matches!(
            Tree::resume(256, &[], short),
            Err(ResumeError::Length { bytes: 8191, .. })
        ));
    }
}
