//! Threads with names, so that `top -H` and a profile tell them apart.

use std::{
    io,
    thread::{Builder, JoinHandle},
};

/// As [`std::thread::spawn`]. Linux shows the first 15 bytes of `name`.
///
/// # Panics
/// If the system does not give another thread, as there.
pub(crate) fn spawn<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    try_spawn(name, run).expect("the system gives threads")
}

/// As [`spawn`].
///
/// # Errors
/// If the system does not give another thread.
pub(crate) fn try_spawn<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    Builder::new().name(name.to_owned()).spawn(run)
}
