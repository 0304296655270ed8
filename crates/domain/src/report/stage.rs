//! Where a report stands.

use serde::{Deserialize, Serialize};

/// The states of DESIGN §5. `unlocked` and `corrected` are marks beside the state, and
/// `published` follows from the period's publications.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ReportStage {
    /// 未入力.
    #[default]
    NotEntered,
    /// 入力中.
    Draft,
    /// 課長確認待ち: submitted.
    Submitted,
    /// 企画課確認待ち: approved by the department.
    Approved,
    /// 企画課確認済: accepted by the planning office.
    Accepted,
    /// 差戻し.
    Returned,
    /// 移行データ: taken over from a document, without approvals of this service.
    Adopted,
    /// 公表済: what stands is what the public reads.
    Published,
}

impl ReportStage {
    /// Every stage.
    pub const ALL: [Self; 8] = [
        Self::NotEntered,
        Self::Draft,
        Self::Submitted,
        Self::Approved,
        Self::Accepted,
        Self::Returned,
        Self::Adopted,
        Self::Published,
    ];

    /// The code used in the API.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotEntered => "not_entered",
            Self::Draft => "draft",
            Self::Submitted => "submitted",
            Self::Approved => "approved",
            Self::Accepted => "accepted",
            Self::Returned => "returned",
            Self::Adopted => "adopted",
            Self::Published => "published",
        }
    }

    /// The Japanese word shown to people.
    pub const fn ja(self) -> &'static str {
        match self {
            Self::NotEntered => "未入力",
            Self::Draft => "入力中",
            Self::Submitted => "課長確認待ち",
            Self::Approved => "企画課確認待ち",
            Self::Accepted => "確認済",
            Self::Returned => "差戻し",
            Self::Adopted => "移行データ(承認なし)",
            Self::Published => "公表済",
        }
    }

    /// Whether staff may change the content without an unlock.
    pub const fn is_editable(self) -> bool {
        matches!(self, Self::NotEntered | Self::Draft | Self::Returned)
    }
}
