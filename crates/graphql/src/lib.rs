//! daicho-graphql
