//! Entry bundles of tlog-tiles: up to 256 stored events, each behind its length.

/// A bundle that is not one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BundleError {
    /// It ends inside an entry.
    #[error("the bundle ends inside its entry number {0}; fetch it again")]
    Cut(usize),
}

/// The bundle of these entries, in order. An entry has at most 65,535 bytes
/// ([`crate::MAX_EVENT_BYTES`]).
///
/// # Panics
/// If an entry is longer: the log does not store such an event.
#[must_use]
pub fn encode_bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut bundle = Vec::new();
    for entry in entries {
        let length = u16::try_from(entry.len()).expect("a stored event has at most 65,535 bytes");
        bundle.extend_from_slice(&length.to_be_bytes());
        bundle.extend_from_slice(entry);
    }
    bundle
}

/// The entries of a bundle.
///
/// # Errors
/// [`BundleError`] if it is not whole.
pub fn decode_bundle(bundle: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::new();
    let mut rest = bundle;
    while !rest.is_empty() {
        let cut = BundleError::Cut(entries.len());
        let Some((length, behind)) = rest.split_first_chunk() else {
            return Err(cut);
        };
        let Some((entry, behind)) = behind.split_at_checked(u16::from_be_bytes(*length).into())
        else {
            return Err(cut);
        };
        entries.push(entry);
        rest = behind;
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_and_a_cut_is_noticed() {
        let entries: [&[u8]; 3] = [b"one", b"", &[7; 65_535]];
        let bundle = encode_bundle(entries);
        assert_eq!(&bundle[..5], b"\0\x03one");
        assert_eq!(decode_bundle(&bundle).unwrap(), entries);
        assert_eq!(decode_bundle(&bundle[..4]), Err(BundleError::Cut(0)));
        assert_eq!(decode_bundle(&bundle[..6]), Err(BundleError::Cut(1)));
    }
}
