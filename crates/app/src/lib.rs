//! daicho-app
