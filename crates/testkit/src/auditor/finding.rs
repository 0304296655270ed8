/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each field is what the message puts it for")]
pub enum Finding {
    /// The log's own order is broken.
    #[error("position {position}: {what}")]
    OutOfOrder { position: u64, what: String },
    /// One event stands in the log twice.
    #[error("event {event_id} is recorded twice, at positions {first} and {second}")]
    RecordedTwice {
        event_id: String,
        first: u64,
        second: u64,
    },
    /// Something was acknowledged and is not there.
    #[error(
        "{action} (command {command}) was acknowledged at position {position}, but the log does not have it there"
    )]
    AcknowledgedIsMissing {
        action: String,
        command: String,
        position: u64,
    },
    /// A command has other events than its answer says.
    #[error(
        "{action} (command {command}) was answered with {answered} events, the log has {found}"
    )]
    OtherNumberOfEvents {
        action: String,
        command: String,
        answered: u64,
        found: u64,
    },
    /// A batch was cut.
    #[error("command {command} is recorded in part: {sent} {what} were sent, {found} are recorded")]
    BatchIsNotWhole {
        command: String,
        what: &'static str,
        sent: usize,
        found: usize,
    },
    /// An answer contradicts the log or an earlier answer.
    #[error("{action} (command {command}) was answered '{answer}', but {why}")]
    WrongAnswer {
        action: String,
        command: String,
        answer: String,
        why: String,
    },
    /// An event that no command explains.
    #[error("position {position}: nobody sent what led to {kind} ({why})")]
    NobodySent {
        position: u64,
        kind: String,
        why: String,
    },
    /// A recorded time that cannot be.
    #[error("position {position}: recorded at {at}, {why}")]
    WrongTime {
        position: u64,
        at: String,
        why: String,
    },
    /// A rule of the office was broken.
    #[error("position {position}, {kind} by {who}: {rule}")]
    RuleBroken {
        position: u64,
        kind: String,
        who: String,
        rule: &'static str,
    },
    /// A hash is bound to two contents or a content has two hashes.
    #[error("{place}: content hash {hash} does not belong to what stands there")]
    HashOfSomethingElse { place: String, hash: String },
    /// The tree is not the one of these leaves.
    #[error("the log says that its tree has {said}, these events make {computed}")]
    OtherTree { said: String, computed: String },
    /// A node never learnt of something.
    #[error(
        "node {node} stays at position {at} although the log goes to {head} and every notification was delivered"
    )]
    NodeStaysBehind {
        node: usize,
        at: String,
        head: String,
    },
    /// A node reads something else than what was recorded.
    #[error(
        "node {node}, indicator {indicator}, {year}: {what} is {read}, the records say {recorded}"
    )]
    ReadsSomethingElse {
        node: usize,
        indicator: String,
        year: i64,
        what: &'static str,
        read: String,
        recorded: String,
    },
    /// The service says that its records are damaged, or will not go on.
    #[error("the service gave up: {0}")]
    ServiceGaveUp(String),
}
