//! Where unpredictable bytes come from.

use std::fmt;

use sha2::{Digest, Sha256};

type Fill = dyn FnMut(&mut [u8]) + Send;

/// A source of random bytes, passed in so that a test can replay a run.
///
/// A service gives one that reads the operating system's generator; the function must
/// panic rather than return fewer or predictable bytes.
pub struct Entropy {
    fill: Box<Fill>,
    predictable: bool,
}

impl Entropy {
    /// A source that fills each buffer completely by calling `fill`.
    pub fn from_fn(fill: impl FnMut(&mut [u8]) + Send + 'static) -> Self {
        Self {
            fill: Box::new(fill),
            predictable: false,
        }
    }

    /// The same bytes for the same seed: for tests and replays. A store in a file refuses it,
    /// because anyone could compute its keys and tokens.
    pub fn predictable(seed: u64) -> Self {
        let mut counter: u64 = 0;
        Self {
            fill: Box::new(move |buffer| {
                for chunk in buffer.chunks_mut(32) {
                    let block = Sha256::new()
                        .chain_update(seed.to_be_bytes())
                        .chain_update(counter.to_be_bytes())
                        .finalize();
                    counter += 1;
                    chunk.copy_from_slice(&block[..chunk.len()]);
                }
            }),
            predictable: true,
        }
    }

    /// Whether the bytes follow from a seed.
    pub(crate) fn is_predictable(&self) -> bool {
        self.predictable
    }

    /// The next `N` bytes.
    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.fill)(&mut bytes);
        bytes
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entropy")
            .field("predictable", &self.predictable)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_replays_the_same_bytes_and_another_does_not() {
        let first: [u8; 40] = Entropy::predictable(1).bytes();
        assert_eq!(first, Entropy::predictable(1).bytes());
        assert_ne!(first, Entropy::predictable(2).bytes());
        assert_ne!(first[..8], first[32..], "a second block differs");
    }
}
