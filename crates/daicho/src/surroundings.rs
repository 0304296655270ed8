//! The real clock, the real random numbers and the user of the operating system: the edge of
//! the house, where time and chance come in.

use std::sync::Arc;

use daicho_app::{Clock, IdSource, Surroundings};
use daicho_identity::Entropy;
use jiff::Timestamp;
use uuid::{Builder, Uuid};

/// The clock of the machine.
#[derive(Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place where the machine's time comes in"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// Identifiers from the operating system's random numbers.
#[derive(Debug)]
pub struct SystemIds;

impl IdSource for SystemIds {
    fn new_id(&self, now: Timestamp) -> Uuid {
        let mut bytes = [0; 10];
        fill_with_random(&mut bytes);
        let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
        Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }
}

/// The machine's time and random numbers.
pub fn of_this_machine() -> Surroundings {
    Surroundings {
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
    }
}

/// Random bytes for secrets.
pub fn entropy() -> Entropy {
    Entropy::from_fn(fill_with_random)
}

/// 32 random bytes that a key is made from.
pub fn random_seed() -> [u8; 32] {
    let mut seed = [0; 32];
    fill_with_random(&mut seed);
    seed
}

/// A password that nobody has to think of: 24 letters and digits that are not mistaken for
/// each other, about 119 bits.
pub fn made_up_password() -> String {
    const LETTERS: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";
    let mut password = String::new();
    while password.len() < 24 + 3 {
        let mut byte = [0];
        fill_with_random(&mut byte);
        // 248 is the largest multiple of 31 in a byte; the rest is thrown away, so that every
        // letter is as likely as any other.
        if byte[0] >= 248 {
            continue;
        }
        if password.len() % 7 == 6 {
            password.push('-');
        }
        password.push(char::from(LETTERS[usize::from(byte[0]) % LETTERS.len()]));
    }
    password
}

#[expect(
    clippy::expect_used,
    reason = "without random numbers no secret can be made; going on would be worse"
)]
fn fill_with_random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system gives random numbers");
}

/// Name of the user who runs this process, as `/etc/passwd` has it; the variable `USER` may say
/// anything.
pub fn operating_system_user() -> String {
    let uid = rustix::process::getuid().as_raw();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    users
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
        })
        .next()
        .unwrap_or_else(|| format!("uid-{uid}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_passwords_are_long_and_differ() {
        let (first, second) = (made_up_password(), made_up_password());
        assert_ne!(first, second);
        assert!(first.chars().count() >= 15, "{first}");
        assert!(first.split('-').all(|part| part.len() == 6), "{first}");
    }

    #[test]
    fn ids_carry_the_time_that_they_were_given() {
        let now: Timestamp = "2022-04-01T00:00:00Z".parse().unwrap();
        let id = SystemIds.new_id(now);
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(id.get_timestamp().unwrap().to_unix().0, 1_648_771_200);
    }
}
