//! The service itself, and the words that forms offer.

use async_graphql::{Context, SimpleObject};
use daicho_domain::command::local_date;
use daicho_domain::indicator::Direction;
use daicho_domain::report::ReasonCode;
use daicho_domain::{CellStatus, Role};

use crate::request::Asked;
use crate::scalar::{Date, DateTime, Position};

/// The service.
#[derive(SimpleObject)]
pub(crate) struct Service {
    /// Its version.
    pub version: &'static str,
    /// Whether its records were made by the demo.
    pub is_demo: bool,
    /// How far its answers are; none while nothing has happened.
    pub position: Option<Position>,
    /// Version of the calculation rules.
    pub rule_version: u32,
    /// Now, by the service's clock.
    pub now: DateTime,
    /// Today in the municipalities, by the service's clock.
    pub today: Date,
}

impl Service {
    /// The service that answers.
    pub(crate) fn of(ctx: &Context<'_>) -> Self {
        let app = ctx.app();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            is_demo: app.is_demo(),
            position: app.position().map(Position::from),
            rule_version: daicho_domain::sheet::RULE_VERSION,
            now: app.now().into(),
            today: local_date(app.now()).into(),
        }
    }
}

/// What forms offer.
#[derive(SimpleObject)]
pub(crate) struct Choices {
    /// Reasons why a figure has no number.
    pub reasons_for_no_actual: Vec<Choice>,
    /// Kinds of reason for a change.
    pub change_reasons: Vec<Choice>,
    /// Which way is good.
    pub directions: Vec<Choice>,
    /// Roles that can be granted.
    pub roles: Vec<Choice>,
}

/// A code with its Japanese word.
#[derive(SimpleObject)]
pub(crate) struct Choice {
    /// The code: a value of the enum that the input takes.
    pub code: &'static str,
    /// The word for people.
    pub label: &'static str,
}

impl Choices {
    /// All of them.
    pub(crate) fn all() -> Self {
        Self {
            reasons_for_no_actual: CellStatus::REASONS_FOR_NO_ACTUAL
                .map(|status| Choice {
                    code: status.code(),
                    label: status.ja(),
                })
                .into(),
            change_reasons: ReasonCode::ALL
                .map(|reason| Choice {
                    code: reason.code(),
                    label: reason.ja(),
                })
                .into(),
            directions: Direction::ALL
                .map(|direction| Choice {
                    code: direction.code(),
                    label: direction.ja(),
                })
                .into(),
            roles: Role::GRANTABLE
                .map(|role| Choice {
                    code: role.code(),
                    label: role.ja(),
                })
                .into(),
        }
    }
}
