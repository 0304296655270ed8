//! Questions. Each asks the policies first and answers from the read models.

mod account;
mod figure;
mod plan;
mod report;

pub use account::{AccountInfo, Viewer};
pub(crate) use plan::published_in;
pub use plan::{PlanInfo, PublicationInfo, Published};
pub use report::{ReportPlace, ReportView};
