use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};

use super::*;
use crate::database::values;
use crate::fixture::{Ground, account, at, folder, holds, on_both_databases, open, quick};

const ISSUER: &str = "https://daicho.example.jp";
const AUDIENCE: &str = "daicho";

fn shoko() -> SignedIn {
    SignedIn {
        account: account(1),
        session: SessionId(Uuid::from_u128(7)),
    }
}

fn over(store: IdentityStore) -> JwtIssuer {
    JwtIssuer::new(Arc::new(store), ISSUER, AUDIENCE).unwrap()
}

fn issuer() -> JwtIssuer {
    over(Ground::sqlite().store())
}

fn issue(issuer: &JwtIssuer, seconds: i64) -> String {
    issuer
        .issue(&shoko(), at(seconds))
        .unwrap()
        .token
        .expose()
        .to_owned()
}

#[track_caller]
fn refused(issuer: &JwtIssuer, token: &str) {
    let answer = issuer.verify(token, at(1));
    assert!(
        matches!(answer, Err(AccessTokenError::Invalid)),
        "{answer:?}"
    );
}

fn part(token: &str, index: usize) -> Value {
    let text = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": account(1), "sid": Uuid::from_u128(7),
        "iat": at(0).as_second(), "exp": at(600).as_second(), "jti": Uuid::from_u128(8),
    })
}

/// Signs anything with the store's own key, as a token that we never would make.
fn forge(issuer: &JwtIssuer, claims: &Value, change: impl FnOnce(&mut Header)) -> String {
    let keys = issuer.keys.ring();
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(keys.active_kid.clone());
    change(&mut header);
    encode(&header, claims, &keys.signing).unwrap()
}

fn with(key: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[key] = value;
    claims
}

fn a_token_says_who_is_signed_in_until_it_runs_out(ground: &Ground) {
    let issuer = over(ground.store());
    let issued = issuer.issue(&shoko(), at(0)).unwrap();
    assert_eq!(issued.expires_at, at(600));
    let access = issuer.verify(issued.token.expose(), at(599)).unwrap();
    assert_eq!(access.signed_in, shoko());
    assert_eq!(access.expires_at, at(600));
    let late = issuer.verify(issued.token.expose(), at(600)).unwrap_err();
    assert!(matches!(late, AccessTokenError::Expired { at: when } if when == at(600)));
}

#[test]
fn a_token_carries_the_registered_claims_and_an_id_of_its_own() {
    let issuer = issuer();
    let (one, two) = (issue(&issuer, 0), issue(&issuer, 0));
    let header = part(&one, 0);
    assert_eq!(header["alg"], "EdDSA");
    assert_eq!(header["kid"].as_str().unwrap().len(), 16);
    let mut claims = part(&one, 1);
    assert_ne!(claims["jti"], part(&two, 1)["jti"]);
    claims["jti"] = json!(Uuid::from_u128(8));
    assert_eq!(claims, self::claims());
}

#[test]
fn what_we_sign_ourselves_is_taken_so_that_the_refusals_below_mean_something() {
    let issuer = issuer();
    issuer
        .verify(&forge(&issuer, &claims(), |_| ()), at(1))
        .unwrap();
}

#[test]
fn a_token_for_another_audience_or_from_another_issuer_is_refused() {
    let issuer = issuer();
    for wrong in [
        with("aud", json!("somebody-else")),
        with("aud", json!([AUDIENCE, "somebody-else"])),
        with("aud", Value::Null),
        with("iss", json!("https://evil.example")),
        with("iss", json!([ISSUER])),
        with("iss", Value::Null),
    ] {
        refused(&issuer, &forge(&issuer, &wrong, |_| ()));
    }
}

#[test]
fn a_token_with_odd_times_is_refused() {
    let issuer = issuer();
    for wrong in [
        with("exp", Value::Null),
        with("exp", json!("2030")),
        with("exp", json!(i64::MAX)),
        with("exp", json!(at(601).as_second())),
        with("iat", json!(at(62).as_second())),
    ] {
        refused(&issuer, &forge(&issuer, &wrong, |_| ()));
    }
}

#[test]
fn a_token_with_an_unknown_key_no_key_or_a_critical_extension_is_refused() {
    let issuer = issuer();
    refused(&issuer, &forge(&issuer, &claims(), |h| h.kid = None));
    refused(
        &issuer,
        &forge(&issuer, &claims(), |h| h.kid = Some("unknown".to_owned())),
    );
    refused(
        &issuer,
        &forge(&issuer, &claims(), |h| {
            h.crit = Some(vec!["exp".to_owned()])
        }),
    );
}

#[test]
fn a_token_signed_with_the_public_key_as_a_shared_secret_is_refused() {
    let issuer = issuer();
    let (kid, public) = {
        let keys = issuer.keys.ring();
        (keys.active_kid.clone(), keys.public[0].public)
    };
    let x = URL_SAFE_NO_PAD.encode(public);
    for secret in [public.as_slice(), x.as_bytes()] {
        for alg in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let mut header = Header::new(alg);
            header.kid = Some(kid.clone());
            let token = encode(&header, &claims(), &EncodingKey::from_secret(secret)).unwrap();
            refused(&issuer, &token);
        }
    }
}

#[test]
fn a_token_without_a_signature_is_refused() {
    let issuer = issuer();
    let genuine = issue(&issuer, 0);
    let kid = part(&genuine, 0)["kid"].clone();
    for alg in ["none", "None", "NONE", "", "HS256", "EdDSA"] {
        let header = json!({ "alg": alg, "typ": "JWT", "kid": kid });
        let unsigned = format!(
            "{}.{}.",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims().to_string())
        );
        refused(&issuer, &unsigned);
    }
}

#[test]
fn a_changed_token_is_refused() {
    let issuer = issuer();
    let genuine = issue(&issuer, 0);
    let mut parts: Vec<String> = genuine.split('.').map(str::to_owned).collect();
    let mut claims = part(&genuine, 1);
    claims["sub"] = json!(account(2));
    parts[1] = URL_SAFE_NO_PAD.encode(claims.to_string());
    refused(&issuer, &parts.join("."));
    refused(&issuer, "");
    refused(&issuer, "a.b.c");
    refused(&issuer, &format!("{genuine}.x"));
    refused(&issuer, &"a".repeat(1_000_000));
}

#[test]
fn a_token_of_another_store_is_refused_even_under_our_key_id() {
    let issuer = issuer();
    let folder = folder();
    let other = Arc::new(open(folder.path(), quick()).unwrap());
    let other = JwtIssuer::new(other, ISSUER, AUDIENCE).unwrap();
    refused(&issuer, &issue(&other, 0));
    let ours = issuer.keys.ring().active_kid.clone();
    refused(&issuer, &forge(&other, &claims(), |h| h.kid = Some(ours)));
}

fn after_a_rotation_old_tokens_still_verify_and_new_ones_have_the_new_key(ground: &Ground) {
    let issuer = over(ground.store());
    let old = issue(&issuer, 0);
    let kid = issuer.rotate_key(at(10)).unwrap();
    let new = issue(&issuer, 11);
    assert_eq!(part(&new, 0)["kid"], json!(kid));
    assert_ne!(part(&old, 0)["kid"], part(&new, 0)["kid"]);
    issuer.verify(&old, at(12)).unwrap();
    issuer.verify(&new, at(12)).unwrap();
    assert!(matches!(
        issuer.verify(&old, at(600)),
        Err(AccessTokenError::Expired { .. })
    ));
}

fn a_retired_key_cannot_sign_anything_new(ground: &Ground) {
    let issuer = over(ground.store());
    let kid = issuer.keys.ring().active_kid.clone();
    let (stolen, later) = {
        let mut later = claims();
        later["iat"] = json!(at(71).as_second());
        later["exp"] = json!(at(600).as_second());
        (issuer.keys.ring().signing.clone(), later)
    };
    issuer.rotate_key(at(10)).unwrap();
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(kid);
    let token = encode(&header, &later, &stolen).unwrap();
    assert!(matches!(
        issuer.verify(&token, at(100)),
        Err(AccessTokenError::Invalid)
    ));
}

#[test]
fn keys_survive_a_restart_and_the_retired_private_half_does_not() {
    let folder = folder();
    let (old, new) = {
        let store = Arc::new(open(folder.path(), quick()).unwrap());
        let seed: [u8; 32] = store
            .read(|db| db.first("", "SELECT private FROM signing_key", values![]))
            .unwrap()
            .unwrap()
            .get(0)
            .unwrap();
        let issuer = JwtIssuer::new(store, ISSUER, AUDIENCE).unwrap();
        let old = issue(&issuer, 0);
        assert!(holds(folder.path(), &seed));
        issuer.rotate_key(at(10)).unwrap();
        assert!(!holds(folder.path(), &seed));
        (old, issue(&issuer, 11))
    };
    let issuer = over(open(folder.path(), quick()).unwrap());
    issuer.verify(&old, at(12)).unwrap();
    issuer.verify(&new, at(12)).unwrap();
}

fn the_private_half_of_a_retired_key_is_forgotten(ground: &Ground) {
    let store = Arc::new(ground.store());
    let issuer = JwtIssuer::new(Arc::clone(&store), ISSUER, AUDIENCE).unwrap();
    issuer.rotate_key(at(10)).unwrap();
    let forgotten: Vec<bool> = store
        .read(|db| {
            let all = "SELECT private IS NULL FROM signing_key ORDER BY made_at";
            db.query("", all, values![])
        })
        .unwrap()
        .iter()
        .map(|row| row.get(0).unwrap())
        .collect();
    assert_eq!(forgotten, [true, false]);
}

fn a_rotation_by_another_issuer_is_seen_without_a_restart(ground: &Ground) {
    let store = Arc::new(ground.store());
    let [one, two] = [0, 1].map(|_| JwtIssuer::new(Arc::clone(&store), ISSUER, AUDIENCE).unwrap());
    let old = issue(&two, 0);
    let kid = one.rotate_key(at(10)).unwrap();

    // A token of a key that is not known yet makes it look.
    let new = issue(&one, 11);
    two.verify(&new, at(11)).unwrap();
    assert_eq!(part(&issue(&two, 11), 0)["kid"], json!(kid));
    two.verify(&old, at(11)).unwrap();

    // Without one, it looks when its keys are half a minute old, and what it signed with the
    // retired key until then is taken.
    let newest = one.rotate_key(at(20)).unwrap();
    let meanwhile = issue(&two, 40);
    assert_eq!(part(&meanwhile, 0)["kid"], json!(kid));
    one.verify(&meanwhile, at(40)).unwrap();
    two.verify(&meanwhile, at(41)).unwrap();
    assert_eq!(part(&issue(&two, 41), 0)["kid"], json!(newest));
    assert!(two.jwks(at(41)).unwrap().find(&newest).is_some());
}

fn names_of_keys_that_nobody_has_are_asked_for_seldom(ground: &Ground) {
    let store = Arc::new(ground.store());
    let [one, two] = [0, 1].map(|_| JwtIssuer::new(Arc::clone(&store), ISSUER, AUDIENCE).unwrap());
    let made_up = forge(&two, &claims(), |header| {
        header.kid = Some("made up".to_owned())
    });
    refused(&two, &made_up);
    one.rotate_key(at(1)).unwrap();
    let new = issue(&one, 1);
    assert!(two.verify(&new, at(2)).is_err(), "it asked a second ago");
    two.verify(&new, at(3)).unwrap();
}

fn the_public_keys_document_verifies_our_tokens_and_holds_no_private_key(ground: &Ground) {
    let issuer = over(ground.store());
    let old = issue(&issuer, 0);
    issuer.rotate_key(at(10)).unwrap();
    let new = issue(&issuer, 11);
    let document = serde_json::to_value(issuer.jwks(at(12)).unwrap()).unwrap();
    let keys = document["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    for key in keys {
        let mut names: Vec<&str> = key
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x"]);
        assert_eq!(
            (&key["kty"], &key["crv"], &key["alg"], &key["use"]),
            (
                &json!("OKP"),
                &json!("Ed25519"),
                &json!("EdDSA"),
                &json!("sig")
            )
        );
    }
    // As a client that knows nothing but the document would verify.
    let set: JwkSet = serde_json::from_value(document).unwrap();
    for token in [old, new] {
        let kid = decode_header(&token).unwrap().kid.unwrap();
        let key = DecodingKey::from_jwk(set.find(&kid).unwrap()).unwrap();
        decode::<Claims>(&token, &key, &issuer.validation).unwrap();
    }
}

fn the_public_keys_document_drops_a_key_whose_tokens_have_all_run_out(ground: &Ground) {
    let issuer = over(ground.store());
    let kid = issuer.rotate_key(at(10)).unwrap();
    assert_eq!(issuer.jwks(at(670)).unwrap().keys.len(), 2);
    let later = issuer.jwks(at(671)).unwrap();
    assert_eq!(later.keys.len(), 1);
    assert!(later.find(&kid).is_some());
}

fn signing_out_is_seen_by_whoever_asks_the_store(ground: &Ground) {
    let store = Arc::new(ground.store());
    let account = crate::fixture::register(&store, 1, "staff.shoko");
    let issuer = JwtIssuer::new(Arc::clone(&store), ISSUER, AUDIENCE).unwrap();
    let sign_in = store.start_refresh(account, at(0)).unwrap();
    let token = issuer.issue(&sign_in.signed_in, at(0)).unwrap().token;
    let access = issuer.verify(token.expose(), at(1)).unwrap();
    assert!(store.still_signed_in(&access.signed_in, at(1)).unwrap());
    store.end_session(access.signed_in.session).unwrap();
    assert!(!store.still_signed_in(&access.signed_in, at(1)).unwrap());
}

on_both_databases! {
    a_token_says_who_is_signed_in_until_it_runs_out,
    after_a_rotation_old_tokens_still_verify_and_new_ones_have_the_new_key,
    a_retired_key_cannot_sign_anything_new,
    the_private_half_of_a_retired_key_is_forgotten,
    a_rotation_by_another_issuer_is_seen_without_a_restart,
    names_of_keys_that_nobody_has_are_asked_for_seldom,
    the_public_keys_document_verifies_our_tokens_and_holds_no_private_key,
    the_public_keys_document_drops_a_key_whose_tokens_have_all_run_out,
    signing_out_is_seen_by_whoever_asks_the_store,
}
