//! What a request brings with it, and what every resolver answers from.

use std::sync::Arc;

use async_graphql::Context;
use daicho_app::{App, Caller, Through};
use daicho_identity::{IdentityStore, JwtIssuer, SessionId};

use crate::failure::Failure;
use crate::scalar::Position;

/// Who asks, and from where. Put it into the request's data; a request without one is
/// anonymous.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// Who asks.
    pub caller: Caller,
    /// The sign-in that the request rests on: what `signOut` ends.
    pub session: Option<SessionId>,
    /// Where the request comes from (a network address), for counting failed sign-ins.
    pub source: String,
    /// Through what the caller reaches the service, as recorded with sign-ins.
    pub through: Through,
}

impl Default for RequestContext {
    fn default() -> Self {
        Self {
            caller: Caller::Anonymous,
            session: None,
            source: "unknown".to_owned(),
            through: Through::Api,
        }
    }
}

/// What the schema answers from; one for the whole service.
pub(crate) struct Backing {
    /// The use cases.
    pub(crate) app: Arc<App>,
    /// The register of people.
    pub(crate) identity: Arc<IdentityStore>,
    /// Makes access tokens.
    pub(crate) tokens: Arc<JwtIssuer>,
}

/// Short ways to what a resolver needs.
pub(crate) trait Asked {
    /// The use cases.
    fn app(&self) -> &App;
    /// Who asks, and from where.
    fn request(&self) -> RequestContext;
    /// Who asks.
    fn caller(&self) -> Caller;
    /// What the schema answers from.
    fn backing(&self) -> &Backing;
    /// Waits until answers have everything up to `position`, where one is asked for.
    fn reach(&self, position: Option<Position>)
    -> impl Future<Output = Result<(), Failure>> + Send;
}

impl Asked for Context<'_> {
    fn app(&self) -> &App {
        &self.backing().app
    }

    fn request(&self) -> RequestContext {
        self.data_opt::<RequestContext>()
            .cloned()
            .unwrap_or_default()
    }

    fn caller(&self) -> Caller {
        self.data_opt::<RequestContext>()
            .map_or(Caller::Anonymous, |request| request.caller.clone())
    }

    fn backing(&self) -> &Backing {
        self.data_unchecked::<Backing>()
    }

    async fn reach(&self, position: Option<Position>) -> Result<(), Failure> {
        match position {
            Some(position) => Ok(self.app().reach(position.to_app()?).await?),
            None => Ok(()),
        }
    }
}

/// Does `work` with the register of people on a thread that may block: its calls wait for a
/// disk, and those with passwords compute for a while.
pub(crate) async fn with_identity<T: Send + 'static>(
    backing: &Backing,
    work: impl FnOnce(&IdentityStore) -> T + Send + 'static,
) -> Result<T, Failure> {
    let identity = Arc::clone(&backing.identity);
    tokio::task::spawn_blocking(move || work(&identity))
        .await
        .map_err(Failure::internal)
}
