//! Several nodes serve the same records from PostgreSQL: what one has recorded the others know,
//! one may die, the database may be away for a while, and everything can move to another place
//! with the same root.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "a test may panic; that is how it fails"
)]

#[path = "support/postgres.rs"]
mod postgres;
mod support;

use std::time::Duration;

use postgres::Postgres;
use serde_json::{Value, json};
use support::*;

const OPEN: &str = "mutation($input: OpenDepartmentInput!) { openDepartment(input: $input) { \
    __typename ... on CommandDone { position events replayed created } ... on Refusal { message code } } }";
const DEPARTMENTS: &str = "query($municipality: ID!, $position: Position) { \
    departments(municipality: $municipality, minPosition: $position) { id name } }";

/// Seconds for which the database refuses connections; a minute when torture is asked for.
fn seconds_away() -> u64 {
    if std::env::var_os("DAICHO_TORTURE").is_some() {
        60
    } else {
        6
    }
}

struct City {
    server: Postgres,
    /// How every command reaches the records.
    place: Vec<String>,
}

impl City {
    /// The sample city, moved from a data folder into a database with least-privilege roles.
    fn moved(data: &str) -> Option<Self> {
        let server = Postgres::start()?;
        server.run(
            "postgres",
            "CREATE ROLE daicho_log LOGIN; CREATE ROLE daicho_people LOGIN",
        );
        server.run("postgres", "CREATE DATABASE daicho");
        let owner = server.url("postgres", "daicho");
        let (log, people) = (
            server.url("daicho_log", "daicho"),
            server.url("daicho_people", "daicho"),
        );
        let roles = [
            "--service-role",
            "daicho_log",
            "--identity-role",
            "daicho_people",
        ];
        succeed(&[&["migrate", "--database-url", &owner], &roles[..]].concat());
        sample_city(data);
        let moved = succeed(&[
            "move",
            "--data",
            data,
            "--to-database-url",
            &log,
            "--to-identity-url",
            &people,
        ]);
        assert!(moved.contains("the same in both"), "{moved}");
        Some(Self {
            server,
            place: ["--database-url", &log, "--identity-url", &people]
                .map(String::from)
                .to_vec(),
        })
    }

    fn run(&self, arguments: &[&str]) -> String {
        let place: Vec<&str> = self.place.iter().map(String::as_str).collect();
        succeed(&[arguments, &place].concat())
    }

    fn node(&self) -> Service {
        let place: Vec<&str> = self.place.iter().map(String::as_str).collect();
        Service::start_with(daicho(&[&["serve"], &place[..]].concat()))
    }
}

fn root_of(verification_or_move: &str) -> String {
    let line = verification_or_move
        .lines()
        .find(|line| line.starts_with("root "))
        .unwrap_or_else(|| panic!("{verification_or_move}"));
    line["root ".len()..].split(',').next().unwrap().to_owned()
}

struct Opening<'a> {
    municipality: &'a str,
    name: &'a str,
    command: &'a str,
}

/// Opens a department; what comes back is the answer's `data.openDepartment`, or null.
fn open(service: &Service, token: &str, opening: &Opening<'_>) -> Value {
    let input = json!({
        "municipality": opening.municipality,
        "name": opening.name,
        "validFrom": "2023-04-01",
        "commandId": opening.command,
    });
    let answer = service.graphql(Some(token), OPEN, &json!({ "input": input }));
    answer["data"]["openDepartment"].clone()
}

fn names(service: &Service, token: &str, municipality: &str, position: &Value) -> Vec<String> {
    let variables = json!({ "municipality": municipality, "position": position });
    let answer = service.graphql(Some(token), DEPARTMENTS, &variables);
    let departments = answer["data"]["departments"].as_array();
    departments
        .unwrap_or_else(|| panic!("{answer}"))
        .iter()
        .map(|department| department["name"].as_str().unwrap().to_owned())
        .collect()
}

/// Signs in on one node and opens the next page on another.
fn as_a_browser(first: &Service, second: &Service) -> (u16, String) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let client = reqwest::Client::builder()
            .cookie_store(true)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let signed_in = client
            .post(format!("{}/sign-in", first.url))
            .header("origin", &first.url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("name=staff.shoko&password={PASSWORD}"))
            .send()
            .await
            .unwrap();
        assert_eq!(signed_in.status(), 303);
        let cookies: Vec<_> = signed_in
            .headers()
            .get_all("set-cookie")
            .iter()
            .map(|cookie| cookie.to_str().unwrap().to_owned())
            .collect();
        assert!(
            cookies
                .iter()
                .any(|cookie| cookie.starts_with("daicho_position=")),
            "{cookies:?}"
        );
        let page = client
            .get(format!("{}/work", second.url))
            .send()
            .await
            .unwrap();
        (page.status().as_u16(), page.text().await.unwrap())
    })
}

fn uuid(number: u32) -> String {
    format!("018f0000-0000-7000-8000-{number:012}")
}

#[test]
fn what_one_node_records_the_others_know_and_none_is_needed() {
    let folder = folder();
    let data = path(&folder, "data");
    let Some(mut city) = City::moved(&data) else {
        return;
    };
    let (first, second) = (city.node(), city.node());

    // One sign-in is good on every node.
    let token = first.sign_in("admin");
    let asked = second.graphql(
        Some(&token),
        "{ viewer { name } municipalities { id } }",
        &Value::Null,
    );
    assert!(asked["data"]["viewer"]["name"].is_string(), "{asked}");
    let municipality = asked["data"]["municipalities"][0]["id"].as_str().unwrap();

    // Recorded on one node, read on the other at once.
    for number in 0..20 {
        let (writer, reader) = if number % 2 == 0 {
            (&first, &second)
        } else {
            (&second, &first)
        };
        let name = format!("新設{number}課");
        let opening = Opening {
            municipality,
            name: &name,
            command: &uuid(number),
        };
        let done = open(writer, &token, &opening);
        assert_eq!(done["__typename"], "CommandDone", "{done}");
        let names = names(reader, &token, municipality, &done["position"]);
        assert!(names.contains(&name), "{names:?}");
        // The same command on the other node is the same command.
        let again = open(reader, &token, &opening);
        assert_eq!(
            (&again["position"], &again["replayed"]),
            (&done["position"], &json!(true))
        );
    }
    let nowhere = second.graphql(
        Some(&token),
        DEPARTMENTS,
        &json!({ "municipality": municipality, "position": "99999999" }),
    );
    assert_eq!(
        nowhere["errors"][0]["extensions"]["code"], "position_not_reached",
        "{nowhere}"
    );

    // Somebody at a browser is signed in on every node, and takes along what was seen.
    let (status, page) = as_a_browser(&first, &second);
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("自分の仕事"), "{page}");

    // The key that signs can change while both run.
    let before = city.run(&["log-key", "show"]);
    let rotated = city.run(&["log-key", "rotate"]);
    assert!(rotated.ends_with(&before) && rotated.len() > before.len());

    // One node dies.
    first.kill();
    let opening = Opening {
        municipality,
        name: "防災課",
        command: &uuid(100),
    };
    let done = open(&second, &token, &opening);
    assert_eq!(done["__typename"], "CommandDone", "{done}");
    assert!(city.run(&["verify"]).contains("everything agrees"));

    let plans = second.graphql(None, "{ plans { id } }", &Value::Null);
    let plan = plans["data"]["plans"][0]["id"].as_str().unwrap();
    let public = format!("{}/public/{plan}/R3", second.url);
    assert_eq!(get(&public).unwrap().0, 200);

    // The database is away: readers read on, writers are told to try again, nothing is lost.
    city.server.stop();
    let opening = Opening {
        municipality,
        name: "交通課",
        command: &uuid(101),
    };
    let input = json!({
        "municipality": municipality, "name": opening.name,
        "validFrom": "2023-04-01", "commandId": opening.command,
    });
    let refused = post(
        &format!("{}/graphql", second.url),
        Some(&token),
        json!({ "query": OPEN, "variables": { "input": input } }),
    );
    let (_, refused) = refused.expect("the service answers while its database is away");
    let code = [
        &refused["data"]["openDepartment"]["code"],
        &refused["errors"][0]["extensions"]["code"],
    ];
    assert!(
        code.iter()
            .any(|code| **code == "unavailable" || **code == "read_only"),
        "{refused}"
    );
    let (ready, why) = get(&format!("{}/readyz", second.url)).unwrap();
    assert_eq!(ready, 503, "{why}");
    let (status, page) = get(&public).unwrap();
    assert!(status == 200 && page.contains("記録の証明"), "{page}");
    let still = second.graphql(None, "{ plans { id } }", &Value::Null);
    assert_eq!(still["data"], plans["data"], "{still}");
    std::thread::sleep(Duration::from_secs(seconds_away()));
    city.server.start_again();
    let mut done = Value::Null;
    for _ in 0..100 {
        done = open(&second, &token, &opening);
        if done["__typename"] == "CommandDone" {
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(done["__typename"], "CommandDone", "{done}");
    let all = names(&second, &token, municipality, &done["position"]);
    assert_eq!(all.iter().filter(|name| *name == "交通課").count(), 1);
    assert!(city.run(&["verify"]).contains("everything agrees"));
    assert_eq!(second.stop(), 0);
}

#[test]
fn records_move_to_a_folder_with_the_same_root() {
    let folder = folder();
    let data = path(&folder, "data");
    let Some(city) = City::moved(&data) else {
        return;
    };
    let log_key = succeed(&["log-key", "show", "--data", &data]);
    assert_eq!(city.run(&["log-key", "show"]), log_key);
    assert!(city.run(&["verify"]).contains("everything agrees"));

    let node = city.node();
    let backup = path(&folder, "backup");
    let told = city.run(&["backup", "-o", &backup]);
    assert!(told.contains("daicho_identity"), "{told}");
    assert_eq!(node.stop(), 0);

    let restored = path(&folder, "restored");
    let restore = succeed(&["restore", &backup, "--data", &restored]);
    let home = path(&folder, "home");
    let moved = city.run(&["move", "--to-data", &home]);
    assert_eq!(root_of(&restore), root_of(&moved));
    assert_eq!(succeed(&["log-key", "show", "--data", &home]), log_key);
    assert!(succeed(&["verify", "--data", &home]).contains("everything agrees"));
    let service = Service::start(&home);
    service.sign_in("planning");

    // What holds records is not overwritten.
    let place: Vec<&str> = city.place.iter().map(String::as_str).collect();
    let refused = fail(1, &[&["restore", backup.as_str()], &place[..]].concat());
    assert!(says(&refused, "holds a log already"), "{refused}");
    let both = fail(2, &[&["verify", "--data", &home], &place[..]].concat());
    assert!(says(&both, "both a data folder and a database"), "{both}");
}
