//! The one writer of a node: takes what waits as a group, has it recorded, answers.

use std::{sync::Arc, time::Duration};

use daicho_eventlog::{Append, AppendOutcome, LogError, evidence::Tree};
use tokio::{
    sync::{mpsc, oneshot},
    task::yield_now,
    time::{sleep, timeout},
};
use tokio_postgres::types::Type;

use crate::{
    connector::Connector,
    session::Session,
    state::{Part, State},
    transaction::{self, Appending},
    tree::{self, EVENTS, PAGE, io_error, signed},
};

/// Appends in one group.
const GROUP_APPENDS_MAX: usize = 1024;
/// A group is closed once its events have about this many bytes. One append may be larger.
const GROUP_BYTES_MAX: usize = 1 << 20;
/// What an event's document has beside its data, roughly.
const AROUND_EVENT_BYTES: usize = 600;

/// How often the other tasks may run before a group counts as complete.
const CHANCES: usize = 8;

/// Time before the first new attempt after a failure; it doubles up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

pub(crate) type Answer = Result<AppendOutcome, LogError>;
/// What is to be recorded, and where to answer.
pub(crate) type Request = (Append, oneshot::Sender<Answer>);

pub(crate) struct Writer {
    pub(crate) queue: mpsc::Receiver<Request>,
    pub(crate) state: Arc<State>,
    pub(crate) connector: Connector,
    /// Connected, unless that has to be done anew.
    pub(crate) appending: Option<Appending>,
    pub(crate) answer_timeout: Duration,
    pub(crate) require_standby: bool,
    /// Time to wait before the next attempt to connect.
    pub(crate) pause: Duration,
}

impl Writer {
    /// Works until nobody can send any more, and finishes what has been accepted.
    pub(crate) async fn run(mut self) {
        loop {
            let request = if self.state.has_trouble(Part::Writer) {
                match timeout(LONGEST_PAUSE, self.queue.recv()).await {
                    Ok(request) => request,
                    Err(_) => {
                        // Nobody may come while it says that it is read-only, so it has to
                        // find out by itself.
                        self.commit(Vec::new()).await;
                        continue;
                    }
                }
            } else {
                self.queue.recv().await
            };
            let Some(first) = request else { break };
            let group = self.gather(first).await;
            self.commit(group).await;
        }
    }

    async fn gather(&mut self, first: Request) -> Vec<Request> {
        let mut bytes = 0;
        let mut group = Vec::new();
        let mut next = Some(first);
        while let Some(request) = next {
            let events = request.0.events.iter();
            bytes += events
                .map(|event| event.data.get().len() + AROUND_EVENT_BYTES)
                .sum::<usize>();
            group.push(request);
            let full = group.len() >= GROUP_APPENDS_MAX || bytes >= GROUP_BYTES_MAX;
            if full {
                break;
            }
            next = self.queue.try_recv().ok();
            // Those who were answered just now are about to send again: without giving them
            // the chance, one of them would go alone and the others wait for it.
            for _ in 0..CHANCES {
                if next.is_some() {
                    break;
                }
                yield_now().await;
                next = self.queue.try_recv().ok();
            }
        }
        group
    }

    /// Has the group recorded and answers it. An empty group only tries whether that works.
    async fn commit(&mut self, group: Vec<Request>) {
        if let Some(damage) = self.state.damage() {
            refuse(group, &damage);
            return;
        }
        let appending = match self.connected().await {
            Ok(appending) => appending,
            Err(error) => {
                self.failed(&error);
                refuse(group, &error);
                return;
            }
        };
        let (appends, receivers): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        match self.try_commit(&appending, appends).await {
            Ok(answers) => {
                self.appending = Some(appending);
                self.pause = Duration::ZERO;
                self.state.clear_trouble(Part::Writer);
                for (receiver, answer) in receivers.into_iter().zip(answers) {
                    // A caller that has gone away asks for its command's outcome later.
                    let _ = receiver.send(answer);
                }
            }
            Err(error) => {
                appending.session.abandon();
                self.failed(&error);
                for receiver in receivers {
                    let _ = receiver.send(Err(error.clone()));
                }
            }
        }
    }

    fn failed(&mut self, error: &LogError) {
        if matches!(error, LogError::Damaged { .. }) {
            self.state.set_damage(error);
        }
        self.state.set_trouble(Part::Writer, error);
        self.pause = (self.pause * 2).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
    }

    async fn connected(&mut self) -> Result<Appending, LogError> {
        if let Some(appending) = self.appending.take()
            && !appending.session.is_closed()
        {
            return Ok(appending);
        }
        sleep(self.pause).await;
        let doing = self.connector.doing("append to the log");
        let session = self.connector.connect().await?;
        timeout(self.answer_timeout, Appending::prepare(session, &doing))
            .await
            .map_err(|_| LogError::io(doing, std::io::ErrorKind::TimedOut.into()))?
    }

    async fn try_commit(
        &self,
        appending: &Appending,
        group: Vec<Append>,
    ) -> Result<Vec<Answer>, LogError> {
        let doing = self.connector.doing("append to the log");
        let in_time = |step: &'static str| {
            let doing = doing.clone();
            move |_| {
                let text = format!("no answer in time while {step}");
                LogError::io(
                    doing,
                    std::io::Error::new(std::io::ErrorKind::TimedOut, text),
                )
            }
        };
        let session = &appending.session;
        let tree = self.caught_up(session, &doing).await?;
        let appends: Vec<&Append> = group.iter().collect();
        let locking = transaction::lock(appending, &appends, &tree, &doing);
        let mut locked = timeout(self.answer_timeout, locking)
            .await
            .map_err(in_time("waiting for the head's lock"))??;
        // Whatever this node had sent before has ended, or the lock would not be free.
        self.state.set_uncertain(false);
        if self.require_standby && !locked.has_standby {
            return Err(LogError::io(
                doing,
                std::io::Error::other("the server has no synchronous standby at the moment"),
            ));
        }

        let is_probe = group.is_empty();
        let answers: Vec<Answer> = group
            .into_iter()
            .map(|append| locked.judgement.admit(append))
            .collect();
        let admitted = locked.judgement.admitted();
        let replayed = answers.iter().any(Result::is_ok);
        self.state.set_uncertain(!admitted.is_empty());
        let ending = async {
            if !admitted.is_empty() {
                transaction::record(appending, admitted, &mut locked.tree, &doing).await
            } else if replayed || is_probe {
                transaction::confirm(session, &doing).await
            } else {
                transaction::give_up(session, &doing).await
            }
        };
        timeout(self.answer_timeout, ending)
            .await
            .map_err(in_time("committing; its outcome is unknown"))??;
        self.state.set_uncertain(false);
        let size = locked.tree.size();
        self.state.set_tree(locked.tree);
        self.state.publish(size);
        Ok(answers)
    }

    /// The node's tree with most of what other nodes have added since, so that the rest
    /// takes no long time behind the lock.
    async fn caught_up(&self, session: &Session, doing: &str) -> Result<Arc<Tree>, LogError> {
        let known = self.state.tree();
        let far = self.state.published().saturating_sub(PAGE.unsigned_abs());
        if known.size() >= far {
            return Ok(known);
        }
        let mut grown = (*known).clone();
        while grown.size() < far {
            let from = signed(grown.size());
            let rows = session
                .query(EVENTS, &[(&from, Type::INT8), (&PAGE, Type::INT8)])
                .await
                .map_err(|error| io_error(doing, &error))?;
            if rows.is_empty() {
                return Err(tree::missing(from));
            }
            tree::grow(&mut grown, &rows)?;
        }
        Ok(Arc::new(grown))
    }
}

fn refuse(group: Vec<Request>, error: &LogError) {
    for (_, receiver) in group {
        let _ = receiver.send(Err(error.clone()));
    }
}
