//! Who acts on what in the story.

use daicho_app::{App, Caller, CommandId};
use daicho_domain::command::{
    AcceptReport, ApproveReport, EnterActual, SubmitReport, WriteCommentary,
};
use daicho_domain::report::{ChangeReason, Commentary, ContentHash};
use daicho_domain::{
    AccountId, Cell, Command, FiscalYear, IndicatorId, MunicipalityId, PlacementId, PlanId, Role,
};
use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use super::StoryError;
use crate::numbers::SplitMix;
use crate::people::Person;
use crate::surroundings::StoryClock;

/// An indicator with what the sheet holds for the first year.
#[derive(Clone, Debug)]
pub(crate) struct ReportData {
    /// Line of the sheet of the first place.
    pub line: u64,
    pub indicator: IndicatorId,
    pub department: String,
    pub unit: Option<String>,
    /// The first year's figure; none for a project without KPI.
    pub actual: Option<Cell>,
    /// The second year's target.
    pub next_target: Option<Cell>,
    /// Places with the first year's text.
    pub texts: Vec<(PlacementId, String)>,
}

pub(crate) struct Cast<'a> {
    pub app: &'a App,
    pub clock: &'a StoryClock,
    pub numbers: SplitMix,
    pub municipality: MunicipalityId,
    pub plan: PlanId,
    pub people: Vec<Person>,
    pub reports: Vec<ReportData>,
}

/// A text in its two parts: why, and what next.
pub(crate) fn commentary(text: &str) -> Commentary {
    let (reason, next_action) = match text.split_once('。') {
        Some((first, rest)) if !rest.is_empty() => (format!("{first}。"), rest.to_owned()),
        _ => (text.to_owned(), String::new()),
    };
    Commentary {
        reason,
        next_action,
        original: None,
    }
}

impl Cast<'_> {
    /// The account that signs in as `name`.
    pub fn account(&self, name: &str) -> Result<AccountId, StoryError> {
        self.people
            .iter()
            .find(|person| person.sign_in_name == name)
            .map(|person| person.account)
            .ok_or_else(|| StoryError::Documents(format!("nobody is called {name}")))
    }

    /// Whoever has `role` for the department of `report`.
    pub fn of(&self, report: &ReportData, role: Role) -> Result<AccountId, StoryError> {
        self.people
            .iter()
            .find(|person| {
                person.duty.role == role
                    && person.duty.department.as_deref() == Some(&report.department)
            })
            .map(|person| person.account)
            .ok_or_else(|| StoryError::Documents(format!("{} has no {role}", report.department)))
    }

    /// Goes to a time of day (Japan) of `day`.
    pub fn go_to(&self, day: Date, hour: i8, minute: i8) {
        if let Ok(moment) = Offset::constant(9).to_timestamp(day.at(hour, minute, 0, 0)) {
            self.clock.go_to(moment);
        }
    }

    /// Lets some minutes pass.
    pub fn pass_some_minutes(&mut self) {
        let seconds = self.numbers.between(40, 400);
        self.clock.pass(SignedDuration::from_secs(
            i64::try_from(seconds).unwrap_or(60),
        ));
    }

    /// Carries a command out for an account.
    pub async fn does<C: Command>(
        &mut self,
        account: AccountId,
        command: C,
    ) -> Result<(), StoryError> {
        self.pass_some_minutes();
        self.does_as(&Caller::Account(account), command).await
    }

    /// Carries a command out.
    pub async fn does_as<C: Command>(&self, caller: &Caller, command: C) -> Result<(), StoryError> {
        let id = CommandId(self.app.new_id());
        match self.app.handle(caller, command, id).await {
            Ok(_) => Ok(()),
            Err(source) => Err(StoryError::Refused {
                doing: C::ACTION.name().replace('_', " "),
                source,
            }),
        }
    }

    /// Tries what must be refused; the refusal is on record afterwards.
    pub async fn is_refused<C: Command>(
        &mut self,
        account: AccountId,
        command: C,
    ) -> Result<(), StoryError> {
        self.pass_some_minutes();
        let id = CommandId(self.app.new_id());
        match self
            .app
            .handle(&Caller::Account(account), command, id)
            .await
        {
            Err(daicho_app::AppError::Refused(_)) => Ok(()),
            Err(source) => Err(StoryError::Refused {
                doing: C::ACTION.name().replace('_', " "),
                source,
            }),
            Ok(_) => Err(StoryError::Documents(format!(
                "'{}' was to be refused and was not",
                C::ACTION.name()
            ))),
        }
    }

    fn report_now(
        &self,
        report: &ReportData,
        year: FiscalYear,
        reader: AccountId,
    ) -> Result<daicho_app::ReportView, StoryError> {
        self.app
            .report(&Caller::Account(reader), self.plan, report.indicator, year)
            .map_err(|source| StoryError::Refused {
                doing: "read a report".into(),
                source,
            })
    }

    /// The revision that the report has now.
    pub fn revision(
        &self,
        report: &ReportData,
        year: FiscalYear,
        reader: AccountId,
    ) -> Result<u32, StoryError> {
        Ok(self.report_now(report, year, reader)?.report.revision)
    }

    /// The content that stands now.
    pub fn content(
        &self,
        report: &ReportData,
        year: FiscalYear,
        reader: AccountId,
    ) -> Result<ContentHash, StoryError> {
        Ok(self.report_now(report, year, reader)?.content)
    }

    /// Enters a figure.
    pub async fn enters(
        &mut self,
        report: &ReportData,
        year: FiscalYear,
        cell: Cell,
        evidence: Option<&str>,
        expected_final_on: Option<Date>,
        reason: Option<ChangeReason>,
    ) -> Result<(), StoryError> {
        let staff = self.of(report, Role::Staff)?;
        let command = EnterActual {
            plan: self.plan,
            indicator: report.indicator,
            fiscal_year: year,
            cell,
            evidence: evidence.map(str::to_owned),
            expected_final_on,
            seen_revision: self.revision(report, year, staff)?,
            reason,
        };
        self.does(staff, command).await
    }

    /// Writes commentary at every place.
    pub async fn writes(
        &mut self,
        report: &ReportData,
        year: FiscalYear,
        text: impl Fn(&str) -> Commentary,
    ) -> Result<(), StoryError> {
        let staff = self.of(report, Role::Staff)?;
        for (placement, given) in &report.texts {
            let command = WriteCommentary {
                plan: self.plan,
                indicator: report.indicator,
                fiscal_year: year,
                placement: *placement,
                commentary: text(given),
                seen_revision: self.revision(report, year, staff)?,
                reason: None,
            };
            self.does(staff, command).await?;
        }
        Ok(())
    }

    /// Submits what was entered.
    pub async fn submits(
        &mut self,
        report: &ReportData,
        year: FiscalYear,
    ) -> Result<(), StoryError> {
        let staff = self.of(report, Role::Staff)?;
        let seen_revision = self.revision(report, year, staff)?;
        self.does(
            staff,
            SubmitReport {
                plan: self.plan,
                indicator: report.indicator,
                fiscal_year: year,
                seen_revision,
            },
        )
        .await
    }

    /// Approves what was submitted.
    pub async fn approves(
        &mut self,
        report: &ReportData,
        year: FiscalYear,
    ) -> Result<(), StoryError> {
        let approver = self.of(report, Role::Approver)?;
        let content = self.content(report, year, approver)?;
        self.does(
            approver,
            ApproveReport {
                plan: self.plan,
                indicator: report.indicator,
                fiscal_year: year,
                content,
            },
        )
        .await
    }

    /// Accepts what was approved.
    pub async fn accepts(
        &mut self,
        report: &ReportData,
        year: FiscalYear,
    ) -> Result<(), StoryError> {
        let planning = self.account("planning")?;
        let content = self.content(report, year, planning)?;
        self.does(
            planning,
            AcceptReport {
                plan: self.plan,
                indicator: report.indicator,
                fiscal_year: year,
                content,
            },
        )
        .await
    }

    /// The report whose first place is at `line` of the sheet.
    pub fn at_line(&self, line: u64) -> Result<ReportData, StoryError> {
        self.reports
            .iter()
            .find(|report| report.line == line)
            .cloned()
            .ok_or_else(|| {
                StoryError::Documents(format!("the sheet has no indicator at line {line}"))
            })
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.app.now()
    }
}
