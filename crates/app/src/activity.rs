//! What accounts do that changes no record: sign-ins, sign-outs, refused commands.

use daicho_access::Caller;
use daicho_domain::account::AccountState;
use daicho_domain::command::{Subject, local_date};
use daicho_domain::{AccountId, Action, Actor, Event, Fact, Rejection, Role, StreamId, Who};
use daicho_eventlog::{Append, LogError, Metadata};
use uuid::Uuid;

use crate::app::App;
use crate::error::AppError;
use crate::handle::{ATTEMPTS_MAX, CommandId, event_actor, expected, stream_name};

/// Through what somebody signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Through {
    /// The web pages.
    Page,
    /// The API.
    Api,
}

impl Through {
    const fn code(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Api => "api",
        }
    }
}

impl App {
    /// Records that somebody signed in.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] where nothing can be recorded; the sign-in must then not go on.
    pub async fn record_sign_in(
        &self,
        account: AccountId,
        through: Through,
    ) -> Result<(), AppError> {
        let event = Event::SignedIn {
            through: through.code().to_owned(),
        };
        Ok(self.record_activity(account, event, None).await?)
    }

    /// Records that somebody signed out.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] where nothing can be recorded.
    pub async fn record_sign_out(
        &self,
        account: AccountId,
        through: Through,
    ) -> Result<(), AppError> {
        let event = Event::SignedOut {
            through: through.code().to_owned(),
        };
        Ok(self.record_activity(account, event, None).await?)
    }

    pub(crate) async fn record_refusal(
        &self,
        caller: &Caller,
        action: Action,
        subject: Subject,
        id: CommandId,
        rejection: &Rejection,
    ) {
        let Caller::Account(account) = caller else {
            return;
        };
        let event = Event::CommandRefused {
            command: action.name().to_owned(),
            subject,
            code: rejection.code().to_owned(),
            message: rejection.ja(),
        };
        if let Err(error) = self.record_activity(*account, event, Some(id)).await {
            tracing::error!(%error, command = action.name(), "a refusal could not be recorded");
        }
    }

    async fn record_activity(
        &self,
        account: AccountId,
        event: Event,
        cause: Option<CommandId>,
    ) -> Result<(), LogError> {
        let stream = StreamId::Activity(account);
        let command_id = self.new_id();
        for _ in 0..ATTEMPTS_MAX {
            // The log is asked, and not the read models: sign-ins go on while those are stuck. And
            // before the clock is: so the times of a stream follow its order.
            let name = stream_name(&stream)?;
            let version = self.log.stream_version(&name).await?;
            let models = self.models();
            let now = self.now();
            let state = models.world.account(account);
            let metadata = Metadata {
                event_id: Uuid::nil(),
                command_id,
                command_digest: None,
                correlation_id: cause.map_or(command_id, |cause| cause.0),
                causation_id: cause.map(|cause| cause.0),
                actor: event_actor(&actor_of(account, state, now)),
                municipality: state.map(|state| state.municipality.0),
                reason: None,
                recorded_at: now,
            };
            let append = Append {
                expected: vec![(name, expected(version.map(|version| version.0)))],
                events: vec![self.new_event(&Fact::new(stream, event.clone()), &metadata)?],
            };
            let appended = self.log.append(append).await;
            match self.catch_up().await {
                // It was recorded; that it cannot be read back is said elsewhere.
                Ok(_) | Err(AppError::Stuck { .. }) => {}
                Err(error) => {
                    return Err(LogError::io(
                        "follow the log",
                        std::io::Error::other(error.to_string()),
                    ));
                }
            }
            match appended {
                Ok(_) => return Ok(()),
                Err(LogError::WrongExpectedVersion(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(LogError::io(
            "record what an account did",
            std::io::Error::other("too many others record for the same account"),
        ))
    }
}

/// Who acts where no grant was judged: the account itself, in its first role that holds, under no
/// grant and for nobody else.
fn actor_of(account: AccountId, state: Option<&AccountState>, now: jiff::Timestamp) -> Actor {
    let today = local_date(now);
    let grant = state.and_then(|state| {
        state
            .grants
            .values()
            .find(|grant| grant.on_behalf_of.is_none() && grant.holds_on(today))
    });
    Actor {
        who: Who::Account(account),
        role: grant.map_or(Role::Public, |grant| grant.role),
        grant: None,
        on_behalf_of: None,
    }
}
