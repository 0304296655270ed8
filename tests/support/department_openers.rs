//! Administrators who open departments and send a command again, to another node each time, until
//! it is acknowledged.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use super::support::post;
use super::writers::refusal;

const OPEN: &str = "mutation($input: OpenDepartmentInput!) { openDepartment(input: $input) { \
    __typename ... on CommandDone { position events replayed created } ... on Refusal { message code } } }";
const DEPARTMENTS: &str =
    "query($municipality: ID!) { departments(municipality: $municipality) { id name } }";

/// Sent so often, a command is taken for one that nobody will acknowledge.
const TRIES_MAX: u32 = 600;

/// Somebody who opens departments in a municipality that others open departments in, too.
pub struct Opener {
    /// Tells this opener's departments and command ids from those of others.
    number: usize,
    token: String,
    municipality: String,
    nodes: [String; 2],
    /// What was acknowledged, with the answer.
    pub acknowledged: Vec<(Value, Value)>,
    /// What was said instead, and how often.
    pub refusals: BTreeMap<String, u64>,
    /// How many commands were found recorded when they were sent again.
    pub found_recorded: u64,
}

impl Opener {
    /// An opener who prefers the node `number`.
    pub fn new(number: usize, token: &str, municipality: &str, nodes: &[String; 2]) -> Self {
        Self {
            number,
            token: token.to_owned(),
            municipality: municipality.to_owned(),
            nodes: nodes.clone(),
            acknowledged: Vec::new(),
            refusals: BTreeMap::new(),
            found_recorded: 0,
        }
    }

    /// Opens departments until it is told to stop; what is under way then is finished.
    pub fn work(mut self, stop: &AtomicBool) -> Self {
        while !stop.load(Ordering::SeqCst) {
            let count = self.acknowledged.len();
            let input = json!({
                "municipality": self.municipality,
                "name": format!("新設{}の{count}課", self.number),
                "validFrom": "2023-04-01",
                "commandId": format!("da1c4001-0000-7000-{:04x}-{count:012x}", 0x8000 + self.number),
            });
            let done = self.open(&input);
            self.acknowledged.push((input, done));
            sleep(Duration::from_millis(150));
        }
        self
    }

    fn open(&mut self, input: &Value) -> Value {
        for tries in 0..TRIES_MAX {
            let node = &self.nodes[(self.number + tries as usize) % self.nodes.len()];
            let answer = open(node, &self.token, input);
            let done = &answer["data"]["openDepartment"];
            if done["__typename"] == "CommandDone" {
                assert_eq!(done["events"], 1, "{answer}");
                self.found_recorded += u64::from(done["replayed"] == true);
                return done.clone();
            }
            *self.refusals.entry(refusal(&answer)).or_default() += 1;
            sleep(Duration::from_millis(100));
        }
        panic!("{input} is never acknowledged: {:?}", self.refusals);
    }
}

fn open(node: &str, token: &str, input: &Value) -> Value {
    let body = json!({ "query": OPEN, "variables": { "input": input } });
    post(&format!("{node}/graphql"), Some(token), body)
        .expect("the service answers")
        .1
}

/// Every acknowledged department is there once, and its command is known as carried out where it
/// was said to be.
#[track_caller]
pub fn check_departments(node: &str, token: &str, municipality: &str, openers: &[Opener]) {
    let body = json!({ "query": DEPARTMENTS, "variables": { "municipality": municipality } });
    let (_, answer) = post(&format!("{node}/graphql"), Some(token), body).unwrap();
    let mut times: BTreeMap<&str, u64> = BTreeMap::new();
    for department in answer["data"]["departments"].as_array().unwrap() {
        *times
            .entry(department["name"].as_str().unwrap())
            .or_default() += 1;
    }
    times.retain(|name, _| name.starts_with("新設"));
    for (input, done) in openers.iter().flat_map(|opener| &opener.acknowledged) {
        assert_eq!(
            times.remove(input["name"].as_str().unwrap()),
            Some(1),
            "{input}"
        );
        let again = &open(node, token, input)["data"]["openDepartment"];
        assert_eq!(
            (&again["position"], &again["created"], &again["replayed"]),
            (&done["position"], &done["created"], &json!(true)),
            "{input}"
        );
    }
    assert!(times.is_empty(), "opened, and not acknowledged: {times:?}");
}
