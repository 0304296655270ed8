//! Tiles under the paths of tlog-tiles, and who may fetch them.
//!
//! Hash tiles are for any municipality's auditor: hashes of events that contain random ids tell
//! nothing about them. Entry bundles hold the events themselves, of everybody; no grant reaches
//! further than its municipality, so they are given only where the service holds just one, and
//! to its auditor.

use std::str::FromStr;

use daicho_access::Caller;
use daicho_domain::{Action, Rejection};
use daicho_eventlog::evidence::{HashTile, TILE_WIDTH, encode_bundle};
use daicho_eventlog::{GlobalPosition, LogError};

use crate::app::App;
use crate::error::AppError;

/// The highest level that a tile can have in tlog-tiles.
const LEVEL_MAX: u8 = 63;

/// Which tile: `0/x001/234` is a full one, `entries/005.p/17` the first 17 entries of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileAddress {
    /// The level of hashes; none for the entries themselves.
    pub level: Option<u8>,
    /// Which tile of the level.
    pub index: u64,
    /// How many of its hashes or entries, 1 to 256.
    pub width: u16,
}

/// A path that is no tile's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no path of a tile; write it as tlog-tiles does: 0/x001/234, 0/005.p/17 or entries/005"
)]
pub struct NotATile;

impl TileAddress {
    /// Whether it can never change.
    pub fn is_full(self) -> bool {
        usize::from(self.width) == TILE_WIDTH
    }
}

impl FromStr for TileAddress {
    type Err = NotATile;

    fn from_str(path: &str) -> Result<Self, NotATile> {
        let (level, rest) = path.split_once('/').ok_or(NotATile)?;
        let level = match level {
            "entries" => None,
            level => Some(
                plain(level)
                    .filter(|level| *level <= LEVEL_MAX)
                    .ok_or(NotATile)?,
            ),
        };
        let full = u16::try_from(TILE_WIDTH).map_err(|_| NotATile)?;
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => {
                let width = plain(width).filter(|width| (1..full).contains(width));
                (index, width.ok_or(NotATile)?)
            }
            None => (rest, full),
        };
        Ok(Self {
            level,
            index: index_of(index).ok_or(NotATile)?,
            width,
        })
    }
}

/// A number without sign and leading zeros.
fn plain<T: FromStr + ToString>(text: &str) -> Option<T> {
    text.parse::<T>()
        .ok()
        .filter(|number| number.to_string() == text)
}

/// `x001/x234/067` is 1234067: groups of three digits, all but the last behind an x.
fn index_of(path: &str) -> Option<u64> {
    let groups: Vec<&str> = path.split('/').collect();
    let mut index: u64 = 0;
    for (at, group) in groups.iter().enumerate() {
        let is_last = at + 1 == groups.len();
        let digits = if is_last {
            *group
        } else {
            group.strip_prefix('x')?
        };
        let is_group = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let is_superfluous = at == 0 && !is_last && digits == "000";
        if !is_group || is_superfluous {
            return None;
        }
        index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
    }
    Some(index)
}

impl App {
    /// The bytes of a tile: hashes one behind the other, or a bundle of entries.
    ///
    /// # Errors
    /// [`AppError::Refused`] for those who may not fetch it, and where the tree has not grown so
    /// far.
    pub async fn tile(&self, caller: &Caller, tile: TileAddress) -> Result<Vec<u8>, AppError> {
        match tile.level {
            Some(level) => {
                self.must_be_an_auditor(caller)?;
                let hashes = self.log.hash_tile(HashTile {
                    level,
                    index: tile.index,
                    width: tile.width,
                });
                match hashes.await {
                    Err(LogError::NoSuchTile { .. }) => Err(Rejection::not_found("tile").into()),
                    other => Ok(other?),
                }
            }
            None => {
                self.must_be_the_auditor_of_everything(caller)?;
                let first = tile
                    .index
                    .checked_mul(TILE_WIDTH as u64)
                    .ok_or_else(|| Rejection::not_found("tile"))?;
                let width = usize::from(tile.width);
                let entries = self.log.read_stored(GlobalPosition(first), width).await?;
                if entries.len() < width {
                    return Err(Rejection::not_found("tile").into());
                }
                Ok(encode_bundle(entries.iter().map(Vec::as_slice)))
            }
        }
    }

    fn must_be_an_auditor(&self, caller: &Caller) -> Result<(), Rejection> {
        let models = self.models();
        let mut refusal = None;
        for municipality in models.world.municipalities() {
            match self.must(&models, caller, Action::ReadEvents, municipality.id, None) {
                Ok(()) => return Ok(()),
                Err(rejection) => refusal = Some(rejection),
            }
        }
        Err(refusal.unwrap_or_else(|| Rejection::not_found("municipality")))
    }

    fn must_be_the_auditor_of_everything(&self, caller: &Caller) -> Result<(), Rejection> {
        self.must_be_an_auditor(caller)?;
        if self.models().world.municipalities().count() > 1 {
            return Err(Rejection::Forbidden {
                action: Action::ReadEvents.name().to_owned(),
                hint: "this service holds several municipalities, so nobody but its operator reads every event; \
                       ask for the proof of a figure instead"
                    .to_owned(),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile(level: Option<u8>, index: u64, width: u16) -> TileAddress {
        TileAddress {
            level,
            index,
            width,
        }
    }

    #[test]
    fn a_tile_is_addressed_as_tlog_tiles_writes_it() {
        for (path, address) in [
            ("0/000", tile(Some(0), 0, 256)),
            ("1/x001/x234/067", tile(Some(1), 1_234_067, 256)),
            ("0/x001/234.p/17", tile(Some(0), 1_234, 17)),
            ("entries/005.p/255", tile(None, 5, 255)),
            ("63/999", tile(Some(63), 999, 256)),
        ] {
            assert_eq!(path.parse(), Ok(address), "{path}");
        }
    }

    #[test]
    fn what_is_written_otherwise_is_no_tile() {
        for path in [
            "",
            "0",
            "0/",
            "0/5",
            "0/0005",
            "00/005",
            "+1/005",
            "64/005",
            "-1/005",
            "0/001/234",
            "0/x000/234",
            "0/x001/x234",
            "0/005.p/0",
            "0/005.p/256",
            "0/005.p/017",
            "data/005",
            "0/../005",
            "0/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(path.parse::<TileAddress>(), Err(NotATile), "{path}");
        }
    }
}
