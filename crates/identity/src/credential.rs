//! Strings that prove something to whoever holds them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::entropy::Entropy;

/// A bearer string: a session cookie, a refresh token, an access token, a form's CSRF token.
/// Whoever has it may use it, so `Debug` hides it and nothing prints it by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential(String);

impl Credential {
    /// The string itself, for the one cookie, header or field that carries it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn from_text(text: String) -> Self {
        Self(text)
    }

    /// A fresh opaque one of 256 bits, and the hash under which it is stored.
    pub(crate) fn opaque(entropy: &mut Entropy) -> (Self, [u8; 32]) {
        let bytes: [u8; 32] = entropy.bytes();
        (
            Self(URL_SAFE_NO_PAD.encode(bytes)),
            Sha256::digest(bytes).into(),
        )
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(hidden)")
    }
}

/// The hash under which an opaque credential is stored; `None` if `text` cannot be one.
pub(crate) fn stored_hash(text: &str) -> Option<[u8; 32]> {
    // 43 characters are 256 bits; a longer text is not even decoded.
    if text.len() != 43 {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    Some(Sha256::digest(bytes).into())
}

/// Compares by hash, so that the time taken says nothing about how much of it was right.
pub(crate) fn same_secret(left: &str, right: &str) -> bool {
    Sha256::digest(left.as_bytes()) == Sha256::digest(right.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_found_again_by_its_text_and_never_printed() {
        let (credential, hash) = Credential::opaque(&mut Entropy::predictable(7));
        assert_eq!(stored_hash(credential.expose()), Some(hash));
        assert!(!format!("{credential:?}").contains(credential.expose()));
    }

    #[test]
    fn text_that_no_credential_has_is_not_hashed() {
        assert_eq!(stored_hash(""), None);
        assert_eq!(stored_hash(&"A".repeat(44)), None);
        assert_eq!(stored_hash(&"!".repeat(43)), None);
    }
}
