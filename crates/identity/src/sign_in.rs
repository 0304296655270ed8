//! Setting a password, and signing in with one.

use daicho_domain::AccountId;
use jiff::Timestamp;
use thiserror::Error;

use crate::attempt;
use crate::database::{Reading, values};
use crate::hashing::HashingError;
use crate::naming::as_looked_up;
use crate::password::{self, PasswordRefused};
use crate::person;
use crate::session::end_all;
use crate::store::IdentityStore;
use crate::store_error::StoreError;

/// Why a sign-in was refused. Nothing here tells whether the name exists.
#[derive(Debug, Error)]
pub enum SignInError {
    /// The name, the password, or the account's standing is not right.
    #[error(
        "this name and password do not open an account; check both, \
         or ask the administrator whether the account is open"
    )]
    Refused,
    /// Too many failures for this name from this source.
    #[error("too many failed attempts; try again in {retry_after_seconds} seconds")]
    TooManyAttempts {
        /// When the next attempt is allowed.
        retry_after_seconds: u64,
    },
    /// More sign-ins are under way than the service can check.
    #[error("too many people are signing in at this moment; try again in a few seconds")]
    Busy,
    /// The account's stored password cannot be checked.
    #[error(transparent)]
    Unreadable(#[from] UnreadablePassword),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a password was not set.
#[derive(Debug, Error)]
pub enum SetPasswordError {
    /// The password is not taken.
    #[error(transparent)]
    Refused(#[from] PasswordRefused),
    /// No person has this account.
    #[error("no person is registered for this account; register one first")]
    NotRegistered,
    /// More passwords are being hashed than the service can manage.
    #[error("too many people are signing in at this moment; try again in a few seconds")]
    Busy,
    /// The hash function failed.
    #[error(transparent)]
    Hash(#[from] UnreadablePassword),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A stored hash that cannot be read, or a hash that could not be computed.
#[derive(Debug, Error)]
#[error("the password hash cannot be computed or read; set a new password for this account")]
pub struct UnreadablePassword {
    source: HashingError,
}

impl From<HashingError> for SignInError {
    fn from(error: HashingError) -> Self {
        match error {
            HashingError::Busy => Self::Busy,
            HashingError::Failed(_) => UnreadablePassword { source: error }.into(),
        }
    }
}

impl From<HashingError> for SetPasswordError {
    fn from(error: HashingError) -> Self {
        match error {
            HashingError::Busy => Self::Busy,
            HashingError::Failed(_) => UnreadablePassword { source: error }.into(),
        }
    }
}

impl IdentityStore {
    /// Sets the account's password and ends all its sessions and refresh families: whoever
    /// was signed in with the old password signs in again. `local_words` are what is easily
    /// guessed here, such as the municipality's name in every spelling.
    ///
    /// # Errors
    /// [`SetPasswordError::Refused`] tells what to change, [`SetPasswordError::NotRegistered`].
    pub fn set_password(
        &self,
        account: AccountId,
        password: &str,
        local_words: &[&str],
        now: Timestamp,
    ) -> Result<(), SetPasswordError> {
        let person = self
            .person(account)?
            .ok_or(SetPasswordError::NotRegistered)?;
        let password = password::accepted(password, &person.sign_in_name, local_words)?;
        let salt = self.random(|entropy| entropy.bytes());
        let phc = self.hasher.hash(&password, &salt)?;
        self.write(|tx| {
            // Hashing took a while; the person may have been erased meanwhile.
            if person::find(tx, account)?.is_none() {
                return Err(SetPasswordError::NotRegistered);
            }
            tx.execute(
                "set a password",
                "INSERT INTO password (account, phc, set_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (account) DO UPDATE SET phc = ?2, set_at = ?3",
                values![account, &phc, now],
            )?;
            end_all(tx, account)?;
            Ok(())
        })
    }

    /// Checks a name and a password; `source` says where the attempt comes from (a network
    /// address, say) and is only used to count failures.
    ///
    /// An unknown name, one without a password and a disabled account take as long as a
    /// wrong password, and are refused alike.
    ///
    /// # Errors
    /// [`SignInError::Refused`], [`SignInError::TooManyAttempts`], [`SignInError::Busy`].
    pub fn verify_password(
        &self,
        sign_in_name: &str,
        password: &str,
        source: &str,
        now: Timestamp,
    ) -> Result<AccountId, SignInError> {
        let key = self.attempt_key(sign_in_name, source);
        let (attempt, known) = self.write(|tx| {
            attempt::prune(tx, now)?;
            if let Some(retry_after_seconds) = attempt::wait_seconds(tx, key, now)? {
                return Err(SignInError::TooManyAttempts {
                    retry_after_seconds,
                });
            }
            Ok((attempt::count(tx, key, now)?, stored(tx, sign_in_name)?))
        })?;

        // A password longer than any is judged like a wrong one, at the same cost.
        let password = password::normalised(password);
        let stored_phc = known
            .as_ref()
            .filter(|_| password.is_some())
            .map(|known| known.phc.as_str());
        let matches = self
            .hasher
            .matches(password.as_deref().unwrap_or_default(), stored_phc);
        let matches = match matches {
            Ok(matches) => matches,
            Err(error) => {
                self.write(|tx| attempt::take_back(tx, attempt))?;
                return Err(error.into());
            }
        };
        let (Some(known), Some(password), true) = (known, password, matches) else {
            return Err(SignInError::Refused);
        };

        let better = if self.hasher.is_outdated(&known.phc) {
            let salt = self.random(|entropy| entropy.bytes());
            // A full queue is no reason to refuse the right password; the next sign-in
            // tries again.
            self.hasher.hash(&password, &salt).ok()
        } else {
            None
        };
        self.write(|tx| {
            // Checking took a while; the password may have been replaced, the account
            // disabled or erased meanwhile.
            if stored(tx, sign_in_name)?.as_ref() != Some(&known) {
                return Err(SignInError::Refused);
            }
            attempt::forget(tx, key)?;
            if let Some(better) = &better {
                tx.execute(
                    "rehash a password",
                    "UPDATE password SET phc = ?2 WHERE account = ?1",
                    values![known.account, better],
                )?;
            }
            Ok(known.account)
        })
    }

    /// Whether the account has a password.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn has_password(&self, account: AccountId) -> Result<bool, StoreError> {
        self.read(|db| {
            db.is_true(
                "look for a password",
                "SELECT EXISTS (SELECT 1 FROM password WHERE account = ?1)",
                values![account],
            )
        })
    }
}

#[derive(PartialEq, Eq)]
struct StoredPassword {
    account: AccountId,
    phc: String,
}

/// The password of an active account by its sign-in name.
fn stored(db: &dyn Reading, sign_in_name: &str) -> Result<Option<StoredPassword>, StoreError> {
    db.first(
        "read a password's hash",
        "SELECT person.account, phc
         FROM person
         JOIN password ON password.account = person.account
         JOIN account ON account.id = person.account
         WHERE sign_in_name = ?1 AND standing = 'active'",
        values![&as_looked_up(sign_in_name)],
    )?
    .map(|row| {
        Ok(StoredPassword {
            account: row.get(0)?,
            phc: row.get(1)?,
        })
    })
    .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::FAILURES_MAX;
    use crate::fixture::{
        Ground, PASSWORD, account, at, on_both_databases, quick, register, with_password,
    };
    use crate::{HashCost, Settings};

    const OFFICE: &str = "192.0.2.1";
    const ELSEWHERE: &str = "198.51.100.7";

    fn fail(store: &IdentityStore, name: &str, source: &str, seconds: i64) -> SignInError {
        store
            .verify_password(name, "wrong wrong wrong", source, at(seconds))
            .unwrap_err()
    }

    fn phc(store: &IdentityStore, name: &str) -> String {
        store.read(|db| stored(db, name)).unwrap().unwrap().phc
    }

    fn the_right_name_and_password_open_the_account(ground: &Ground) {
        let store = ground.store();
        let shoko = with_password(&store, 1, "staff.shoko");
        for name in ["staff.shoko", " Staff.SHOKO"] {
            assert_eq!(
                store
                    .verify_password(name, PASSWORD, OFFICE, at(1))
                    .unwrap(),
                shoko
            );
        }
        assert!(store.has_password(shoko).unwrap());
    }

    fn a_wrong_password_an_unknown_name_and_a_closed_account_are_refused_alike(ground: &Ground) {
        let store = ground.store();
        with_password(&store, 1, "staff.shoko");
        register(&store, 2, "without.password");
        with_password(&store, 3, "disabled");
        store.disable(account(3), at(1)).unwrap();
        with_password(&store, 4, "erased");
        store.erase(account(4), at(1)).unwrap();
        let refusals = [
            store.verify_password("staff.shoko", "wrong wrong wrong", OFFICE, at(2)),
            store.verify_password("nobody", PASSWORD, OFFICE, at(2)),
            store.verify_password("without.password", "", OFFICE, at(2)),
            store.verify_password("disabled", PASSWORD, OFFICE, at(2)),
            store.verify_password("erased", PASSWORD, OFFICE, at(2)),
            store.verify_password("staff.shoko", &PASSWORD.repeat(20), OFFICE, at(2)),
        ];
        let mut texts: Vec<String> = refusals
            .into_iter()
            .map(|refusal| {
                let error = refusal.unwrap_err();
                assert!(matches!(error, SignInError::Refused), "{error:?}");
                error.to_string()
            })
            .collect();
        texts.dedup();
        assert_eq!(texts.len(), 1, "{texts:?}");
    }

    fn a_name_that_no_database_takes_is_refused_like_any_other(ground: &Ground) {
        let store = ground.store();
        let error = fail(&store, "nul\0nul", OFFICE, 1);
        assert!(matches!(error, SignInError::Refused), "{error:?}");
        assert_eq!(store.by_sign_in_name("nul\0nul").unwrap(), None);
    }

    fn an_enabled_account_signs_in_again_by_its_old_password(ground: &Ground) {
        let store = ground.store();
        let shoko = with_password(&store, 1, "staff.shoko");
        store.disable(shoko, at(1)).unwrap();
        store.enable(shoko, at(2)).unwrap();
        store
            .verify_password("staff.shoko", PASSWORD, OFFICE, at(3))
            .unwrap();
    }

    fn a_new_password_replaces_the_old_one_and_ends_every_session(ground: &Ground) {
        let store = ground.store();
        let shoko = with_password(&store, 1, "staff.shoko");
        let page = store.create_session(shoko, at(1)).unwrap();
        let refreshed = store.start_refresh(shoko, at(1)).unwrap();
        store
            .set_password(shoko, "gravel lantern oyster", &[], at(2))
            .unwrap();
        assert!(store.session(page.token.expose(), at(3)).is_err());
        assert!(store.refresh(refreshed.token.expose(), at(3)).is_err());
        assert!(matches!(
            store.verify_password("staff.shoko", PASSWORD, OFFICE, at(3)),
            Err(SignInError::Refused)
        ));
        store
            .verify_password("staff.shoko", "gravel lantern oyster", OFFICE, at(3))
            .unwrap();
    }

    fn a_refused_password_changes_nothing(ground: &Ground) {
        let store = ground.store();
        let shoko = with_password(&store, 1, "staff.shoko");
        let refused = store.set_password(
            shoko,
            "みなと市みなと市みなと市みなと市",
            &["みなと市"],
            at(1),
        );
        assert!(matches!(
            refused,
            Err(SetPasswordError::Refused(PasswordRefused::TooGuessable))
        ));
        store
            .verify_password("staff.shoko", PASSWORD, OFFICE, at(2))
            .unwrap();
        assert!(matches!(
            store.set_password(account(9), PASSWORD, &[], at(1)),
            Err(SetPasswordError::NotRegistered)
        ));
    }

    fn the_password_itself_is_not_stored(ground: &Ground) {
        let store = ground.store();
        with_password(&store, 1, "staff.shoko");
        let phc = phc(&store, "staff.shoko");
        assert!(phc.starts_with("$argon2id$v=19$"), "{phc}");
        assert!(!phc.contains("kestrel"));
    }

    fn a_password_is_rehashed_at_its_next_sign_in_when_the_cost_has_changed(ground: &Ground) {
        {
            let store = ground.open(quick()).unwrap();
            with_password(&store, 1, "staff.shoko");
            assert!(phc(&store, "staff.shoko").contains("m=8,t=1,p=1"));
        }
        let dearer = Settings {
            hash_cost: HashCost {
                memory_kib: 16,
                passes: 2,
                lanes: 1,
            },
            ..quick()
        };
        let store = ground.open(dearer).unwrap();
        fail(&store, "staff.shoko", OFFICE, 1);
        assert!(phc(&store, "staff.shoko").contains("m=8,t=1,p=1"));
        store
            .verify_password("staff.shoko", PASSWORD, OFFICE, at(2))
            .unwrap();
        assert!(phc(&store, "staff.shoko").contains("m=16,t=2,p=1"));
        store
            .verify_password("staff.shoko", PASSWORD, OFFICE, at(3))
            .unwrap();
    }

    fn after_ten_failures_within_five_minutes_the_next_has_to_wait(ground: &Ground) {
        let store = ground.store();
        let shoko = with_password(&store, 1, "staff.shoko");
        for second in 0..i64::from(FAILURES_MAX) {
            assert!(matches!(
                fail(&store, "staff.shoko", OFFICE, second),
                SignInError::Refused
            ));
        }
        let wait = store
            .verify_password("staff.shoko", PASSWORD, OFFICE, at(10))
            .unwrap_err();
        assert!(
            matches!(
                wait,
                SignInError::TooManyAttempts {
                    retry_after_seconds: 290
                }
            ),
            "{wait:?}"
        );
        assert_eq!(
            store
                .verify_password("staff.shoko", PASSWORD, OFFICE, at(300))
                .unwrap(),
            shoko,
            "waiting as told is enough"
        );
    }

    fn failures_from_elsewhere_do_not_keep_the_right_person_out(ground: &Ground) {
        let store = ground.store();
        let shoko = with_password(&store, 1, "staff.shoko");
        for second in 0..20 {
            fail(&store, "staff.shoko", ELSEWHERE, second);
        }
        assert!(matches!(
            fail(&store, "staff.shoko", ELSEWHERE, 20),
            SignInError::TooManyAttempts { .. }
        ));
        assert_eq!(
            store
                .verify_password("staff.shoko", PASSWORD, OFFICE, at(21))
                .unwrap(),
            shoko
        );
        assert!(
            matches!(
                fail(&store, "staff.shoko", ELSEWHERE, 22),
                SignInError::TooManyAttempts { .. }
            ),
            "a sign-in elsewhere does not free the guesser"
        );
    }

    fn a_colleague_behind_the_same_address_is_not_slowed_down(ground: &Ground) {
        let store = ground.store();
        with_password(&store, 1, "staff.shoko");
        let nourin = with_password(&store, 2, "staff.nourin");
        for second in 0..10 {
            fail(&store, "staff.shoko", OFFICE, second);
        }
        assert_eq!(
            store
                .verify_password("staff.nourin", PASSWORD, OFFICE, at(10))
                .unwrap(),
            nourin
        );
    }

    fn an_unknown_name_is_slowed_down_like_a_known_one(ground: &Ground) {
        let store = ground.store();
        for second in 0..10 {
            assert!(matches!(
                fail(&store, "nobody", OFFICE, second),
                SignInError::Refused
            ));
        }
        assert!(matches!(
            fail(&store, "nobody", OFFICE, 10),
            SignInError::TooManyAttempts { .. }
        ));
    }

    fn a_correct_sign_in_forgets_the_failures_before_it(ground: &Ground) {
        let store = ground.store();
        with_password(&store, 1, "staff.shoko");
        for round in 0..3 {
            for second in 0..9 {
                fail(&store, "staff.shoko", OFFICE, round * 10 + second);
            }
            store
                .verify_password("staff.shoko", PASSWORD, OFFICE, at(round * 10 + 9))
                .unwrap();
        }
    }

    fn a_clock_that_was_set_back_does_not_stretch_the_wait(ground: &Ground) {
        let store = ground.store();
        for _ in 0..10 {
            fail(&store, "nobody", OFFICE, 86_400);
        }
        assert!(matches!(
            fail(&store, "nobody", OFFICE, 0),
            SignInError::TooManyAttempts {
                retry_after_seconds: 300
            }
        ));
    }

    on_both_databases! {
        the_right_name_and_password_open_the_account,
        a_wrong_password_an_unknown_name_and_a_closed_account_are_refused_alike,
        an_enabled_account_signs_in_again_by_its_old_password,
        a_new_password_replaces_the_old_one_and_ends_every_session,
        a_refused_password_changes_nothing,
        the_password_itself_is_not_stored,
        a_password_is_rehashed_at_its_next_sign_in_when_the_cost_has_changed,
        a_name_that_no_database_takes_is_refused_like_any_other,
        after_ten_failures_within_five_minutes_the_next_has_to_wait,
        failures_from_elsewhere_do_not_keep_the_right_person_out,
        a_colleague_behind_the_same_address_is_not_slowed_down,
        an_unknown_name_is_slowed_down_like_a_known_one,
        a_correct_sign_in_forgets_the_failures_before_it,
        a_clock_that_was_set_back_does_not_stretch_the_wait,
    }
}
