//! The GraphQL schema: parse the input → one call of `app` → present the answer; nothing
//! else. Who may do what is decided behind [`daicho_app`], never here.
//!
//! A refused command is an answer: every mutation returns a union of what was done and typed
//! refusals with the facts that their reader needs. A refused question is a GraphQL error with
//! `code` and `messageJa` in its extensions. Names of people come from the identity register,
//! looked up at once for each answer.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::allow_attributes,
        reason = "a test may panic"
    )
)]

mod account;
mod answer;
mod cell;
mod document;
mod failure;
mod history;
mod indicator;
mod mutation;
mod people;
mod plan;
mod proof;
mod query;
mod refusal;
mod report;
mod request;
mod scalar;
mod schema;
mod service;
mod sheet;
mod words;
mod work;

pub use answer::answer;
pub use document::{DocumentRefused, check_document};
pub use mutation::{SignIn, sign_in};
pub use refusal::SignInRefused;
pub use request::RequestContext;
pub use schema::{DaichoSchema, build_schema, sdl};
