//! A journal record: one commit, whole or not there at all. It begins a page and fills its last
//! one, so that no page holds parts of two: a page that is lost takes one commit, and what has
//! been acknowledged is never written over.
//!
//! | bytes | field (little-endian) |
//! |---|---|
//! | 3 + 1 | `DJR`, version |
//! | 4 | body length |
//! | 8 | global position of the first event |
//! | 4 | number of events |
//! | 32 | root of the tree before |
//! | 32 | root of the tree after |
//! | 4 | crc32c of all the above and of what follows |
//! | … | body: (length: u32, block)* |
//! | … | zeros to the end of the page |

use daicho_eventlog::evidence::Hash;

const MAGIC: [u8; 4] = *b"DJR\x03";
/// What every record of whatever version begins with.
const NAME: &[u8] = MAGIC.split_at(3).0;
/// What a page begins with that no record has been written to yet; the rest of it is zero.
const UNUSED: [u8; 4] = *b"DJU\x03";
/// What records are aligned to, in bytes: file systems keep or lose files in pages of this size.
pub(crate) const PAGE_BYTES: usize = 4096;
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
        let padded = (HEADER_BYTES + body).next_multiple_of(PAGE_BYTES);
        let mut bytes = Vec::with_capacity(padded);
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
        bytes.resize(padded, 0);
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
            return Found::Garbage(if bytes.starts_with(NAME) {
                "the record is of another version of the journal's format"
            } else {
                "it does not begin like a record"
            });
        }
        let end = HEADER_BYTES + u32_at(bytes, 4) as usize;
        let padded = end.next_multiple_of(PAGE_BYTES);
        let Some(record) = bytes.get(..padded) else {
            return Found::Garbage("the record runs over the end of the file");
        };
        if record[CHECKSUM_AT..HEADER_BYTES] != checksum(record) {
            return Found::Garbage("the checksum of the record is wrong");
        }
        let mut blocks = Vec::new();
        let mut body = &record[HEADER_BYTES..end];
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
        Found::Record(record, padded)
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

    /// Offset of the first page of `pages` that begins with a whole record.
    pub(crate) fn search(pages: &[u8]) -> Option<usize> {
        (0..pages.len())
            .step_by(PAGE_BYTES)
            .find(|at| matches!(Self::decode(&pages[*at..]), Found::Record(..)))
    }
}

/// Pages that no record has been written to: not zeros, as a page of zeros is what a disk or a
/// file system gives that has lost one.
pub(crate) fn unused(pages: usize) -> Vec<u8> {
    let mut bytes = vec![0; pages * PAGE_BYTES];
    for page in bytes.chunks_exact_mut(PAGE_BYTES) {
        page[..UNUSED.len()].copy_from_slice(&UNUSED);
    }
    bytes
}

/// The length of `pages` without the unused ones at their end.
pub(crate) fn used_bytes(pages: &[u8]) -> usize {
    let is_used = |page: &[u8]| {
        page.strip_prefix(&UNUSED)
            .is_none_or(|rest| rest.iter().any(|byte| *byte != 0))
    };
    let last = pages.chunks(PAGE_BYTES).rposition(is_used);
    last.map_or(0, |last| pages.len().min((last + 1) * PAGE_BYTES))
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
        fn a_record_is_found_behind_garbage_where_a_page_begins(
            record in any_record(),
            garbage in prop::collection::vec(any::<u8>(), 0..200),
            pages in 1..3_usize,
        ) {
            let mut bytes = garbage.clone();
            bytes.extend_from_slice(b"DJR\x03 not really");
            bytes.resize(pages * PAGE_BYTES, 0);
            let at = bytes.len();
            bytes.extend(record.encode());
            prop_assert_eq!(Record::search(&bytes), Some(at));
            prop_assert_eq!(Record::search(&bytes[..at]), None);
            prop_assert_eq!(Record::search(&bytes[1..]), None);
        }

        #[test]
        fn no_page_holds_parts_of_two_records(record in any_record()) {
            prop_assert_eq!(record.encode().len() % PAGE_BYTES, 0);
        }

        #[test]
        fn what_is_unused_ends_where_something_was_written(
            record in any_record(),
            behind in 0..4_usize,
        ) {
            let mut bytes = record.encode();
            let end = bytes.len();
            bytes.extend(unused(behind));
            prop_assert_eq!(used_bytes(&bytes), end);
            prop_assert_eq!(used_bytes(&bytes[end..]), 0);
            bytes.extend([0; PAGE_BYTES]);
            prop_assert_eq!(used_bytes(&bytes), bytes.len());
        }
    }
}
