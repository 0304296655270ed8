//! `/graphql`.

use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{Request, Variables};
use axum::Json;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::ApiProblem;
use super::authentication::Client;
use crate::body;
use crate::web::{Shared, Web};

/// A query in an address.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AddressQuery {
    query: String,
    operation_name: Option<String>,
    variables: Option<String>,
}

/// Answers a request sent by POST.
pub(crate) async fn post(State(web): State<Shared>, request: axum::extract::Request) -> Response {
    let (parts, sent) = request.into_parts();
    let answer = async {
        if !is_json(&parts.headers) {
            return Err(ApiProblem::NOT_JSON);
        }
        let client = Client::of(&parts, &web).await?;
        let bytes = body::read(&parts.headers, sent)
            .await
            .map_err(|error| match error {
                body::BodyError::TooLarge => ApiProblem::TOO_LARGE,
                body::BodyError::Broken => ApiProblem::BROKEN,
            })?;
        let mut request: Request =
            serde_json::from_slice(&bytes).map_err(|_| ApiProblem::NO_REQUEST)?;
        daicho_graphql::check_document(&mut request)?;
        if mutates(&mut request) {
            client.may_mutate()?;
        }
        Ok(execute(&web, client, request).await)
    };
    answer.await.unwrap_or_else(IntoResponse::into_response)
}

/// Answers a query sent by GET.
pub(crate) async fn get(
    State(web): State<Shared>,
    query: Result<Query<AddressQuery>, axum::extract::rejection::QueryRejection>,
    request: axum::extract::Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let answer = async {
        let Ok(Query(query)) = query else {
            return Err(ApiProblem::NO_REQUEST);
        };
        let client = Client::of(&parts, &web).await?;
        let mut request = Request::new(query.query);
        request.operation_name = query.operation_name;
        if let Some(variables) = query.variables.filter(|variables| !variables.is_empty()) {
            let variables = serde_json::from_str(&variables).map_err(|_| ApiProblem::NO_REQUEST)?;
            request.variables = Variables::from_json(variables);
        }
        daicho_graphql::check_document(&mut request)?;
        if mutates(&mut request) {
            return Err(ApiProblem::MUTATION_BY_GET);
        }
        Ok(execute(&web, client, request).await)
    };
    answer.await.unwrap_or_else(IntoResponse::into_response)
}

async fn execute(web: &Web, client: Client, request: Request) -> Response {
    Json(daicho_graphql::answer(&web.schema, request.data(client.context)).await).into_response()
}

fn is_json(headers: &HeaderMap) -> bool {
    let given = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    given
        .split(';')
        .next()
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// Whether anything in the document changes something. Judged by the whole document, so that
/// no operation name can hide a mutation; what cannot be parsed is left to the schema to refuse.
fn mutates(request: &mut Request) -> bool {
    let any = |document: &ExecutableDocument| {
        document
            .operations
            .iter()
            .any(|(_, operation)| operation.node.ty != OperationType::Query)
    };
    request.parsed_query().is_ok_and(any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutation_behind_a_query_counts() {
        let document = "query A { service { version } } mutation B { signOut { wasSignedIn } }";
        assert!(mutates(&mut Request::new(document).operation_name("A")));
        assert!(!mutates(&mut Request::new("{ service { version } }")));
    }
}
