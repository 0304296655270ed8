//! Everything that can happen, with names pinned for ever.
//!
//! A published name (`actual-revised.v1`) never changes its meaning; a new shape gets a new
//! version and the old one stays decodable. Golden files of each are kept in
//! `crates/domain/tests/golden/`.

mod names;
mod provenance;
mod stored_form;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::account::Grant;
use crate::cell::Cell;
use crate::command::Subject;
use crate::fiscal_year::FiscalYear;
use crate::id::{
    AccountId, DepartmentId, DocumentId, GoalId, GrantId, IndicatorId, MeasureId, MunicipalityId,
    PlacementId, PlanId,
};
use crate::indicator::{Definition, DirectionDecision, TargetChange, TargetVersion};
use crate::period::PublishedReport;
use crate::plan::{
    Decision, Goal, LayoutLine, Measure, Placement, Policy, PrintedSubtotal, Project, Route,
};
use crate::report::{Actual, ChangeReason, Commentary, ContentHash, ReportCell};

pub use provenance::Provenance;

/// An event. The variant's documentation says what happened; the fields are what a reader
/// needs to know it without looking anywhere else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// A municipality was registered.
    #[serde(rename = "municipality-registered.v1")]
    MunicipalityRegistered {
        /// Its identity.
        municipality: MunicipalityId,
        /// 全国地方公共団体コード.
        local_gov_code: String,
        /// 団体名.
        name: String,
        /// Whether the log was made by the demo and its times come from the demo's clock.
        demo: bool,
    },
    /// A department was opened.
    #[serde(rename = "department-opened.v1")]
    DepartmentOpened {
        /// Its identity.
        department: DepartmentId,
        /// Whose.
        municipality: MunicipalityId,
        /// 担当課.
        name: String,
        /// First day.
        valid_from: Date,
    },
    /// A department was renamed.
    #[serde(rename = "department-renamed.v1")]
    DepartmentRenamed {
        /// Before.
        previous: String,
        /// After.
        name: String,
    },
    /// A department was closed.
    #[serde(rename = "department-closed.v1")]
    DepartmentClosed {
        /// Last day.
        valid_to: Date,
    },
    /// An account was opened. Name, sign-in name and secrets are kept outside the log.
    #[serde(rename = "account-opened.v1")]
    AccountOpened {
        /// Its identity.
        account: AccountId,
        /// Where.
        municipality: MunicipalityId,
    },
    /// A role was granted.
    #[serde(rename = "grant-given.v1")]
    GrantGiven {
        /// What was granted.
        grant: Grant,
    },
    /// A grant was withdrawn.
    #[serde(rename = "grant-withdrawn.v1")]
    GrantWithdrawn {
        /// Which one.
        grant: GrantId,
        /// Why.
        reason: String,
    },
    /// An account was disabled.
    #[serde(rename = "account-disabled.v1")]
    AccountDisabled {
        /// Why.
        reason: String,
    },
    /// A secret of an account was set or changed; the secret itself is not in the log.
    #[serde(rename = "credentials-changed.v1")]
    CredentialsChanged {
        /// The account.
        account: AccountId,
    },
    /// Somebody signed in.
    #[serde(rename = "signed-in.v1")]
    SignedIn {
        /// Through what: `page` or `api`.
        through: String,
    },
    /// Somebody signed out.
    #[serde(rename = "signed-out.v1")]
    SignedOut {
        /// Through what: `page` or `api`.
        through: String,
    },
    /// A signed-in person asked for something and was refused.
    #[serde(rename = "command-refused.v1")]
    CommandRefused {
        /// Name of the command.
        command: String,
        /// What it was about.
        subject: Subject,
        /// Stable code of the refusal.
        code: String,
        /// In words.
        message: String,
    },
    /// A plan was adopted.
    #[serde(rename = "plan-adopted.v1")]
    PlanAdopted {
        /// Its identity.
        plan: PlanId,
        /// Whose.
        municipality: MunicipalityId,
        /// 計画名.
        title: String,
        /// First fiscal year.
        term_from: FiscalYear,
        /// Last fiscal year.
        term_to: FiscalYear,
        /// Who adopted it.
        decision: Decision,
        /// The route that submissions take.
        route: Route,
    },
    /// A goal was added; what stands below it is added by events of its own.
    #[serde(rename = "goal-added.v1")]
    GoalAdded {
        /// The goal, without policies.
        goal: Goal,
    },
    /// A policy was added.
    #[serde(rename = "policy-added.v1")]
    PolicyAdded {
        /// Under which goal.
        goal: GoalId,
        /// The policy, without measures.
        policy: Policy,
    },
    /// A measure was added.
    #[serde(rename = "measure-added.v1")]
    MeasureAdded {
        /// Under which goal.
        goal: GoalId,
        /// Under which policy.
        policy: crate::id::PolicyId,
        /// The measure, without projects.
        measure: Measure,
    },
    /// A project was added.
    #[serde(rename = "project-added.v1")]
    ProjectAdded {
        /// Under which measure.
        measure: MeasureId,
        /// The project.
        project: Project,
    },
    /// An indicator was given a place in the sheet.
    #[serde(rename = "indicator-placed.v1")]
    IndicatorPlaced {
        /// The place.
        placement: Placement,
    },
    /// The route of submissions was set.
    #[serde(rename = "route-set.v1")]
    RouteSet {
        /// The new version.
        route: Route,
        /// Who decided.
        decision: Decision,
    },
    /// A document was read into the plan.
    #[serde(rename = "document-imported.v1")]
    DocumentImported {
        /// Its identity.
        document: DocumentId,
        /// File name as given.
        file_name: String,
        /// SHA-256 of the bytes, hexadecimal.
        sha256: String,
        /// Encoding.
        encoding: String,
        /// Whether it began with a byte order mark.
        byte_order_mark: bool,
        /// Line ending.
        line_ending: String,
        /// Whether the last line ended with one.
        ends_with_line_ending: bool,
        /// The year that it evaluates.
        evaluated_year: FiscalYear,
        /// Printed subtotals.
        subtotals: Vec<PrintedSubtotal>,
    },
    /// Lines of a document were recorded; long documents come in several such events.
    #[serde(rename = "layout-recorded.v1")]
    LayoutRecorded {
        /// Which document.
        document: DocumentId,
        /// Lines that follow those recorded before.
        lines: Vec<LayoutLine>,
    },
    /// An indicator was defined.
    #[serde(rename = "indicator-defined.v1")]
    IndicatorDefined {
        /// Its identity.
        indicator: IndicatorId,
        /// Whose plan.
        plan: PlanId,
        /// What it measures.
        definition: Definition,
    },
    /// The department that reports an indicator was set.
    #[serde(rename = "department-assigned.v1")]
    DepartmentAssigned {
        /// Before.
        previous: Option<DepartmentId>,
        /// After.
        department: DepartmentId,
    },
    /// It was decided which way is good.
    #[serde(rename = "direction-decided.v1")]
    DirectionDecided {
        /// The decision.
        decision: DirectionDecision,
    },
    /// The first targets were set.
    #[serde(rename = "targets-set.v1")]
    TargetsSet {
        /// Version 1.
        targets: TargetVersion,
    },
    /// Targets were revised.
    #[serde(rename = "targets-revised.v1")]
    TargetsRevised {
        /// The new version, complete.
        targets: TargetVersion,
        /// What changed.
        changes: Vec<TargetChange>,
    },
    /// A result was taken over from a document, without approvals of this service.
    #[serde(rename = "figure-adopted.v1")]
    FigureAdopted {
        /// Which year.
        fiscal_year: FiscalYear,
        /// The figure; none for a project without KPI.
        actual: Option<Actual>,
        /// The printed total of actuals, where the document has one.
        printed_total: Option<Cell>,
        /// The document, where it was read from one.
        document: Option<DocumentId>,
    },
    /// Commentary was taken over from a document.
    #[serde(rename = "commentary-adopted.v1")]
    CommentaryAdopted {
        /// Which year.
        fiscal_year: FiscalYear,
        /// Where it stands.
        placement: PlacementId,
        /// The text.
        commentary: Commentary,
    },
    /// A figure was entered for the first time.
    #[serde(rename = "actual-entered.v1")]
    ActualEntered {
        /// Which year.
        fiscal_year: FiscalYear,
        /// The figure.
        actual: Actual,
    },
    /// A figure was changed.
    #[serde(rename = "actual-revised.v1")]
    ActualRevised {
        /// Which year.
        fiscal_year: FiscalYear,
        /// Before.
        previous: Actual,
        /// After.
        revised: Actual,
        /// Why; always given once the report had been approved.
        reason: Option<ChangeReason>,
    },
    /// A figure was changed after its publication.
    #[serde(rename = "actual-corrected.v1")]
    ActualCorrected {
        /// Which year.
        fiscal_year: FiscalYear,
        /// Before, as published.
        previous: Actual,
        /// After.
        corrected: Actual,
        /// Why.
        reason: ChangeReason,
    },
    /// Commentary was written for the first time.
    #[serde(rename = "commentary-written.v1")]
    CommentaryWritten {
        /// Which year.
        fiscal_year: FiscalYear,
        /// Where it stands.
        placement: PlacementId,
        /// The text.
        commentary: Commentary,
    },
    /// Commentary was changed.
    #[serde(rename = "commentary-revised.v1")]
    CommentaryRevised {
        /// Which year.
        fiscal_year: FiscalYear,
        /// Where it stands.
        placement: PlacementId,
        /// Before.
        previous: Commentary,
        /// After.
        revised: Commentary,
        /// Why; always given once the report had been approved.
        reason: Option<ChangeReason>,
    },
    /// A report was submitted.
    #[serde(rename = "report-submitted.v1")]
    ReportSubmitted {
        /// Which year.
        fiscal_year: FiscalYear,
        /// Exactly what was submitted.
        content: ContentHash,
        /// The route it takes from here.
        route_version: u32,
        /// Whether it was submitted after the due date.
        late: bool,
    },
    /// A submission was taken back before the next step acted.
    #[serde(rename = "report-withdrawn.v1")]
    ReportWithdrawn {
        /// Which year.
        fiscal_year: FiscalYear,
    },
    /// A report was returned to its department.
    #[serde(rename = "report-returned.v1")]
    ReportReturned {
        /// Which year.
        fiscal_year: FiscalYear,
        /// What is asked for.
        comment: String,
        /// The part that it is about.
        cell: ReportCell,
    },
    /// A report was approved by its department.
    #[serde(rename = "report-approved.v1")]
    ReportApproved {
        /// Which year.
        fiscal_year: FiscalYear,
        /// Index of the step in the route.
        step: u8,
        /// Name of the step.
        step_name: String,
        /// Exactly what was approved.
        content: ContentHash,
        /// The target version that the figure is judged against.
        target_version: Option<u32>,
        /// The version of the calculation rules.
        rule_version: u32,
    },
    /// A report was accepted by the planning office.
    #[serde(rename = "report-accepted.v1")]
    ReportAccepted {
        /// Which year.
        fiscal_year: FiscalYear,
        /// Index of the step in the route.
        step: u8,
        /// Name of the step.
        step_name: String,
        /// Exactly what was accepted.
        content: ContentHash,
        /// The target version that the figure is judged against.
        target_version: Option<u32>,
        /// The version of the calculation rules.
        rule_version: u32,
    },
    /// One cell was opened for change.
    #[serde(rename = "report-unlocked.v1")]
    ReportUnlocked {
        /// Which year.
        fiscal_year: FiscalYear,
        /// The one part that may be changed.
        cell: ReportCell,
        /// Why.
        reason: ChangeReason,
        /// From this moment on it is locked again.
        expires_at: Timestamp,
    },
    /// A plan's fiscal year was opened for entry.
    #[serde(rename = "period-opened.v1")]
    PeriodOpened {
        /// The plan.
        plan: PlanId,
        /// The year.
        fiscal_year: FiscalYear,
        /// Day by which departments are to submit.
        due: Date,
    },
    /// The due date was changed.
    #[serde(rename = "period-due-changed.v1")]
    PeriodDueChanged {
        /// Before.
        previous: Date,
        /// After.
        due: Date,
        /// Why.
        reason: String,
    },
    /// Entry was closed.
    #[serde(rename = "period-closed.v1")]
    PeriodClosed {},
    /// Entry was opened again.
    #[serde(rename = "period-reopened.v1")]
    PeriodReopened {
        /// Why.
        reason: String,
    },
    /// The year's sheet was published.
    #[serde(rename = "sheet-published.v1")]
    SheetPublished {
        /// 1 for the first publication.
        number: u32,
        /// Exactly what is published.
        reports: Vec<PublishedReport>,
    },
    /// The year's sheet was published again with corrections.
    #[serde(rename = "correction-published.v1")]
    CorrectionPublished {
        /// The new publication's number.
        number: u32,
        /// Why.
        reason: String,
        /// Exactly what is published.
        reports: Vec<PublishedReport>,
        /// The reports that differ from the publication before.
        corrected: Vec<IndicatorId>,
    },
}
