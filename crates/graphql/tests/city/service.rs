//! The sample city, its people registered, asked through the schema.

use std::sync::Arc;

use async_graphql::{Request, Variables};
use daicho_app::{Caller, Through};
use daicho_domain::{AccountId, FiscalYear, IndicatorId, MunicipalityId, PlanId, Role};
use daicho_graphql::{DaichoSchema, RequestContext, build_schema};
use daicho_identity::{Entropy, HashCost, IdentityStore, JwtIssuer, NewPerson, Settings};
use daicho_testkit::TestApp;
use serde_json::{Value, json};
use uuid::Uuid;

/// What everybody signs in with.
pub const PASSWORD: &str = "kestrel ox vine umbrella";

/// A stranger, in the place of a sign-in name.
pub const NOBODY: &str = "";

/// Somebody of the city.
pub struct Person {
    pub account: AccountId,
    pub sign_in_name: String,
    pub display_name: String,
    pub role: Role,
    pub department: Option<String>,
}

/// What the city's years have left behind.
pub struct Played {
    pub municipality: MunicipalityId,
    pub plan: PlanId,
    pub people: Vec<Person>,
    pub published_year: FiscalYear,
    pub open_year: FiscalYear,
    pub corrected: IndicatorId,
}

pub struct City {
    pub service: TestApp,
    pub played: Played,
    pub identity: Arc<IdentityStore>,
    pub tokens: Arc<JwtIssuer>,
    pub schema: DaichoSchema,
}

impl City {
    /// The city after its two years.
    pub async fn new() -> Self {
        let (service, played) = TestApp::sample_city().await;
        let people = played.people.into_iter().map(|person| Person {
            account: person.account,
            sign_in_name: person.sign_in_name,
            display_name: person.display_name,
            role: person.duty.role,
            department: person.duty.department,
        });
        let played = Played {
            municipality: played.municipality,
            plan: played.plan,
            people: people.collect(),
            published_year: played.published_year,
            open_year: played.open_year,
            corrected: played.corrected,
        };
        let now = service.app.now();
        let settings = Settings {
            hash_cost: HashCost::QUICK_FOR_TESTS,
            ..Settings::default()
        };
        let identity =
            Arc::new(IdentityStore::in_memory(settings, Entropy::predictable(1), now).unwrap());
        for person in &played.people {
            let new = NewPerson {
                account: person.account,
                sign_in_name: &person.sign_in_name,
                display_name: &person.display_name,
                mail: None,
            };
            identity.register(&new, now).unwrap();
        }
        let tokens = Arc::new(
            JwtIssuer::new(Arc::clone(&identity), "https://daicho.example", "daicho").unwrap(),
        );
        let schema = build_schema(
            Arc::clone(&service.app),
            Arc::clone(&identity),
            Arc::clone(&tokens),
        );
        Self {
            service,
            played,
            identity,
            tokens,
            schema,
        }
    }

    pub fn account(&self, sign_in_name: &str) -> AccountId {
        self.played
            .people
            .iter()
            .find(|person| person.sign_in_name == sign_in_name)
            .unwrap()
            .account
    }

    pub fn name(&self, sign_in_name: &str) -> String {
        self.played
            .people
            .iter()
            .find(|person| person.sign_in_name == sign_in_name)
            .unwrap()
            .display_name
            .clone()
    }

    /// The sign-in name of the one with this role in the department that has `department`.
    pub fn of_department(&self, role: Role, department: &str) -> String {
        let is_the_one = |person: &&Person| {
            person.role == role && person.department.as_deref() == Some(department)
        };
        self.played
            .people
            .iter()
            .find(is_the_one)
            .unwrap()
            .sign_in_name
            .clone()
    }

    /// What `who` is answered.
    pub async fn ask(
        &self,
        who: &str,
        document: &str,
        variables: Value,
    ) -> async_graphql::Response {
        let caller = if who == NOBODY {
            Caller::Anonymous
        } else {
            Caller::Account(self.account(who))
        };
        let context = RequestContext {
            caller,
            session: None,
            source: "192.0.2.1".into(),
            through: Through::Api,
        };
        self.ask_as(context, document, variables).await
    }

    pub async fn ask_as(
        &self,
        context: RequestContext,
        document: &str,
        variables: Value,
    ) -> async_graphql::Response {
        let request = Request::new(document)
            .variables(Variables::from_json(variables))
            .data(context);
        daicho_graphql::answer(&self.schema, request).await
    }

    /// What `who` is answered, where nothing goes wrong.
    pub async fn answer(&self, who: &str, document: &str, variables: Value) -> Value {
        let response = self.ask(who, document, variables).await;
        assert_eq!(response.errors, [], "{document}");
        response.data.into_json().unwrap()
    }

    /// What comes of the command `field`, given by `who`, with a selection of every refusal's
    /// facts and the position.
    pub async fn command(&self, who: &str, field: &str, mut input: Value) -> Value {
        input["commandId"] = json!(self.service.app.new_id());
        self.command_as_is(who, field, input).await
    }

    /// As [`command`](Self::command), with the command id that the input has.
    pub async fn command_as_is(&self, who: &str, field: &str, input: Value) -> Value {
        let input_type = format!("{}{}Input", field[..1].to_uppercase(), &field[1..]);
        let document = format!(
            "mutation($input: {input_type}!) {{ {field}(input: $input) {{ __typename
               ... on Refusal {{ code message messageJa }}
               ... on CommandDone {{ position events replayed created report {{ stage revision content }} }}
               ... on StaleVersion {{ seenRevision currentRevision changedBy changedByName changedAt now }}
               ... on StaleContent {{ seenAs currentContent }}
               ... on WrongStage {{ stage stageLabel hint hintJa }}
               ... on Invalid {{ field problem problemJa }}
               ... on SeparationOfDuties {{ rule }}
               ... on Forbidden {{ action hint }}
               ... on NotComplete {{ missing {{ indicator stage stageLabel }} }} }} }}"
        );
        let mut data = self.answer(who, &document, json!({ "input": input })).await;
        data[field].take()
    }

    /// The rows of the open year's sheet, as `who` is shown them.
    pub async fn open_sheet(&self, who: &str) -> Vec<Value> {
        let document = "query($plan: ID!, $year: FiscalYear!) { sheet(plan: $plan, fiscalYear: $year) { goals {
            numericGoals { ...row } policies { measures { projects { rows { ...row } } } } } } }
            fragment row on Row { indicator kind stage revision content isDraftHidden placement department { name } }";
        let variables = json!({ "plan": self.played.plan, "year": self.played.open_year.short() });
        let sheet = self.answer(who, document, variables).await;
        let mut rows = Vec::new();
        rows_in(&sheet, &mut rows);
        rows.into_iter().cloned().collect()
    }

    /// The open year's first report at `stage` that has a figure.
    pub async fn report_at(&self, stage: &str) -> ReportAt {
        let rows = self.open_sheet("auditor").await;
        let row = rows
            .into_iter()
            .find(|row| {
                row["stage"] == stage && row["kind"] != "no_kpi" && !row["department"].is_null()
            })
            .unwrap();
        let department = row["department"]["name"].as_str().unwrap();
        ReportAt {
            indicator: serde_json::from_value(row["indicator"].clone()).unwrap(),
            staff: self.of_department(Role::Staff, department),
            approver: self.of_department(Role::Approver, department),
            address: json!({
                "plan": self.played.plan,
                "indicator": row["indicator"],
                "fiscalYear": self.played.open_year.short(),
            }),
        }
    }
}

/// A report of the open year and those who work on it.
pub struct ReportAt {
    pub indicator: IndicatorId,
    pub staff: String,
    pub approver: String,
    address: Value,
}

impl ReportAt {
    /// An input about it, with `more`.
    pub fn input(&self, more: Value) -> Value {
        let mut input = self.address.clone();
        input
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        input
    }

    /// Its screen.
    pub async fn read(&self, city: &City, who: &str) -> Value {
        let document = "query($plan: ID!, $indicator: ID!, $fiscalYear: FiscalYear!) {
            report(plan: $plan, indicator: $indicator, fiscalYear: $fiscalYear) {
                stage revision content isEditable needsReason isStale allowed
                places { placement isEditable commentary { commentary { text } by { name } } }
                actual { actual { cell { raw value display } } by { name role roleLabel } }
                steps { name by { name } isStale content }
                returned { comment by { name } cell { kind placement } }
                lastChange { now by { name } } judgement { verdict label } } }";
        let mut data = city.answer(who, document, self.address.clone()).await;
        data["report"].take()
    }
}

/// Every row somewhere in `answer`.
fn rows_in<'v>(answer: &'v Value, rows: &mut Vec<&'v Value>) {
    match answer {
        Value::Object(fields) if fields.contains_key("placement") => rows.push(answer),
        Value::Object(fields) => fields.values().for_each(|value| rows_in(value, rows)),
        Value::Array(list) => list.iter().for_each(|value| rows_in(value, rows)),
        _ => {}
    }
}

/// An identifier that nothing has.
pub fn unused_id() -> Uuid {
    Uuid::from_u128(0xdead)
}
