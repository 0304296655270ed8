//! The schema, its limits, and its text.

use std::sync::Arc;

use async_graphql::{EmptySubscription, SchemaBuilder};
use daicho_app::App;
use daicho_identity::{IdentityStore, JwtIssuer};

use crate::mutation::Mutation;
use crate::query::Query;
use crate::refusal::Refusal;
use crate::request::Backing;

/// The schema, ready to execute requests.
pub type DaichoSchema = async_graphql::Schema<Query, Mutation, EmptySubscription>;

/// How deep a document may nest. The sheet's cells are at 11, introspection at 15.
const DEPTH_MAX: usize = 16;

/// How much one document may ask for: a field counts 1, those that compute much count more
/// (the schema's source says how much). The whole sheet with every field is about 350.
const COMPLEXITY_MAX: usize = 1_500;

/// How many directives a field may carry.
const DIRECTIVES_MAX: usize = 8;

/// The schema that answers from `app`, with names from `identity` and tokens from `tokens`.
/// Who asks comes with each request, see [`RequestContext`](crate::RequestContext).
pub fn build_schema(
    app: Arc<App>,
    identity: Arc<IdentityStore>,
    tokens: Arc<JwtIssuer>,
) -> DaichoSchema {
    builder()
        .data(Backing {
            app,
            identity,
            tokens,
        })
        .finish()
}

/// The schema's text (SDL): what `schema.graphql` holds.
pub fn sdl() -> String {
    builder().finish().sdl()
}

fn builder() -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    async_graphql::Schema::build(Query, Mutation::default(), EmptySubscription)
        .register_output_type::<Refusal>()
        .limit_depth(DEPTH_MAX)
        .limit_complexity(COMPLEXITY_MAX)
        .limit_directives(DIRECTIVES_MAX)
}
