//! How a command becomes events.

use std::str::FromStr;

use daicho_access::{Authorized, Caller};
use daicho_domain::{
    Action, Actor, Command, Context, Fact, MunicipalityId, Rejection, StreamId, View,
};
use daicho_eventlog::{
    Append, EventActor, ExpectedVersion, GlobalPosition, LogError, Metadata, NewEvent, StreamName,
    StreamPosition,
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::app::App;
use crate::error::AppError;
use crate::position::Position;

/// The client's name for a command: the same id is carried out once, however often it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CommandId(pub Uuid);

impl FromStr for CommandId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Uuid::parse_str(text).map(Self)
    }
}

/// A command that was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// Everything up to here contains its effect.
    pub position: Position,
    /// Number of events that it led to; 0 where everything was already as asked.
    pub events: usize,
    /// Whether it had been carried out before, under the same command id.
    pub replayed: bool,
}

/// What is recorded of a command beside what it decided.
struct Given {
    id: CommandId,
    digest: String,
    municipality: Option<MunicipalityId>,
}

/// What a command leads to.
struct Decided<C> {
    authorized: Authorized<C>,
    facts: Vec<Fact>,
    context: Context,
    municipality: Option<MunicipalityId>,
}

/// How often a command is decided anew because others changed what it relied on.
pub(crate) const ATTEMPTS_MAX: usize = 16;

impl App {
    /// Carries out `command` for `caller`. What comes back is durable. A refusal of a signed-in
    /// person is recorded.
    ///
    /// # Errors
    /// [`AppError::Refused`] with the reason; [`AppError::CommandIdReused`] where the id was used
    /// for something else; [`AppError::Busy`], [`AppError::Unavailable`] and [`AppError::Stuck`]
    /// where trying again later with the same id is right.
    pub async fn handle<C: Command>(
        &self,
        caller: &Caller,
        command: C,
        id: CommandId,
    ) -> Result<Done, AppError> {
        let result = self.carry_out(caller, &command, id).await;
        if let Err(AppError::Refused(rejection)) = &result {
            // Sent twice at once, a command is refused because of its own twin: then the twin's
            // outcome is the answer.
            let digest = digest(caller, &command)?;
            if let Some(done) = self.carried_out_before(id, &digest).await? {
                return Ok(done);
            }
            self.record_refusal(caller, C::ACTION, command.subject(), id, rejection)
                .await;
        }
        result
    }

    /// What `command` would lead to, without carrying it out or recording anything.
    ///
    /// # Errors
    /// [`AppError::Refused`] with the reason why it could not be carried out.
    pub fn preview<C: Command>(&self, caller: &Caller, command: C) -> Result<Vec<Fact>, AppError> {
        self.must_follow_the_log()?;
        let models = self.models();
        let view = models.world.view();
        let now = self.now();
        let authorized = self.access.authorize(caller, command, &view, now)?;
        let (command, actor) = authorized.into_parts();
        Ok(command.decide(&view, &Context { actor, now })?)
    }

    async fn carry_out<C: Command>(
        &self,
        caller: &Caller,
        command: &C,
        id: CommandId,
    ) -> Result<Done, AppError> {
        self.must_follow_the_log()?;
        let digest = digest(caller, command)?;
        if let Some(done) = self.carried_out_before(id, &digest).await? {
            return Ok(done);
        }
        // Where the log was after the command had come: what was recorded later may be left out.
        let mut head_seen = None;
        for _ in 0..ATTEMPTS_MAX {
            let models = self.models();
            let view = models.world.view();
            let decided = self.decide(caller, command, &view);
            // What was decided to do is checked against the log when it is appended; a decision to do
            // nothing is checked here: another node may have recorded what makes it wrong.
            let does_nothing = decided
                .as_ref()
                .map_or(true, |decided| decided.facts.is_empty());
            if does_nothing {
                let head = match head_seen {
                    Some(head) => head,
                    None => *head_seen.insert(self.log.head().await?),
                };
                if models.position.map(GlobalPosition) < head {
                    self.catch_up().await?;
                    continue;
                }
            }
            let Decided {
                authorized,
                facts,
                context,
                municipality,
            } = decided?;
            if facts.is_empty() {
                let position = Position::new(models.position.unwrap_or_default());
                return Ok(Done {
                    position,
                    events: 0,
                    replayed: false,
                });
            }
            let events = facts.len();
            let relied_on = view.relied_on().into_iter();
            match self
                .append(
                    authorized,
                    facts,
                    relied_on,
                    &context,
                    &Given {
                        id,
                        digest: digest.clone(),
                        municipality,
                    },
                )
                .await
            {
                // Somebody else's command under the same id came first; is it the same command?
                Ok(outcome) if outcome.replayed => {
                    let before = self.carried_out_before(id, &digest).await?;
                    return before.ok_or(AppError::Busy);
                }
                Ok(outcome) => {
                    if C::ACTION == Action::PublishSheet {
                        // The answer to a publication comes with a signed head that covers it.
                        self.try_to_issue().await;
                    }
                    self.catch_up().await?;
                    return Ok(Done {
                        position: Position::new(outcome.last.0),
                        events,
                        replayed: outcome.replayed,
                    });
                }
                Err(LogError::WrongExpectedVersion(_)) => {
                    self.catch_up().await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(AppError::Busy)
    }

    /// What `command` leads to in the state of `view`.
    fn decide<C: Command>(
        &self,
        caller: &Caller,
        command: &C,
        view: &View<'_>,
    ) -> Result<Decided<C>, Rejection> {
        let now = self.now();
        let authorized = self.access.authorize(caller, command.clone(), view, now)?;
        let context = Context {
            actor: authorized.actor().clone(),
            now,
        };
        let facts = authorized.command().decide(view, &context)?;
        let scope = authorized.command().scope(view)?;
        let municipality = scope.municipality.or(command.subject().municipality);
        Ok(Decided {
            authorized,
            facts,
            context,
            municipality,
        })
    }

    /// The outcome of a command that was carried out already, however long ago.
    async fn carried_out_before(
        &self,
        id: CommandId,
        digest: &str,
    ) -> Result<Option<Done>, AppError> {
        let Some((first, last)) = self.log.command_outcome(id.0).await? else {
            return Ok(None);
        };
        let recorded = self.log.read_all(first, 1).await?;
        if recorded
            .first()
            .is_none_or(|event| event.metadata.command_digest.as_deref() != Some(digest))
        {
            return Err(AppError::CommandIdReused);
        }
        self.catch_up().await?;
        let events = usize::try_from(last.0 - first.0 + 1).unwrap_or(usize::MAX);
        Ok(Some(Done {
            position: Position::new(last.0),
            events,
            replayed: true,
        }))
    }

    /// The one place where commands reach the log. It takes an authorised command, and who acted
    /// is taken from it alone.
    async fn append<C: Command>(
        &self,
        authorized: Authorized<C>,
        facts: Vec<Fact>,
        relied_on: impl Iterator<Item = (StreamId, Option<u64>)>,
        context: &Context,
        given: &Given,
    ) -> Result<daicho_eventlog::AppendOutcome, LogError> {
        let (command, actor) = authorized.into_parts();
        let metadata = Metadata {
            event_id: Uuid::nil(),
            command_id: given.id.0,
            command_digest: Some(given.digest.clone()),
            correlation_id: given.id.0,
            causation_id: None,
            actor: event_actor(&actor),
            municipality: given.municipality.map(|municipality| municipality.0),
            reason: command.reason(),
            recorded_at: context.now,
        };
        let mut append = Append {
            expected: Vec::new(),
            events: Vec::with_capacity(facts.len()),
        };
        for (stream, version) in relied_on {
            append
                .expected
                .push((stream_name(&stream)?, expected(version)));
        }
        for fact in facts {
            append.events.push(self.new_event(&fact, &metadata)?);
        }
        self.log.append(append).await
    }

    pub(crate) fn new_event(&self, fact: &Fact, metadata: &Metadata) -> Result<NewEvent, LogError> {
        let data = fact.event.encode_data().map_err(|error| {
            LogError::io("write an event as JSON", std::io::Error::other(error))
        })?;
        Ok(NewEvent {
            stream: stream_name(&fact.stream)?,
            event_type: fact.event.name().to_owned(),
            data,
            metadata: Metadata {
                event_id: self.new_id(),
                ..metadata.clone()
            },
        })
    }
}

pub(crate) fn expected(version: Option<u64>) -> ExpectedVersion {
    ExpectedVersion::still(version.map(StreamPosition))
}

pub(crate) fn stream_name(stream: &StreamId) -> Result<StreamName, LogError> {
    let name = stream.to_string();
    let (category, id) = name.split_once('-').unwrap_or((&name, ""));
    StreamName::new(category, id)
        .map_err(|error| LogError::io("name a stream", std::io::Error::other(error)))
}

pub(crate) fn event_actor(actor: &Actor) -> EventActor {
    EventActor {
        account: actor.who.to_string(),
        role: actor.role.code().to_owned(),
        grant: actor.grant.map(|grant| grant.0),
        on_behalf_of: actor.on_behalf_of.map(|account| account.to_string()),
    }
}

/// SHA-256 over who asks and what for: the same command id with another digest is another command.
fn digest<C: Command>(caller: &Caller, command: &C) -> Result<String, AppError> {
    let content = serde_json::to_vec(command).map_err(|error| {
        Rejection::invalid("command", error.to_string(), "命令を読み取れません。")
    })?;
    let mut hasher = Sha256::new();
    let giver = match caller {
        Caller::Account(account) => account.to_string(),
        Caller::Operator(user) => format!("operator:{user}"),
        Caller::Anonymous => "anonymous".to_owned(),
    };
    hasher.update(format!("{giver}\n{}\n", C::ACTION.name()));
    hasher.update(content);
    Ok(hex::encode(hasher.finalize()))
}
