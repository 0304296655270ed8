//! Erasing a person so that nothing of the person is left in the files.

use daicho_domain::AccountId;
use jiff::Timestamp;

use crate::attempt;
use crate::person::{self, PersonError};
use crate::session::end_all;
use crate::store::{At, IdentityStore};
use crate::store_error::{StoreError, during};

impl IdentityStore {
    /// Erases the person: name, mail, password, sessions, tokens and failed attempts are
    /// gone from the file when this returns. Only the account's id stays, so that it is
    /// never given to somebody else. Erasing twice changes nothing.
    ///
    /// # Errors
    /// [`PersonError::NotRegistered`] if the account was never registered;
    /// [`StoreError::TracesRemain`] if another process holds the file, so that deleted bytes
    /// may still be in it (the person is gone all the same).
    pub fn erase(&self, account: AccountId, now: Timestamp) -> Result<(), PersonError> {
        let id = account.0.into_bytes();
        self.write(|tx| {
            if !person::is_known(tx, account)? {
                return Err(PersonError::NotRegistered);
            }
            if let Some(person) = person::find(tx, account)? {
                attempt::forget_name(tx, self.attempt_name_hash(&person.sign_in_name))?;
            }
            end_all(tx, account)?;
            tx.execute("DELETE FROM password WHERE account = ?1", [id])
                .map_err(during("erase a password"))?;
            tx.execute("DELETE FROM person WHERE account = ?1", [id])
                .map_err(during("erase a person"))?;
            tx.execute(
                "UPDATE account SET standing = 'erased', changed_at = ?2
                 WHERE id = ?1 AND standing <> 'erased'",
                (id, At(now)),
            )
            .map_err(during("mark an account as erased"))?;
            Ok(())
        })?;
        if self.scrub()? {
            Ok(())
        } else {
            Err(StoreError::TracesRemain.into())
        }
    }

    /// Moves everything out of the write-ahead log and empties it, so that deleted rows are
    /// in neither file. `Ok(false)`: another process holds the file.
    pub(crate) fn scrub(&self) -> Result<bool, StoreError> {
        self.read(|connection| {
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                row.get::<_, i64>(0)
            })
        })
        .map(|busy| busy == 0)
        .map_err(during("empty its write-ahead log"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rusqlite::Connection;

    use super::*;
    use crate::fixture::{PASSWORD, account, at, folder, holds, open, quick, register, store};
    use crate::{IDENTITY_FILE, NewPerson};

    #[test]
    fn an_erased_account_is_never_given_to_somebody_else_but_the_name_is_free() {
        let store = store();
        register(&store, 1, "staff.shoko");
        store.erase(account(1), at(1)).unwrap();
        store
            .erase(account(1), at(2))
            .expect("erasing twice changes nothing");
        assert_eq!(store.person(account(1)).unwrap(), None);
        let again = store.register(
            &NewPerson {
                account: account(1),
                sign_in_name: "staff.shoko",
                display_name: "別人",
                mail: None,
            },
            at(3),
        );
        assert!(matches!(again, Err(PersonError::Erased)));
        register(&store, 2, "staff.shoko");
    }

    #[test]
    fn erasing_a_person_leaves_no_byte_of_the_name_in_the_files() {
        let folder = folder();
        let store = open(folder.path(), quick()).unwrap();
        // Enough people that pages split and rows move about.
        for number in 1..=300_u128 {
            store
                .register(
                    &NewPerson {
                        account: account(number * 7_919 % 1_009),
                        sign_in_name: &format!("person.{number}.of.many"),
                        display_name: &format!("氏名第{number}番{}", "長".repeat(60)),
                        mail: Some(&format!("mail{number}@example.jp")),
                    },
                    at(0),
                )
                .unwrap();
        }
        let erased = store
            .by_sign_in_name("person.150.of.many")
            .unwrap()
            .unwrap();
        let id = erased.account;
        store
            .rename(id, "改姓前後 一五〇", at(1))
            .and_then(|_| store.change_sign_in_name(id, "unusual.renamed", at(1)))
            .and_then(|_| store.change_mail(id, Some("second@example.jp"), at(1)))
            .unwrap();
        store.set_password(id, PASSWORD, &[], at(1)).unwrap();
        let session = store.create_session(id, at(2)).unwrap().session;
        assert!(
            store
                .verify_password("unusual.renamed", "wrong wrong", "192.0.2.1", at(3))
                .is_err()
        );
        let phc: String = store
            .read(|connection| connection.query_row("SELECT phc FROM password", [], |r| r.get(0)))
            .unwrap();
        let traces = [
            "氏名第150番",
            "person.150.of.many",
            "mail150@",
            "改姓前後",
            "unusual.renamed",
            "second@example",
            &phc,
            session.csrf.expose(),
        ];
        assert!(holds(folder.path(), "改姓前後".as_bytes()));
        assert!(holds(folder.path(), phc.as_bytes()));

        store.erase(id, at(4)).unwrap();

        for trace in traces {
            assert!(!holds(folder.path(), trace.as_bytes()), "{trace}");
        }
        assert!(holds(folder.path(), "氏名第151番".as_bytes()));
        let attempts: i64 = store
            .read(|connection| {
                connection.query_row("SELECT count(*) FROM failed_attempt", [], |r| r.get(0))
            })
            .unwrap();
        assert_eq!(attempts, 0);
    }

    #[test]
    fn an_erasure_that_another_process_hinders_says_so_and_is_finished_at_the_next_start() {
        let folder = folder();
        let store = open(folder.path(), quick()).unwrap();
        register(&store, 1, "unusual.name");
        let reader = Connection::open(folder.path().join(IDENTITY_FILE)).unwrap();
        reader
            .execute_batch("BEGIN; SELECT count(*) FROM person;")
            .unwrap();
        store
            .read(|connection| connection.busy_timeout(Duration::ZERO))
            .unwrap();
        let error = store.erase(account(1), at(1)).unwrap_err();
        assert!(matches!(
            error,
            PersonError::Store(StoreError::TracesRemain)
        ));
        assert_eq!(store.person(account(1)).unwrap(), None);
        assert!(holds(folder.path(), b"unusual.name"));
        drop(reader);
        drop(store);
        drop(open(folder.path(), quick()).unwrap());
        assert!(!holds(folder.path(), b"unusual.name"));
    }
}
