//! Pages for people and the API for programs.
//!
//! Each page is a folder with the document that it asks the schema (`page.graphql`), its
//! template (`page.html`) and its handler (`mod.rs`); what people send becomes one of the
//! mutations in `command/`. The pages have no other door to the records than API clients have.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::allow_attributes,
        reason = "a test may panic"
    )
)]

/// Binds the operation `$name` of a GraphQL document to the schema, at compile time.
// rustfmt moves attributes within a macro a little further to the right every time it runs.
#[rustfmt::skip]
macro_rules! document {
    ($name:ident, $path:tt) => {
        #[derive(graphql_client::GraphQLQuery)]
        #[graphql(
            schema_path = "../../schema.graphql",
            query_path = $path,
            custom_scalars_module = "crate::scalar",
            response_derives = "Clone, Debug, PartialEq",
            variables_derives = "Clone, Debug",
            skip_serializing_none
        )]
        pub(crate) struct $name;
    };
}

mod api;
mod ask;
mod asset;
mod body;
mod command;
mod form;
mod origin;
mod page;
mod scalar;
mod security_headers;
mod seen_position;
mod session_cookie;
mod visitor;
mod web;

pub use web::{Web, WebSettings, router};
