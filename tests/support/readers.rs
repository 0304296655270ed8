//! People who read while others write, and notice when a node forgets what it has shown.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::support::{get, post};
use super::writers::{YEAR, refusal};

const SHEET: &str = "query($plan: ID!, $year: FiscalYear!) { sheet(plan: $plan, fiscalYear: $year) { \
    title termFrom termTo years { ja column } summary { ...summary } \
    goals { id heading summary { ...summary } numericGoals { ...row } \
    policies { id heading measures { id heading projects { id title rows { ...row } } } } } } } \
    fragment cell on Cell { raw value status display unit provisional approximate flags } \
    fragment judgement on Judgement { verdict label rate rateReason difference } \
    fragment summary on Summary { projects kpis evaluable achieved notAchieved notEvaluable undecided monitorOnly \
    projectsWithoutKpi numericGoals provisional sentence } \
    fragment row on Row { placement indicator kind placementOf department { id name } direction targetVersion \
    targets { fiscalYear cell { ...cell } } actuals { fiscalYear cell { ...cell } } \
    totalTarget { ...cell } totalActual { ...cell } judgement { ...judgement } \
    judgements { fiscalYear judgement { ...judgement } } actual { cell { ...cell } evidence expectedFinalOn } \
    commentary { reason nextAction original text } stage revision content isStale isCorrected isDraftHidden }";
const HISTORY: &str = "query($plan: ID!, $indicator: ID!, $year: FiscalYear!) { \
    figureHistory(plan: $plan, indicator: $indicator, fiscalYear: $year) { position eventId commandId event kind at \
    actor { account name role grant } fiscalYear cell { kind placement } from to reason content document } }";
const PROGRESS: &str = "query($plan: ID!, $year: FiscalYear!) { progress(plan: $plan, fiscalYear: $year) { due reports done \
    late stale departments { department { id name } stages { stage count } reports done late stale } } }";
const DEPARTMENTS: &str = "query($municipality: ID!) { departments(municipality: $municipality) { id name validFrom validTo } \
    refusals(municipality: $municipality, first: 200) { position eventId at command code message } }";

/// Years of the sample city in which there is something to be seen.
const YEARS: [&str; 3] = ["R3", "R4", YEAR];

/// Somebody who reads the whole sheet, one figure's history, the progress, and the public page.
pub struct Reader {
    node: String,
    token: String,
    plan: String,
    indicator: String,
    /// Changes of the figures and entries of the history that were seen last.
    seen: [u64; 2],
    answers: u64,
    slowest: Duration,
    slowest_public_page: Duration,
    /// What was said instead of an answer, and how often.
    pub refusals: BTreeMap<String, u64>,
}

impl fmt::Display for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refused: u64 = self.refusals.values().sum();
        write!(
            f,
            "reader: {} answers, the slowest after {:.2?} (of the public page after {:.2?}), {refused} refused",
            self.answers, self.slowest, self.slowest_public_page
        )?;
        self.refusals
            .iter()
            .try_for_each(|(told, times)| write!(f, "\n  {times} times {told}"))
    }
}

impl Reader {
    /// Somebody who reads on `node`.
    pub fn new(node: &str, token: &str, plan: &str, indicator: &str) -> Self {
        Self {
            node: node.to_owned(),
            token: token.to_owned(),
            plan: plan.to_owned(),
            indicator: indicator.to_owned(),
            seen: [0; 2],
            answers: 0,
            slowest: Duration::ZERO,
            slowest_public_page: Duration::ZERO,
            refusals: BTreeMap::new(),
        }
    }

    /// Reads until it is told to stop.
    pub fn work(mut self, stop: &AtomicBool) -> Self {
        while !stop.load(Ordering::SeqCst) {
            if let Some(answer) = self.ask(SHEET) {
                let revisions = sum_of_revisions(&answer["data"]["sheet"]);
                self.has_not_forgotten(0, revisions);
            }
            if let Some(answer) = self.ask(HISTORY) {
                let entries = answer["data"]["figureHistory"].as_array();
                self.has_not_forgotten(1, entries.map_or(0, Vec::len) as u64);
            }
            self.ask(PROGRESS);
            self.look_at_the_public_page();
            sleep(Duration::from_millis(50));
        }
        self
    }

    fn ask(&mut self, query: &str) -> Option<Value> {
        let variables = json!({ "plan": self.plan, "indicator": self.indicator, "year": YEAR });
        let asked = Instant::now();
        let answer = ask(&self.node, &self.token, query, &variables);
        self.slowest = self.slowest.max(asked.elapsed());
        if answer["errors"].is_null() {
            self.answers += 1;
            return Some(answer);
        }
        *self.refusals.entry(refusal(&answer)).or_default() += 1;
        None
    }

    /// What is public can always be read.
    fn look_at_the_public_page(&mut self) {
        let asked = Instant::now();
        let page = get(&format!("{}/public/{}/R3", self.node, self.plan));
        let (status, page) = page.expect("the service answers");
        assert!(status == 200 && page.contains("41"), "{status}: {page}");
        self.slowest_public_page = self.slowest_public_page.max(asked.elapsed());
        self.answers += 1;
    }

    fn has_not_forgotten(&mut self, what: usize, seen: u64) {
        assert!(
            seen >= self.seen[what],
            "{} has shown {} and shows {seen}",
            self.node,
            self.seen[what]
        );
        self.seen[what] = seen;
    }
}

fn ask(node: &str, token: &str, query: &str, variables: &Value) -> Value {
    let body = json!({ "query": query, "variables": variables });
    post(&format!("{node}/graphql"), Some(token), body)
        .expect("the service answers")
        .1
}

fn sum_of_revisions(part: &Value) -> u64 {
    match part {
        Value::Array(parts) => parts.iter().map(sum_of_revisions).sum(),
        Value::Object(fields) => {
            let own = fields.get("revision").and_then(Value::as_u64);
            own.unwrap_or(0) + fields.values().map(sum_of_revisions).sum::<u64>()
        }
        _ => 0,
    }
}

/// Sheets, progress, histories and departments, each as one answer.
#[track_caller]
pub fn everything(
    node: &str,
    token: &str,
    plan: &str,
    municipality: &str,
    indicators: &[String],
) -> Vec<Value> {
    let mut questions = vec![(DEPARTMENTS, json!({ "municipality": municipality }))];
    for year in YEARS {
        let variables = json!({ "plan": plan, "year": year });
        questions.push((SHEET, variables.clone()));
        questions.push((PROGRESS, variables));
        questions.extend(indicators.iter().map(|indicator| {
            let variables = json!({ "plan": plan, "indicator": indicator, "year": year });
            (HISTORY, variables)
        }));
    }
    let answers = questions.iter().map(|(query, variables)| {
        let answer = ask(node, token, query, variables);
        assert!(answer["errors"].is_null(), "{}", answer["errors"]);
        answer
    });
    answers.collect()
}
