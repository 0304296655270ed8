//! How a run ends: everybody gets an answer, and the evidence is gathered.

use std::time::Duration;

use daicho_app::Caller;
use daicho_eventlog::{EventLog, GlobalPosition};
use futures::FutureExt;

use super::super::SimulationReport;
use super::super::node::Node;
use super::super::small_city::{PLAN, R3, R4, READER, small_city};
use super::{Run, gave_up};
use crate::auditor::{Answer, Attempt, Evidence, Finding, Reading};

/// Steps after which a run that does not come to rest is stuck.
const QUIET_STEPS_MAX: usize = 20_000;

impl Run {
    /// No more failures: the log runs, the nodes are up, every command gets its answer, every
    /// notification arrives.
    pub(super) async fn come_to_rest(&mut self) -> Result<(), Finding> {
        self.is_calm = true;
        self.tell("from here on nothing fails");
        self.repair();
        for _ in 0..QUIET_STEPS_MAX {
            self.time_passes();
            self.timers_go_on().await;
            match self.dice.below(10) {
                0..5 => self.work_on_a_task()?,
                5 => self.flush(),
                6 => self.somebody_sends_something(),
                number => {
                    let node = number % self.nodes.len();
                    self.notify(node);
                    self.tend(node)?;
                }
            }
            let all_up = self.nodes.iter().all(|node| node.app().is_some());
            if all_up
                && self.tasks.is_empty()
                && self.again.is_empty()
                && self.storage.queued().0 == 0
            {
                return self.let_everybody_hear().await;
            }
        }
        let open = self.requests.iter().filter(|request| !request.is_answered);
        let open: Vec<_> = open.map(|request| request.name).collect();
        Err(gave_up(format!(
            "after {QUIET_STEPS_MAX} quiet steps these commands have no answer: {}",
            open.join(", ")
        )))
    }

    async fn let_everybody_hear(&mut self) -> Result<(), Finding> {
        for node in 0..self.nodes.len() {
            self.notify(node);
            // Whoever waits after an error does not wait as long as this.
            tokio::time::advance(Duration::from_secs(60)).await;
            for _ in 0..40 {
                self.tend(node)?;
            }
        }
        Ok(())
    }

    /// What waits for a timer, as a service does before it tries again.
    pub(super) async fn timers_go_on(&mut self) {
        if self.dice.one_in(16) {
            tokio::time::advance(Duration::from_millis(250)).await;
        }
    }

    pub(super) fn evidence(&self) -> Evidence {
        let log = self.storage.visible();
        let stored = log
            .read_stored(GlobalPosition(0), usize::MAX)
            .now_or_never();
        let tree = log.tree_head().now_or_never();
        let (Some(Ok(stored)), Some(Ok(tree))) = (stored, tree) else {
            return Evidence::default();
        };
        Evidence {
            stored,
            tree_size: tree.size,
            tree_root: tree.root.0,
            sent: self.sent.clone(),
            readings: Vec::new(),
        }
    }

    /// The sheets as the auditor's account reads them on each node.
    pub(super) fn readings(&self) -> Result<Vec<Reading>, Finding> {
        let reader = Caller::Account(self.people[READER].account);
        let read = |(node, running): (usize, &Node)| {
            let app = running.app().ok_or_else(|| gave_up("a node is not up"))?;
            let sheet = |year| {
                let sheet = app.sheet(&reader, PLAN, year).map_err(gave_up)?;
                serde_json::to_value(&sheet).map_err(gave_up)
            };
            let sheets = vec![sheet(R3)?, sheet(R4)?];
            Ok(Reading {
                node,
                position: app
                    .position()
                    .map(|position| position.to_string().parse().map_err(gave_up))
                    .transpose()?,
                sheets,
            })
        };
        self.nodes.iter().enumerate().map(read).collect()
    }

    pub(super) fn report(mut self, evidence: &Evidence) -> SimulationReport {
        self.counts.events = evidence.tree_size;
        for sent in &self.sent[small_city().sent.len()..] {
            let ended = |attempt: &Attempt, is_it: fn(&Answer) -> bool| match &attempt.answer {
                Some((answer, _, ended)) if is_it(answer) => Some(*ended),
                _ => None,
            };
            let done: Vec<_> = sent
                .attempts
                .iter()
                .filter_map(|it| {
                    ended(it, |answer| {
                        matches!(answer, Answer::Done { events: 1.., .. })
                    })
                })
                .collect();
            let refused = sent
                .attempts
                .iter()
                .filter_map(|it| ended(it, |answer| matches!(answer, Answer::Refused(_))))
                .max();
            if let Some(first_done) = done.iter().min() {
                self.counts.carried_out += 1;
                match sent.action.as_str() {
                    "approve_report" => self.counts.approvals += 1,
                    "adopt_plan" => self.counts.adopted_plans += 1,
                    "publish_sheet" => self.counts.publications += 1,
                    _ => {}
                }
                if refused.is_some_and(|refused| refused > *first_done) {
                    self.counts.refused_beside_success += 1;
                }
            }
        }
        for bytes in &evidence.stored {
            let corrected = b"\"type\":\"correction-published.v1\"";
            if bytes
                .windows(corrected.len())
                .any(|window| window == corrected)
            {
                self.counts.corrections += 1;
            }
        }
        SimulationReport {
            seed: self.seed,
            counts: self.counts,
            root: hex::encode(evidence.tree_root),
        }
    }
}
