//! Cosignatures (`cosignature/v1`): a witness states that, at a time, this was the largest
//! head of the log that it has seen and that it follows from those seen before.

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::{Signature as Ed25519Signature, Signer as _, SigningKey, Verifier as _};
use signed_note::{Signature, Verifier};

use super::checkpoint::{COSIGNATURE_V1, Checkpoint, CheckpointError, LogKeyError, VerifierKey};

/// Bytes of the time before the Ed25519 signature.
const TIME_BYTES: usize = 8;

/// The key with which a witness countersigns.
#[derive(Clone)]
pub struct Cosigner {
    name: String,
    key: SigningKey,
}

impl Cosigner {
    /// The witness `name` with the key that `seed`, 32 bytes of randomness, gives.
    ///
    /// # Errors
    /// [`LogKeyError::Name`].
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, LogKeyError> {
        if !signed_note::is_key_name_valid(name) {
            return Err(LogKeyError::Name(name.to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            key: SigningKey::from_bytes(seed),
        })
    }

    /// Reads `PRIVATE+KEY+NAME+HASH+BASE64` of a witness.
    ///
    /// # Errors
    /// [`LogKeyError`].
    pub fn parse(text: &str) -> Result<Self, LogKeyError> {
        let rest = text
            .trim()
            .strip_prefix("PRIVATE+KEY+")
            .ok_or(LogKeyError::Format)?;
        let parts: Vec<_> = rest.splitn(3, '+').collect();
        let [name, _, encoded] = parts.as_slice() else {
            return Err(LogKeyError::Format);
        };
        let bytes = BASE64_STANDARD
            .decode(encoded)
            .map_err(|_| LogKeyError::Format)?;
        match bytes.split_first() {
            Some((&COSIGNATURE_V1, seed)) => {
                let seed = seed.try_into().map_err(|_| LogKeyError::Format)?;
                let cosigner = Self::from_seed(name, seed)?;
                if cosigner.to_secret_text() == text.trim() {
                    Ok(cosigner)
                } else {
                    Err(LogKeyError::Format)
                }
            }
            Some(_) => Err(LogKeyError::Algorithm),
            None => Err(LogKeyError::Format),
        }
    }

    /// The key as its file holds it: secret.
    #[must_use]
    pub fn to_secret_text(&self) -> String {
        let private = [&[COSIGNATURE_V1], self.key.to_bytes().as_slice()].concat();
        format!(
            "PRIVATE+KEY+{}+{:08x}+{}",
            self.name,
            self.id(),
            BASE64_STANDARD.encode(private)
        )
    }

    /// What others verify with.
    ///
    /// # Errors
    /// [`LogKeyError`], never for a key that could be made.
    pub fn verifier(&self) -> Result<VerifierKey, LogKeyError> {
        witness_key(&self.name, &self.key.verifying_key().to_bytes())
    }

    fn id(&self) -> u32 {
        let public = self.key.verifying_key().to_bytes();
        signed_note::key_id(&self.name, &[&[COSIGNATURE_V1], public.as_slice()].concat())
    }
}

/// The verifier key of the witness `name` with this Ed25519 public key.
///
/// # Errors
/// [`LogKeyError`] where the name or the key cannot be one.
pub fn witness_key(name: &str, public: &[u8; 32]) -> Result<VerifierKey, LogKeyError> {
    let key = [&[COSIGNATURE_V1], public.as_slice()].concat();
    VerifierKey::parse(&format!(
        "{name}+{:08x}+{}",
        signed_note::key_id(name, &key),
        BASE64_STANDARD.encode(&key)
    ))
}

/// The line with which `cosigner` countersigns `checkpoint` at `unix_seconds`. Whether the head
/// follows from those seen before is the witness's to check first.
///
/// # Errors
/// [`CheckpointError::Signing`].
pub fn cosign(
    checkpoint: &Checkpoint,
    cosigner: &Cosigner,
    unix_seconds: u64,
) -> Result<String, CheckpointError> {
    let note = checkpoint.body()?;
    let signature = cosigner.key.sign(&message(note.text(), unix_seconds));
    let signature = [unix_seconds.to_be_bytes().as_slice(), &signature.to_bytes()].concat();
    let line = Signature::new(cosigner.name.clone(), cosigner.id(), signature)
        .map_err(CheckpointError::Signing)?
        .to_bytes();
    String::from_utf8(line)
        .map_err(|_| CheckpointError::Malformed("a witness's name is not text in UTF-8"))
}

fn message(body: &[u8], unix_seconds: u64) -> Vec<u8> {
    let mut message = format!("cosignature/v1\ntime {unix_seconds}\n").into_bytes();
    message.extend_from_slice(body);
    message
}

/// Verifies the cosignatures of one witness.
pub(super) struct WitnessVerifier {
    name: String,
    id: u32,
    key: ed25519_dalek::VerifyingKey,
}

impl WitnessVerifier {
    /// Reads `NAME+HASH+BASE64` of a witness.
    pub(super) fn new(text: &str) -> Result<Self, LogKeyError> {
        let parts: Vec<_> = text.splitn(3, '+').collect();
        let [name, id, encoded] = parts.as_slice() else {
            return Err(LogKeyError::Format);
        };
        if !signed_note::is_key_name_valid(name) {
            return Err(LogKeyError::Name((*name).to_owned()));
        }
        let bytes = BASE64_STANDARD
            .decode(encoded)
            .map_err(|_| LogKeyError::Format)?;
        let expected = signed_note::key_id(name, &bytes);
        if id.len() != 8 || u32::from_str_radix(id, 16) != Ok(expected) {
            return Err(LogKeyError::Format);
        }
        let key = bytes
            .strip_prefix(&[COSIGNATURE_V1])
            .and_then(|key| key.try_into().ok())
            .and_then(|key| ed25519_dalek::VerifyingKey::from_bytes(key).ok())
            .ok_or(LogKeyError::Format)?;
        Ok(Self {
            name: (*name).to_owned(),
            id: expected,
            key,
        })
    }
}

impl Verifier for WitnessVerifier {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn verify(&self, body: &[u8], signature: &[u8]) -> bool {
        let Some((time, signature)) = signature.split_first_chunk::<TIME_BYTES>() else {
            return false;
        };
        let Ok(signature) = Ed25519Signature::from_slice(signature) else {
            return false;
        };
        let message = message(body, u64::from_be_bytes(*time));
        self.key.verify(&message, &signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of tlog-cosignature: what its text shows, with the key that it verifies with
    /// left out there, so only form and identity are compared.
    #[test]
    fn a_cosignature_has_time_and_signature_behind_its_key_id() {
        let witness = Cosigner::from_seed("witness.example", &[5; 32]).unwrap();
        let key = super::super::LogKey::from_seed("log.example", &[6; 32]).unwrap();
        let checkpoint =
            super::super::sign_checkpoint(&key, super::super::TreeHead::EMPTY).unwrap();
        let line = cosign(&checkpoint, &witness, 1_679_315_147).unwrap();
        let encoded = line.trim_end().strip_prefix("— witness.example ").unwrap();
        let bytes = BASE64_STANDARD.decode(encoded).unwrap();
        assert_eq!(bytes.len(), 4 + 8 + 64);
        assert_eq!(bytes[4..12], 1_679_315_147_u64.to_be_bytes());
        let verifier = WitnessVerifier::new(&witness.verifier().unwrap().to_string()).unwrap();
        let body = checkpoint.body().unwrap();
        assert!(verifier.verify(body.text(), &bytes[4..]));
        let mut other_time = bytes[4..].to_vec();
        other_time[7] ^= 1;
        assert!(!verifier.verify(body.text(), &other_time));
        assert!(!verifier.verify(body.text(), &bytes[4..20]));
    }

    #[test]
    fn a_witness_key_comes_back_from_its_text() {
        let witness = Cosigner::from_seed("witness.example", &[5; 32]).unwrap();
        let read = Cosigner::parse(&format!("{}\n", witness.to_secret_text())).unwrap();
        assert_eq!(
            read.verifier().unwrap().to_string(),
            witness.verifier().unwrap().to_string()
        );
        assert!(read.verifier().unwrap().is_witness());
        let of_a_log = super::super::LogKey::from_seed("log.example", &[6; 32]).unwrap();
        assert!(matches!(
            Cosigner::parse(of_a_log.to_secret_text()),
            Err(LogKeyError::Algorithm)
        ));
    }
}
