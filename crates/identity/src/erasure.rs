//! Erasing a person so that nothing of the person is left in the files.

use daicho_domain::AccountId;
use jiff::Timestamp;

use crate::attempt;
use crate::database::values;
use crate::person::{self, PersonError};
use crate::session::end_all;
use crate::store::IdentityStore;
use crate::store_error::StoreError;

impl IdentityStore {
    /// Erases the person: name, mail, password, sessions, tokens and failed attempts are
    /// gone from the file when this returns. Only the account's id stays, so that it is
    /// never given to somebody else. Erasing twice changes nothing.
    ///
    /// In PostgreSQL no query finds them any more, and the tables are vacuumed where the role
    /// owns them; their bytes stay in unused parts of the server's files until those are
    /// written over, in its write-ahead log, on standbys and in backups for as long as those
    /// are kept.
    ///
    /// # Errors
    /// [`PersonError::NotRegistered`] if the account was never registered;
    /// [`StoreError::TracesRemain`] if another process holds the file, so that deleted bytes
    /// may still be in it (the person is gone all the same).
    pub fn erase(&self, account: AccountId, now: Timestamp) -> Result<(), PersonError> {
        self.write(|tx| {
            if !person::is_known(tx, account)? {
                return Err(PersonError::NotRegistered);
            }
            if let Some(person) = person::find(tx, account)? {
                attempt::forget_name(tx, self.attempt_name_hash(&person.sign_in_name))?;
            }
            end_all(tx, account)?;
            tx.execute(
                "erase a password",
                "DELETE FROM password WHERE account = ?1",
                values![account],
            )?;
            tx.execute(
                "erase a person",
                "DELETE FROM person WHERE account = ?1",
                values![account],
            )?;
            tx.execute(
                "mark an account as erased",
                "UPDATE account SET standing = 'erased', changed_at = ?2
                 WHERE id = ?1 AND standing <> 'erased'",
                values![account, now],
            )?;
            Ok(())
        })?;
        if self.home.scrub()? {
            Ok(())
        } else {
            Err(StoreError::TracesRemain.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::fixture::{
        Ground, PASSWORD, account, at, folder, holds, on_both_databases, open, quick, register,
        with_password,
    };
    use crate::{IDENTITY_FILE, NewPerson};

    fn an_erased_account_is_never_given_to_somebody_else_but_the_name_is_free(ground: &Ground) {
        let store = ground.store();
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
            .read(|db| db.first("", "SELECT phc FROM password", values![]))
            .unwrap()
            .unwrap()
            .get(0)
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
        let attempts = store
            .read(|db| db.query("", "SELECT at FROM failed_attempt", values![]))
            .unwrap();
        assert!(attempts.is_empty());
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
            .read(|db| db.query("", "PRAGMA busy_timeout = 0", values![]))
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

    fn an_erasure_takes_every_sign_in_and_failure_with_it(ground: &Ground) {
        let store = ground.store();
        let shoko = with_password(&store, 1, "staff.shoko");
        let nourin = with_password(&store, 2, "staff.nourin");
        let page = store.create_session(shoko, at(1)).unwrap();
        let api = store.start_refresh(shoko, at(1)).unwrap();
        let other = store.create_session(nourin, at(1)).unwrap();
        for name in ["staff.shoko", "staff.nourin"] {
            assert!(store.verify_password(name, "wrong", "here", at(1)).is_err());
        }
        store.erase(shoko, at(2)).unwrap();
        assert!(store.session(page.token.expose(), at(3)).is_err());
        assert!(store.refresh(api.token.expose(), at(3)).is_err());
        assert!(!store.has_password(shoko).unwrap());
        store.session(other.token.expose(), at(3)).unwrap();
        let rows = |table: &str| {
            let all = format!("SELECT * FROM {table}");
            store
                .read(|db| db.query("", &all, values![]))
                .unwrap()
                .len()
        };
        assert_eq!(rows("account"), 2);
        for table in ["person", "password", "page_session", "failed_attempt"] {
            assert_eq!(rows(table), 1, "{table}");
        }
        assert_eq!(rows("refresh_family") + rows("refresh_token"), 0);
    }

    on_both_databases! {
        an_erasure_takes_every_sign_in_and_failure_with_it,
        an_erased_account_is_never_given_to_somebody_else_but_the_name_is_free,
    }
}
