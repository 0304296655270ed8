//! Tiles: which part of the tree, and the path under which it is served.

use tlog_tiles::Tile;

/// Levels of the tree in one tile, as tlog-tiles fixes it.
pub const TILE_HEIGHT: u8 = 8;

/// Hashes in a full tile.
pub const TILE_WIDTH: usize = 1 << TILE_HEIGHT;

/// A tile of hashes, or a part of one from its left end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HashTile {
    /// Level of the tile, counted in tiles: the leaves are in level 0.
    pub level: u8,
    /// Which tile of its level.
    pub index: u64,
    /// How many of its hashes, 1 to [`TILE_WIDTH`].
    pub width: u16,
}

impl HashTile {
    /// Whether all of the tile is asked for.
    #[must_use]
    pub fn is_full(self) -> bool {
        usize::from(self.width) == TILE_WIDTH
    }

    /// Whether a tree of `size` leaves has these hashes.
    #[must_use]
    pub fn is_in(self, size: u64) -> bool {
        let bits = u32::from(self.level) * u32::from(TILE_HEIGHT);
        let hashes = size.checked_shr(bits).unwrap_or(0);
        let end = self
            .index
            .checked_mul(TILE_WIDTH as u64)
            .and_then(|start| start.checked_add(u64::from(self.width)));
        self.width > 0
            && usize::from(self.width) <= TILE_WIDTH
            && end.is_some_and(|end| end <= hashes)
    }

    pub(crate) fn of(tile: &Tile) -> Self {
        Self {
            level: tile.level(),
            index: tile.level_index(),
            // A tile of height 8 has at most 256 hashes.
            width: u16::try_from(tile.width()).unwrap_or(u16::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hashes_that_the_tree_has_are_in_it() {
        let tile = |level, index, width| HashTile {
            level,
            index,
            width,
        };
        assert!(tile(0, 0, 256).is_in(256));
        assert!(!tile(0, 0, 256).is_in(255));
        assert!(tile(0, 1, 1).is_in(257));
        assert!(!tile(0, 1, 2).is_in(257));
        assert!(tile(1, 0, 1).is_in(256));
        assert!(!tile(1, 0, 2).is_in(511));
        assert!(!tile(0, 0, 0).is_in(9));
        assert!(!tile(0, 0, 257).is_in(9_999));
        assert!(!tile(9, u64::MAX, 256).is_in(u64::MAX));
    }
}
