//! Connections for one purpose, lent to one caller at a time.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_postgres::Client;

use super::session::Session;

/// At most so many connections, made when they are needed.
pub(crate) struct Lane {
    state: Mutex<State>,
    freed: Condvar,
    connections_max: usize,
}

#[derive(Default)]
struct State {
    idle: Vec<Session>,
    lent: usize,
}

impl Lane {
    pub(crate) fn new(connections_max: usize) -> Self {
        Self {
            state: Mutex::default(),
            freed: Condvar::new(),
            connections_max,
        }
    }

    /// Waits for the right to a connection; `None` if none became free in time.
    pub(crate) fn place(&self, patience: Duration) -> Option<Place<'_>> {
        let (mut state, waited) = self
            .freed
            .wait_timeout_while(self.state(), patience, |state| {
                state.lent >= self.connections_max
            })
            .unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return None;
        }
        state.lent += 1;
        Some(Place { lane: self })
    }

    /// Drops the connections that nobody uses: one of them was found dead, and the others
    /// were made at the same server.
    pub(crate) fn forget_idle(&self) {
        let idle = std::mem::take(&mut self.state().idle);
        idle.into_iter().for_each(Session::close_at_once);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to one connection, given back when dropped.
pub(crate) struct Place<'a> {
    lane: &'a Lane,
}

impl<'a> Place<'a> {
    /// An idle connection, or a new one.
    pub(crate) fn or_connect<E>(
        self,
        connect: impl FnOnce() -> Result<Session, E>,
    ) -> Result<Lease<'a>, E> {
        let idle = {
            let mut state = self.lane.state();
            state.idle.retain(|session| !session.is_closed());
            state.idle.pop()
        };
        let session = idle.map_or_else(connect, Ok)?;
        Ok(Lease {
            session: Some(session),
            place: self,
        })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.lane.state().lent -= 1;
        self.lane.freed.notify_one();
    }
}

/// A connection. Unless it is [kept](Lease::keep), it is closed when dropped: after a panic or
/// trouble nobody knows what state it is in.
pub(crate) struct Lease<'a> {
    session: Option<Session>,
    place: Place<'a>,
}

impl Lease<'_> {
    pub(crate) fn client(&self) -> Arc<Client> {
        let session = self.session.as_ref();
        Arc::clone(
            &session
                .expect("a lease has its connection until its end")
                .client,
        )
    }

    /// Puts the connection back for the next caller.
    pub(crate) fn keep(mut self) {
        if let Some(session) = self.session.take() {
            self.place.lane.state().idle.push(session);
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            session.close_at_once();
        }
    }
}
