//! The one writer of a node: takes what waits as a group, has it recorded, answers. While one group
//! is under way it prepares the next and sends it behind the first, so that the server need not wait.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use daicho_eventlog::{Append, LogError};
use futures::poll;
use tokio::{
    sync::mpsc,
    task::yield_now,
    time::{Instant, sleep, timeout},
};

use crate::{
    Options,
    connector::Connector,
    flight::{Flight, Gathered, Receivers, Request, Wanted, refuse, too_late},
    group::{Answer, Group},
    known::{Commands, Ground, Known},
    pace::Pace,
    state::{Part, State},
    transaction::{self, Appending},
    tree::{self, PAGE, signed},
};

/// Groups under way. The server works on one; the others save it from waiting.
const FLIGHTS_MAX: usize = 2;

/// How often the other tasks may run before a group counts as complete.
const CHANCES: usize = 8;

/// Time before the first new attempt after a failure; it doubles up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

pub(crate) struct Writer {
    queue: mpsc::Receiver<Request>,
    /// Nobody can send any more, and the queue is empty.
    closed: bool,
    state: Arc<State>,
    connector: Connector,
    /// Connected, unless that has to be done anew.
    appending: Option<Arc<Appending>>,
    /// What will be known once every group under way is recorded.
    known: Known,
    /// Whether nobody else has recorded anything when this node looked last, so that it may try
    /// without looking.
    alone: bool,
    gathered: Gathered,
    /// What comes behind that and cannot be in one group with it.
    held: Option<Request>,
    flights: VecDeque<Flight>,
    /// Appends that make a group.
    goal: usize,
    pace: Pace,
    answer_timeout: Duration,
    require_standby: bool,
    /// Time to wait before the next attempt to connect.
    pause: Duration,
}

impl Writer {
    pub(crate) fn new(
        queue: mpsc::Receiver<Request>,
        state: Arc<State>,
        connector: Connector,
        appending: Appending,
        options: &Options,
    ) -> Self {
        Self {
            queue,
            closed: false,
            known: Known::new(state.tree()),
            state,
            connector,
            appending: Some(Arc::new(appending)),
            alone: false,
            gathered: Gathered::default(),
            held: None,
            flights: VecDeque::new(),
            goal: 1,
            pace: Pace::new(Instant::now()),
            answer_timeout: options.answer_timeout,
            require_standby: options.require_standby,
            pause: Duration::ZERO,
        }
    }

    /// Works until nobody can send any more, and finishes what has been accepted.
    pub(crate) async fn run(mut self) {
        loop {
            if self.flights.is_empty() {
                if self.gathered.is_empty() && !self.wait_for_one().await {
                    return;
                }
                self.gather().await;
                self.dispatch().await;
            } else if self.flights.len() < FLIGHTS_MAX {
                self.gather_meanwhile().await;
            } else {
                self.land().await;
            }
        }
    }

    /// Waits until there is something to record; `false` if nothing can come any more.
    async fn wait_for_one(&mut self) -> bool {
        loop {
            let request = if let Some(held) = self.held.take() {
                Some(held)
            } else if self.state.has_trouble(Part::Writer) {
                match timeout(LONGEST_PAUSE, self.queue.recv()).await {
                    Ok(request) => request,
                    Err(_) => {
                        // Nobody may come while it says that it is read-only, so it has to
                        // find out by itself.
                        self.commit(Group::Appends(Vec::new()), Vec::new()).await;
                        continue;
                    }
                }
            } else {
                self.queue.recv().await
            };
            match request {
                None => return false,
                Some((Wanted::Stored(events), receiver)) => {
                    self.commit(Group::Stored(events), vec![receiver]).await;
                }
                Some((Wanted::Append(append), receiver)) => {
                    self.gathered.push(append, receiver);
                    return true;
                }
            }
        }
    }

    /// Takes what waits in the queue. Those who were answered just now are about to send again:
    /// without giving them the chance, one of them would go alone and the others wait for it.
    async fn gather(&mut self) {
        let mut chances = CHANCES;
        while !self.is_complete() {
            match self.queue.try_recv() {
                Ok(request) => self.take(request),
                Err(_) if chances == 0 => return,
                Err(_) => {
                    chances -= 1;
                    yield_now().await;
                }
            }
        }
    }

    fn take(&mut self, request: Request) {
        match request {
            (Wanted::Append(append), receiver) => self.gathered.push(append, receiver),
            other => self.held = Some(other),
        }
    }

    fn is_complete(&self) -> bool {
        self.held.is_some() || self.gathered.is_full() || self.gathered.len() >= self.goal
    }

    /// Gathers the next group until it is complete or the one under way has landed.
    async fn gather_meanwhile(&mut self) {
        while !self.is_complete() {
            let Some(flight) = self.flights.front_mut() else {
                return;
            };
            tokio::select! {
                biased;
                landed = &mut flight.recording => return self.landed(landed).await,
                request = self.queue.recv(), if !self.closed => match request {
                    Some(request) => self.take(request),
                    None => self.closed = true,
                },
            }
        }
        if self.gathered.is_empty() {
            self.land().await;
        } else {
            self.dispatch().await;
        }
    }

    /// Sends what was gathered, or has it recorded carefully.
    async fn dispatch(&mut self) {
        let under_way: usize = self.flights.iter().map(Flight::len).sum();
        let waited_for = under_way + self.gathered.len() + self.queue.len();
        self.goal = self.pace.goal(waited_for);
        let Gathered {
            appends, receivers, ..
        } = std::mem::take(&mut self.gathered);
        let (appends, receivers) = match self.try_sending(appends, receivers) {
            Ok(mut flight) => {
                // The first time it is polled it is sent.
                if let std::task::Poll::Ready(landed) = poll!(&mut flight.recording) {
                    flight.recording = Box::pin(std::future::ready(landed));
                }
                self.flights.push_back(flight);
                return;
            }
            Err(back) => back,
        };
        while !self.flights.is_empty() {
            self.land().await;
        }
        self.commit(Group::Appends(appends), receivers).await;
    }

    /// The group judged by what the node knows, ready to be recorded in one round trip. It is
    /// given back if that cannot be done, or if there is nothing to record: a refusal must not
    /// rest on what may be old.
    fn try_sending(
        &mut self,
        appends: Vec<Append>,
        receivers: Receivers,
    ) -> Result<Flight, (Vec<Append>, Receivers)> {
        let Some(appending) = &self.appending else {
            return Err((appends, receivers));
        };
        if !self.alone
            || appending.session.is_closed()
            || self.state.damage().is_some()
            || !appends.iter().all(|append| self.known.can_judge(append))
        {
            return Err((appends, receivers));
        }
        let ground = Ground {
            known: &self.known,
            commands: &Commands::new(),
        };
        let (admission, answers) = Group::Appends(appends.clone()).judge(&ground);
        if admission.events().is_empty() {
            return Err((appends, receivers));
        }
        let before = Arc::clone(self.known.tree());
        let grown = self.known.with(admission.events());
        self.known
            .move_to(Arc::clone(&grown.tree), admission.events());
        self.state.set_uncertain(true);
        let after = Arc::clone(&grown.tree);
        let recording = transaction::record_at_once(
            Arc::clone(appending),
            (before.head(), self.known.term),
            admission,
            grown,
            self.doing(),
            self.answer_timeout,
        );
        Ok(Flight {
            appends,
            receivers,
            answers,
            before,
            after,
            recording: Box::pin(recording),
        })
    }

    /// Waits for the first group under way.
    async fn land(&mut self) {
        if let Some(flight) = self.flights.front_mut() {
            let landed = (&mut flight.recording).await;
            self.landed(landed).await;
        }
    }

    async fn landed(&mut self, landed: Result<bool, LogError>) {
        let Some(flight) = self.flights.pop_front() else {
            return;
        };
        match landed {
            Ok(true) => {
                self.state.set_uncertain(!self.flights.is_empty());
                self.pace.landed(flight.len(), Instant::now());
                self.state.record(flight.after);
                self.well();
                answer(flight.receivers, flight.answers);
            }
            Ok(false) => self.missed(flight).await,
            Err(error) => {
                self.known.back_to(flight.before);
                self.give_up_connection(&error);
                refuse(flight.receivers, &error);
                for flight in std::mem::take(&mut self.flights) {
                    refuse(flight.receivers, &error);
                }
            }
        }
    }

    /// The head was not where it was believed to be, so nothing was recorded; nor can anything
    /// have been that was sent behind it. All of that is done again with care.
    async fn missed(&mut self, flight: Flight) {
        self.alone = false;
        self.known.back_to(Arc::clone(&flight.before));
        let mut again = vec![(flight.appends, flight.receivers)];
        for mut flight in std::mem::take(&mut self.flights) {
            match (&mut flight.recording).await {
                Ok(false) => again.push((flight.appends, flight.receivers)),
                unexpected => {
                    let error = unexpected.err().unwrap_or_else(|| {
                        let text = "an append was recorded behind one that was not";
                        tree::damaged(text.to_owned())
                    });
                    self.give_up_connection(&error);
                    refuse(flight.receivers, &error);
                }
            }
        }
        if self.appending.is_some() {
            self.state.set_uncertain(false);
        }
        for (appends, receivers) in again {
            self.commit(Group::Appends(appends), receivers).await;
        }
    }

    /// Has the group recorded with care and answers it.
    async fn commit(&mut self, group: Group, receivers: Receivers) {
        if let Some(damage) = self.state.damage() {
            refuse(receivers, &damage);
            return;
        }
        let appending = match self.connected().await {
            Ok(appending) => appending,
            Err(error) => {
                self.failed(&error);
                refuse(receivers, &error);
                return;
            }
        };
        match self.commit_carefully(&appending, group).await {
            Ok(answers) => {
                self.well();
                answer(receivers, answers);
            }
            Err(error) => {
                self.give_up_connection(&error);
                refuse(receivers, &error);
            }
        }
    }

    fn well(&mut self) {
        self.pause = Duration::ZERO;
        self.state.clear_trouble(Part::Writer);
    }

    fn give_up_connection(&mut self, error: &LogError) {
        if let Some(appending) = self.appending.take() {
            appending.session.abandon();
        }
        self.alone = false;
        self.failed(error);
    }

    fn doing(&self) -> String {
        self.connector.doing("append to the log")
    }

    fn failed(&mut self, error: &LogError) {
        if matches!(error, LogError::Damaged { .. }) {
            self.state.set_damage(error);
        }
        self.state.set_trouble(Part::Writer, error);
        self.pause = (self.pause * 2).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
    }

    async fn connected(&mut self) -> Result<Arc<Appending>, LogError> {
        if let Some(appending) = &self.appending
            && !appending.session.is_closed()
        {
            return Ok(Arc::clone(appending));
        }
        self.appending = None;
        self.alone = false;
        sleep(self.pause).await;
        let doing = self.doing();
        let session = self.connector.connect().await?;
        let beginning = Appending::begin(session, self.require_standby, &doing);
        let appending = timeout(self.answer_timeout, beginning)
            .await
            .map_err(|_| LogError::io(doing, std::io::ErrorKind::TimedOut.into()))??;
        // In the new term, whatever this node had sent before has ended.
        self.state.set_uncertain(false);
        let appending = Arc::new(appending);
        self.appending = Some(Arc::clone(&appending));
        Ok(appending)
    }

    async fn commit_carefully(
        &mut self,
        appending: &Appending,
        group: Group,
    ) -> Result<Vec<Answer>, LogError> {
        let doing = self.doing();
        self.known.make_room();
        self.catch_up(appending, &doing).await?;
        let is_probe = group.is_probe();
        let asked = group.asks_for();
        let locking = transaction::lock(appending, &asked, &mut self.known, &doing);
        let locked = timeout(self.answer_timeout, locking)
            .await
            .map_err(|_| too_late(&doing, "waiting for the head's lock"))??;
        self.alone = !locked.others_were_here;
        let ground = Ground {
            known: &self.known,
            commands: &locked.commands,
        };
        let (admission, answers) = group.judge(&ground);
        let admitted = admission.events();
        let grown = self.known.with(admitted);
        let replayed = answers.iter().any(Result::is_ok);
        self.state.set_uncertain(!admitted.is_empty());
        let ending = async {
            if !admitted.is_empty() {
                let before = (self.known.tree().head(), self.known.term);
                transaction::record(appending, before, admitted, &grown, &doing).await
            } else if replayed || is_probe {
                transaction::confirm(&appending.session, &doing).await
            } else {
                transaction::give_up(&appending.session, &doing).await
            }
        };
        timeout(self.answer_timeout, ending)
            .await
            .map_err(|_| too_late(&doing, transaction::COMMITTING))??;
        self.state.set_uncertain(false);
        self.known.move_to(grown.tree, admitted);
        self.state.record(Arc::clone(self.known.tree()));
        Ok(answers)
    }

    /// Reads most of what other nodes have added since, so that the rest takes no long time
    /// behind the lock.
    async fn catch_up(&mut self, appending: &Appending, doing: &str) -> Result<(), LogError> {
        let far = self.state.published().saturating_sub(PAGE.unsigned_abs());
        while self.known.size() < far {
            let from = self.known.size();
            let rows = timeout(self.answer_timeout, appending.read_on(from, doing))
                .await
                .map_err(|_| too_late(doing, "reading what others recorded"))??;
            if rows.is_empty() {
                return Err(tree::missing(signed(from)));
            }
            self.known.read_on(&rows)?;
        }
        Ok(())
    }
}

fn answer(receivers: Receivers, answers: Vec<Answer>) {
    for (receiver, answer) in receivers.into_iter().zip(answers) {
        // A caller that has gone away asks for its command's outcome later.
        let _ = receiver.send(answer);
    }
}
