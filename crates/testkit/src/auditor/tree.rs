//! RFC 6962's tree hash, as its section 2.1 says it.

use sha2::{Digest, Sha256};

use super::Finding;

fn leaf(stored: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update([0])
        .chain_update(stored)
        .finalize()
        .into()
}

fn root(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => Sha256::digest([]).into(),
        [only] => *only,
        _ => {
            // The left subtree has the largest power of two that is smaller than the number of leaves.
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            let node = Sha256::new().chain_update([1]).chain_update(root(left));
            node.chain_update(root(right)).finalize().into()
        }
    }
}

pub(super) fn is_the_one_of(
    stored: &[Vec<u8>],
    said_size: u64,
    said_root: &[u8; 32],
) -> Result<(), Finding> {
    let leaves: Vec<_> = stored.iter().map(|bytes| leaf(bytes)).collect();
    let computed = root(&leaves);
    if said_size == leaves.len() as u64 && computed == *said_root {
        return Ok(());
    }
    Err(Finding::OtherTree {
        said: format!("{said_size} leaves and root {}", hex::encode(said_root)),
        computed: format!("{} leaves and root {}", leaves.len(), hex::encode(computed)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_the_one_that_the_rfcs_reference_implementations_compute() {
        // Test vectors of certificate-transparency's Merkle tree: inputs of 0, 1, 2 and 3 leaves.
        let leaves: Vec<Vec<u8>> = vec![vec![], vec![0x00], vec![0x10]];
        let hashes: Vec<_> = leaves.iter().map(|bytes| leaf(bytes)).collect();
        for (size, expected) in [
            (
                0,
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            (
                1,
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            ),
            (
                2,
                "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            ),
            (
                3,
                "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            ),
        ] {
            assert_eq!(hex::encode(root(&hashes[..size])), expected);
        }
    }
}
