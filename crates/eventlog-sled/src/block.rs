//! A block: the stored bytes of some events in a row, compressed. The journal and
//! sled hold the same blocks.
//!
//! `[format: u8][events: u32 LE][raw length: u32 LE][zstd of (length: u32 LE, bytes)*]`
//!
//! A block holds at most [`RAW_BYTES_MAX`] before compression, so that one value in
//! sled stays below 64 KiB: larger values could become files of their own there, which
//! sled never syncs.

use std::ops::Range;

use daicho_eventlog::MAX_EVENT_BYTES;

/// Before compression; one largest event with its length just fits.
pub(crate) const RAW_BYTES_MAX: usize = MAX_EVENT_BYTES + LENGTH_BYTES;

const FORMAT: u8 = 1;
const HEADER_BYTES: usize = 9;
const LENGTH_BYTES: usize = 4;
/// Half the work of level 3: the README says what that costs in bytes.
const ZSTD_LEVEL: i32 = 1;

/// A block that has been read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    raw: Vec<u8>,
    events: Vec<Range<usize>>,
}

/// Why bytes are no block.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UnreadableBlock(String);

impl Block {
    /// Reads a block.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, UnreadableBlock> {
        let (format, count, raw_length) = header(bytes)?;
        if format != FORMAT {
            return Err(UnreadableBlock(format!("block format {format} is unknown")));
        }
        if raw_length > RAW_BYTES_MAX {
            return Err(UnreadableBlock(format!(
                "a block cannot hold {raw_length} bytes"
            )));
        }
        let raw = zstd::bulk::decompress(&bytes[HEADER_BYTES..], raw_length)
            .map_err(|error| UnreadableBlock(format!("a block does not decompress: {error}")))?;
        if raw.len() != raw_length {
            return Err(UnreadableBlock(
                "a block is shorter than it says".to_owned(),
            ));
        }
        let mut events = Vec::new();
        let mut at = 0;
        while at < raw.len() {
            let start = at + LENGTH_BYTES;
            let end = raw
                .get(at..start)
                .map(|length| start + length_from(length))
                .filter(|end| *end <= raw.len())
                .ok_or_else(|| UnreadableBlock("an event runs over its block".to_owned()))?;
            events.push(start..end);
            at = end;
        }
        if events.len() != count {
            return Err(UnreadableBlock(format!(
                "a block holds {} events and says {count}",
                events.len()
            )));
        }
        Ok(Self { raw, events })
    }

    /// An empty one with room for as many of these as fit.
    fn for_events<'a>(events: impl Iterator<Item = &'a [u8]>) -> Self {
        let (mut count, mut bytes) = (0, 0);
        for event in events {
            let more = bytes + LENGTH_BYTES + event.len();
            if count > 0 && more > RAW_BYTES_MAX {
                break;
            }
            (count, bytes) = (count + 1, more);
        }
        Self {
            raw: Vec::with_capacity(bytes),
            events: Vec::with_capacity(count),
        }
    }

    /// Number of events in a block, without decompressing it.
    pub(crate) fn count(bytes: &[u8]) -> Result<u64, UnreadableBlock> {
        header(bytes).map(|(_, count, _)| count as u64)
    }

    /// Number of events.
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// Memory that it takes, about.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.raw.len() + self.events.len() * size_of::<Range<usize>>()
    }

    /// The stored bytes of the event at `place` in the block.
    pub(crate) fn event(&self, place: usize) -> Option<&[u8]> {
        self.events.get(place).map(|range| &self.raw[range.clone()])
    }

    /// The stored bytes of all its events.
    pub(crate) fn events(&self) -> impl Iterator<Item = &[u8]> {
        self.events.iter().map(|range| &self.raw[range.clone()])
    }
}

fn length_from(bytes: &[u8]) -> usize {
    let bytes: [u8; LENGTH_BYTES] = bytes.try_into().expect("the caller cut four bytes");
    u32::from_le_bytes(bytes) as usize
}

fn header(bytes: &[u8]) -> Result<(u8, usize, usize), UnreadableBlock> {
    if bytes.len() < HEADER_BYTES {
        return Err(UnreadableBlock("a block is cut off".to_owned()));
    }
    Ok((
        bytes[0],
        length_from(&bytes[1..5]),
        length_from(&bytes[5..9]),
    ))
}

/// Packs events into blocks. Keeps zstd's tables between blocks: making them anew costs more than
/// most blocks do.
pub(crate) struct Packer {
    zstd: zstd::bulk::Compressor<'static>,
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packer").finish_non_exhaustive()
    }
}

impl Packer {
    /// # Errors
    /// If zstd gets no memory.
    pub(crate) fn new() -> std::io::Result<Self> {
        let zstd = zstd::bulk::Compressor::new(ZSTD_LEVEL)?;
        Ok(Self { zstd })
    }

    /// Packs events into as few blocks as their limit allows, in order. Returns each block
    /// as it is stored and as it will be read.
    pub(crate) fn pack<'a>(
        &mut self,
        events: impl Iterator<Item = &'a [u8]> + Clone,
    ) -> std::io::Result<Vec<(Vec<u8>, Block)>> {
        let mut packed = Vec::new();
        let mut open = Block::for_events(events.clone());
        let mut events = events;
        while let Some(event) = events.next() {
            if !open.events.is_empty()
                && open.raw.len() + LENGTH_BYTES + event.len() > RAW_BYTES_MAX
            {
                let rest = std::iter::once(event).chain(events.clone());
                let full = std::mem::replace(&mut open, Block::for_events(rest));
                packed.push((self.compress(&full)?, full));
            }
            let length = u32::try_from(event.len()).expect("an event has at most 64 KiB");
            open.raw.extend_from_slice(&length.to_le_bytes());
            let start = open.raw.len();
            open.raw.extend_from_slice(event);
            open.events.push(start..open.raw.len());
        }
        if !open.events.is_empty() {
            packed.push((self.compress(&open)?, open));
        }
        Ok(packed)
    }

    fn compress(&mut self, block: &Block) -> std::io::Result<Vec<u8>> {
        let count =
            u32::try_from(block.events.len()).expect("a block has at most 64 KiB of events");
        let raw_length = u32::try_from(block.raw.len()).expect("a block has at most 64 KiB");
        let mut bytes = Vec::with_capacity(HEADER_BYTES + block.raw.len() / 2);
        bytes.push(FORMAT);
        bytes.extend_from_slice(&count.to_le_bytes());
        bytes.extend_from_slice(&raw_length.to_le_bytes());
        bytes.extend_from_slice(&self.zstd.compress(&block.raw)?);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pack<'a>(
        events: impl IntoIterator<Item = &'a [u8], IntoIter: Clone>,
    ) -> std::io::Result<Vec<(Vec<u8>, Block)>> {
        Packer::new()?.pack(events.into_iter())
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back_in_order(
            events in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3000), 0..80),
        ) {
            let packed = pack(events.iter().map(Vec::as_slice)).unwrap();
            let mut read = Vec::new();
            for (bytes, block) in &packed {
                let decoded = Block::decode(bytes).unwrap();
                prop_assert_eq!(&decoded, block);
                prop_assert_eq!(Block::count(bytes).unwrap(), decoded.len() as u64);
                prop_assert!(decoded.raw.len() <= RAW_BYTES_MAX);
                read.extend(decoded.events().map(<[u8]>::to_vec));
            }
            prop_assert_eq!(read, events);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Block::count(&bytes);
            prop_assert!(Block::decode(&bytes).is_err());
        }
    }

    /// UTF-8 text of maximal variety: the worst that an event can hold.
    fn noisy_text(bytes: usize) -> String {
        let mut noise = 0x9e37_79b9_7f4a_7c15_u64;
        let mut text = String::new();
        while text.len() < bytes - 4 {
            noise ^= noise << 13;
            noise ^= noise >> 7;
            noise ^= noise << 17;
            // Mostly one-byte characters, as those carry the most per byte.
            let code = match (noise >> 60) & 15 {
                0 => 0x80 + (noise >> 20) as u32 % 0x700,
                1 => 0x4e00 + (noise >> 20) as u32 % 0x5000,
                _ => 0x20 + (noise >> 20) as u32 % 0x5f,
            };
            text.extend(char::from_u32(code));
        }
        text
    }

    #[test]
    fn the_largest_event_that_compresses_worst_makes_a_value_below_64_kib() {
        let text = noisy_text(MAX_EVENT_BYTES);
        let packed = pack([text.as_bytes()]).unwrap();
        assert_eq!(packed.len(), 1);
        assert!(packed[0].0.len() < 64 * 1024, "{} bytes", packed[0].0.len());
    }

    #[test]
    fn many_large_events_are_split_over_several_blocks() {
        let text = noisy_text(30_000);
        let packed = pack(std::iter::repeat_n(text.as_bytes(), 7)).unwrap();
        assert_eq!(
            packed
                .iter()
                .map(|(_, block)| block.len())
                .collect::<Vec<_>>(),
            [2, 2, 2, 1]
        );
    }

    #[test]
    fn a_block_that_is_cut_off_is_not_read() {
        let packed = pack([b"one".as_slice(), b"two"]).unwrap();
        let bytes = &packed[0].0;
        for length in 0..bytes.len() {
            assert!(
                Block::decode(&bytes[..length]).is_err(),
                "cut to {length} bytes"
            );
        }
    }
}
