//! Every event as it stands in logs: one file per name in `golden/`, kept for ever.
//!
//! `DAICHO_BLESS=1` writes files that are missing. It never overwrites one: a changed shape
//! needs a new version of the name, and the old file has to go on decoding.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use daicho_domain::account::Grant;
use daicho_domain::cell::{Cell, CellFlag, CellStatus};
use daicho_domain::command::Subject;
use daicho_domain::indicator::{
    Aggregation, Baseline, Basis, Definition, Direction, FinalTarget, PeriodKind, TargetChange,
    TargetVersion,
};
use daicho_domain::period::PublishedReport;
use daicho_domain::plan::{
    FieldRef, Goal, IndicatorKind, LayoutCell, LayoutLine, Measure, Placement, Policy,
    PrintedSubtotal, Project, Route, Statement, SubtotalScope,
};
use daicho_domain::report::{Actual, Commentary, ContentHash, ReportCell};
use daicho_domain::{DocumentId, Event, Role};
use jiff::civil::date;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::scenario::*;

fn golden() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn names_in_folder() -> BTreeSet<String> {
    fs::read_dir(golden())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|file| file.strip_suffix(".json").unwrap().to_owned())
        .collect()
}

/// The names that this version decodes, as serde lists them when it is given another one.
fn names_that_decode() -> BTreeSet<String> {
    let nothing = RawValue::from_string("{}".into()).unwrap();
    let refusal = Event::decode("no-such-event", &nothing)
        .unwrap_err()
        .to_string();
    let names: BTreeSet<_> = refusal
        .split('`')
        .filter(|part| part.contains(".v"))
        .map(str::to_owned)
        .collect();
    assert!(
        !names.is_empty(),
        "serde words it differently now: {refusal}"
    );
    names
}

const DOCUMENT: DocumentId = DocumentId(Uuid::from_u128(0x51));

fn content() -> ContentHash {
    "0123456789abcdef".repeat(4).parse().unwrap()
}

fn actual(figure: &str) -> Actual {
    Actual {
        cell: number(figure)
            .with_unit("千人")
            .with_provisional(true)
            .with_approximate(true)
            .with_flag(CellFlag::UnitInCell)
            .with_flag(CellFlag::FullWidth)
            .with_flag(CellFlag::ThousandsSeparator),
        evidence: Some("観光入込客数調査".into()),
        expected_final_on: Some(date(2022, 10, 1)),
    }
}

fn pending() -> Actual {
    Actual {
        cell: Cell::absent("集計中", CellStatus::Pending),
        evidence: None,
        expected_final_on: None,
    }
}

fn commentary(reason: &str) -> Commentary {
    Commentary {
        reason: reason.into(),
        next_action: "周遊を促す。".into(),
        original: None,
    }
}

fn final_target() -> FinalTarget {
    FinalTarget {
        cell: number("1,800").with_unit("千人"),
        basis_label: "令和7年".into(),
        basis: Some(Basis::FinalYear),
    }
}

fn target_version(version: u32) -> TargetVersion {
    TargetVersion {
        number: version,
        years: BTreeMap::from([
            (R3, number("1,627")),
            (R4, Cell::absent("—", CellStatus::NotSet)),
        ]),
        final_target: Some(final_target()),
        total: Some(Cell::absent("", CellStatus::NotSummable)),
        effective_from: R3,
        decision: decision("中間見直し"),
    }
}

fn published() -> Vec<PublishedReport> {
    vec![PublishedReport {
        indicator: TOURISTS,
        content: content(),
    }]
}

fn placement() -> Placement {
    Placement {
        id: TOURISTS_AT_PROJECT,
        indicator: TOURISTS,
        goal: GOAL,
        project: Some(TOURISM_PROJECT),
        kind: IndicatorKind::Kpi,
        statement: Statement {
            expression: "観光入込客数 1,533千人(令和元年度)→1,800千人(令和7年)".into(),
            baseline: Some(Baseline {
                cell: number("1,533").with_unit("千人"),
                period_label: "令和元年度".into(),
                period_kind: Some(PeriodKind::FiscalYear),
                from: Some(2019),
                to: Some(2019),
                years: Some(1),
            }),
            final_target: Some(final_target()),
            no_kpi_reason: None,
        },
        source_line: Some(12),
    }
}

fn layout() -> Vec<LayoutLine> {
    let shows = |text: &str, field| LayoutCell {
        text: text.into(),
        field,
    };
    vec![
        LayoutLine(vec![
            shows("小計(事業数:3、KPI数:2)", None),
            shows(
                "1,627",
                Some(FieldRef::Target {
                    placement: TOURISTS_AT_PROJECT,
                    fiscal_year: R3,
                }),
            ),
            shows(
                "902.9",
                Some(FieldRef::Actual {
                    placement: TOURISTS_AT_PROJECT,
                    fiscal_year: R3,
                }),
            ),
            shows(
                "減少した。",
                Some(FieldRef::Commentary {
                    placement: TOURISTS_AT_PROJECT,
                }),
            ),
        ]),
        LayoutLine(Vec::new()),
    ]
}

/// One of each.
fn samples() -> Vec<Event> {
    let mut samples = of_the_municipality();
    samples.extend(of_the_plan());
    samples.extend(of_the_report());
    samples.extend(of_the_period());
    samples
}

fn of_the_municipality() -> Vec<Event> {
    vec![
        Event::MunicipalityRegistered {
            municipality: CITY,
            local_gov_code: "012262".into(),
            name: "砂川市".into(),
            demo: true,
        },
        Event::DepartmentOpened {
            department: COMMERCE,
            municipality: CITY,
            name: "商工労働観光課".into(),
            valid_from: date(2020, 4, 1),
        },
        Event::DepartmentRenamed {
            previous: "商工労働観光課".into(),
            name: "経済部商工観光課".into(),
        },
        Event::DepartmentClosed {
            valid_to: date(2023, 3, 31),
        },
        Event::AccountOpened {
            account: STAFF.account(),
            municipality: CITY,
        },
        Event::GrantGiven {
            grant: Grant {
                role: Role::Approver,
                until: Some(date(2023, 3, 31)),
                on_behalf_of: Some(APPROVER.account()),
                ..STAFF.grant()
            },
        },
        Event::GrantWithdrawn {
            grant: STAFF.grant().id,
            reason: "異動".into(),
        },
        Event::AccountDisabled {
            reason: "退職".into(),
        },
        Event::CredentialsChanged {
            account: STAFF.account(),
        },
        Event::SignedIn {
            through: "page".into(),
        },
        Event::SignedOut {
            through: "api".into(),
        },
        Event::CommandRefused {
            command: "approve_report".into(),
            subject: Subject {
                municipality: Some(CITY),
                plan: Some(PLAN),
                fiscal_year: Some(R3),
                indicator: Some(TOURISTS),
                department: Some(COMMERCE),
                account: Some(STAFF.account()),
            },
            code: "separation_of_duties".into(),
            message: "ask a colleague to approve it".into(),
        },
    ]
}

fn of_the_plan() -> Vec<Event> {
    vec![
        Event::PlanAdopted {
            plan: PLAN,
            municipality: CITY,
            title: "第2期総合戦略".into(),
            term_from: R3,
            term_to: R7,
            decision: decision("第2期の策定"),
            route: Route::two_steps(),
        },
        Event::GoalAdded {
            goal: Goal {
                id: GOAL,
                number: "1".into(),
                title: "安定した雇用を創出する".into(),
                policies: Vec::new(),
            },
        },
        Event::PolicyAdded {
            goal: GOAL,
            policy: Policy {
                id: POLICY,
                number: "(1)".into(),
                title: "人材育成・雇用対策".into(),
                measures: Vec::new(),
            },
        },
        Event::MeasureAdded {
            goal: GOAL,
            policy: POLICY,
            measure: Measure {
                id: MEASURE,
                number: "①".into(),
                title: "就労支援".into(),
                projects: Vec::new(),
            },
        },
        Event::ProjectAdded {
            measure: MEASURE,
            project: Project {
                id: TOURISM_PROJECT,
                title: "観光振興事業".into(),
            },
        },
        Event::IndicatorPlaced {
            placement: placement(),
        },
        Event::RouteSet {
            route: Route {
                version: 2,
                approvals: vec!["係長承認".into(), "課長承認".into()],
                acceptance: "企画課確認".into(),
            },
            decision: decision("承認経路の見直し"),
        },
        Event::DocumentImported {
            document: DOCUMENT,
            file_name: "r3.tsv".into(),
            sha256: "00".repeat(32),
            encoding: "Shift_JIS".into(),
            byte_order_mark: false,
            line_ending: "\r\n".into(),
            ends_with_line_ending: true,
            evaluated_year: R3,
            subtotals: vec![
                PrintedSubtotal {
                    line: 48,
                    scope: SubtotalScope::Goal(GOAL),
                    projects: 9,
                    kpis: 8,
                },
                PrintedSubtotal {
                    line: 175,
                    scope: SubtotalScope::Plan,
                    projects: 52,
                    kpis: 46,
                },
            ],
        },
        Event::LayoutRecorded {
            document: DOCUMENT,
            lines: layout(),
        },
        Event::IndicatorDefined {
            indicator: TOURISTS,
            plan: PLAN,
            definition: Definition {
                name: "観光入込客数".into(),
                unit: Some("千人".into()),
                aggregation: Aggregation::Sum,
                cycle_years: Some(3),
            },
        },
        Event::DepartmentAssigned {
            previous: Some(WELFARE),
            department: COMMERCE,
        },
        Event::DirectionDecided {
            decision: direction(Direction::Higher),
        },
        Event::TargetsSet {
            targets: target_version(1),
        },
        Event::TargetsRevised {
            targets: target_version(2),
            changes: vec![
                TargetChange {
                    fiscal_year: Some(R3),
                    previous: None,
                    revised: Some(number("1,627")),
                },
                TargetChange {
                    fiscal_year: None,
                    previous: Some(number("1,700")),
                    revised: None,
                },
            ],
        },
    ]
}

fn of_the_report() -> Vec<Event> {
    let fiscal_year = R3;
    let placement = TOURISTS_AT_PROJECT;
    vec![
        Event::FigureAdopted {
            fiscal_year,
            actual: Some(actual("902.9")),
            printed_total: Some(number("902.9")),
            document: Some(DOCUMENT),
        },
        Event::CommentaryAdopted {
            fiscal_year,
            placement,
            commentary: Commentary::from_original("原本のとおり"),
        },
        Event::ActualEntered {
            fiscal_year,
            actual: pending(),
        },
        Event::ActualRevised {
            fiscal_year,
            previous: pending(),
            revised: actual("902.9"),
            reason: Some(reason("確定した")),
        },
        Event::ActualCorrected {
            fiscal_year,
            previous: actual("902.9"),
            corrected: actual("903.0"),
            reason: reason("転記を誤った"),
        },
        Event::CommentaryWritten {
            fiscal_year,
            placement,
            commentary: commentary("減少した。"),
        },
        Event::CommentaryRevised {
            fiscal_year,
            placement,
            previous: commentary("減少した。"),
            revised: commentary("外出の自粛により減少した。"),
            reason: Some(reason("指摘による")),
        },
        Event::ReportSubmitted {
            fiscal_year,
            content: content(),
            route_version: 1,
            late: true,
        },
        Event::ReportWithdrawn { fiscal_year },
        Event::ReportReturned {
            fiscal_year,
            comment: "根拠資料と一致しません。".into(),
            cell: ReportCell::Commentary(placement),
        },
        Event::ReportApproved {
            fiscal_year,
            step: 0,
            step_name: "課長承認".into(),
            content: content(),
            target_version: Some(1),
            rule_version: 1,
        },
        Event::ReportAccepted {
            fiscal_year,
            step: 1,
            step_name: "企画課確認".into(),
            content: content(),
            target_version: None,
            rule_version: 1,
        },
        Event::ReportUnlocked {
            fiscal_year,
            cell: ReportCell::Actual,
            reason: reason("担当課の申出による"),
            expires_at: at("2022-09-30T14:59:59Z"),
        },
    ]
}

fn of_the_period() -> Vec<Event> {
    vec![
        Event::PeriodOpened {
            plan: PLAN,
            fiscal_year: R3,
            due: DUE,
        },
        Event::PeriodDueChanged {
            previous: DUE,
            due: date(2022, 6, 30),
            reason: "決算の遅れによる".into(),
        },
        Event::PeriodClosed {},
        Event::PeriodReopened {
            reason: "入力漏れのため".into(),
        },
        Event::SheetPublished {
            number: 1,
            reports: published(),
        },
        Event::CorrectionPublished {
            number: 2,
            reason: "転記誤り".into(),
            reports: published(),
            corrected: vec![TOURISTS],
        },
    ]
}

#[test]
fn every_event_stands_in_its_file_and_is_read_back_the_same() {
    for event in samples() {
        let path = golden().join(format!("{}.json", event.name()));
        let text = serde_json::to_string_pretty(&event).unwrap() + "\n";
        if std::env::var_os("DAICHO_BLESS").is_some_and(|it| it == "1") && !path.exists() {
            fs::write(&path, &text).unwrap();
        }
        let recorded = fs::read_to_string(&path).unwrap_or_else(|error| {
            panic!("{}: {error}; DAICHO_BLESS=1 writes it", path.display())
        });
        assert_eq!(
            recorded,
            text,
            "{} is kept for ever: give the new shape a new version",
            event.name()
        );
        assert_eq!(serde_json::from_str::<Event>(&recorded).unwrap(), event);
    }
}

#[test]
fn every_event_is_decoded_from_its_name_and_its_data() {
    for event in samples() {
        let data = event.encode_data().unwrap();
        assert_eq!(Event::decode(event.name(), &data).unwrap(), event);
    }
}

#[test]
fn no_event_lacks_a_sample() {
    let sampled: BTreeSet<_> = samples().iter().map(|it| it.name().to_owned()).collect();
    assert_eq!(sampled, names_that_decode());
    assert_eq!(sampled.len(), samples().len(), "one sample of each");
}

#[test]
fn the_list_of_names_lacks_none() {
    let listed: BTreeSet<_> = Event::NAMES.map(str::to_owned).into();
    assert_eq!(listed.len(), Event::NAMES.len());
    assert_eq!(listed, names_that_decode());
}

#[test]
fn no_file_lacks_an_event() {
    let files = names_in_folder();
    let names = names_that_decode();
    let unknown: Vec<_> = files.difference(&names).collect();
    assert!(
        unknown.is_empty(),
        "these no longer decode, but logs may hold them: {unknown:?}"
    );
    let missing: Vec<_> = names.difference(&files).collect();
    assert!(missing.is_empty(), "no file stands for these: {missing:?}");
}

#[test]
fn a_field_that_is_missing_does_not_decode() {
    let data = RawValue::from_string(r#"{"fiscal_year":2021}"#.into()).unwrap();
    assert!(Event::decode("actual-entered.v1", &data).is_err());
}
