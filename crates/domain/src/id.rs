//! Identifiers: UUIDs that cannot be mixed up with each other.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(s).map(Self)
            }
        }
    };
}

id!(
    /// A municipality (市町村). Its 全国地方公共団体コード is an attribute, not its identity.
    MunicipalityId
);
id!(
    /// A department (担当課).
    DepartmentId
);
id!(
    /// An account of a person or a service; the person's name lives outside the log.
    AccountId
);
id!(
    /// One dated grant of a role to an account.
    GrantId
);
id!(
    /// A plan (総合戦略).
    PlanId
);
id!(
    /// A goal of a plan (基本目標).
    GoalId
);
id!(
    /// A policy under a goal (大きな施策, printed as «(1)»).
    PolicyId
);
id!(
    /// A measure under a policy (施策, printed as «①»).
    MeasureId
);
id!(
    /// A project under a measure (事業).
    ProjectId
);
id!(
    /// An indicator: what is measured, wherever it is shown.
    IndicatorId
);
id!(
    /// One place of an indicator in the sheet; an indicator may have several.
    PlacementId
);
id!(
    /// A document that was read into the log (原本).
    DocumentId
);
