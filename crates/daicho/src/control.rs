//! The owner-only socket through which commands reach a running service.
//!
//! One JSON document each way: the client sends an [`Operation`], closes its half, and gets
//! the result. The socket lies in the data folder, which only its owner can enter, and a peer
//! of another user is turned away.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

use crate::failure::Failure;
use crate::operation::{Operation, Outcome, run};
use crate::service::{Service, socket};

/// The largest operation that is taken, in bytes: a sheet of some megabytes and its plan file.
const OPERATION_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// After a failed accept (too many open files, say) something has to end first.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(100);

#[derive(Serialize, Deserialize)]
struct Call {
    operator: String,
    operation: Operation,
}

/// The listener of a running service; the socket is removed when it goes.
pub struct Control {
    path: std::path::PathBuf,
    listener: UnixListener,
}

impl Control {
    /// Listens in `folder`, which this process holds; a socket left by a process that died is
    /// replaced.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn listen(folder: &Path) -> Result<Self, Failure> {
        let path = socket(folder);
        let failed = |error: io::Error| {
            Failure::new(format!(
                "the control socket {} cannot be made: {error}",
                path.display()
            ))
        };
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let listener = UnixListener::bind(&path).map_err(failed)?;
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .map_err(failed)?;
        Ok(Self { path, listener })
    }

    /// Answers calls for as long as it is polled; those under way go on in `calls`.
    pub async fn answer(&self, service: Arc<Service>, calls: &mut JoinSet<()>) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let service = Arc::clone(&service);
                    calls.spawn(async move {
                        if let Err(error) = serve_one(stream, &service).await {
                            tracing::warn!(%error, "a call on the control socket was not answered");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the control socket could not take a call");
                    tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                }
            }
            // Those that have been answered are done with.
            while calls.try_join_next().is_some() {}
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // Left behind, it would only be replaced at the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn serve_one(mut stream: UnixStream, service: &Service) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    let own = rustix::process::getuid().as_raw();
    let result: Result<Outcome, Failure> = if peer == own || peer == 0 {
        let mut call = Vec::new();
        (&mut stream)
            .take(OPERATION_BYTES_MAX)
            .read_to_end(&mut call)
            .await?;
        match serde_json::from_slice::<Call>(&call) {
            Ok(call) => run(service, call.operation, &call.operator).await,
            Err(error) => Err(Failure::new(format!(
                "the running service does not understand this command ({error})"
            ))
            .help("use the same version of daicho as the service")),
        }
    } else {
        Err(
            Failure::new("the control socket is for the service's own user")
                .help("run the command as that user"),
        )
    };
    stream.write_all(&serde_json::to_vec(&result)?).await?;
    stream.shutdown().await
}

/// Sends `operation` to the service that holds `folder`; none where nobody answers there.
///
/// # Errors
/// What the service said, or that the connection broke.
pub async fn call(
    folder: &Path,
    operation: &Operation,
    operator: &str,
) -> Option<Result<Outcome, Failure>> {
    let stream = UnixStream::connect(socket(folder)).await.ok()?;
    Some(
        converse(stream, operation, operator)
            .await
            .unwrap_or_else(|error| {
                Err(Failure::new(format!("the running service broke the connection: {error}"))
            .help("look at its log; whether the command was carried out shows in the records"))
            }),
    )
}

async fn converse(
    mut stream: UnixStream,
    operation: &Operation,
    operator: &str,
) -> io::Result<Result<Outcome, Failure>> {
    let call = serde_json::to_vec(&Call {
        operator: operator.to_owned(),
        operation: operation.clone(),
    })?;
    stream.write_all(&call).await?;
    stream.shutdown().await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(serde_json::from_slice(&answer)?)
}
