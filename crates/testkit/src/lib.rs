//! daicho-testkit
