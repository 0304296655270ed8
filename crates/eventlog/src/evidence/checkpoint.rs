//! Checkpoints: heads of the tree as tlog-checkpoint writes them, signed as signed-note.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::SigningKey;
use signed_note::{Note, NoteError, Signature, Signer, StandardSigner, StandardVerifier};
use tlog_tiles::Hash;

use super::cosignature::WitnessVerifier;
use super::tree::TreeHead;

/// Signature type of a log's own Ed25519 key in signed-note.
const LOG_ED25519: u8 = 1;
/// Signature type of `cosignature/v1`.
pub(super) const COSIGNATURE_V1: u8 = 4;

/// A text that is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogKeyError {
    /// The name cannot be a key's name.
    #[error(
        "'{0}' cannot name a log or a witness: use a name like log.city.example without spaces and '+'"
    )]
    Name(String),
    /// The text is not a key.
    #[error(
        "this is no key; a verifier key reads NAME+HASH+BASE64, a signing key PRIVATE+KEY+NAME+HASH+BASE64"
    )]
    Format,
    /// The key is of a kind that is not known here.
    #[error("the key's algorithm is not known here; Ed25519 and cosignature/v1 are")]
    Algorithm,
}

/// Why a checkpoint is not believed.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The text is not a checkpoint.
    #[error("this is no checkpoint: {0}")]
    Malformed(&'static str),
    /// It speaks of another log.
    #[error("the checkpoint is of the log '{found}', not of '{expected}'")]
    OtherLog {
        /// The log that was expected.
        expected: String,
        /// The log that it speaks of.
        found: String,
    },
    /// None of the keys has signed it.
    #[error("the checkpoint is not signed by the key of the log '{0}'; get the right key")]
    NotSigned(String),
    /// A signature in the name of a known key is false.
    #[error("a signature of the checkpoint is false: {0}")]
    FalseSignature(#[source] NoteError),
    /// It could not be signed.
    #[error("the checkpoint could not be signed")]
    Signing(#[source] NoteError),
}

/// The key with which the log signs its heads. Its file holds it as signed-note's text.
#[derive(Clone)]
pub struct LogKey {
    signer: StandardSigner,
    text: String,
    verifier: VerifierKey,
}

impl LogKey {
    /// The key that `seed`, 32 bytes of the system's randomness, gives to the log `origin`.
    ///
    /// # Errors
    /// [`LogKeyError::Name`] where `origin` cannot name a key.
    pub fn from_seed(origin: &str, seed: &[u8; 32]) -> Result<Self, LogKeyError> {
        if !signed_note::is_key_name_valid(origin) {
            return Err(LogKeyError::Name(origin.to_owned()));
        }
        let key = SigningKey::from_bytes(seed);
        let verifier = signed_note::new_ed25519_verifier_key(origin, &key.verifying_key());
        let id = verifier.split('+').nth(1).unwrap_or_default();
        let private = [&[LOG_ED25519], seed.as_slice()].concat();
        let text = format!(
            "PRIVATE+KEY+{origin}+{id}+{}",
            BASE64_STANDARD.encode(private)
        );
        Self::parse(&text)
    }

    /// Reads `PRIVATE+KEY+NAME+HASH+BASE64`.
    ///
    /// # Errors
    /// [`LogKeyError`].
    pub fn parse(text: &str) -> Result<Self, LogKeyError> {
        let text = text.trim();
        let signer = StandardSigner::new(text).map_err(|_| LogKeyError::Format)?;
        // The key's base64 may have a '+' of its own.
        let seed = text
            .splitn(5, '+')
            .nth(4)
            .and_then(|encoded| BASE64_STANDARD.decode(encoded).ok())
            .and_then(|bytes| <[u8; 32]>::try_from(bytes.get(1..)?).ok())
            .ok_or(LogKeyError::Format)?;
        let public = SigningKey::from_bytes(&seed).verifying_key();
        let verifier = signed_note::new_ed25519_verifier_key(signer.name(), &public);
        Ok(Self {
            verifier: VerifierKey::parse(&verifier)?,
            text: text.to_owned(),
            signer,
        })
    }

    /// The key as its file holds it: secret.
    #[must_use]
    pub fn to_secret_text(&self) -> &str {
        &self.text
    }

    /// What others verify with.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The log that it signs for.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.signer.name()
    }
}

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogKey").field(&self.verifier).finish()
    }
}

/// A public key of a log or of a witness, as `NAME+HASH+BASE64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    text: String,
    name: String,
    is_witness: bool,
}

impl VerifierKey {
    /// Reads `NAME+HASH+BASE64`.
    ///
    /// # Errors
    /// [`LogKeyError`].
    pub fn parse(text: &str) -> Result<Self, LogKeyError> {
        let text = text.trim();
        let parts: Vec<_> = text.splitn(3, '+').collect();
        let [name, _, key] = parts.as_slice() else {
            return Err(LogKeyError::Format);
        };
        let key = BASE64_STANDARD
            .decode(key)
            .map_err(|_| LogKeyError::Format)?;
        let is_witness = match key.first() {
            Some(&LOG_ED25519) => {
                StandardVerifier::new(text).map_err(|_| LogKeyError::Format)?;
                false
            }
            Some(&COSIGNATURE_V1) => {
                WitnessVerifier::new(text)?;
                true
            }
            Some(_) => return Err(LogKeyError::Algorithm),
            None => return Err(LogKeyError::Format),
        };
        Ok(Self {
            text: text.to_owned(),
            name: (*name).to_owned(),
            is_witness,
        })
    }

    /// Whose key it is.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is a witness's key, which countersigns.
    #[must_use]
    pub fn is_witness(&self) -> bool {
        self.is_witness
    }

    fn verifier(&self) -> Result<Box<dyn signed_note::Verifier>, LogKeyError> {
        Ok(if self.is_witness {
            Box::new(WitnessVerifier::new(&self.text)?)
        } else {
            Box::new(StandardVerifier::new(&self.text).map_err(|_| LogKeyError::Format)?)
        })
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A head of the tree with its signatures. What it says is only worth as much as
/// [`Checkpoint::verify`] finds.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// The log that it speaks of.
    pub origin: String,
    /// Size and root.
    pub head: TreeHead,
    text: String,
}

/// The checkpoint of `head`, signed by the log.
///
/// # Errors
/// [`CheckpointError::Signing`].
pub fn sign_checkpoint(key: &LogKey, head: TreeHead) -> Result<Checkpoint, CheckpointError> {
    let body = tlog_tiles::Checkpoint::new(key.origin(), head.size, head.root, "")
        .map_err(|_| CheckpointError::Malformed("its origin is empty"))?
        .to_bytes();
    let mut note = Note::new(&body, &[]).map_err(CheckpointError::Signing)?;
    note.add_sigs(&[&key.signer])
        .map_err(CheckpointError::Signing)?;
    Checkpoint::parse(&note.to_bytes())
}

impl Checkpoint {
    /// Reads a checkpoint; its signatures are not looked at.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`].
    pub fn parse(note: &[u8]) -> Result<Self, CheckpointError> {
        let text = std::str::from_utf8(note)
            .map_err(|_| CheckpointError::Malformed("it is not text in UTF-8"))?;
        let note = Note::from_bytes(note)
            .map_err(|_| CheckpointError::Malformed("it is not a signed note"))?;
        let body = tlog_tiles::Checkpoint::from_bytes(note.text())
            .map_err(|_| CheckpointError::Malformed("it does not say origin, size and root"))?;
        Ok(Self {
            origin: body.origin().to_owned(),
            head: TreeHead {
                size: body.size(),
                root: Hash(body.hash().0),
            },
            text: text.to_owned(),
        })
    }

    /// The whole note.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The part that is signed.
    pub(super) fn body(&self) -> Result<Note, CheckpointError> {
        Note::from_bytes(self.text.as_bytes())
            .map_err(|_| CheckpointError::Malformed("it is not a signed note"))
    }

    /// Checks the log's signature, and every signature of a known key. Returns the names of
    /// the witnesses that have countersigned; signatures of unknown keys are left aside.
    ///
    /// # Errors
    /// [`CheckpointError::OtherLog`], [`CheckpointError::NotSigned`] and
    /// [`CheckpointError::FalseSignature`].
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<Vec<String>, CheckpointError> {
        let mut logs = keys.iter().filter(|key| !key.is_witness);
        if let Some(first) = logs.next()
            && first.name != self.origin
            && logs.all(|key| key.name != self.origin)
        {
            return Err(CheckpointError::OtherLog {
                expected: first.name.clone(),
                found: self.origin.clone(),
            });
        }
        let verifiers = keys
            .iter()
            .map(VerifierKey::verifier)
            .collect::<Result<_, _>>()
            .map_err(|_| CheckpointError::Malformed("a key is not one"))?;
        let known = signed_note::VerifierList::new(verifiers);
        let (verified, _) = self.body()?.verify(&known).map_err(|error| match error {
            NoteError::UnverifiedNote => CheckpointError::NotSigned(self.origin.clone()),
            other => CheckpointError::FalseSignature(other),
        })?;
        let is_by = |signature: &Signature, witness| {
            keys.iter().any(|key| {
                key.is_witness == witness
                    && key.name == signature.name()
                    && key.text.contains(&format!("+{:08x}+", signature.id()))
            })
        };
        if !verified
            .iter()
            .any(|signature| signature.name() == self.origin && is_by(signature, false))
        {
            return Err(CheckpointError::NotSigned(self.origin.clone()));
        }
        let mut witnesses: Vec<_> = verified
            .iter()
            .filter(|signature| is_by(signature, true))
            .map(|signature| signature.name().to_owned())
            .collect();
        witnesses.sort();
        witnesses.dedup();
        Ok(witnesses)
    }

    /// The same checkpoint with more signature lines, each beginning with `—`, as a witness
    /// answers with them. Lines that are there already are left out.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`] if a line is not a signature.
    pub fn with_signatures(&self, lines: &str) -> Result<Self, CheckpointError> {
        let mut text = self.text.clone();
        for line in lines.lines().filter(|line| !line.is_empty()) {
            Signature::from_bytes(line.as_bytes())
                .map_err(|_| CheckpointError::Malformed("a line is not a signature"))?;
            if !self.text.lines().any(|there| there == line) {
                text.push_str(line);
                text.push('\n');
            }
        }
        Self::parse(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Cosigner, Tree, cosign, leaf_hash};

    fn key(seed: u8) -> LogKey {
        LogKey::from_seed("log.sunagawa.example", &[seed; 32]).unwrap()
    }

    fn head() -> TreeHead {
        let mut tree = Tree::default();
        tree.push(leaf_hash(b"event"), &mut Vec::new());
        tree.head()
    }

    #[test]
    fn every_seed_gives_a_key_whatever_its_base64_looks_like() {
        for seed in 0..=255 {
            let seed = [seed; 32];
            let key = LogKey::from_seed("city.example/log", &seed).unwrap();
            let again = LogKey::parse(key.to_secret_text()).unwrap();
            assert_eq!(again.verifier(), key.verifier());
            assert_eq!(again.origin(), "city.example/log");
        }
    }

    #[test]
    fn a_checkpoint_is_the_text_that_the_format_says() {
        let signed = sign_checkpoint(&key(1), head()).unwrap();
        let lines: Vec<_> = signed.text().lines().collect();
        assert_eq!(lines[0], "log.sunagawa.example");
        assert_eq!(lines[1], "1");
        assert_eq!(lines[2], head().root.to_string());
        assert_eq!(lines[3], "");
        assert!(lines[4].starts_with("— log.sunagawa.example "));
        assert_eq!(Checkpoint::parse(signed.text().as_bytes()).unwrap(), signed);
        assert!(signed.verify(&[key(1).verifier().clone()]).is_ok());
    }

    #[test]
    fn a_key_comes_back_from_its_text_and_does_not_show_itself() {
        let key = key(3);
        let read = LogKey::parse(&format!("{}\n", key.to_secret_text())).unwrap();
        assert_eq!(read.verifier(), key.verifier());
        assert!(!format!("{key:?}").contains("PRIVATE"));
        assert_eq!(
            LogKey::from_seed("two words", &[1; 32]).unwrap_err(),
            LogKeyError::Name("two words".to_owned())
        );
        assert!(LogKey::parse("PRIVATE+KEY+a+00000000+AAAA").is_err());
    }

    #[test]
    fn a_changed_head_or_another_key_is_not_believed() {
        let signed = sign_checkpoint(&key(1), head()).unwrap();
        let other = signed.verify(&[key(2).verifier().clone()]);
        assert!(
            matches!(other, Err(CheckpointError::NotSigned(_))),
            "{other:?}"
        );
        let changed = signed
            .text()
            .replacen("sunagawa.example\n1\n", "sunagawa.example\n2\n", 1);
        let changed = Checkpoint::parse(changed.as_bytes()).unwrap();
        let refused = changed.verify(&[key(1).verifier().clone()]);
        assert!(
            matches!(refused, Err(CheckpointError::FalseSignature(_))),
            "{refused:?}"
        );
        let of_other_log = LogKey::from_seed("elsewhere.example", &[1; 32]).unwrap();
        let refused = signed.verify(&[of_other_log.verifier().clone()]);
        assert!(
            matches!(refused, Err(CheckpointError::OtherLog { .. })),
            "{refused:?}"
        );
    }

    #[test]
    fn after_a_key_change_old_checkpoints_still_verify() {
        let keys = [key(2).verifier().clone(), key(1).verifier().clone()];
        for seed in [1, 2] {
            let signed = sign_checkpoint(&key(seed), head()).unwrap();
            assert_eq!(signed.verify(&keys).unwrap(), Vec::<String>::new());
        }
    }

    #[test]
    fn a_witness_is_counted_once_and_only_with_its_own_key() {
        let signed = sign_checkpoint(&key(1), head()).unwrap();
        let audit = Cosigner::from_seed("audit.sunagawa.example", &[9; 32]).unwrap();
        let line = cosign(&signed, &audit, 1_650_000_000).unwrap();
        let later = cosign(&signed, &audit, 1_650_000_009).unwrap();
        let both = signed
            .with_signatures(&line)
            .and_then(|note| note.with_signatures(&line))
            .and_then(|note| note.with_signatures(&later))
            .unwrap();
        let keys = [key(1).verifier().clone(), audit.verifier().unwrap()];
        assert_eq!(both.verify(&keys).unwrap(), ["audit.sunagawa.example"]);
        assert_eq!(both.verify(&keys[..1]).unwrap(), Vec::<String>::new());
        // The log's own signature is what a checkpoint cannot do without.
        let alone = both.verify(&keys[1..]);
        assert!(
            matches!(alone, Err(CheckpointError::NotSigned(_))),
            "{alone:?}"
        );
    }
}
