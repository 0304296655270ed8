//! Asking a witness over HTTP, as [c2sp.org/tlog-witness](https://c2sp.org/tlog-witness) says.

use std::sync::Arc;
use std::time::Duration;

use daicho_app::{App, Position};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response, StatusCode, Url};

use crate::failure::{Failure, with_causes};

/// How long a witness may take to answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
/// How often it is looked whether there is something to countersign.
const PAUSE: Duration = Duration::from_secs(1);
/// After a failure the witness is left alone for a while.
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(60);
/// The largest answer that is read, in bytes: some signature lines.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Why a witness has not countersigned.
#[derive(Debug, thiserror::Error)]
enum Unsigned {
    #[error("it cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    #[error("its answer is longer than {ANSWER_BYTES_MAX} bytes or no text")]
    Unreadable,
    #[error("it answered {status}: {body}")]
    Refused { status: StatusCode, body: String },
    #[error("it says that it has seen {0} events, again and again")]
    NoAgreement(u64),
    #[error(transparent)]
    Ours(#[from] daicho_app::AppError),
}

/// One witness and what it is known to have seen.
pub struct WitnessClient {
    app: Arc<App>,
    client: Client,
    url: Url,
    /// Number of events of the head that it has seen; what it really is, it says itself.
    seen: u64,
    /// The newest publication under a head that it has countersigned.
    covered: Option<Position>,
}

impl WitnessClient {
    /// For the witness at `url`, the prefix to `/add-checkpoint`.
    ///
    /// # Errors
    /// Where the address is none.
    pub fn new(app: Arc<App>, url: &str) -> Result<Self, Failure> {
        let failed = |why: String| {
            Failure::new(format!("'{url}' is no address of a witness: {why}"))
                .help("write it as https://witness.example.jp in [witnesses] urls")
        };
        let address = format!("{}/add-checkpoint", url.trim_end_matches('/'));
        let address = Url::parse(&address).map_err(|error| failed(error.to_string()))?;
        let client = Client::builder()
            .timeout(ANSWER_TIME_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| failed(with_causes(&error)))?;
        Ok(Self {
            app,
            client,
            url: address,
            seen: 0,
            covered: None,
        })
    }

    /// Asks after every publication, for as long as it is polled. A witness that does not answer
    /// keeps nobody waiting: the sheet says how many have countersigned.
    pub async fn run(mut self) {
        loop {
            tokio::time::sleep(PAUSE).await;
            let newest = self.app.newest_publication();
            if newest.is_none() || newest <= self.covered {
                continue;
            }
            match self.ask().await {
                Ok(()) => self.covered = newest,
                Err(error) => {
                    tracing::warn!(url = %self.url, error = with_causes(&error), "a witness has not countersigned");
                    tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                }
            }
        }
    }

    async fn ask(&mut self) -> Result<(), Unsigned> {
        // Once to learn what it has seen, once with the right proof, once more if another asked
        // in between.
        for _ in 0..3 {
            let Some(request) = self.app.witness_request(self.seen).await? else {
                return Ok(());
            };
            let size = request.checkpoint.head.size;
            let answer = self.client.post(self.url.clone()).body(request.to_text());
            let answer = answer.send().await.map_err(Unsigned::Unreachable)?;
            let status = answer.status();
            let says_size = answer
                .headers()
                .get(CONTENT_TYPE)
                .is_some_and(|kind| kind == "text/x.tlog.size");
            let body = text_of(answer).await?;
            match status {
                StatusCode::OK => {
                    let witnesses = self
                        .app
                        .log_keys()
                        .map(|keys| keys.witnesses().keys.clone())
                        .unwrap_or_default();
                    self.app.add_countersignatures(&body, &witnesses).await?;
                    self.seen = size;
                    return Ok(());
                }
                StatusCode::CONFLICT if says_size => {
                    self.seen = body.trim().parse().map_err(|_| Unsigned::Unreadable)?;
                }
                status => {
                    let body = body.chars().take(200).collect();
                    return Err(Unsigned::Refused { status, body });
                }
            }
        }
        Err(Unsigned::NoAgreement(self.seen))
    }
}

async fn text_of(mut answer: Response) -> Result<String, Unsigned> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(Unsigned::Unreachable)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > ANSWER_BYTES_MAX {
            return Err(Unsigned::Unreadable);
        }
    }
    String::from_utf8(bytes).map_err(|_| Unsigned::Unreadable)
}
