//! Who asks, before it is known what they may do.

use daicho_domain::{AccountId, Actor};

/// Who asks. Made at the edge: from a session or token, or by the command line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// Somebody signed in.
    Account(AccountId),
    /// The user of the operating system who runs a command on the machine.
    Operator(String),
    /// Nobody that is known.
    Anonymous,
}

/// As whom a reader may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Under a grant, or as the operator.
    Actor(Actor),
    /// As anybody, signed in or not: what is published.
    Public,
}
