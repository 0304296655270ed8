//! Asking the schema, as any API client would, without the network between.

use async_graphql::{Request, Response, ServerError, Value, Variables};
use graphql_client::GraphQLQuery;

use crate::page::problem::Problem;
use crate::visitor::Visitor;
use crate::web::Web;

/// Asks `Q` for `visitor`.
///
/// # Errors
/// What the schema refuses, as the page that says so; a stranger is sent to sign in.
pub(crate) async fn ask<Q: GraphQLQuery>(
    web: &Web,
    visitor: &Visitor,
    variables: Q::Variables,
) -> Result<Q::ResponseData, Problem> {
    let data = execute::<Q>(web, visitor, variables)
        .await
        .map_err(|problem| match problem {
            // Questions are about addresses: one that cannot be read leads nowhere.
            Problem::BadInput => Problem::NotFound(None),
            other => other,
        })?;
    serde_json::from_value(data).map_err(|error| Problem::internal(&error))
}

/// The JSON that `Q` is answered with.
pub(crate) async fn execute<Q: GraphQLQuery>(
    web: &Web,
    visitor: &Visitor,
    variables: Q::Variables,
) -> Result<serde_json::Value, Problem> {
    let body = Q::build_query(variables);
    let variables =
        serde_json::to_value(body.variables).map_err(|error| Problem::internal(&error))?;
    let request = Request::new(body.query)
        .operation_name(body.operation_name)
        .variables(Variables::from_json(variables))
        .data(visitor.context());
    let Response { data, errors, .. } = daicho_graphql::answer(&web.schema, request).await;
    if let Some(error) = errors.first() {
        return Err(problem(error, visitor));
    }
    data.into_json().map_err(|error| Problem::internal(&error))
}

fn problem(error: &ServerError, visitor: &Visitor) -> Problem {
    let text = |key: &str| match error
        .extensions
        .as_ref()
        .and_then(|extensions| extensions.get(key))
    {
        Some(Value::String(text)) => Some(text.clone()),
        _ => None,
    };
    let message = text("messageJa");
    match text("code").as_deref() {
        Some("forbidden" | "no_grant") if visitor.session.is_none() => Problem::sign_in(visitor),
        Some("forbidden" | "no_grant") => Problem::Forbidden(message),
        Some("not_found" | "invalid") => Problem::NotFound(message),
        // Our documents fit the schema; what does not came from an address or a form.
        Some("bad_input") => {
            tracing::warn!(error = %error.message, "an address or a form holds what cannot be read");
            Problem::BadInput
        }
        Some("busy" | "unavailable" | "read_only") => Problem::Unavailable(message),
        _ => Problem::internal(&error.message),
    }
}
