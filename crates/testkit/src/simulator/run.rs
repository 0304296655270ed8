//! One run: chance decides what happens next, one small step at a time, until everybody has
//! what they asked for and everything is quiet; then comes the auditor.

mod ending;
mod failures;

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use daicho_app::{AppError, Caller, Clock, CommandId, Done};
use daicho_domain::Rejection;
use futures::future::LocalBoxFuture;
use futures::task::noop_waker_ref;
use jiff::SignedDuration;

use super::asked::Asked;
use super::dice::Dice;
use super::faulty_log::{Condition, NODES, Storage};
use super::node::{Life, Node};
use super::small_city::{Person, SET_UP_AT, giver, people, small_city};
use super::wishes::Wisher;
use super::{Counts, PlantedBug, SimulationFailure, SimulationReport};
use crate::auditor::{Answer, Attempt, Evidence, Finding, Sent, audit};

/// Commands that are given in a run, those sent again not counted.
const COMMANDS: u64 = 110;
/// Commands under way at a time.
const UNDER_WAY_MAX: usize = 5;
/// The steps that a failure shows.
const STEPS_SHOWN: usize = 20;

/// A command with its giver, kept to be sent again.
struct Request {
    caller: Caller,
    name: &'static str,
    asked: Asked,
    id: CommandId,
    /// Something certain was answered.
    is_answered: bool,
}

/// A command under way on a node.
struct Task {
    request: usize,
    attempt: usize,
    node: usize,
    handling: LocalBoxFuture<'static, Result<Done, AppError>>,
}

pub(super) struct Run {
    seed: u64,
    planted: Option<PlantedBug>,
    dice: Dice,
    storage: Arc<Storage>,
    /// Log and service are one process, and the only one: when one stops, both stop. Otherwise
    /// two nodes share a log, and live on when it is gone for a while.
    is_embedded: bool,
    nodes: Vec<Node>,
    people: Vec<Person>,
    requests: Vec<Request>,
    /// What the auditor gets; the city's own commands come first.
    sent: Vec<Sent>,
    again: Vec<usize>,
    tasks: Vec<Task>,
    /// Steps so far.
    now: u64,
    counts: Counts,
    steps: VecDeque<String>,
    /// Nothing fails any more: what is open is brought to an end.
    is_calm: bool,
    /// With the planted bug: the node that is not told anything any more.
    deaf: Option<usize>,
}

fn poll<T>(future: &mut LocalBoxFuture<'static, T>) -> Poll<T> {
    future
        .as_mut()
        .poll(&mut Context::from_waker(noop_waker_ref()))
}

/// Drives `future` with timers that only go when they are told to.
fn in_no_time<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without input and output can always be made")
        // A run is one long poll: it is not asked to let others go first.
        .block_on(tokio::task::unconstrained(future))
}

fn gave_up(error: impl std::fmt::Display) -> Finding {
    Finding::ServiceGaveUp(error.to_string())
}

impl Run {
    pub fn new(seed: u64, planted: Option<PlantedBug>) -> Self {
        let city = small_city();
        let mut dice = Dice::new(seed);
        let starts_at = SET_UP_AT + SignedDuration::from_hours(24 * 30);
        let is_embedded = dice.one_in(2);
        let nodes = (0..if is_embedded { 1 } else { NODES })
            .map(|number| {
                let skew = i64::try_from(dice.below(600_000)).unwrap_or_default();
                Node::new(number, starts_at + SignedDuration::from_millis(skew), seed)
            })
            .collect();
        Self {
            seed,
            planted,
            storage: Storage::holding(&city.appends, planted),
            is_embedded,
            dice,
            nodes,
            people: people(),
            requests: Vec::new(),
            sent: city.sent.clone(),
            again: Vec::new(),
            tasks: Vec::new(),
            now: 0,
            counts: Counts::default(),
            steps: VecDeque::new(),
            is_calm: false,
            deaf: None,
        }
    }

    /// Plays and audits. What the auditor finds in the log says more than how the run ended.
    pub fn play(mut self) -> Result<SimulationReport, SimulationFailure> {
        let ended = in_no_time(self.go());
        let evidence = self.evidence();
        let readings = ended.is_ok().then(|| self.readings()).transpose();
        let audited = readings.and_then(|readings| {
            audit(&Evidence {
                readings: readings.unwrap_or_default(),
                ..evidence.clone()
            })
        });
        match audited.and(ended) {
            Ok(()) => Ok(self.report(&evidence)),
            Err(finding) => Err(SimulationFailure {
                seed: self.seed,
                planted: self.planted,
                finding: Box::new(finding),
                steps: self.steps.into(),
            }),
        }
    }

    fn tell(&mut self, step: impl Into<String>) {
        if self.steps.len() == STEPS_SHOWN {
            self.steps.pop_front();
        }
        self.steps
            .push_back(format!("{:>5} {}", self.now, step.into()));
    }

    async fn go(&mut self) -> Result<(), Finding> {
        for node in 0..self.nodes.len() {
            self.start(node);
        }
        while self.counts.commands < COMMANDS {
            self.step()?;
            self.timers_go_on().await;
        }
        self.come_to_rest().await
    }

    fn step(&mut self) -> Result<(), Finding> {
        self.time_passes();
        match self.dice.below(1_000) {
            0..620 => self.work_on_a_task()?,
            620..700 => self.somebody_sends_something(),
            700..820 => self.flush(),
            820..870 => {
                let node = self.dice.below(self.nodes.len());
                self.notify(node);
            }
            870..950 => {
                let node = self.dice.below(self.nodes.len());
                self.tend(node)?;
            }
            950..970 => self.somebody_does_not_wait(),
            970..994 => self.repair(),
            _ => self.something_fails(),
        }
        Ok(())
    }

    fn time_passes(&mut self) {
        self.now += 1;
        for node in &self.nodes {
            let millis = i64::try_from(self.dice.below(2_000)).unwrap_or_default();
            node.clock.pass(millis);
        }
        if self.dice.one_in(400) {
            let hours = i64::try_from(self.dice.below(24 * 7)).unwrap_or_default();
            for node in &self.nodes {
                node.clock.pass(hours * 3_600_000);
            }
        }
    }

    fn start(&mut self, node: usize) {
        self.nodes[node].start(&self.storage);
        self.tell(format!("node {node} starts"));
    }

    /// Lets a node open, follow the log, or start again.
    fn tend(&mut self, number: usize) -> Result<(), Finding> {
        match &mut self.nodes[number].life {
            Life::Stopped => {
                if self.storage.condition() != Condition::Down {
                    self.start(number);
                }
            }
            Life::Opening(opening) => match poll(opening) {
                Poll::Pending => {}
                Poll::Ready(Ok(app)) => {
                    let app = Arc::new(app);
                    let follower = Arc::clone(&app);
                    let following = Box::pin(async move { follower.follow().await });
                    self.nodes[number].life = Life::Up { app, following };
                }
                Poll::Ready(Err(error @ AppError::Damaged(_))) => return Err(gave_up(error)),
                Poll::Ready(Err(error)) => {
                    self.nodes[number].life = Life::Stopped;
                    self.tell(format!("node {number} cannot open: {error}"));
                }
            },
            Life::Up { following, .. } => {
                if poll(following).is_ready() {
                    self.counts.nodes_that_could_not_follow += 1;
                    self.tell(format!(
                        "node {number} cannot follow the log and is restarted"
                    ));
                    self.stop(number);
                }
            }
        }
        Ok(())
    }

    /// A node is gone, with everything that it had under way; what it had handed over may still
    /// be written.
    fn stop(&mut self, number: usize) {
        self.nodes[number].life = Life::Stopped;
        let (gone, left): (Vec<_>, Vec<_>) =
            self.tasks.drain(..).partition(|task| task.node == number);
        self.tasks = left;
        self.again.extend(gone.iter().map(|task| task.request));
    }

    fn flush(&mut self) {
        let (waiting, batch) = self.storage.queued();
        if waiting == 0 {
            return;
        }
        // A failure in the middle of a batch is the one most worth looking at.
        if let Some(batch) = batch
            && !self.is_calm
            && self.dice.one_in(3)
        {
            self.a_write_fails(batch, true);
            return;
        }
        let mischief = !self.is_calm && self.dice.one_in(6);
        self.storage.flush(mischief);
        self.tell(format!("the log flushes {waiting} appends"));
    }

    fn notify(&mut self, node: usize) {
        if self.planted == Some(PlantedBug::LostNotification)
            && self.deaf.is_none()
            && self.dice.one_in(10)
        {
            self.deaf = Some(node);
        }
        let is_lost = self.deaf == Some(node);
        if self.storage.notify(node, is_lost) {
            let lost = if is_lost { ", which is lost" } else { "" };
            self.tell(format!("node {node} gets its notification{lost}"));
        }
    }

    fn a_node_that_is_up(&mut self) -> Option<usize> {
        let up: Vec<_> = (0..self.nodes.len())
            .filter(|node| self.nodes[*node].app().is_some())
            .collect();
        (!up.is_empty()).then(|| *self.dice.pick(&up))
    }

    fn somebody_sends_something(&mut self) {
        let Some(node) = self.a_node_that_is_up() else {
            return;
        };
        if self.tasks.len() >= UNDER_WAY_MAX {
            return;
        }
        if !self.again.is_empty() && (self.is_calm || self.dice.one_in(2)) {
            let request = self.again.swap_remove(self.dice.below(self.again.len()));
            self.send(request, node);
            return;
        }
        if self.is_calm {
            return;
        }
        let Some(app) = self.nodes[node].app().cloned() else {
            return;
        };
        let mut wisher = Wisher {
            dice: &mut self.dice,
            app: &app,
            people: &self.people,
        };
        let (caller, asked) = wisher.wish();
        let id = CommandId(self.dice.uuid());
        let request = self.request(caller, asked, id);
        self.send(request, node);
        if self.dice.one_in(15)
            && let Some(other) = self.a_node_that_is_up()
        {
            self.counts.sent_twice_at_once += 1;
            self.send(request, other);
        }
    }

    fn request(&mut self, caller: Caller, asked: Asked, id: CommandId) -> usize {
        self.counts.commands += 1;
        self.sent.push(Sent {
            id: id.0.to_string(),
            action: asked.action().to_owned(),
            giver: giver(&caller),
            content: asked.content(),
            attempts: Vec::new(),
        });
        self.requests.push(Request {
            caller,
            name: asked.action(),
            asked,
            id,
            is_answered: false,
        });
        self.requests.len() - 1
    }

    fn sent(&mut self, request: usize) -> &mut Sent {
        &mut self.sent[small_city().sent.len() + request]
    }

    fn name_of(&self, caller: &Caller) -> String {
        let named = self
            .people
            .iter()
            .find(|person| *caller == Caller::Account(person.account));
        named.map_or_else(|| giver(caller), |person| person.name.to_owned())
    }

    fn send(&mut self, request: usize, node: usize) {
        let Some(app) = self.nodes[node].app().cloned() else {
            return;
        };
        let Request {
            caller,
            name,
            asked,
            id,
            ..
        } = &self.requests[request];
        let (caller, asked, id) = (caller.clone(), asked.clone(), *id);
        let who = self.name_of(&caller);
        let step = format!(
            "{who} sends {name} to node {node} ({})",
            &id.0.to_string()[..8]
        );
        self.tell(step);
        let attempt = Attempt {
            node,
            sent_at: self.nodes[node].clock.now(),
            began: self.now,
            answer: None,
        };
        let attempts = &mut self.sent(request).attempts;
        attempts.push(attempt);
        let attempt = attempts.len() - 1;
        self.tasks.push(Task {
            request,
            attempt,
            node,
            handling: Box::pin(async move { asked.handle(&app, &caller, id).await }),
        });
    }

    fn work_on_a_task(&mut self) -> Result<(), Finding> {
        if self.tasks.is_empty() {
            return Ok(());
        }
        let number = self.dice.below(self.tasks.len());
        let Poll::Ready(result) = poll(&mut self.tasks[number].handling) else {
            return Ok(());
        };
        let task = self.tasks.swap_remove(number);
        let request = task.request;
        let name = self.requests[request].name;
        let id = self.requests[request].id.0.to_string();
        let shown = match &result {
            Ok(done) => format!("done, {} events up to {}", done.events, done.position),
            Err(AppError::Refused(rejection)) => format!("refused, {}", rejection.code()),
            Err(error) => error.code().to_owned(),
        };
        self.tell(format!(
            "node {} answers {name} ({}): {shown}",
            task.node,
            &id[..8]
        ));
        if !self.is_calm && self.dice.one_in(20) {
            self.counts.answers_lost += 1;
            self.tell("the answer is lost");
            self.again.push(request);
            return Ok(());
        }
        let answer = self.understood(&result)?;
        match answer {
            Answer::NotNow => self.again.push(request),
            _ => self.requests[request].is_answered = true,
        }
        let clock = self.nodes[task.node].clock.now();
        let now = self.now;
        self.sent(request).attempts[task.attempt].answer = Some((answer, clock, now));
        if !self.is_calm && result.is_ok() {
            if self.dice.one_in(12) {
                self.again.push(request);
            } else if self.dice.one_in(25) {
                self.uses_an_id_again(request);
            }
        }
        Ok(())
    }

    fn understood(&mut self, result: &Result<Done, AppError>) -> Result<Answer, Finding> {
        Ok(match result {
            Ok(done) => {
                self.counts.replayed += u64::from(done.replayed);
                Answer::Done {
                    position: done.position.to_string().parse().map_err(gave_up)?,
                    events: done.events as u64,
                }
            }
            Err(AppError::Refused(rejection)) => {
                self.counts.refused += 1;
                match rejection {
                    Rejection::SeparationOfDuties { .. } => {
                        self.counts.refused_by_separation_of_duties += 1;
                    }
                    Rejection::StaleVersion { .. } | Rejection::StaleContent { .. } => {
                        self.counts.refused_as_stale += 1;
                    }
                    _ => {}
                }
                Answer::Refused(rejection.code().to_owned())
            }
            Err(AppError::CommandIdReused) => {
                self.counts.ids_reused += 1;
                Answer::IdReused
            }
            Err(AppError::Busy | AppError::Unavailable(_) | AppError::ReadOnly(_)) => {
                self.counts.not_now += 1;
                Answer::NotNow
            }
            Err(
                error @ (AppError::Stuck { .. }
                | AppError::NotReached(_)
                | AppError::Damaged(_)
                | AppError::BadFile(_)),
            ) => {
                return Err(gave_up(error));
            }
        })
    }

    /// Somebody sends something else under an id that was used before.
    fn uses_an_id_again(&mut self, before: usize) {
        let Some(node) = self.a_node_that_is_up() else {
            return;
        };
        let Some(app) = self.nodes[node].app().cloned() else {
            return;
        };
        let mut wisher = Wisher {
            dice: &mut self.dice,
            app: &app,
            people: &self.people,
        };
        let (caller, asked) = wisher.wish();
        let id = self.requests[before].id;
        let request = self.request(caller, asked, id);
        self.send(request, node);
    }
}
