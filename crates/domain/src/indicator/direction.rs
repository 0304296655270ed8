//! Which way is good: never inferred from baseline and target, always decided by somebody.

use serde::{Deserialize, Serialize};

use crate::plan::Decision;

/// 望ましい方向.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More is better: achieved at or above the target.
    Higher,
    /// Less is better: achieved at or below the target.
    Lower,
    /// To be kept at the target or above it.
    Maintain,
    /// Nobody has decided; no verdict is given.
    Undefined,
}

impl Direction {
    /// Every direction.
    pub const ALL: [Self; 4] = [Self::Higher, Self::Lower, Self::Maintain, Self::Undefined];

    /// The code used in files and in the API.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Higher => "higher",
            Self::Lower => "lower",
            Self::Maintain => "maintain",
            Self::Undefined => "undefined",
        }
    }

    /// The Japanese word shown to people.
    pub const fn ja(self) -> &'static str {
        match self {
            Self::Higher => "高いほど良い",
            Self::Lower => "低いほど良い",
            Self::Maintain => "維持",
            Self::Undefined => "方向性 未定",
        }
    }

    /// The direction with this [`code`](Self::code).
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|direction| direction.code() == code)
    }
}

/// A direction and the decision behind it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DirectionDecision {
    /// What was decided; [`Direction::Undefined`] is a decision too («left open»).
    pub direction: Direction,
    /// Who decided, when and why.
    pub decision: Decision,
}
