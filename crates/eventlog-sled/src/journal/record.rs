//! A journal record: one commit, whole or not there at all.
//!
//! | bytes | field (little-endian) |
//! |---|---|
//! | 3 + 1 | `DJR`, version |
//! | 4 | body length |
//! | 8 | global position of the first event |
//! | 4 | number of events |
//! | 32 | root of the tree before |
//! | 32 | root of the tree after |
//! | 4 | crc32c of all the above and of the body |
//! | … | body: (length: u32, block)* |

use daicho_eventlog::evidence::Hash;

const MAGIC: [u8; 4] = *b"DJR\x02";
const CHECKSUM_AT: usize = 84;
/// Bytes before the body.
pub(crate) const HEADER_BYTES: usize = 88;
const LENGTH_BYTES: usize = 4;

/// One commit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    /// Global position of its first event.
    pub(crate) first: u64,
    /// Number of events in all its blocks.
    pub(crate) count: u32,
    /// The tree's root before its first event.
    pub(crate) root_before: Hash,
    /// The tree's root after its last event.
    pub(crate) root_after: Hash,
    /// Its blocks, as sled holds them.
    pub(crate) blocks: Vec<Vec<u8>>,
}

/// What stands at a place in a journal file.
#[derive(Debug, PartialEq)]
pub(crate) enum Found {
    /// A whole record and its length in bytes.
    Record(Record, usize),
    /// Something else.
    Garbage(&'static str),
}

impl Record {
    /// Its bytes in the journal.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let body: usize = self
            .blocks
            .iter()
            .map(|block| LENGTH_BYTES + block.len())
            .sum();
        let mut bytes = Vec::with_capacity(HEADER_BYTES + body);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&length(body));
        bytes.extend_from_slice(&self.first.to_le_bytes());
        bytes.extend_from_slice(&self.count.to_le_bytes());
        bytes.extend_from_slice(&self.root_before.0);
        bytes.extend_from_slice(&self.root_after.0);
        bytes.extend_from_slice(&[0; 4]);
        for block in &self.blocks {
            bytes.extend_from_slice(&length(block.len()));
            bytes.extend_from_slice(block);
        }
        let checksum = checksum(&bytes);
        bytes[CHECKSUM_AT..HEADER_BYTES].copy_from_slice(&checksum);
        bytes
    }

    /// Reads what stands at the beginning of `bytes`.
    pub(crate) fn decode(bytes: &[u8]) -> Found {
        if bytes.len() < HEADER_BYTES {
            return Found::Garbage("it is shorter than a record");
        }
        if bytes[..MAGIC.len()] != MAGIC {
            return Found::Garbage("it does not begin like a record");
        }
        let end = HEADER_BYTES + u32_at(bytes, 4) as usize;
        let Some(record) = bytes.get(..end) else {
            return Found::Garbage("the record runs over the end of the file");
        };
        if record[CHECKSUM_AT..HEADER_BYTES] != checksum(record) {
            return Found::Garbage("the checksum of the record is wrong");
        }
        let mut blocks = Vec::new();
        let mut body = &record[HEADER_BYTES..];
        while !body.is_empty() {
            if body.len() < LENGTH_BYTES {
                return Found::Garbage("a block of the record is cut off");
            }
            let end = LENGTH_BYTES + u32_at(body, 0) as usize;
            let Some(block) = body.get(LENGTH_BYTES..end) else {
                return Found::Garbage("a block of the record is cut off");
            };
            blocks.push(block.to_vec());
            body = &body[end..];
        }
        let first = record[8..16].try_into().expect("cut to eight bytes");
        let record = Self {
            first: u64::from_le_bytes(first),
            count: u32_at(record, 16),
            root_before: root_at(record, 20),
            root_after: root_at(record, 52),
            blocks,
        };
        Found::Record(record, end)
    }

    /// Whether what stands here, until the end of the file, cannot be the beginning of record
    /// `first` as it was written: a record is only begun where there is room for all of it, so
    /// the file has been cut.
    pub(crate) fn is_cut_off(rest_of_file: &[u8], first: u64) -> bool {
        if rest_of_file.len() < HEADER_BYTES {
            return true;
        }
        rest_of_file.starts_with(&MAGIC)
            && rest_of_file[8..16] == first.to_le_bytes()
            && HEADER_BYTES + u32_at(rest_of_file, 4) as usize > rest_of_file.len()
    }

    /// Offset of the first whole record in `bytes`, wherever it begins.
    pub(crate) fn search(bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(step) = bytes[at..].windows(MAGIC.len()).position(|w| w == MAGIC) {
            at += step;
            if matches!(Self::decode(&bytes[at..]), Found::Record(..)) {
                return Some(at);
            }
            at += 1;
        }
        None
    }
}

fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes)
        .expect("an append has a limit far below 4 GiB")
        .to_le_bytes()
}

/// Over everything but the checksum itself.
fn checksum(record: &[u8]) -> [u8; 4] {
    let header = crc32c::crc32c(&record[..CHECKSUM_AT]);
    crc32c::crc32c_append(header, &record[HEADER_BYTES..]).to_le_bytes()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("cut to four bytes"))
}

fn root_at(bytes: &[u8], at: usize) -> Hash {
    Hash(bytes[at..at + 32].try_into().expect("cut to 32 bytes"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn any_record()(
            first in any::<u64>(),
            count in any::<u32>(),
            before in any::<[u8; 32]>(),
            after in any::<[u8; 32]>(),
            blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..5),
        ) -> Record {
            Record { first, count, root_before: Hash(before), root_after: Hash(after), blocks }
        }
    }

    proptest! {
        #[test]
        fn a_record_comes_back_whatever_follows_it(
            record in any_record(),
            rest in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let mut bytes = record.encode();
            let length = bytes.len();
            bytes.extend(rest);
            prop_assert_eq!(Record::decode(&bytes), Found::Record(record, length));
        }

        #[test]
        fn one_changed_bit_anywhere_is_noticed(
            record in any_record(),
            place in any::<prop::sample::Index>(),
            bit in 0..8u8,
        ) {
            let mut bytes = record.encode();
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
            prop_assert!(matches!(Record::decode(&bytes), Found::Garbage(_)));
        }

        #[test]
        fn a_cut_record_is_no_record(record in any_record(), place in any::<prop::sample::Index>()) {
            let bytes = record.encode();
            let cut = place.index(bytes.len());
            prop_assert!(matches!(Record::decode(&bytes[..cut]), Found::Garbage(_)));
        }

        #[test]
        fn a_record_is_found_behind_garbage(
            record in any_record(),
            garbage in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut bytes = garbage.clone();
            bytes.extend_from_slice(b"DJR\x01 not really");
            let at = bytes.len();
            bytes.extend(record.encode());
            prop_assert_eq!(Record::search(&bytes), Some(at));
            prop_assert_eq!(Record::search(&bytes[..at]), None);
        }
    }
}
