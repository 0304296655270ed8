//! daicho-access
