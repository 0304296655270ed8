//! Why something was changed after people had relied on it.

use serde::{Deserialize, Serialize};

/// The kind of reason, for counting and filtering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// 転記誤り: copied wrongly.
    TranscriptionError,
    /// 算定誤り: calculated wrongly.
    CalculationError,
    /// 元データの修正: the source itself was corrected.
    SourceCorrected,
    /// 確定値への更新: a provisional figure became final.
    Finalised,
    /// 指摘への対応: asked for by whoever returned it.
    ReviewComment,
    /// その他.
    Other,
}

impl ReasonCode {
    /// Every code.
    pub const ALL: [Self; 6] = [
        Self::TranscriptionError,
        Self::CalculationError,
        Self::SourceCorrected,
        Self::Finalised,
        Self::ReviewComment,
        Self::Other,
    ];

    /// The code used in the API.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TranscriptionError => "transcription_error",
            Self::CalculationError => "calculation_error",
            Self::SourceCorrected => "source_corrected",
            Self::Finalised => "finalised",
            Self::ReviewComment => "review_comment",
            Self::Other => "other",
        }
    }

    /// The Japanese word shown to people.
    pub const fn ja(self) -> &'static str {
        match self {
            Self::TranscriptionError => "転記誤り",
            Self::CalculationError => "算定誤り",
            Self::SourceCorrected => "元データの修正",
            Self::Finalised => "確定値への更新",
            Self::ReviewComment => "指摘への対応",
            Self::Other => "その他",
        }
    }

    /// The reason with this [`code`](Self::code).
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

/// A typed reason with free text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChangeReason {
    /// The kind.
    pub code: ReasonCode,
    /// In words; never blank in a recorded event.
    pub text: String,
}

impl ChangeReason {
    /// `元データの修正: …` as histories print it.
    pub fn ja(&self) -> String {
        format!("{}: {}", self.code.ja(), self.text)
    }
}
