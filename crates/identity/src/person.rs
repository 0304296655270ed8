//! The register of people: what an account's holder is called.

use std::collections::BTreeMap;

use daicho_domain::AccountId;
use jiff::Timestamp;
use thiserror::Error;

use crate::database::{Reading, Row, Value, Writing, values};
use crate::naming::{
    DISPLAY_NAME_CHARS_MAX, SIGN_IN_NAME_CHARS_MAX, as_looked_up, display_name, mail, sign_in_name,
};
use crate::session::end_all;
use crate::store::IdentityStore;
use crate::store_error::StoreError;

/// Names read by one statement.
const NAMES_AT_ONCE: usize = 500;

/// Whether an account may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Active,
    /// It may not; who held it is still known.
    Disabled,
}

/// What is known of the person who holds an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The account.
    pub account: AccountId,
    /// What the person types to sign in, in lower case.
    pub sign_in_name: String,
    /// The name that others see.
    pub display_name: String,
    /// Where mail reaches the person.
    pub mail: Option<String>,
    /// Whether the account may sign in.
    pub standing: Standing,
}

/// A person to register.
#[derive(Clone, Debug)]
pub struct NewPerson<'a> {
    /// The account, as the log knows it.
    pub account: AccountId,
    /// ASCII letters, digits, `.`, `-` and `_`; upper and lower case are the same.
    pub sign_in_name: &'a str,
    /// The name that others see, in any script.
    pub display_name: &'a str,
    /// Where mail reaches the person.
    pub mail: Option<&'a str>,
}

/// Why the register was not changed.
#[derive(Debug, Error)]
pub enum PersonError {
    /// Somebody else signs in by this name.
    #[error("another person signs in by this name; choose a different one")]
    SignInNameTaken,
    /// The account has a person already.
    #[error("this account is registered already; rename its person instead")]
    AlreadyRegistered,
    /// The account's person was erased, and an account is never given to somebody else.
    #[error("this account's person was erased; open a new account")]
    Erased,
    /// No person has this account.
    #[error("no person is registered for this account; register one first")]
    NotRegistered,
    /// The sign-in name has a form that cannot be used.
    #[error(
        "a sign-in name is 1 to {SIGN_IN_NAME_CHARS_MAX} ASCII letters, digits, dots, hyphens \
         and underscores, and begins and ends with a letter or digit; write it so"
    )]
    SignInNameForm,
    /// The display name is empty, too long or holds control characters.
    #[error("a display name is 1 to {DISPLAY_NAME_CHARS_MAX} characters on one line; write it so")]
    DisplayNameForm,
    /// The mail address cannot be one.
    #[error("a mail address reads like name@example.jp; correct it or leave it out")]
    MailForm,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl IdentityStore {
    /// Registers the person who holds an account; the person has no password yet.
    ///
    /// # Errors
    /// [`PersonError::AlreadyRegistered`], [`PersonError::Erased`],
    /// [`PersonError::SignInNameTaken`], or one of the forms.
    pub fn register(&self, new: &NewPerson<'_>, now: Timestamp) -> Result<Person, PersonError> {
        let person = Person {
            account: new.account,
            sign_in_name: sign_in_name(new.sign_in_name)?,
            display_name: display_name(new.display_name)?,
            mail: new.mail.map(mail).transpose()?,
            standing: Standing::Active,
        };
        self.write(|tx| {
            match standing(tx, person.account)? {
                None => {}
                Some(Kept::Erased) => return Err(PersonError::Erased),
                Some(Kept::Is(_)) => return Err(PersonError::AlreadyRegistered),
            }
            refuse_taken(tx, &person.sign_in_name, person.account)?;
            tx.execute(
                "register an account",
                "INSERT INTO account (id, standing, registered_at, changed_at)
                 VALUES (?1, 'active', ?2, ?2)",
                values![person.account, now],
            )?;
            tx.execute(
                "register a person",
                "INSERT INTO person (account, sign_in_name, display_name, mail)
                 VALUES (?1, ?2, ?3, ?4)",
                values![
                    person.account,
                    &person.sign_in_name,
                    &person.display_name,
                    &person.mail,
                ],
            )?;
            Ok(())
        })?;
        Ok(person)
    }

    /// Changes the name that others see.
    ///
    /// # Errors
    /// [`PersonError::NotRegistered`] or [`PersonError::DisplayNameForm`].
    pub fn rename(
        &self,
        account: AccountId,
        new_name: &str,
        now: Timestamp,
    ) -> Result<Person, PersonError> {
        let new_name = display_name(new_name)?;
        self.change(account, now, |tx| {
            tx.execute(
                "rename a person",
                "UPDATE person SET display_name = ?2 WHERE account = ?1",
                values![account, &new_name],
            )?;
            Ok(())
        })
    }

    /// Changes what the person types to sign in. Sessions go on.
    ///
    /// # Errors
    /// [`PersonError::NotRegistered`], [`PersonError::SignInNameTaken`] or
    /// [`PersonError::SignInNameForm`].
    pub fn change_sign_in_name(
        &self,
        account: AccountId,
        new_name: &str,
        now: Timestamp,
    ) -> Result<Person, PersonError> {
        let new_name = sign_in_name(new_name)?;
        self.change(account, now, |tx| {
            refuse_taken(tx, &new_name, account)?;
            tx.execute(
                "change a sign-in name",
                "UPDATE person SET sign_in_name = ?2 WHERE account = ?1",
                values![account, &new_name],
            )?;
            Ok(())
        })
    }

    /// Changes or removes the mail address.
    ///
    /// # Errors
    /// [`PersonError::NotRegistered`] or [`PersonError::MailForm`].
    pub fn change_mail(
        &self,
        account: AccountId,
        new_mail: Option<&str>,
        now: Timestamp,
    ) -> Result<Person, PersonError> {
        let new_mail = new_mail.map(mail).transpose()?;
        self.change(account, now, |tx| {
            tx.execute(
                "change a mail address",
                "UPDATE person SET mail = ?2 WHERE account = ?1",
                values![account, &new_mail],
            )?;
            Ok(())
        })
    }

    /// Ends every session and refresh family of the account and lets it sign in no more,
    /// until [`enable`](Self::enable). Disabling twice changes nothing.
    ///
    /// # Errors
    /// [`PersonError::NotRegistered`].
    pub fn disable(&self, account: AccountId, now: Timestamp) -> Result<Person, PersonError> {
        self.change(account, now, |tx| {
            end_all(tx, account)?;
            set_standing(tx, account, "disabled")
        })
    }

    /// Lets a disabled account sign in again, by the password that it had.
    ///
    /// # Errors
    /// [`PersonError::NotRegistered`].
    pub fn enable(&self, account: AccountId, now: Timestamp) -> Result<Person, PersonError> {
        self.change(account, now, |tx| set_standing(tx, account, "active"))
    }

    /// The person who holds the account; `None` if unknown or erased.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn person(&self, account: AccountId) -> Result<Option<Person>, StoreError> {
        self.read(|db| find(db, account))
    }

    /// The person who signs in by this name, in upper or lower case.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn by_sign_in_name(&self, name: &str) -> Result<Option<Person>, StoreError> {
        self.read(|db| find_by_name(db, name))
    }

    /// The display names of these accounts; unknown and erased ones are absent.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn names(&self, accounts: &[AccountId]) -> Result<BTreeMap<AccountId, String>, StoreError> {
        self.read(|db| {
            let mut names = BTreeMap::new();
            for accounts in accounts.chunks(NAMES_AT_ONCE) {
                let parameters: Vec<String> =
                    (1..=accounts.len()).map(|n| format!("?{n}")).collect();
                let accounts: Vec<Value> = accounts.iter().map(|id| Value::from(*id)).collect();
                let rows = db.query(
                    "read names",
                    &format!(
                        "SELECT account, display_name FROM person WHERE account IN ({})",
                        parameters.join(", ")
                    ),
                    &accounts,
                )?;
                for row in rows {
                    names.insert(row.get(0)?, row.get(1)?);
                }
            }
            Ok(names)
        })
    }

    fn change(
        &self,
        account: AccountId,
        now: Timestamp,
        work: impl Fn(&dyn Writing) -> Result<(), PersonError>,
    ) -> Result<Person, PersonError> {
        self.write(|tx| {
            if find(tx, account)?.is_none() {
                return Err(PersonError::NotRegistered);
            }
            work(tx)?;
            tx.execute(
                "note a change of an account",
                "UPDATE account SET changed_at = ?2 WHERE id = ?1",
                values![account, now],
            )?;
            find(tx, account)?.ok_or(PersonError::NotRegistered)
        })
    }
}

/// What the store keeps of an account.
enum Kept {
    Is(Standing),
    Erased,
}

/// Whether the account was ever registered, erased ones included.
pub(crate) fn is_known(db: &dyn Reading, account: AccountId) -> Result<bool, StoreError> {
    Ok(standing(db, account)?.is_some())
}

fn standing(db: &dyn Reading, account: AccountId) -> Result<Option<Kept>, StoreError> {
    let text: Option<String> = db
        .first(
            "read an account",
            "SELECT standing FROM account WHERE id = ?1",
            values![account],
        )?
        .map(|row| row.get(0))
        .transpose()?;
    Ok(text.map(|text| match text.as_str() {
        "active" => Kept::Is(Standing::Active),
        "disabled" => Kept::Is(Standing::Disabled),
        _ => Kept::Erased,
    }))
}

/// Whether the account may sign in.
pub(crate) fn is_active(db: &dyn Reading, account: AccountId) -> Result<bool, StoreError> {
    Ok(matches!(
        standing(db, account)?,
        Some(Kept::Is(Standing::Active))
    ))
}

fn set_standing(tx: &dyn Writing, account: AccountId, standing: &str) -> Result<(), PersonError> {
    tx.execute(
        "change an account's standing",
        "UPDATE account SET standing = ?2 WHERE id = ?1",
        values![account, standing],
    )?;
    Ok(())
}

const PERSON: &str = "SELECT person.account, sign_in_name, display_name, mail, standing
                      FROM person JOIN account ON account.id = person.account";

pub(crate) fn find(db: &dyn Reading, account: AccountId) -> Result<Option<Person>, StoreError> {
    db.first(
        "read a person",
        &format!("{PERSON} WHERE person.account = ?1"),
        values![account],
    )?
    .map(|row| read_person(&row))
    .transpose()
}

pub(crate) fn find_by_name(db: &dyn Reading, name: &str) -> Result<Option<Person>, StoreError> {
    db.first(
        "look a sign-in name up",
        &format!("{PERSON} WHERE sign_in_name = ?1"),
        values![&as_looked_up(name)],
    )?
    .map(|row| read_person(&row))
    .transpose()
}

fn read_person(row: &Row) -> Result<Person, StoreError> {
    Ok(Person {
        account: row.get(0)?,
        sign_in_name: row.get(1)?,
        display_name: row.get(2)?,
        mail: row.get(3)?,
        standing: match row.get::<String>(4)?.as_str() {
            "active" => Standing::Active,
            _ => Standing::Disabled,
        },
    })
}

fn refuse_taken(db: &dyn Reading, name: &str, by: AccountId) -> Result<(), PersonError> {
    match find_by_name(db, name)? {
        Some(holder) if holder.account != by => Err(PersonError::SignInNameTaken),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Ground, account, at, on_both_databases, register};

    fn a_registered_person_is_found_by_account_and_by_name_in_any_case(ground: &Ground) {
        let store = ground.store();
        let shoko = store
            .register(
                &NewPerson {
                    account: account(1),
                    sign_in_name: "Staff.Shoko",
                    display_name: "商工 花子",
                    mail: Some("shoko@example.jp"),
                },
                at(0),
            )
            .unwrap();
        assert_eq!(shoko.sign_in_name, "staff.shoko");
        assert_eq!(store.person(account(1)).unwrap(), Some(shoko.clone()));
        assert_eq!(store.by_sign_in_name(" STAFF.shoko ").unwrap(), Some(shoko));
        assert_eq!(store.by_sign_in_name("nobody").unwrap(), None);
    }

    fn two_people_cannot_sign_in_by_the_same_name_in_another_case(ground: &Ground) {
        let store = ground.store();
        register(&store, 1, "staff.shoko");
        let second = store.register(
            &NewPerson {
                account: account(2),
                sign_in_name: "STAFF.SHOKO",
                display_name: "別人",
                mail: None,
            },
            at(0),
        );
        assert!(matches!(second, Err(PersonError::SignInNameTaken)));
        assert_eq!(store.person(account(2)).unwrap(), None);

        register(&store, 2, "staff.nourin");
        let change = store.change_sign_in_name(account(2), "Staff.Shoko", at(1));
        assert!(matches!(change, Err(PersonError::SignInNameTaken)));
        store
            .change_sign_in_name(account(1), "staff.shoko", at(1))
            .expect("one's own name is not taken by somebody else");
    }

    fn an_account_cannot_be_registered_twice(ground: &Ground) {
        let store = ground.store();
        register(&store, 1, "staff.shoko");
        let again = store.register(
            &NewPerson {
                account: account(1),
                sign_in_name: "other",
                display_name: "別人",
                mail: None,
            },
            at(0),
        );
        assert!(matches!(again, Err(PersonError::AlreadyRegistered)));
    }

    fn a_person_can_be_renamed_and_gets_another_mail_address(ground: &Ground) {
        let store = ground.store();
        register(&store, 1, "staff.shoko");
        store.rename(account(1), "新姓 花子", at(1)).unwrap();
        store
            .change_mail(account(1), Some("new@example.jp"), at(2))
            .unwrap();
        let person = store
            .change_sign_in_name(account(1), "shoko.new", at(3))
            .unwrap();
        assert_eq!(person.display_name, "新姓 花子");
        assert_eq!(person.mail.as_deref(), Some("new@example.jp"));
        assert_eq!(store.by_sign_in_name("staff.shoko").unwrap(), None);
        assert_eq!(store.by_sign_in_name("shoko.new").unwrap(), Some(person));
        assert_eq!(
            store.change_mail(account(1), None, at(4)).unwrap().mail,
            None
        );
    }

    fn an_unknown_account_cannot_be_renamed_disabled_or_erased(ground: &Ground) {
        let store = ground.store();
        let unknown = account(9);
        let refused = [
            store.rename(unknown, "誰か", at(0)).err(),
            store.disable(unknown, at(0)).err(),
            store.enable(unknown, at(0)).err(),
            store.erase(unknown, at(0)).err(),
        ];
        for error in refused {
            assert!(matches!(error, Some(PersonError::NotRegistered)));
        }
    }

    fn names_leave_out_who_is_unknown_or_erased(ground: &Ground) {
        let store = ground.store();
        register(&store, 1, "one");
        register(&store, 2, "two");
        store.erase(account(2), at(1)).unwrap();
        let names = store.names(&[account(1), account(2), account(3)]).unwrap();
        assert_eq!(names, BTreeMap::from([(account(1), "one さん".to_owned())]));
    }

    on_both_databases! {
        a_registered_person_is_found_by_account_and_by_name_in_any_case,
        two_people_cannot_sign_in_by_the_same_name_in_another_case,
        an_account_cannot_be_registered_twice,
        a_person_can_be_renamed_and_gets_another_mail_address,
        an_unknown_account_cannot_be_renamed_disabled_or_erased,
        names_leave_out_who_is_unknown_or_erased,
    }
}
