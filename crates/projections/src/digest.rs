//! Whether two sets of read models say the same, and if not, where they begin to differ.

use std::fmt;
use std::io;
use std::sync::Arc;

use imbl::{OrdMap, Vector};
use sha2::{Digest, Sha256};

use crate::canonical;
use crate::projector::ProjectionError;
use crate::read_models::ReadModels;

/// SHA-256 over the canonical form of read models, their position included.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReadModelsDigest([u8; 32]);

impl fmt::Display for ReadModelsDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ReadModelsDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReadModelsDigest({self})")
    }
}

/// Where two sets of read models begin to differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which read model: `position`, `world`, `history`, `period history`, `refusals` or
    /// `publications`.
    pub read_model: &'static str,
    /// The stream, indicator, year or entry.
    pub at: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, first at {}", self.read_model, self.at)
    }
}

struct Hashing(Sha256);

impl io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ReadModels {
    /// The digest of everything that is in these read models. Takes time in proportion to all
    /// that they hold: call it on a thread that may block.
    ///
    /// # Panics
    /// Never: read models can always be written, and a hash takes any bytes.
    pub fn digest(&self) -> ReadModelsDigest {
        // The encoder writes a few bytes at a time.
        let mut hashing = io::BufWriter::with_capacity(1 << 16, Hashing(Sha256::new()));
        canonical::write(self, &mut hashing).expect("a hash takes any bytes");
        let Hashing(hash) = hashing
            .into_inner()
            .map_err(|error| error.into_error())
            .expect("a hash takes any bytes");
        ReadModelsDigest(hash.finalize().into())
    }

    /// Where these read models differ from `fresh`, by digest; and the digest of `fresh`.
    ///
    /// # Errors
    /// [`ProjectionError::CutOff`] where the service stops meanwhile.
    pub async fn compare_with(
        self: &Arc<Self>,
        fresh: ReadModels,
    ) -> Result<(ReadModelsDigest, Option<Difference>), ProjectionError> {
        let live = Arc::clone(self);
        tokio::task::spawn_blocking(move || compare(&fresh, &live))
            .await
            .map_err(|_| ProjectionError::CutOff)
    }

    /// The first place where `other` says something else; none where both say the same.
    pub fn first_difference(&self, other: &Self) -> Option<Difference> {
        let differs = |read_model, at: String| Some(Difference { read_model, at });
        if self.position != other.position {
            let word = |position: Option<u64>| {
                position.map_or_else(|| "nothing".to_owned(), |position| position.to_string())
            };
            let at = format!("{} and {}", word(self.position), word(other.position));
            return differs("position", at);
        }
        if self.is_demo != other.is_demo {
            return differs("world", "the mark of a demo".to_owned());
        }
        if let Some(stream) = other.world.changes_since(&self.world).streams().next() {
            return differs("world", format!("stream {stream}"));
        }
        if let Some(indicator) = first_key(&self.histories, &other.histories) {
            return differs("history", format!("indicator {indicator}"));
        }
        if let Some((plan, year)) = first_key(&self.period_histories, &other.period_histories) {
            return differs("period history", format!("plan {plan}, year {year}"));
        }
        if let Some(index) = first_index(&self.refusals, &other.refusals) {
            return differs("refusals", format!("number {}", index + 1));
        }
        let (plan, year) = first_key(&self.publications, &other.publications)?;
        let none = Vector::new();
        let of = |models: &Self| {
            models
                .publications
                .get(&(plan, year))
                .unwrap_or(&none)
                .clone()
        };
        let number = first_index(&of(self), &of(other)).unwrap_or_default() + 1;
        differs(
            "publications",
            format!("plan {plan}, year {year}, publication {number}"),
        )
    }
}

/// Digest of `fresh`, and where `live` differs from it. Blocks.
fn compare(fresh: &ReadModels, live: &ReadModels) -> (ReadModelsDigest, Option<Difference>) {
    let digest = fresh.digest();
    if live.digest() == digest {
        return (digest, None);
    }
    let difference = live.first_difference(fresh).unwrap_or(Difference {
        read_model: "encoding",
        at: "nothing that can be named".to_owned(),
    });
    (digest, Some(difference))
}

fn first_key<K: Ord + Copy, V: PartialEq>(one: &OrdMap<K, V>, other: &OrdMap<K, V>) -> Option<K> {
    let mine = one
        .iter()
        .find(|(key, value)| other.get(*key) != Some(*value))
        .map(|(key, _)| *key);
    let theirs = other.keys().find(|key| !one.contains_key(*key)).copied();
    mine.into_iter().chain(theirs).min()
}

fn first_index<T: Clone + PartialEq>(one: &Vector<T>, other: &Vector<T>) -> Option<usize> {
    let same = one
        .iter()
        .zip(other.iter())
        .take_while(|(mine, theirs)| mine == theirs)
        .count();
    (same < one.len() || same < other.len()).then_some(same)
}
