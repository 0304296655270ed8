//! Who may do what: roles, dated grants, Cedar policies, and the proof that they were asked.
//!
//! The policies are the files in `policies/`, one for each role, written to be read by an
//! auditor. [`Access::new`] checks them against `policies/schema.cedarschema` and asks Cedar
//! once about every role, action and [`Relation`]; decisions are then looked up, and Cedar
//! stays the only place where they are made. `role_matrix.txt` is the outcome for people to
//! read; a test fails when it is not what the policies say.
//!
//! [`Access::authorize`] turns a command into an [`Authorized`] command, the only argument
//! that the append path takes. It looks at accounts through the command's
//! [`View`](daicho_domain::View), so an append fails when a grant was withdrawn meanwhile.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::allow_attributes,
        reason = "a test may panic"
    )
)]

mod access;
mod authorized;
mod caller;
#[cfg(test)]
mod city;
mod hint;
mod holding;
mod matrix;
mod policies;
mod relation;

pub use access::Access;
pub use authorized::Authorized;
pub use caller::{Caller, Reader};
pub use policies::{AccessError, POLICIES, SCHEMA};
pub use relation::Relation;
