//! Why a command was not carried out, with the facts that its giver needs to go on.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::actor::Who;
use crate::fiscal_year::FiscalYear;
use crate::id::IndicatorId;
use crate::report::{ContentHash, ReportStage};

/// A rule of separation of duties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DutyRule {
    /// Nobody approves or accepts what they entered.
    OwnContent,
    /// Nobody takes two steps of one route, submission included.
    TwoSteps,
    /// Nobody gives a role to themselves.
    OwnGrant,
}

/// A typed refusal. `Display` is English and says what to do; [`Rejection::ja`] says it in Japanese.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum Rejection {
    /// The policies do not allow it.
    #[error("your role does not allow '{action}' here; {hint}")]
    Forbidden {
        /// The action asked for.
        action: String,
        /// Who could do it instead.
        hint: String,
    },
    /// What was named does not exist (or may not be known).
    #[error("there is no such {what}; check the id, or reload the list it came from")]
    NotFound {
        /// What was looked for.
        what: String,
    },
    /// What was to be created exists already.
    #[error("this {what} exists already; reload to see it")]
    AlreadyExists {
        /// What.
        what: String,
    },
    /// Somebody changed the report after it was read.
    #[error(
        "the report was changed by {changed_by} at {changed_at} and now says '{now}' (revision {current}, you saw {seen}); read it again and decide"
    )]
    StaleVersion {
        /// The revision that the command was based on.
        seen: u32,
        /// The revision that it has now.
        current: u32,
        /// Who changed it.
        changed_by: Who,
        /// When.
        changed_at: Timestamp,
        /// What it says now.
        now: String,
    },
    /// The content to approve is no longer the content seen, or an earlier approval has become stale.
    #[error(
        "the content has changed since it was {seen_as}: it is now {current}; look at it again"
    )]
    StaleContent {
        /// `read` or `approved`.
        seen_as: String,
        /// The hash of what stands now.
        current: ContentHash,
    },
    /// The report's state does not allow it.
    #[error("the report is '{stage}'; {hint}", stage = .stage.code())]
    WrongStage {
        /// The state.
        stage: ReportStage,
        /// What to do, in English.
        hint: String,
        /// What to do, in Japanese.
        hint_ja: String,
    },
    /// The fiscal year is not open for entry.
    #[error("{fiscal_year} is not open for entry; {hint}")]
    PeriodNotOpen {
        /// The year.
        fiscal_year: FiscalYear,
        /// What to do, in English.
        hint: String,
        /// What to do, in Japanese.
        hint_ja: String,
    },
    /// Separation of duties forbids it.
    #[error("separation of duties: {}", .rule.english())]
    SeparationOfDuties {
        /// The rule.
        rule: DutyRule,
    },
    /// An input is not acceptable.
    #[error("{field}: {problem}")]
    Invalid {
        /// Which input.
        field: String,
        /// What is wrong and what to do, in English.
        problem: String,
        /// The same in Japanese.
        problem_ja: String,
    },
    /// A sheet cannot be published yet.
    #[error("{} report(s) are not accepted yet; the first one is '{}'", .missing.len(), .missing.first().map_or("", |m| m.stage.code()))]
    NotComplete {
        /// What is missing.
        missing: Vec<MissingReport>,
    },
    /// The account may not act (disabled, or no grant holds today).
    #[error("this account has no role that holds on {day}; ask an administrator for a grant")]
    NoGrant {
        /// The municipality's date.
        day: Date,
    },
}

/// A report that keeps a sheet from being published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingReport {
    /// Whose.
    pub indicator: IndicatorId,
    /// Where it stands.
    pub stage: ReportStage,
}

impl DutyRule {
    const fn english(self) -> &'static str {
        match self {
            Self::OwnContent => {
                "nobody approves a version that contains a figure or commentary which they entered; ask a colleague to approve it"
            }
            Self::TwoSteps => {
                "nobody takes two steps of one route; ask a colleague to take this one"
            }
            Self::OwnGrant => {
                "nobody gives a role to themselves; ask another administrator or the operator"
            }
        }
    }

    const fn ja(self) -> &'static str {
        match self {
            Self::OwnContent => {
                "自分が入力した数値・記述を含む版は、自分では承認できません。別の承認者に依頼してください。"
            }
            Self::TwoSteps => {
                "一つの報告で二つの手続を同じ人が行うことはできません。別の担当に依頼してください。"
            }
            Self::OwnGrant => {
                "自分自身に権限を付与することはできません。別の管理者に依頼してください。"
            }
        }
    }
}

impl Rejection {
    /// An unacceptable input, explained in both languages.
    pub fn invalid(
        field: impl Into<String>,
        problem: impl Into<String>,
        problem_ja: impl Into<String>,
    ) -> Self {
        Self::Invalid {
            field: field.into(),
            problem: problem.into(),
            problem_ja: problem_ja.into(),
        }
    }

    /// Something that is not there.
    pub fn not_found(what: impl Into<String>) -> Self {
        Self::NotFound { what: what.into() }
    }

    /// The stable code of this refusal, as recorded in the log and given to API clients.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Forbidden { .. } => "forbidden",
            Self::NotFound { .. } => "not_found",
            Self::AlreadyExists { .. } => "already_exists",
            Self::StaleVersion { .. } => "stale_version",
            Self::StaleContent { .. } => "stale_content",
            Self::WrongStage { .. } => "wrong_stage",
            Self::PeriodNotOpen { .. } => "period_not_open",
            Self::SeparationOfDuties { .. } => "separation_of_duties",
            Self::Invalid { .. } => "invalid",
            Self::NotComplete { .. } => "not_complete",
            Self::NoGrant { .. } => "no_grant",
        }
    }

    /// The refusal in Japanese, with what to do.
    pub fn ja(&self) -> String {
        match self {
            Self::Forbidden { .. } => "この操作を行う権限がありません。担当の方に依頼するか、システム管理者に権限を確認してください。".into(),
            Self::NotFound { .. } => "対象が見つかりません。一覧を開き直して確認してください。".into(),
            Self::AlreadyExists { .. } => "すでに登録されています。一覧を開き直して確認してください。".into(),
            Self::StaleVersion { now, .. } => {
                format!("ほかの人が先に変更しました。現在の内容は「{now}」です。内容を確認してから、もう一度保存してください。")
            }
            Self::StaleContent { .. } => "確認した後に内容が変わっています。現在の内容をもう一度確認してください。".into(),
            Self::WrongStage { stage, hint_ja, .. } => format!("この報告は「{}」です。{hint_ja}", stage.ja()),
            Self::PeriodNotOpen { fiscal_year, hint_ja, .. } => {
                format!("{}は入力できる期間ではありません。{hint_ja}", fiscal_year.ja())
            }
            Self::SeparationOfDuties { rule } => rule.ja().into(),
            Self::Invalid { problem_ja, .. } => problem_ja.clone(),
            Self::NotComplete { missing } => {
                format!("企画課の確認が済んでいない報告が{}件あります。進捗一覧で確認してください。", missing.len())
            }
            Self::NoGrant { .. } => "有効な権限がありません。システム管理者に権限の付与を依頼してください。".into(),
        }
    }
}
