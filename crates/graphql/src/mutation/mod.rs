//! Everything that can be asked to change: each field makes one domain command of its input
//! and hands it to the app.

mod account;
mod department;
mod import;
mod outcome;
mod period;
mod plan;
mod report;
mod session;

pub use session::{SignIn, sign_in};

use async_graphql::MergedObject;

/// What can be changed. Every command carries a `commandId` that the client makes, a new one
/// for each intention: sent again with the same id, it is carried out once.
#[derive(Default, MergedObject)]
pub struct Mutation(
    session::SessionMutation,
    department::DepartmentMutation,
    account::AccountMutation,
    import::ImportMutation,
    plan::PlanMutation,
    period::PeriodMutation,
    report::ReportMutation,
);
