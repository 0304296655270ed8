//! daicho-projections
