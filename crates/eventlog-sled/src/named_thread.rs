//! Threads with names, so that `top -H` and a profile tell them apart.

use std::thread::{Builder, JoinHandle};

/// As [`std::thread::spawn`]. Linux shows the first 15 bytes of `name`.
///
/// # Panics
/// If the system does not give another thread, as there.
pub(crate) fn spawn<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .expect("the system gives threads")
}
