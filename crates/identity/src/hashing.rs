//! Password hashes: argon2id, a few at a time.

use std::sync::{Condvar, Mutex, PoisonError};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{self, PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use thiserror::Error;

use crate::entropy::Entropy;
use crate::store_error::StoreError;

/// Hashes computed at one time; each takes its memory and a processor.
const AT_ONCE_MAX: usize = 4;

/// Callers that may wait for their turn; more are sent away at once.
const WAITING_MAX: usize = 64;

/// How much work one password hash is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub passes: u32,
    /// Lanes (degree of parallelism).
    pub lanes: u32,
}

impl HashCost {
    /// OWASP's password storage recommendation for argon2id: 19 MiB, two passes, one lane.
    pub const STANDARD: Self = Self {
        memory_kib: 19_456,
        passes: 2,
        lanes: 1,
    };

    /// The least that argon2 takes: only for tests, which set many passwords.
    pub const QUICK_FOR_TESTS: Self = Self {
        memory_kib: 8,
        passes: 1,
        lanes: 1,
    };
}

impl Default for HashCost {
    fn default() -> Self {
        Self::STANDARD
    }
}

/// Why no hash was computed.
#[derive(Debug, Error)]
pub(crate) enum HashingError {
    /// The queue is full.
    #[error("too many sign-ins at this moment; try again in a few seconds")]
    Busy,
    /// A stored hash cannot be read, or the hash function failed.
    #[error("a stored password cannot be checked; set a new one for this account")]
    Failed(#[source] password_hash::Error),
}

/// Computes and checks hashes at one cost.
pub(crate) struct Hasher {
    argon2: Argon2<'static>,
    /// Checked where there is no password, so that an unknown name takes as long as a known.
    decoy: String,
    turns: Turns,
}

impl Hasher {
    pub(crate) fn new(cost: HashCost, entropy: &mut Entropy) -> Result<Self, StoreError> {
        let refused = || StoreError::HashCost { cost };
        let params =
            Params::new(cost.memory_kib, cost.passes, cost.lanes, None).map_err(|_| refused())?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = argon2
            .hash_password_with_salt(&entropy.bytes::<32>(), &entropy.bytes::<16>())
            .map_err(|_| refused())?
            .to_string();
        Ok(Self {
            argon2,
            decoy,
            turns: Turns::default(),
        })
    }

    /// The PHC string of a (normalised) password.
    pub(crate) fn hash(&self, password: &str, salt: &[u8; 16]) -> Result<String, HashingError> {
        let _turn = self.turns.take().ok_or(HashingError::Busy)?;
        self.argon2
            .hash_password_with_salt(password.as_bytes(), salt)
            .map(|hash| hash.to_string())
            .map_err(HashingError::Failed)
    }

    /// Whether the (normalised) password is the one behind `stored`. Without `stored` the
    /// same work is done, and the answer is no.
    pub(crate) fn matches(
        &self,
        password: &str,
        stored: Option<&str>,
    ) -> Result<bool, HashingError> {
        let _turn = self.turns.take().ok_or(HashingError::Busy)?;
        let phc = PasswordHash::new(stored.unwrap_or(&self.decoy))
            .map_err(|error| HashingError::Failed(error.into()))?;
        match self.argon2.verify_password(password.as_bytes(), &phc) {
            Ok(()) => Ok(stored.is_some()),
            Err(password_hash::Error::PasswordInvalid) => Ok(false),
            Err(error) => Err(HashingError::Failed(error)),
        }
    }

    /// Whether `stored` was made at another cost than today's.
    pub(crate) fn is_outdated(&self, stored: &str) -> bool {
        let Ok(phc) = PasswordHash::new(stored) else {
            return true;
        };
        let wanted = self.argon2.params();
        let current = Params::try_from(&phc).is_ok_and(|params| {
            params.m_cost() == wanted.m_cost()
                && params.t_cost() == wanted.t_cost()
                && params.p_cost() == wanted.p_cost()
        });
        !current
            || phc.algorithm.as_str() != Algorithm::Argon2id.as_str()
            || phc.version != Some(Version::V0x13.into())
    }
}

/// Lets a few work and a bounded number wait: without it, a burst of sign-ins would take
/// 19 MiB each until the machine has none left.
#[derive(Default)]
struct Turns {
    state: Mutex<TurnState>,
    freed: Condvar,
}

#[derive(Default)]
struct TurnState {
    working: usize,
    waiting: usize,
}

impl Turns {
    /// Waits for a turn; `None` if too many wait already.
    fn take(&self) -> Option<Turn<'_>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.working >= AT_ONCE_MAX {
            if state.waiting >= WAITING_MAX {
                return None;
            }
            state.waiting += 1;
            state = self
                .freed
                .wait_while(state, |state| state.working >= AT_ONCE_MAX)
                .unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
        state.working += 1;
        Some(Turn { turns: self })
    }
}

struct Turn<'a> {
    turns: &'a Turns,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self
            .turns
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        state.working -= 1;
        self.turns.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    fn hasher(cost: HashCost) -> Hasher {
        Hasher::new(cost, &mut Entropy::predictable(1)).unwrap()
    }

    #[test]
    fn the_standard_cost_is_what_owasp_recommends_for_argon2id() {
        let phc = hasher(HashCost::STANDARD).hash("pw", &[1; 16]).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
    }

    #[test]
    fn a_hash_of_another_cost_still_matches_and_is_called_outdated() {
        let quick = hasher(HashCost::QUICK_FOR_TESTS);
        let phc = quick.hash("pw", &[1; 16]).unwrap();
        let dearer = hasher(HashCost {
            memory_kib: 16,
            ..HashCost::QUICK_FOR_TESTS
        });
        assert!(dearer.matches("pw", Some(&phc)).unwrap());
        assert!(dearer.is_outdated(&phc));
        assert!(!quick.is_outdated(&phc));
    }

    #[test]
    fn nothing_matches_where_there_is_no_password() {
        let hasher = hasher(HashCost::QUICK_FOR_TESTS);
        assert!(!hasher.matches("", None).unwrap());
    }

    #[test]
    fn a_cost_that_argon2_cannot_use_is_refused_at_the_start() {
        let cost = HashCost {
            memory_kib: 1,
            ..HashCost::QUICK_FOR_TESTS
        };
        let refused = Hasher::new(cost, &mut Entropy::predictable(1)).err();
        assert!(matches!(refused, Some(StoreError::HashCost { .. })));
    }

    #[test]
    fn callers_beyond_the_queue_are_sent_away_and_those_in_it_are_served() {
        let turns = Turns::default();
        let working: Vec<_> = (0..AT_ONCE_MAX).map(|_| turns.take().unwrap()).collect();
        let (served, all_served) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..WAITING_MAX {
                let served = served.clone();
                let turns = &turns;
                scope.spawn(move || served.send(turns.take().is_some()).unwrap());
            }
            while turns.state.lock().unwrap().waiting < WAITING_MAX {
                thread::yield_now();
            }
            assert!(turns.take().is_none());
            drop(working);
        });
        drop(served);
        assert_eq!(
            all_served.iter().filter(|served| *served).count(),
            WAITING_MAX
        );
        assert!(turns.take().is_some());
    }
}
