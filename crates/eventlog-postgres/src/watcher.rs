//! Learns of what other nodes append: by notification, and by looking now and then.

use std::{io, sync::Arc, time::Duration};

use daicho_eventlog::LogError;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use crate::{
    connector::Connector,
    session::{CHANNEL, Session},
    state::{Part, State},
    tree::{HEAD, head_of, io_error, went_back},
};

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

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
        loop {
            // Also right after connecting: what was added in between was not heard.
            self.look(session, doing).await?;
            self.state.clear_trouble(Part::Watcher);
            while let Ok(heard) = timeout(self.poll_interval, session.heard.changed()).await {
                heard.map_err(|_| {
                    LogError::io(doing, io::Error::other("the connection was lost"))
                })?;
                self.state.publish(*session.heard.borrow_and_update());
            }
        }
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
