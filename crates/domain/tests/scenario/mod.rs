//! Given, when, then.
//!
//! A [`Scenario`] is a world that was built by commands, with a clock that tests set. Every
//! command that it carries out is also checked for what holds of all commands: its events
//! survive the wire, fit the streams they name, fit into 64 KiB, and touch no stream whose
//! version the append would not name.

mod cast;
mod small_plan;

pub use cast::*;
pub use small_plan::*;

use std::collections::BTreeMap;

use daicho_domain::command::{
    AcceptReport, AdoptPlan, ApproveReport, ClosePeriod, EnterActual, GiveGrant, OpenAccount,
    OpenDepartment, OpenPeriod, PublishSheet, RegisterMunicipality, ReturnReport, SubmitReport,
    UnlockReport, WithdrawReport, WriteCommentary,
};
use daicho_domain::event::{Event, Provenance};
use daicho_domain::plan::PlanDraft;
use daicho_domain::report::{
    ChangeReason, Commentary, ContentHash, ReasonCode, Report, ReportCell, ReportStage, Standing,
};
use daicho_domain::sheet::{Audience, Row, Sheet};
use daicho_domain::{
    Actor, Command, Context, Fact, FiscalYear, IndicatorId, PlacementId, Rejection, StreamId, World,
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// The most bytes of one event (DESIGN §3).
const EVENT_BYTES_MAX: usize = 64 * 1024;

/// A world, the log it is the fold of, and the time.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub world: World,
    pub log: Vec<(Fact, Provenance)>,
    pub now: Timestamp,
}

/// What a command led to.
#[derive(Debug)]
#[must_use = "say what should have happened: then…"]
pub struct Outcome {
    pub result: Result<Vec<Event>, Rejection>,
    /// The streams whose versions the append would name.
    pub relied_on: BTreeMap<StreamId, Option<u64>>,
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

impl Scenario {
    /// An empty log on the first working day of R4.
    pub fn empty() -> Self {
        Self {
            world: World::default(),
            log: Vec::new(),
            now: at("2022-04-01T09:00:00+09:00"),
        }
    }

    /// A municipality with two departments and everyone in them.
    pub fn town() -> Self {
        let mut scenario = Self::empty();
        let operator = || Actor::operator("root");
        scenario.given(
            RegisterMunicipality {
                municipality: CITY,
                local_gov_code: "012262".into(),
                name: "砂川市".into(),
                demo: false,
            },
            operator(),
        );
        for (department, name) in [(COMMERCE, "商工労働観光課"), (WELFARE, "社会福祉課")]
        {
            let open = OpenDepartment {
                department,
                municipality: CITY,
                name: name.into(),
                valid_from: jiff::civil::date(2020, 4, 1),
            };
            scenario.given(open, operator());
        }
        for person in CAST {
            let account = person.account();
            let open = OpenAccount {
                account,
                municipality: CITY,
            };
            scenario.given(open, operator());
            let grant = person.grant();
            scenario.given(GiveGrant { account, grant }, operator());
        }
        scenario
    }

    /// A town that has adopted `plan` and opened R3 for entry.
    pub fn with_plan(plan: PlanDraft) -> Self {
        let mut scenario = Self::town();
        scenario.given(AdoptPlan { plan }, PLANNING);
        scenario.given(open_period(R3), PLANNING);
        scenario
    }

    /// A town with the small plan and R3 open for entry.
    pub fn open_year() -> Self {
        Self::with_plan(small_plan())
    }

    /// R3 published as number 1: [`JOBS`] went through its route, the others were adopted.
    pub fn published_year() -> Self {
        let mut scenario = Self::with_plan(plan_with_adopted_results(&[JOBS]));
        scenario.accepted(JOBS, "9");
        scenario.given(publish(None), PLANNING);
        scenario
    }

    /// A published R3 in which one cell of [`JOBS`] is open for correction.
    pub fn unlocked(cell: ReportCell) -> Self {
        let mut scenario = Self::published_year();
        scenario.given(scenario.unlock(JOBS, cell), PLANNING);
        scenario
    }

    /// Lets time pass until `moment`.
    pub fn at(&mut self, moment: &str) -> &mut Self {
        self.now = at(moment);
        self
    }

    fn decide<C: Command>(&self, command: &C, actor: Actor) -> (Outcome, Vec<Fact>) {
        let view = self.world.view();
        let context = Context {
            actor,
            now: self.now,
        };
        let result = command
            .scope(&view)
            .and_then(|_| command.decide(&view, &context));
        let relied_on = view.relied_on();
        let facts = result.as_ref().cloned().unwrap_or_default();
        let outcome = Outcome {
            result: result.map(|facts| facts.into_iter().map(|fact| fact.event).collect()),
            relied_on,
        };
        (outcome, facts)
    }

    /// Gives `command` as `actor`; what follows from it has happened.
    #[track_caller]
    pub fn when(&mut self, command: impl Command, actor: impl Into<Actor>) -> Outcome {
        let actor = actor.into();
        let (outcome, facts) = self.decide(&command, actor.clone());
        for fact in facts {
            assert!(
                outcome.relied_on.contains_key(&fact.stream),
                "{} is written, but its version was never looked at",
                fact.stream
            );
            self.record(fact, actor.clone());
        }
        outcome
    }

    #[track_caller]
    fn record(&mut self, fact: Fact, actor: Actor) {
        let position = u64::try_from(self.log.len()).unwrap();
        let data = fact.event.encode_data().unwrap();
        assert!(data.get().len() <= EVENT_BYTES_MAX, "{}", fact.event.name());
        assert_eq!(
            Event::decode(fact.event.name(), &data).unwrap(),
            fact.event,
            "an event has to survive the wire"
        );
        let provenance = Provenance {
            position,
            event_id: Uuid::from_u128(0xe000 + u128::from(position)),
            command_id: Uuid::from_u128(0xd000),
            actor,
            at: self.now,
        };
        self.world
            .apply(fact.stream, &fact.event, &provenance)
            .unwrap_or_else(|unfitting| panic!("{unfitting}"));
        self.log.push((fact, provenance));
    }

    /// Gives `command` as `actor`, which must lead to something.
    #[track_caller]
    pub fn given(&mut self, command: impl Command, actor: impl Into<Actor>) -> &mut Self {
        match self.when(command, actor).result {
            Ok(events) => assert!(!events.is_empty(), "what is given must have happened"),
            Err(rejection) => panic!("what is given must be possible: {rejection}"),
        }
        self
    }

    pub fn report(&self, indicator: IndicatorId) -> Report {
        self.standing(indicator).report
    }

    /// Where R3's report stands.
    pub fn standing(&self, indicator: IndicatorId) -> Standing {
        let state = self.world.indicator(indicator).unwrap();
        Standing::of(state, R3, self.world.period(PLAN, R3))
    }

    pub fn stage(&self, indicator: IndicatorId) -> ReportStage {
        self.standing(indicator).stage
    }

    pub fn content(&self, indicator: IndicatorId) -> ContentHash {
        self.standing(indicator).content
    }

    /// The sheet that evaluates `year`, as somebody inside reads it.
    pub fn sheet(&self, year: FiscalYear) -> Sheet {
        let plan = self.world.plan(PLAN).unwrap();
        Sheet::derive(&self.world, plan, year, Audience::Inside(&|_| true)).unwrap()
    }

    /// The row at `placement` of the sheet that evaluates `year`.
    pub fn row(&self, year: FiscalYear, placement: PlacementId) -> Row {
        let sheet = self.sheet(year);
        let found = sheet.rows().find(|it| it.row.placement == placement);
        found.unwrap().row.clone()
    }

    fn reason_if_asked_for(&self, indicator: IndicatorId) -> Option<ChangeReason> {
        let report = self.report(indicator);
        (report.was_approved || report.adoption.is_some()).then(|| reason("原票の訂正による"))
    }

    /// Enters a figure of R3, having read what stands there.
    pub fn enter(&self, indicator: IndicatorId, figure: &str) -> EnterActual {
        EnterActual {
            plan: PLAN,
            indicator,
            fiscal_year: R3,
            cell: number(figure),
            evidence: Some("令和3年度事業実績報告書".into()),
            expected_final_on: None,
            seen_revision: self.report(indicator).revision,
            reason: self.reason_if_asked_for(indicator),
        }
    }

    /// Writes R3's commentary at `placement`, having read what stands there.
    pub fn write(
        &self,
        indicator: IndicatorId,
        placement: PlacementId,
        text: &str,
    ) -> WriteCommentary {
        WriteCommentary {
            plan: PLAN,
            indicator,
            fiscal_year: R3,
            placement,
            commentary: Commentary {
                reason: text.into(),
                next_action: "引き続き実施する。".into(),
                original: None,
            },
            seen_revision: self.report(indicator).revision,
            reason: self.reason_if_asked_for(indicator),
        }
    }

    pub fn submit(&self, indicator: IndicatorId) -> SubmitReport {
        SubmitReport {
            plan: PLAN,
            indicator,
            fiscal_year: R3,
            seen_revision: self.report(indicator).revision,
        }
    }

    pub fn approve(&self, indicator: IndicatorId) -> ApproveReport {
        ApproveReport {
            plan: PLAN,
            indicator,
            fiscal_year: R3,
            content: self.content(indicator),
        }
    }

    pub fn accept(&self, indicator: IndicatorId) -> AcceptReport {
        AcceptReport {
            plan: PLAN,
            indicator,
            fiscal_year: R3,
            content: self.content(indicator),
        }
    }

    /// Unlocks `cell` of R3 for a week.
    pub fn unlock(&self, indicator: IndicatorId, cell: ReportCell) -> UnlockReport {
        UnlockReport {
            plan: PLAN,
            indicator,
            fiscal_year: R3,
            cell,
            reason: reason("担当課の申出による"),
            expires_at: self.now + SignedDuration::from_hours(24 * 7),
        }
    }

    /// Fills in what R3's report needs, as staff.
    #[track_caller]
    pub fn filled_in(&mut self, indicator: IndicatorId, figure: &str) -> &mut Self {
        if indicator != CLUB {
            self.given(self.enter(indicator, figure), STAFF);
        }
        let plan = self.world.plan(PLAN).unwrap();
        let places: Vec<_> = plan.placements_of(indicator).map(|it| it.id).collect();
        for place in places {
            self.given(self.write(indicator, place, "前年並みに推移した。"), STAFF);
        }
        self
    }

    /// Fills in and submits, as staff.
    #[track_caller]
    pub fn submitted(&mut self, indicator: IndicatorId, figure: &str) -> &mut Self {
        self.filled_in(indicator, figure);
        self.given(self.submit(indicator), STAFF)
    }

    /// Fills in, submits and approves.
    #[track_caller]
    pub fn approved(&mut self, indicator: IndicatorId, figure: &str) -> &mut Self {
        self.submitted(indicator, figure);
        self.given(self.approve(indicator), APPROVER)
    }

    /// Fills in, submits, approves and accepts.
    #[track_caller]
    pub fn accepted(&mut self, indicator: IndicatorId, figure: &str) -> &mut Self {
        self.approved(indicator, figure);
        self.given(self.accept(indicator), PLANNING)
    }

    /// Submits, approves and accepts once more.
    #[track_caller]
    pub fn gone_through_the_route_again(&mut self, indicator: IndicatorId) -> &mut Self {
        self.given(self.submit(indicator), STAFF)
            .given_approval(indicator)
            .given_acceptance(indicator)
    }

    #[track_caller]
    pub fn given_approval(&mut self, indicator: IndicatorId) -> &mut Self {
        self.given(self.approve(indicator), APPROVER)
    }

    #[track_caller]
    pub fn given_acceptance(&mut self, indicator: IndicatorId) -> &mut Self {
        self.given(self.accept(indicator), PLANNING)
    }
}

impl Outcome {
    /// Exactly these events.
    #[track_caller]
    pub fn then(self, events: impl IntoIterator<Item = Event>) {
        let expected: Vec<_> = events.into_iter().collect();
        assert_eq!(self.result.expect("the command was refused"), expected);
    }

    /// One event that `matches`.
    #[track_caller]
    pub fn then_one(self, matches: impl Fn(&Event) -> bool) {
        match self.result.expect("the command was refused").as_slice() {
            [event] => assert!(matches(event), "another event happened: {event:#?}"),
            events => panic!("one event was expected: {events:#?}"),
        }
    }

    /// A refusal that `matches`, and says something in both languages.
    #[track_caller]
    pub fn then_rejected(self, matches: impl Fn(&Rejection) -> bool) {
        let rejection = match self.result {
            Err(rejection) => rejection,
            Ok(events) => panic!("a refusal was expected, but this happened: {events:#?}"),
        };
        assert!(matches(&rejection), "another refusal: {rejection:#?}");
        assert!(!rejection.ja().is_empty() && !rejection.to_string().is_empty());
    }

    /// A refusal of the input `field`.
    #[track_caller]
    pub fn then_invalid(self, field: &str) {
        self.then_rejected(|it| matches!(it, Rejection::Invalid { field: it, .. } if it == field));
    }

    /// A refusal because of where the report stands.
    #[track_caller]
    pub fn then_wrong_stage(self, stage: ReportStage) {
        self.then_rejected(
            |it| matches!(it, Rejection::WrongStage { stage: it, .. } if *it == stage),
        );
    }

    /// Nothing: everything is already as asked.
    #[track_caller]
    pub fn then_nothing(self) {
        self.then([]);
    }

    /// These streams and no others were looked at.
    #[track_caller]
    pub fn relying_on(self, streams: impl IntoIterator<Item = StreamId>) -> Self {
        let mut expected: Vec<_> = streams.into_iter().collect();
        expected.sort();
        let actual: Vec<_> = self.relied_on.keys().copied().collect();
        assert_eq!(actual, expected);
        self
    }
}

pub fn reason(text: &str) -> ChangeReason {
    ChangeReason {
        code: ReasonCode::SourceCorrected,
        text: text.into(),
    }
}

pub fn open_period(fiscal_year: FiscalYear) -> OpenPeriod {
    OpenPeriod {
        plan: PLAN,
        fiscal_year,
        due: DUE,
    }
}

pub fn close_period() -> ClosePeriod {
    ClosePeriod {
        plan: PLAN,
        fiscal_year: R3,
    }
}

pub fn publish(reason: Option<&str>) -> PublishSheet {
    PublishSheet {
        plan: PLAN,
        fiscal_year: R3,
        reason: reason.map(Into::into),
    }
}

pub fn withdraw(indicator: IndicatorId) -> WithdrawReport {
    WithdrawReport {
        plan: PLAN,
        indicator,
        fiscal_year: R3,
    }
}

pub fn return_about(cell: ReportCell, indicator: IndicatorId) -> ReturnReport {
    ReturnReport {
        plan: PLAN,
        indicator,
        fiscal_year: R3,
        comment: "根拠資料の数字と一致しません。".into(),
        cell,
    }
}
