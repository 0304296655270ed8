//! daicho-sample
