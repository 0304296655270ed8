//! daicho-web
