//! The way to a PostgreSQL server, for all that is kept in one.
//!
//! [`Hosts`] reads a connection string and connects to that host of it which takes writes, with
//! TLS where certificates are given. What is sent over a [`Connection`], and when to try again,
//! is up to whoever asked for it.
//!
//! Neither what is shown of these types nor any error repeats a part of a connection string
//! except its hosts: it holds a password.

mod certificates;
mod connection;
mod connection_settings;
mod hosts;
mod refusal;
#[cfg(feature = "throwaway")]
pub mod throwaway_server;

pub use connection::Connection;
pub use connection_settings::{ConnectionSettings, HOW_TO_WRITE, SettingsError};
pub use hosts::Hosts;
pub use refusal::{Refusal, whole_story};
