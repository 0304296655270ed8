use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::fixture::{
    Admin, Ground, PASSWORD, Server, account, at, on_both_databases, quick, register,
    server_available, with_password,
};
use crate::{JwtIssuer, RefreshError};

fn issuer(store: &Arc<IdentityStore>) -> JwtIssuer {
    JwtIssuer::new(Arc::clone(store), "i", "a").unwrap()
}

/// Moves a store full of everything from one ground to the other and looks at it there.
fn move_and_look(from: &Ground, to: &Ground) {
    let old = Arc::new(from.open(quick()).unwrap());
    for number in 1..=600 {
        register(&old, number, &format!("person.{number}"));
    }
    let shoko = with_password(&old, 1_001, "staff.shoko");
    old.change_mail(shoko, Some("shoko@example.jp"), at(0))
        .unwrap();
    let disabled = with_password(&old, 1_002, "disabled");
    old.disable(disabled, at(0)).unwrap();
    with_password(&old, 1_003, "erased");
    old.erase(account(1_003), at(0)).unwrap();
    let page = old.create_session(shoko, at(1)).unwrap();
    let first = old.start_refresh(shoko, at(1)).unwrap();
    let second = old.refresh(first.token.expose(), at(2)).unwrap();
    let stolen = old.start_refresh(shoko, at(1)).unwrap();
    let revoked = old.refresh(stolen.token.expose(), at(2)).unwrap();
    old.refresh(stolen.token.expose(), at(2)).unwrap_err();
    for _ in 0..10 {
        old.verify_password("nobody", "wrong", "here", at(3))
            .unwrap_err();
    }
    old.keep_secret("log-key/1", &[0, 1, 255]).unwrap();
    let issuing = issuer(&old);
    let of_the_old_key = issuing.issue(&second.signed_in, at(3)).unwrap().token;
    issuing.rotate_key(at(4)).unwrap();
    let of_the_new_key = issuing.issue(&second.signed_in, at(5)).unwrap().token;

    let new = Arc::new(to.open(quick()).unwrap());
    old.copy_all_to(&new).unwrap();

    for new in [new, Arc::new(to.open(quick()).unwrap())] {
        assert_eq!(new.person(shoko).unwrap(), old.person(shoko).unwrap());
        assert_eq!(new.person(disabled).unwrap(), old.person(disabled).unwrap());
        assert!(new.enable(account(1_003), at(6)).is_err());
        let everybody: Vec<_> = (0..=1_003).map(account).collect();
        assert_eq!(new.names(&everybody).unwrap().len(), 602);
        new.session(page.token.expose(), at(6)).unwrap();
        assert!(new.still_signed_in(&second.signed_in, at(6)).unwrap());
        assert!(matches!(
            new.refresh(revoked.token.expose(), at(6)),
            Err(RefreshError::Revoked)
        ));
        new.verify_password("staff.shoko", PASSWORD, "here", at(6))
            .unwrap();
        assert!(
            matches!(
                new.verify_password("nobody", "wrong", "here", at(6)),
                Err(crate::SignInError::TooManyAttempts { .. })
            ),
            "failures are found by the key that moved with them"
        );
        assert_eq!(
            new.secrets_beginning_with("").unwrap(),
            BTreeMap::from([("log-key/1".to_owned(), vec![0, 1, 255])])
        );
        let verifying = issuer(&new);
        for token in [&of_the_old_key, &of_the_new_key] {
            verifying.verify(token.expose(), at(6)).unwrap();
        }
    }
    let new = to.open(quick()).unwrap();
    new.refresh(second.token.expose(), at(7)).unwrap();
    assert!(matches!(
        new.refresh(first.token.expose(), at(8)),
        Err(RefreshError::Reused { .. })
    ));
    for table in ["account", "person", "password", "page_session"] {
        assert_eq!(rows(&new, table), rows(&old, table), "{table}");
    }
}

fn rows(store: &IdentityStore, table: &str) -> usize {
    let all = format!("SELECT * FROM {table}");
    store
        .read(|db| db.query("", &all, values![]))
        .unwrap()
        .len()
}

#[test]
fn nobody_is_signed_out_by_a_move_to_postgresql_or_back() {
    move_and_look(&Ground::sqlite(), &Ground::sqlite());
    if !server_available() {
        return;
    }
    let server = Server::start();
    let admin = Admin::connect(&server.url("postgres"));
    admin.run(
        "CREATE ROLE daicho_identity LOGIN;
         CREATE SCHEMA daicho_identity AUTHORIZATION daicho_identity",
    );
    let url = server.url("daicho_identity");
    move_and_look(&Ground::sqlite(), &Ground::postgres(&url));
    let moved = Ground::postgres(&url).open(quick()).unwrap();
    let back = Ground::sqlite();
    moved.copy_all_to(&back.open(quick()).unwrap()).unwrap();
    let back = back.open(quick()).unwrap();
    for (table, _) in TABLES {
        assert_eq!(rows(&back, table), rows(&moved, table), "{table}");
    }
    back.verify_password("staff.shoko", PASSWORD, "here", at(9))
        .unwrap();
    drop(moved);

    admin.run(
        "DROP SCHEMA daicho_identity CASCADE;
         CREATE SCHEMA daicho_identity AUTHORIZATION daicho_identity",
    );
    move_and_look(&Ground::postgres(&url), &Ground::sqlite());
}

fn a_store_that_holds_anything_is_not_moved_to(ground: &Ground) {
    let from = Ground::sqlite().store();
    register(&from, 1, "staff.shoko");
    let to = ground.store();
    to.keep_secret("log-key", b"x").unwrap();
    let refused = from.copy_all_to(&to);
    assert!(matches!(
        refused,
        Err(StoreError::NotEmpty {
            table: "store_secret"
        })
    ));
    register(&to, 2, "staff.nourin");
    let refused = from.copy_all_to(&to);
    assert!(matches!(
        refused,
        Err(StoreError::NotEmpty { table: "account" })
    ));
    assert_eq!(
        from.copy_all_to(&from).unwrap_err().to_string(),
        refused.unwrap_err().to_string()
    );
    assert!(to.person(account(2)).unwrap().is_some());
    assert_eq!(to.person(account(1)).unwrap(), None);
}

fn a_move_that_fails_leaves_the_new_store_as_it_was(ground: &Ground) {
    let from = Ground::sqlite().store();
    register(&from, 1, "staff.shoko");
    // What the last table to be written does not take.
    from.write(|tx| {
        tx.query("", "PRAGMA ignore_check_constraints = true", values![])?;
        tx.execute(
            "",
            "UPDATE signing_key SET public = ?1",
            values![[0_u8; 31]],
        )
    })
    .map_err(|error: StoreError| panic!("{error:?}"))
    .unwrap();
    let to = ground.store();
    from.copy_all_to(&to).unwrap_err();
    assert_eq!(to.person(account(1)).unwrap(), None);
    assert_eq!(rows(&to, "signing_key"), 1);
    let to = Arc::new(to);
    issuer(&to).rotate_key(at(1)).unwrap();
}

#[test]
fn a_move_takes_every_column_of_every_table_along() {
    let store = Ground::sqlite().store();
    let names = |sql: &str| -> Vec<String> {
        store
            .read(|db| db.query("", sql, values![]))
            .unwrap()
            .iter()
            .map(|row| row.get(0).unwrap())
            .collect()
    };
    let mut there = names("SELECT name FROM sqlite_schema WHERE type = 'table'");
    there.sort_unstable();
    let mut moved: Vec<&str> = TABLES.iter().map(|(table, _)| *table).collect();
    moved.sort_unstable();
    assert_eq!(there, moved);
    for (table, moved) in TABLES {
        let mut there = names(&format!("SELECT name FROM pragma_table_info('{table}')"));
        if *table == "failed_attempt" {
            there.retain(|column| column != "id");
        }
        assert_eq!(there, *moved, "{table}");
    }
}

on_both_databases! {
    a_store_that_holds_anything_is_not_moved_to,
    a_move_that_fails_leaves_the_new_store_as_it_was,
}
