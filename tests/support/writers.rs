//! Staff who enter figures at the same time and remember what they were told, so that a test can
//! compare it with the records afterwards.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "each journey uses its part; a test may panic"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::{PASSWORD, get_as, post, sample_plan};

/// The year that [`open_year`] opens in the sample city; nobody has entered anything in it.
pub const YEAR: &str = "R5";

/// Commands of these writers are told by the beginning of their ids.
const ID_PREFIX: &str = "da1c4000-0000-7000-8000-";

const SHEET: &str = "query($plan: ID!) { sheet(plan: $plan, fiscalYear: \"R5\") { goals { policies { measures { projects { \
    rows { indicator kind department { name } revision } } } } } } }";
const REPORT: &str = "query($plan: ID!, $indicator: ID!) { report(plan: $plan, indicator: $indicator, fiscalYear: \"R5\") { \
    revision actual { actual { cell { value } } } } }";
const SIGN_IN: &str = "mutation($name: String!, $password: String!) { signIn(name: $name, password: $password) { \
    __typename ... on SignedIn { accessToken } } }";

/// Somebody who enters one indicator's figure again and again.
pub struct Writer {
    account: String,
    plan: String,
    indicator: String,
    token: String,
    /// Tells this writer's command ids from those of others.
    number: u64,
    /// Revision of the report after what has been acknowledged.
    revision: u64,
    /// Sent, and not acknowledged; sent again with the same ids until it is.
    under_way: Vec<Value>,
    /// What was acknowledged, with its position.
    pub acknowledged: Vec<(Value, u64)>,
    /// What was said instead, and how often.
    pub refusals: BTreeMap<String, u64>,
    /// What was said to a token that was not taken, and how often.
    pub turned_away: BTreeMap<String, u64>,
    /// How many commands were found recorded when they were sent again.
    pub found_recorded: u64,
    /// How often nobody answered at all.
    pub unanswered: u64,
}

/// How long writers go on.
#[derive(Default)]
pub struct Until {
    stop: AtomicBool,
    acknowledged: AtomicU64,
    /// No new commands once so many have been acknowledged.
    enough: Option<u64>,
}

impl Until {
    /// Until somebody stops them.
    pub fn stopped() -> Arc<Self> {
        Arc::default()
    }

    /// Until `count` commands have been acknowledged; a few more may be.
    pub fn acknowledged(count: u64) -> Arc<Self> {
        Arc::new(Self {
            enough: Some(count),
            ..Self::default()
        })
    }

    /// Lets everybody finish what is under way, if it can be finished now.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// How many commands have been acknowledged.
    pub fn count(&self) -> u64 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::SeqCst) || self.enough.is_some_and(|enough| self.count() >= enough)
    }
}

fn graphql(url: &str, token: Option<&str>, query: &str, variables: &Value) -> Value {
    let body = json!({ "query": query, "variables": variables });
    post(&format!("{url}/graphql"), token, body)
        .expect("the service answers")
        .1
}

/// Signs in; what comes back is the access token.
#[track_caller]
pub fn sign_in(url: &str, name: &str) -> String {
    let answer = graphql(
        url,
        None,
        SIGN_IN,
        &json!({ "name": name, "password": PASSWORD }),
    );
    answer["data"]["signIn"]["accessToken"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
        .to_owned()
}

/// Opens [`YEAR`] in a served sample city, and signs in at most `most` writers, each for an
/// indicator of its own.
pub fn open_year(url: &str, most: usize) -> Vec<Writer> {
    let planning = sign_in(url, "planning");
    let plans = graphql(url, Some(&planning), "{ plans { id } }", &Value::Null);
    let plan = plans["data"]["plans"][0]["id"].as_str().unwrap().to_owned();
    let opened = graphql(
        url,
        Some(&planning),
        "mutation($input: OpenPeriodInput!) { openPeriod(input: $input) { __typename } }",
        &json!({ "input": { "commandId": id(0), "plan": plan, "fiscalYear": YEAR, "due": "2030-05-20" } }),
    );
    assert_eq!(
        opened["data"]["openPeriod"]["__typename"], "CommandDone",
        "{opened}"
    );
    let accounts = staff_by_department();
    let sheet = graphql(url, Some(&planning), SHEET, &json!({ "plan": plan }));
    let mut tokens = BTreeMap::new();
    let mut writers = Vec::new();
    for row in rows(&sheet) {
        let department = row["department"]["name"].as_str().unwrap_or_default();
        let Some(account) = accounts.get(department).filter(|_| row["kind"] == "kpi") else {
            continue;
        };
        if writers.len() == most {
            break;
        }
        let token = tokens
            .entry(account.clone())
            .or_insert_with(|| sign_in(url, account));
        writers.push(Writer {
            account: account.clone(),
            plan: plan.clone(),
            indicator: row["indicator"].as_str().unwrap().to_owned(),
            token: token.clone(),
            number: writers.len() as u64 + 1,
            revision: row["revision"].as_u64().unwrap_or(0),
            under_way: Vec::new(),
            acknowledged: Vec::new(),
            refusals: BTreeMap::new(),
            turned_away: BTreeMap::new(),
            found_recorded: 0,
            unanswered: 0,
        });
    }
    assert!(writers.len() >= most.min(20), "{sheet}");
    writers
}

/// The sample city's staff account of every department.
fn staff_by_department() -> BTreeMap<String, String> {
    let plan: toml::Table = std::fs::read_to_string(sample_plan())
        .unwrap()
        .parse()
        .unwrap();
    let text =
        |department: &toml::Value, field: &str| department[field].as_str().unwrap().to_owned();
    plan["departments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|department| {
            (
                text(department, "name"),
                format!("staff.{}", text(department, "key")),
            )
        })
        .collect()
}

fn rows(sheet: &Value) -> Vec<&Value> {
    sheet["data"]["sheet"]["goals"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|goal| goal["policies"].as_array().into_iter().flatten())
        .flat_map(|policy| policy["measures"].as_array().into_iter().flatten())
        .flat_map(|measure| measure["projects"].as_array().into_iter().flatten())
        .flat_map(|project| project["rows"].as_array().into_iter().flatten())
        .collect()
}

/// Lets `writers` write at the same time, `batch` commands a request, and gives them back.
pub fn work(writers: Vec<Writer>, url: &str, batch: usize, until: &Arc<Until>) -> Vec<Writer> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let client = reqwest::Client::new();
        let mut working = tokio::task::JoinSet::new();
        for writer in writers {
            let (client, url, until) = (client.clone(), url.to_owned(), Arc::clone(until));
            working.spawn(writer.work(client, url, batch, until));
        }
        let mut writers = working.join_all().await;
        writers.sort_by_key(|writer| writer.number);
        writers
    })
}

impl Writer {
    /// The indicator whose figure this writer enters.
    pub fn indicator(&self) -> &str {
        &self.indicator
    }

    async fn work(
        mut self,
        client: reqwest::Client,
        url: String,
        batch: usize,
        until: Arc<Until>,
    ) -> Self {
        loop {
            if self.under_way.is_empty() {
                if until.is_over() {
                    return self;
                }
                self.begin(batch);
            }
            let Some((status, answer)) = self.send(&client, &url).await else {
                // Nobody is there any more.
                self.unanswered += 1;
                return self;
            };
            let before = self.acknowledged.len();
            self.take(&answer);
            let done = self.acknowledged.len() - before;
            until.acknowledged.fetch_add(done as u64, Ordering::SeqCst);
            if self.under_way.is_empty() {
                continue;
            }
            if status == 401 {
                // An access token lives for ten minutes.
                *self.turned_away.entry(refusal(&answer)).or_default() += 1;
                let body = json!({ "query": SIGN_IN, "variables": { "name": self.account, "password": PASSWORD } });
                if let Some((_, answer)) = ask(&client, &url, None, &body).await
                    && let Some(token) = answer["data"]["signIn"]["accessToken"].as_str()
                {
                    self.token = token.to_owned();
                }
                continue;
            }
            *self.refusals.entry(refusal(&answer)).or_default() += 1;
            if until.stop.load(Ordering::SeqCst) {
                return self;
            }
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }

    fn begin(&mut self, batch: usize) {
        for _ in 0..batch {
            let place = self.under_way.len() as u64;
            let count = self.acknowledged.len() as u64 + place + 1;
            self.under_way.push(json!({
                "commandId": id(self.number << 32 | count),
                "plan": self.plan,
                "indicator": self.indicator,
                "fiscalYear": YEAR,
                // Another figure every time, so that every command changes something.
                "text": count.to_string(),
                "seenRevision": self.revision + place,
            }));
        }
    }

    async fn send(&self, client: &reqwest::Client, url: &str) -> Option<(u16, Value)> {
        ask(client, url, Some(&self.token), &document(&self.under_way)).await
    }

    /// Moves what the answer acknowledges to what has been acknowledged.
    fn take(&mut self, answer: &Value) {
        let count = (0..self.under_way.len())
            .take_while(|place| {
                let done = &answer["data"][format!("c{place}")];
                done["__typename"] == "CommandDone"
            })
            .count();
        for (place, input) in self.under_way.drain(..count).enumerate() {
            let done = &answer["data"][format!("c{place}")];
            assert_eq!(done["events"], 1, "{answer}");
            self.found_recorded += u64::from(done["replayed"] == true);
            self.acknowledged.push((input, position(&done["position"])));
            self.revision += 1;
        }
    }
}

async fn ask(
    client: &reqwest::Client,
    url: &str,
    token: Option<&str>,
    body: &Value,
) -> Option<(u16, Value)> {
    let mut request = client.post(format!("{url}/graphql")).json(body);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.ok()?;
    let status = answer.status().as_u16();
    Some((status, answer.json().await.ok()?))
}

fn document(inputs: &[Value]) -> Value {
    let mut names = Vec::new();
    let mut fields = String::new();
    let mut variables = serde_json::Map::new();
    for (place, input) in inputs.iter().enumerate() {
        names.push(format!("$i{place}: EnterActualInput!"));
        fields += &format!(
            "c{place}: enterActual(input: $i{place}) {{ __typename ... on CommandDone {{ position events replayed }} \
             ... on Refusal {{ code message }} }} "
        );
        variables.insert(format!("i{place}"), input.clone());
    }
    json!({ "query": format!("mutation({}) {{ {fields} }}", names.join(", ")), "variables": variables })
}

/// What kept a command from being carried out: code and message.
pub fn refusal(answer: &Value) -> String {
    let error = &answer["errors"][0];
    let (code, message) = if error.is_object() {
        (&error["extensions"]["code"], &error["message"])
    } else {
        let refused = answer["data"]
            .as_object()
            .and_then(|fields| {
                fields
                    .values()
                    .find(|field| field["__typename"] != "CommandDone")
            })
            .unwrap_or(answer);
        (&refused["code"], &refused["message"])
    };
    match (code.as_str(), message.as_str()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        _ => answer.to_string(),
    }
}

/// Every acknowledged command is known as carried out, where it was said to be; the reports are as
/// the acknowledged commands left them. Nothing may be under way.
#[track_caller]
pub fn check_answers(url: &str, writers: &[Writer]) {
    for writer in writers {
        assert!(writer.under_way.is_empty(), "something is under way");
        let token = sign_in_again(url, writer);
        for chunk in writer.acknowledged.chunks(20) {
            let inputs: Vec<Value> = chunk.iter().map(|(input, _)| input.clone()).collect();
            let answer = post(&format!("{url}/graphql"), Some(&token), document(&inputs))
                .unwrap()
                .1;
            for (place, (_, at)) in chunk.iter().enumerate() {
                let again = &answer["data"][format!("c{place}")];
                assert_eq!(again["replayed"], true, "{answer}");
                assert_eq!(position(&again["position"]), *at, "{answer}");
            }
        }
        let report = graphql(
            url,
            Some(&token),
            REPORT,
            &json!({ "plan": writer.plan, "indicator": writer.indicator }),
        );
        assert_eq!(
            report["data"]["report"]["revision"].as_u64(),
            Some(writer.revision),
            "{report}"
        );
        let value = report["data"]["report"]["actual"]["actual"]["cell"]["value"].as_str();
        let last = writer.acknowledged.len().to_string();
        assert_eq!(value, (last != "0").then_some(last.as_str()), "{report}");
    }
}

/// An earlier writer of the same account may have signed in already; a new token does no harm.
fn sign_in_again(url: &str, writer: &Writer) -> String {
    let body = json!({ "query": "{ plans { id } }" });
    match post(&format!("{url}/graphql"), Some(&writer.token), body) {
        Some((200, _)) => writer.token.clone(),
        _ => sign_in(url, &writer.account),
    }
}

/// The log itself, as an auditor gets it: every acknowledged command is there once, at the position
/// it was acknowledged with, and no other command of these writers is. Gives back how many events
/// the log has.
#[track_caller]
pub fn check_log(url: &str, writers: &[Writer]) -> u64 {
    let token = sign_in(url, "auditor");
    let head = super::get(&format!("{url}/readyz")).unwrap().1;
    let head: Value = serde_json::from_str(&head).unwrap();
    let events = position(&head["head"]) + 1;
    let mut acknowledged: BTreeMap<&str, u64> = writers
        .iter()
        .flat_map(|writer| &writer.acknowledged)
        .map(|(input, at)| (input["commandId"].as_str().unwrap(), *at))
        .collect();
    let mut at = 0;
    while at < events {
        let width = (events - at).min(256);
        let tile = tile_path(at / 256, width);
        let (status, _, mut bundle) =
            get_as(&format!("{url}/log/tile/entries/{tile}"), Some(&token));
        assert_eq!(status, 200, "{tile}");
        while !bundle.is_empty() {
            let end = 2 + usize::from(u16::from_be_bytes([bundle[0], bundle[1]]));
            let event: Value = serde_json::from_slice(&bundle[2..end]).unwrap();
            assert_eq!(position(&event["global_position"]), at, "{event}");
            let command = event["metadata"]["command_id"].as_str().unwrap();
            if command.starts_with(ID_PREFIX) && command != id(0) {
                assert_eq!(
                    acknowledged.remove(command),
                    Some(at),
                    "{event} was not acknowledged, or twice, or elsewhere"
                );
            }
            bundle.drain(..end);
            at += 1;
        }
    }
    assert!(
        acknowledged.is_empty(),
        "acknowledged, and not in the log: {acknowledged:?}"
    );
    events
}

fn tile_path(index: u64, width: u64) -> String {
    let groups = if index < 1000 {
        format!("{index:03}")
    } else {
        format!("x{:03}/{:03}", index / 1000, index % 1000)
    };
    if width < 256 {
        format!("{groups}.p/{width}")
    } else {
        groups
    }
}

#[track_caller]
fn position(value: &Value) -> u64 {
    value
        .as_u64()
        .or_else(|| value.as_str()?.parse().ok())
        .unwrap_or_else(|| panic!("{value} is no position"))
}

fn id(number: u64) -> String {
    format!("{ID_PREFIX}{number:012x}")
}
