//! Commands: what people ask for. Names are imperative; each decides which events follow.

mod account;
mod department;
mod entry;
mod indicator;
mod municipality;
mod period;
mod plan;
mod route;

pub use account::{DisableAccount, GiveGrant, OpenAccount, RecordCredentialsChange, WithdrawGrant};
pub use department::{CloseDepartment, OpenDepartment, RenameDepartment};
pub use entry::{EnterActual, WriteCommentary};
pub use indicator::{AssignDepartment, DecideDirection, ReviseTargets};
pub use municipality::RegisterMunicipality;
pub use period::{ChangeDueDate, ClosePeriod, OpenPeriod, PublishSheet, ReopenPeriod};
pub use plan::{AdoptPlan, SetRoute};
pub use route::{
    AcceptReport, ApproveReport, ReturnReport, SubmitReport, UnlockReport, WithdrawReport,
};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use crate::calendar::local_date;

use crate::actor::Actor;
use crate::event::Event;
use crate::fiscal_year::FiscalYear;
use crate::id::{AccountId, DepartmentId, IndicatorId, MunicipalityId, PlanId};
use crate::plan::Decision;
use crate::rejection::Rejection;
use crate::report::ChangeReason;
use crate::stream::StreamId;
use crate::world::View;

/// Everything that the policies allow or forbid: every command, and every kind of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "each is documented at the command of the same name, or by its name"
)]
pub enum Action {
    RegisterMunicipality,
    OpenDepartment,
    RenameDepartment,
    CloseDepartment,
    OpenAccount,
    DisableAccount,
    GiveGrant,
    WithdrawGrant,
    RecordCredentialsChange,
    AdoptPlan,
    SetRoute,
    AssignDepartment,
    DecideDirection,
    ReviseTargets,
    OpenPeriod,
    ChangeDueDate,
    ClosePeriod,
    ReopenPeriod,
    PublishSheet,
    EnterActual,
    WriteCommentary,
    SubmitReport,
    WithdrawReport,
    ReturnReport,
    ApproveReport,
    AcceptReport,
    UnlockReport,
    ReadPublished,
    ReadSheet,
    ReadDraft,
    ReadHistory,
    ReadRefusals,
    ReadProgress,
    ReadInbox,
    ReadAccounts,
    ReadEvents,
}

impl Action {
    /// Every action, commands first.
    pub const ALL: [Self; 36] = [
        Self::RegisterMunicipality,
        Self::OpenDepartment,
        Self::RenameDepartment,
        Self::CloseDepartment,
        Self::OpenAccount,
        Self::DisableAccount,
        Self::GiveGrant,
        Self::WithdrawGrant,
        Self::RecordCredentialsChange,
        Self::AdoptPlan,
        Self::SetRoute,
        Self::AssignDepartment,
        Self::DecideDirection,
        Self::ReviseTargets,
        Self::OpenPeriod,
        Self::ChangeDueDate,
        Self::ClosePeriod,
        Self::ReopenPeriod,
        Self::PublishSheet,
        Self::EnterActual,
        Self::WriteCommentary,
        Self::SubmitReport,
        Self::WithdrawReport,
        Self::ReturnReport,
        Self::ApproveReport,
        Self::AcceptReport,
        Self::UnlockReport,
        Self::ReadPublished,
        Self::ReadSheet,
        Self::ReadDraft,
        Self::ReadHistory,
        Self::ReadRefusals,
        Self::ReadProgress,
        Self::ReadInbox,
        Self::ReadAccounts,
        Self::ReadEvents,
    ];

    /// The name used in policies, in recorded refusals and in the golden matrix (`enter_actual`).
    pub const fn name(self) -> &'static str {
        match self {
            Self::RegisterMunicipality => "register_municipality",
            Self::OpenDepartment => "open_department",
            Self::RenameDepartment => "rename_department",
            Self::CloseDepartment => "close_department",
            Self::OpenAccount => "open_account",
            Self::DisableAccount => "disable_account",
            Self::GiveGrant => "give_grant",
            Self::WithdrawGrant => "withdraw_grant",
            Self::RecordCredentialsChange => "record_credentials_change",
            Self::AdoptPlan => "adopt_plan",
            Self::SetRoute => "set_route",
            Self::AssignDepartment => "assign_department",
            Self::DecideDirection => "decide_direction",
            Self::ReviseTargets => "revise_targets",
            Self::OpenPeriod => "open_period",
            Self::ChangeDueDate => "change_due_date",
            Self::ClosePeriod => "close_period",
            Self::ReopenPeriod => "reopen_period",
            Self::PublishSheet => "publish_sheet",
            Self::EnterActual => "enter_actual",
            Self::WriteCommentary => "write_commentary",
            Self::SubmitReport => "submit_report",
            Self::WithdrawReport => "withdraw_report",
            Self::ReturnReport => "return_report",
            Self::ApproveReport => "approve_report",
            Self::AcceptReport => "accept_report",
            Self::UnlockReport => "unlock_report",
            Self::ReadPublished => "read_published",
            Self::ReadSheet => "read_sheet",
            Self::ReadDraft => "read_draft",
            Self::ReadHistory => "read_history",
            Self::ReadRefusals => "read_refusals",
            Self::ReadProgress => "read_progress",
            Self::ReadInbox => "read_inbox",
            Self::ReadAccounts => "read_accounts",
            Self::ReadEvents => "read_events",
        }
    }

    /// The Japanese word shown to people.
    pub const fn ja(self) -> &'static str {
        match self {
            Self::RegisterMunicipality => "団体の登録",
            Self::OpenDepartment => "課の設置",
            Self::RenameDepartment => "課の名称変更",
            Self::CloseDepartment => "課の廃止",
            Self::OpenAccount => "アカウントの作成",
            Self::DisableAccount => "アカウントの停止",
            Self::GiveGrant => "権限の付与",
            Self::WithdrawGrant => "権限の取消し",
            Self::RecordCredentialsChange => "パスワードの変更",
            Self::AdoptPlan => "計画の登録",
            Self::SetRoute => "手続の変更",
            Self::AssignDepartment => "担当課の設定",
            Self::DecideDirection => "方向性の決定",
            Self::ReviseTargets => "目標値の改定",
            Self::OpenPeriod => "期間の開始",
            Self::ChangeDueDate => "提出期限の変更",
            Self::ClosePeriod => "入力の締切",
            Self::ReopenPeriod => "入力の再開",
            Self::PublishSheet => "公表",
            Self::EnterActual => "実績値の入力",
            Self::WriteCommentary => "記述の入力",
            Self::SubmitReport => "提出",
            Self::WithdrawReport => "提出の取下げ",
            Self::ReturnReport => "差戻し",
            Self::ApproveReport => "承認",
            Self::AcceptReport => "確認",
            Self::UnlockReport => "項目の解除",
            Self::ReadPublished => "公表版の閲覧",
            Self::ReadSheet => "評価シートの閲覧",
            Self::ReadDraft => "下書きの閲覧",
            Self::ReadHistory => "履歴の閲覧",
            Self::ReadRefusals => "拒否された操作の閲覧",
            Self::ReadProgress => "進捗の閲覧",
            Self::ReadInbox => "自分の仕事の閲覧",
            Self::ReadAccounts => "アカウントの閲覧",
            Self::ReadEvents => "記録の閲覧",
        }
    }

    /// The action with this [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }

    /// Whether it only reads.
    pub const fn is_reading(self) -> bool {
        matches!(
            self,
            Self::ReadPublished
                | Self::ReadSheet
                | Self::ReadDraft
                | Self::ReadHistory
                | Self::ReadRefusals
                | Self::ReadProgress
                | Self::ReadInbox
                | Self::ReadAccounts
                | Self::ReadEvents
        )
    }
}

/// Where a command acts: what a grant must cover.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct Scope {
    /// The municipality; none where it is only being registered.
    pub municipality: Option<MunicipalityId>,
    /// The department whose figures are meant; none for the whole municipality.
    pub department: Option<DepartmentId>,
}

impl Scope {
    /// A whole municipality.
    pub const fn whole(municipality: MunicipalityId) -> Self {
        Self {
            municipality: Some(municipality),
            department: None,
        }
    }
}

/// What a command is about, for records of refusals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Subject {
    /// The municipality.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub municipality: Option<MunicipalityId>,
    /// The plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanId>,
    /// The fiscal year.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fiscal_year: Option<FiscalYear>,
    /// The indicator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub indicator: Option<IndicatorId>,
    /// The department.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department: Option<DepartmentId>,
    /// The account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
}

/// Who decides and when; the only things a command may know beside the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// Who gives the command, under which grant.
    pub actor: Actor,
    /// The moment (UTC).
    pub now: Timestamp,
}

impl Context {
    /// The municipality's date: Japan has one time zone and no summer time.
    pub fn today(&self) -> Date {
        local_date(self.now)
    }
}

/// An event and the stream that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Where.
    pub stream: StreamId,
    /// What.
    pub event: Event,
}

impl Fact {
    /// `event` on `stream`.
    pub fn new(stream: StreamId, event: Event) -> Self {
        Self { stream, event }
    }
}

/// A command.
pub trait Command: Clone + std::fmt::Debug + Serialize + Send + Sync + 'static {
    /// What the policies are asked about.
    const ACTION: Action;

    /// What it is about.
    fn subject(&self) -> Subject;

    /// Where it acts.
    ///
    /// # Errors
    /// [`Rejection::NotFound`] when what it names is not there.
    fn scope(&self, view: &View<'_>) -> Result<Scope, Rejection>;

    /// The events that follow; none where everything is already as asked.
    ///
    /// # Errors
    /// The reason why it cannot be done.
    fn decide(&self, view: &View<'_>, context: &Context) -> Result<Vec<Fact>, Rejection>;

    /// The typed reason given with it, in words, for the event's metadata.
    fn reason(&self) -> Option<String> {
        None
    }
}

/// Refuses a blank or overlong text.
fn text_within(field: &str, text: &str, characters_max: usize) -> Result<(), Rejection> {
    if text.trim().is_empty() {
        return Err(Rejection::invalid(
            field,
            "must not be blank; write it in words",
            "空欄にはできません。内容を入力してください。",
        ));
    }
    not_longer(field, text, characters_max)
}

fn not_longer(field: &str, text: &str, characters_max: usize) -> Result<(), Rejection> {
    let characters = text.chars().count();
    if characters > characters_max {
        return Err(Rejection::invalid(
            field,
            format!(
                "has {characters} characters, at most {characters_max} are possible; shorten it or attach the details as evidence"
            ),
            format!(
                "{characters}文字あります。{characters_max}文字以内に短くしてください(詳細は根拠資料として記録できます)。"
            ),
        ));
    }
    no_control_characters(field, text)
}

/// Texts travel to pages, files and terminals; a control character does something there that
/// nobody reads. Line breaks and tabs are text.
fn no_control_characters(field: &str, text: &str) -> Result<(), Rejection> {
    let is_hidden = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
            || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    match text.chars().find(|c| is_hidden(*c)) {
        None => Ok(()),
        Some(found) => Err(Rejection::invalid(
            field,
            format!(
                "contains the control character U+{:04X}; remove it (it may have come with a copy from another program)",
                u32::from(found)
            ),
            "表示できない制御文字が含まれています。貼り付けた文字を入力し直してください。",
        )),
    }
}

fn decision_is_complete(decision: &Decision) -> Result<(), Rejection> {
    text_within("decided_by", &decision.decided_by, NAME_CHARACTERS_MAX)?;
    text_within("reason", &decision.reason, REASON_CHARACTERS_MAX)
}

fn reason_is_complete(reason: &ChangeReason) -> Result<(), Rejection> {
    text_within("reason", &reason.text, REASON_CHARACTERS_MAX)
}

/// The most characters of a name or title.
pub const NAME_CHARACTERS_MAX: usize = 200;
/// The most characters of a reason or comment.
pub const REASON_CHARACTERS_MAX: usize = 1_000;
