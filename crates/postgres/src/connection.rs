//! A connection, encrypted or not.

use std::future::poll_fn;

use tokio_postgres::tls::{MakeTlsConnect, NoTlsStream};
use tokio_postgres::{AsyncMessage, Error, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

type EncryptedStream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// What carries a client's questions and the server's answers, for as long as somebody asks for
/// [the next message](Connection::next_message). Dropping it closes the socket.
pub struct Connection(Carrier);

pub(crate) enum Carrier {
    Plain(Box<tokio_postgres::Connection<Socket, NoTlsStream>>),
    Encrypted(Box<tokio_postgres::Connection<Socket, EncryptedStream>>),
}

impl Connection {
    pub(crate) fn new(carrier: Carrier) -> Self {
        Self(carrier)
    }

    /// Carries questions and answers until the server says something that nobody asked for;
    /// `None` when the client is gone and the server has been told goodbye.
    ///
    /// # Errors
    /// How the connection broke. There is nothing more to come then.
    pub async fn next_message(&mut self) -> Option<Result<AsyncMessage, Error>> {
        match &mut self.0 {
            Carrier::Plain(connection) => poll_fn(|cx| connection.poll_message(cx)).await,
            Carrier::Encrypted(connection) => poll_fn(|cx| connection.poll_message(cx)).await,
        }
    }
}
