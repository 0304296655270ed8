//! Learns of what other nodes append, by notification and by looking now and then; and tells
//! them what this node has appended.

use std::{io, sync::Arc, time::Duration};

use daicho_eventlog::LogError;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_postgres::types::Type;

use crate::{
    connector::Connector,
    session::{CHANNEL, Parameter, Session},
    state::{Part, State},
    tree::{HEAD, head_of, io_error, went_back},
};

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

const NOTIFY: &str = "SELECT pg_notify($1, $2)";
/// The other nodes are told at once, but not more often than this: they read all that is new
/// anyway.
const BETWEEN_NEWS: Duration = Duration::from_millis(10);

pub(crate) struct Watcher {
    pub(crate) state: Arc<State>,
    pub(crate) connector: Connector,
    pub(crate) poll_interval: Duration,
    pub(crate) answer_timeout: Duration,
    /// Changes, or loses its sender, when the log is closed.
    pub(crate) stop: watch::Receiver<()>,
}

impl Watcher {
    /// Works until told to stop.
    pub(crate) async fn run(mut self) {
        let mut stop = self.stop.clone();
        let watching = async {
            let mut pause = Duration::ZERO;
            loop {
                let error = match self.connector.connect().await {
                    Ok(session) => {
                        pause = Duration::ZERO;
                        self.watch(session).await
                    }
                    Err(error) => error,
                };
                self.state.set_trouble(Part::Watcher, &error);
                pause = (pause * 2).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
                sleep(pause).await;
            }
        };
        tokio::select! {
            _ = stop.changed() => {}
            () = watching => {}
        }
    }

    /// Watches over one connection until it is lost; returns why.
    async fn watch(&mut self, mut session: Session) -> LogError {
        let doing = self.connector.doing("listen to the log");
        let why = match self.listen(&mut session, &doing).await {
            Ok(never) => match never {},
            Err(error) => error,
        };
        session.abandon();
        why
    }

    async fn listen(
        &self,
        session: &mut Session,
        doing: &str,
    ) -> Result<std::convert::Infallible, LogError> {
        let listening = session.client.batch_execute("LISTEN daicho_log");
        timeout(self.answer_timeout, listening)
            .await
            .map_err(|_| LogError::io(doing, io::ErrorKind::TimedOut.into()))?
            .map_err(|error| io_error(doing, &error))?;
        debug_assert_eq!(CHANNEL, "daicho_log");
        let mut recorded = self.state.recorded();
        recorded.mark_changed();
        loop {
            // Also right after connecting: what was added in between was not heard.
            self.look(session, doing).await?;
            self.state.clear_trouble(Part::Watcher);
            let look_again = sleep(self.poll_interval);
            tokio::pin!(look_again);
            loop {
                tokio::select! {
                    heard = session.heard.changed() => {
                        heard.map_err(|_| {
                            LogError::io(doing, io::Error::other("the connection was lost"))
                        })?;
                        self.state.publish(*session.heard.borrow_and_update());
                    }
                    Ok(()) = recorded.changed() => {
                        let size = *recorded.borrow_and_update();
                        self.tell(session, size, doing).await?;
                        sleep(BETWEEN_NEWS).await;
                    }
                    () = &mut look_again => break,
                }
            }
        }
    }

    async fn tell(&self, session: &Session, size: u64, doing: &str) -> Result<(), LogError> {
        let size = size.to_string();
        let news: [Parameter<'_>; 2] = [(&CHANNEL, Type::TEXT), (&size, Type::TEXT)];
        timeout(self.answer_timeout, session.query(NOTIFY, &news))
            .await
            .map_err(|_| LogError::io(doing, io::ErrorKind::TimedOut.into()))?
            .map_err(|error| io_error(doing, &error))?;
        Ok(())
    }

    async fn look(&self, session: &Session, doing: &str) -> Result<(), LogError> {
        let published = self.state.published();
        let rows = timeout(self.answer_timeout, session.query(HEAD, &[]))
            .await
            .map_err(|_| LogError::io(doing, io::ErrorKind::TimedOut.into()))?
            .map_err(|error| io_error(doing, &error))?;
        let head = head_of(rows.first())?;
        if head.size < published {
            let damage = went_back(published, head.size);
            self.state.set_damage(&damage);
            return Err(damage);
        }
        self.state.publish(head.size);
        Ok(())
    }
}
