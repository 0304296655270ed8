//! How long each proof of a sign-in is good for.

use jiff::SignedDuration;

/// How long tokens and sessions live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// An access token, from its issue.
    pub access_token: SignedDuration,
    /// A page session without any request.
    pub session_idle: SignedDuration,
    /// A page session, however busy.
    pub session_absolute: SignedDuration,
    /// How stale the recorded time of a session's last request may be. Not every request
    /// costs a durable write; an idle session may therefore end this much early, never late.
    pub session_touch: SignedDuration,
    /// A refresh token that is not used.
    pub refresh_idle: SignedDuration,
    /// A family of refresh tokens, however often it was refreshed.
    pub refresh_absolute: SignedDuration,
}

impl Lifetimes {
    /// 10 minutes for access tokens; page sessions 60 minutes idle and 12 hours in all (a
    /// working day with overtime); refresh tokens 30 days idle and 90 days in all.
    pub const STANDARD: Self = Self {
        access_token: SignedDuration::from_mins(10),
        session_idle: SignedDuration::from_mins(60),
        session_absolute: SignedDuration::from_hours(12),
        session_touch: SignedDuration::from_secs(60),
        refresh_idle: SignedDuration::from_hours(30 * 24),
        refresh_absolute: SignedDuration::from_hours(90 * 24),
    };
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self::STANDARD
    }
}
