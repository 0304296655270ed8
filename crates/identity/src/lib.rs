//! daicho-identity
