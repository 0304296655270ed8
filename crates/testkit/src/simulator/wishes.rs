//! What people ask for: mostly the next thing that has to be done, by whoever should do it, and
//! often enough something else, by somebody else, from what they read some time ago.

use std::collections::BTreeMap;

use daicho_app::{App, Caller, ReportView};
use daicho_domain::account::Grant;
use daicho_domain::command::{
    AcceptReport, AdoptPlan, ApproveReport, AssignDepartment, ChangeDueDate, ClosePeriod,
    EnterActual, GiveGrant, OpenAccount, PublishSheet, ReopenPeriod, ReturnReport, ReviseTargets,
    SetRoute, SubmitReport, UnlockReport, WithdrawGrant, WithdrawReport, WriteCommentary,
};
use daicho_domain::plan::{IndicatorKind, PlacementDraft, Statement};
use daicho_domain::report::{ChangeReason, ReasonCode, ReportCell, ReportStage};
use daicho_domain::{
    AccountId, Cell, CellStatus, DepartmentId, FiscalYear, GrantId, IndicatorId, PlacementId,
    PlanId, Role,
};
use jiff::SignedDuration;
use jiff::civil::date;

use super::asked::Asked;
use super::dice::Dice;
use super::small_city::{
    ADMINISTRATOR, CITY, COMMERCE, PLAN, Person, R3, R4, READER, REPORTED, VISITS, WELFARE,
    commentary, decision, grant, indicator, number, plan_of,
};

/// Somebody at a screen that shows what `app` says now.
pub(super) struct Wisher<'a> {
    pub dice: &'a mut Dice,
    pub app: &'a App,
    pub people: &'a [Person],
}

impl Wisher<'_> {
    /// Who asks, and for what.
    pub fn wish(&mut self) -> (Caller, Asked) {
        let indicator = if self.dice.one_in(9) {
            VISITS
        } else {
            *self.dice.pick(&REPORTED)
        };
        let year = if self.dice.one_in(12) { R4 } else { R3 };
        let reader = Caller::Account(self.people[READER].account);
        let report = self.app.report(&reader, PLAN, indicator, year).ok();
        let (who, asked) = match report {
            Some(report) if self.dice.below(100) < 75 => self.goes_on(&report),
            Some(report) if self.dice.below(100) < 60 => self.meddles(&report),
            _ => self.governs(indicator, year),
        };
        if self.dice.one_in(40) {
            return (Caller::Anonymous, asked);
        }
        let account = if self.dice.one_in(9) {
            self.dice.pick(self.people).account
        } else {
            who
        };
        (Caller::Account(account), asked)
    }

    /// Somebody with the role, the department's own where it has one.
    fn somebody(&mut self, role: Role, department: Option<DepartmentId>) -> AccountId {
        let people = self.people.iter();
        let able: Vec<_> = people
            .filter(|person| person.holds(role, department))
            .collect();
        self.dice.pick(&able).account
    }

    fn staff(&mut self, report: &ReportView) -> AccountId {
        self.somebody(Role::Staff, report.department)
    }

    fn approver(&mut self, report: &ReportView) -> AccountId {
        self.somebody(Role::Approver, report.department)
    }

    fn planning(&mut self) -> AccountId {
        self.somebody(Role::Planning, None)
    }

    /// A reason is given once it is needed, and sometimes before.
    fn reason(&mut self, report: &ReportView) -> Option<ChangeReason> {
        let needed = report.report.was_approved || report.report.adoption.is_some();
        let given = if needed {
            !self.dice.one_in(6)
        } else {
            self.dice.one_in(6)
        };
        given.then(|| ChangeReason {
            code: ReasonCode::SourceCorrected,
            text: "元データが改められたため".into(),
        })
    }

    fn seen_revision(&mut self, report: &ReportView) -> u32 {
        let stale = u32::from(self.dice.one_in(10));
        report.report.revision.saturating_sub(stale)
    }

    fn enter(&mut self, report: &ReportView) -> Asked {
        let figure = self.dice.below(2_000).to_string();
        let cell = if self.dice.one_in(12) {
            Cell::absent("—", CellStatus::NotAvailable)
        } else {
            number(&figure)
        };
        EnterActual {
            plan: PLAN,
            indicator: report.indicator.id,
            fiscal_year: report.fiscal_year,
            cell,
            evidence: self.dice.one_in(3).then(|| "調査票".into()),
            expected_final_on: None,
            seen_revision: self.seen_revision(report),
            reason: self.reason(report),
        }
        .into()
    }

    fn write(&mut self, report: &ReportView, placement: PlacementId) -> Asked {
        let text = format!("前年並み{}", self.dice.below(50));
        WriteCommentary {
            plan: PLAN,
            indicator: report.indicator.id,
            fiscal_year: report.fiscal_year,
            placement,
            commentary: commentary(&text),
            seen_revision: self.seen_revision(report),
            reason: self.reason(report),
        }
        .into()
    }

    fn some_place(&mut self, report: &ReportView) -> PlacementId {
        self.dice.pick(&report.places).placement.id
    }

    fn some_cell(&mut self, report: &ReportView) -> ReportCell {
        if report.has_figure && self.dice.one_in(2) {
            ReportCell::Actual
        } else {
            ReportCell::Commentary(self.some_place(report))
        }
    }

    /// What comes next for the report.
    fn goes_on(&mut self, report: &ReportView) -> (AccountId, Asked) {
        let (plan, indicator, fiscal_year) = (PLAN, report.indicator.id, report.fiscal_year);
        let content = report.content;
        let without_text = report
            .places
            .iter()
            .map(|place| place.placement.id)
            .find(|place| !report.report.commentary.contains_key(place));
        match report.stage {
            ReportStage::NotEntered | ReportStage::Draft | ReportStage::Returned => {
                let asked = if report.has_figure && report.report.actual.is_none() {
                    self.enter(report)
                } else if let Some(place) = without_text {
                    self.write(report, place)
                } else {
                    let seen_revision = self.seen_revision(report);
                    SubmitReport {
                        plan,
                        indicator,
                        fiscal_year,
                        seen_revision,
                    }
                    .into()
                };
                (self.staff(report), asked)
            }
            ReportStage::Submitted => {
                let approve = ApproveReport {
                    plan,
                    indicator,
                    fiscal_year,
                    content,
                };
                (self.approver(report), approve.into())
            }
            ReportStage::Approved if self.dice.one_in(3) => {
                let approve = ApproveReport {
                    plan,
                    indicator,
                    fiscal_year,
                    content,
                };
                (self.approver(report), approve.into())
            }
            ReportStage::Approved => {
                let accept = AcceptReport {
                    plan,
                    indicator,
                    fiscal_year,
                    content,
                };
                (self.planning(), accept.into())
            }
            ReportStage::Accepted if report.is_stale => {
                let approve = ApproveReport {
                    plan,
                    indicator,
                    fiscal_year,
                    content,
                };
                (self.approver(report), approve.into())
            }
            ReportStage::Accepted | ReportStage::Adopted | ReportStage::Published => {
                if report.report.unlock.is_some() {
                    let asked = match report.report.unlock.as_ref().map(|unlock| unlock.cell) {
                        Some(ReportCell::Commentary(place)) => self.write(report, place),
                        _ => self.enter(report),
                    };
                    return (self.staff(report), asked);
                }
                if report.stage == ReportStage::Published && self.dice.one_in(2) {
                    return (self.planning(), self.unlock(report));
                }
                (self.planning(), self.publish())
            }
        }
    }

    fn publish(&mut self) -> Asked {
        PublishSheet {
            plan: PLAN,
            fiscal_year: R3,
            reason: Some("訂正".into()),
        }
        .into()
    }

    fn unlock(&mut self, report: &ReportView) -> Asked {
        let days = i64::try_from(self.dice.below(20)).unwrap_or_default();
        UnlockReport {
            plan: PLAN,
            indicator: report.indicator.id,
            fiscal_year: report.fiscal_year,
            cell: self.some_cell(report),
            reason: ChangeReason {
                code: ReasonCode::ReviewComment,
                text: "指摘のため".into(),
            },
            expires_at: self.app.now() + SignedDuration::from_hours(24 * days),
        }
        .into()
    }

    /// What may be right or wrong, whatever the report's state.
    fn meddles(&mut self, report: &ReportView) -> (AccountId, Asked) {
        let (plan, indicator, fiscal_year) = (PLAN, report.indicator.id, report.fiscal_year);
        let content = report.content;
        match self.dice.below(9) {
            0 | 1 => (self.staff(report), self.enter(report)),
            2 => {
                let place = self.some_place(report);
                (self.staff(report), self.write(report, place))
            }
            3 => {
                let withdraw = WithdrawReport {
                    plan,
                    indicator,
                    fiscal_year,
                };
                (self.staff(report), withdraw.into())
            }
            4 => {
                let cell = self.some_cell(report);
                let comment = "根拠を確認してください。".to_owned();
                let asked = ReturnReport {
                    plan,
                    indicator,
                    fiscal_year,
                    comment,
                    cell,
                };
                let who = if self.dice.one_in(2) {
                    self.approver(report)
                } else {
                    self.planning()
                };
                (who, asked.into())
            }
            5 => {
                let content = "00".repeat(32).parse().unwrap_or(content);
                let approve = ApproveReport {
                    plan,
                    indicator,
                    fiscal_year,
                    content,
                };
                (self.approver(report), approve.into())
            }
            6 => {
                let accept = AcceptReport {
                    plan,
                    indicator,
                    fiscal_year,
                    content,
                };
                (self.planning(), accept.into())
            }
            7 => {
                let seen_revision = report.report.revision;
                let submit = SubmitReport {
                    plan,
                    indicator,
                    fiscal_year,
                    seen_revision,
                };
                (self.staff(report), submit.into())
            }
            _ => (self.planning(), self.unlock(report)),
        }
    }

    /// What the planning office and the administrators do.
    fn governs(&mut self, indicator: IndicatorId, fiscal_year: FiscalYear) -> (AccountId, Asked) {
        let plan = PLAN;
        let planning = self.planning();
        let administrator = self.people[ADMINISTRATOR].account;
        match self.dice.below(22) {
            0 => (planning, ClosePeriod { plan, fiscal_year }.into()),
            1..=3 => {
                let reason = "入力漏れのため".to_owned();
                (
                    planning,
                    ReopenPeriod {
                        plan,
                        fiscal_year,
                        reason,
                    }
                    .into(),
                )
            }
            4 => {
                let due = date(
                    2022,
                    7,
                    1 + i8::try_from(self.dice.below(28)).unwrap_or_default(),
                );
                let reason = "見直し".to_owned();
                (
                    planning,
                    ChangeDueDate {
                        plan,
                        fiscal_year,
                        due,
                        reason,
                    }
                    .into(),
                )
            }
            5..=7 => (planning, self.publish()),
            8 | 9 => {
                let target = self.dice.below(3_000).to_string();
                let asked = ReviseTargets {
                    plan,
                    indicator,
                    years: BTreeMap::from([(fiscal_year, number(&target))]),
                    final_target: None,
                    effective_from: fiscal_year,
                    decision: decision("目標の見直し"),
                };
                (planning, asked.into())
            }
            10 => {
                let approvals = 1 + self.dice.below(2);
                let asked = SetRoute {
                    plan,
                    approvals: (1..=approvals).map(|step| format!("承認{step}")).collect(),
                    acceptance: "企画課確認".into(),
                    decision: decision("手続の見直し"),
                };
                (planning, asked.into())
            }
            11 => {
                let department = *self.dice.pick(&[COMMERCE, WELFARE]);
                (
                    planning,
                    AssignDepartment {
                        plan,
                        indicator,
                        department,
                    }
                    .into(),
                )
            }
            12..=14 => (planning, self.adopt()),
            15 => {
                let account = AccountId(self.dice.uuid());
                let municipality = CITY;
                (
                    administrator,
                    OpenAccount {
                        account,
                        municipality,
                    }
                    .into(),
                )
            }
            16 | 17 => (administrator, self.withdraw_grant()),
            _ => (administrator, self.give_grant()),
        }
    }

    /// A further plan: many events at once.
    fn adopt(&mut self) -> Asked {
        let indicators: Vec<_> = (0..2 + self.dice.below(3))
            .map(|_| indicator(IndicatorId(self.dice.uuid()), COMMERCE, Some("5")))
            .collect();
        let places = indicators
            .iter()
            .map(|indicator| PlacementDraft {
                id: PlacementId(self.dice.uuid()),
                indicator: indicator.id,
                kind: IndicatorKind::NumericGoal,
                statement: Statement {
                    expression: "指標".into(),
                    baseline: None,
                    final_target: None,
                    no_kpi_reason: None,
                },
                source_line: None,
            })
            .collect();
        let (plan, goal) = (PlanId(self.dice.uuid()), self.dice.uuid());
        AdoptPlan {
            plan: plan_of(plan, goal, places, indicators),
        }
        .into()
    }

    /// Takes a role from somebody; who reads and who gives roles keep theirs.
    fn withdraw_grant(&mut self) -> Asked {
        let person = match self.dice.below(self.people.len()) {
            READER | ADMINISTRATOR => &self.people[0],
            other => &self.people[other],
        };
        WithdrawGrant {
            account: person.account,
            grant: self.dice.pick(&person.grants).id,
            reason: "異動のため".into(),
        }
        .into()
    }

    /// Gives back what somebody had, for a while or for good.
    fn give_grant(&mut self) -> Asked {
        let person = self.dice.pick(self.people);
        let before = self.dice.pick(&person.grants);
        let given = Grant {
            until: self.dice.one_in(3).then(|| date(2022, 6, 15)),
            ..grant(
                self.dice.uuid(),
                before.role,
                before.department,
                before.on_behalf_of,
            )
        };
        // Sometimes under the id of a grant that is there.
        let id = if self.dice.one_in(4) {
            before.id
        } else {
            GrantId(given.id.0)
        };
        GiveGrant {
            account: person.account,
            grant: Grant { id, ..given },
        }
        .into()
    }
}
