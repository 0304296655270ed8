//! The rules of the office, as an auditor would write them on two pages: who may do what to a
//! report, and when it may change.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::Value;

use super::Finding;
use super::record::Record;
use super::report::{Period, Report, change, must};

#[derive(Clone, Debug)]
struct Held {
    account: String,
    grant: Value,
}

#[derive(Clone, Debug, Default)]
struct Indicator {
    plan: String,
    department: Value,
    /// Number of each version and the first year that is judged against it.
    targets: Vec<(u64, i64)>,
    /// Where it stands, and whether a figure is reported there.
    places: Vec<(String, bool)>,
}

/// What the auditor knows after some event.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    grants: BTreeMap<String, Held>,
    disabled: BTreeSet<String>,
    indicators: BTreeMap<String, Indicator>,
    /// For each plan, the number of approvals of every version of its route.
    routes: BTreeMap<String, Vec<usize>>,
    /// By stream id: `<plan>.<year>`.
    periods: BTreeMap<String, Period>,
    reports: BTreeMap<(String, i64), Report>,
    content_of_hash: BTreeMap<String, String>,
    hash_of_content: BTreeMap<String, String>,
}

/// The day in Japan, as dates are written.
fn day(at: Timestamp) -> String {
    Offset::constant(9).to_datetime(at).date().to_string()
}

fn holds_on(grant: &Value, day: &str) -> bool {
    grant["from"].as_str().is_some_and(|from| from <= day)
        && grant["until"].as_str().is_none_or(|until| day <= until)
}

/// Which roles may cause an event of this kind, and whether only in the indicator's department.
fn roles(kind: &str) -> (&'static [&'static str], bool) {
    match kind {
        "actual-entered.v1"
        | "actual-revised.v1"
        | "actual-corrected.v1"
        | "commentary-written.v1"
        | "commentary-revised.v1"
        | "report-submitted.v1"
        | "report-withdrawn.v1" => (&["staff"], true),
        "report-approved.v1" => (&["approver"], true),
        "report-returned.v1" => (&["approver", "planning"], true),
        "municipality-registered.v1" => (&["operator"], false),
        "department-opened.v1" | "account-opened.v1" | "grant-given.v1" | "grant-withdrawn.v1" => {
            (&["operator", "administrator"], false)
        }
        // Everything else about plans, years and reports is the planning office's.
        _ => (&["planning"], false),
    }
}

impl Rules {
    pub fn report(&self, indicator: &str, year: i64) -> Report {
        self.reports
            .get(&(indicator.to_owned(), year))
            .cloned()
            .unwrap_or_default()
    }

    /// Takes the next event in.
    pub fn follow(&mut self, record: &Record) -> Result<(), Finding> {
        if record.digest.is_none() {
            return Ok(());
        }
        self.acts_under_a_grant(record)?;
        let subject = record.subject().to_owned();
        match record
            .stream
            .split_once('-')
            .map_or("", |(category, _)| category)
        {
            "account" => self.account(record, subject),
            "plan" => self.plan(record, subject),
            "period" => self.period(record, subject),
            "indicator" => self.indicator(record, subject),
            _ => Ok(()),
        }
    }

    fn acts_under_a_grant(&self, record: &Record) -> Result<(), Finding> {
        let (roles, of_department) = roles(&record.kind);
        must(
            roles.contains(&record.role.as_str()),
            "this role may not do this",
            record,
        )?;
        if record.role == "operator" {
            return must(
                record.account.starts_with("operator:"),
                "the operator is no account",
                record,
            );
        }
        let today = day(record.at);
        let held = record.grant.as_ref().and_then(|id| self.grants.get(id));
        let Some(Held { account, grant }) = held else {
            return must(
                false,
                "acts under a grant that was not given or was withdrawn",
                record,
            );
        };
        must(
            *account == record.account && !self.disabled.contains(account),
            "acts under somebody else's grant, or with a disabled account",
            record,
        )?;
        must(
            grant["role"] == record.role.as_str(),
            "acts in a role that was not granted",
            record,
        )?;
        must(
            holds_on(grant, &today),
            "acts under a grant that does not hold on this day",
            record,
        )?;
        let behalf = grant["on_behalf_of"].as_str();
        must(
            behalf == record.behalf.as_deref(),
            "stands in for somebody else than granted",
            record,
        )?;
        if let Some(principal) = behalf {
            let has_it = self.grants.values().any(|held| {
                held.account == principal
                    && held.grant["on_behalf_of"].is_null()
                    && held.grant["role"] == grant["role"]
                    && held.grant["department"] == grant["department"]
                    && holds_on(&held.grant, &today)
            });
            must(
                has_it && !self.disabled.contains(principal),
                "stands in for somebody who does not hold the role",
                record,
            )?;
        }
        if of_department && record.role != "planning" {
            let indicator = self.indicators.get(record.subject());
            must(
                indicator.is_some_and(|indicator| indicator.department == grant["department"]),
                "acts on the figure of another department",
                record,
            )?;
        }
        Ok(())
    }

    fn account(&mut self, record: &Record, account: String) -> Result<(), Finding> {
        match record.kind.as_str() {
            "grant-given.v1" => {
                let grant = record.data["grant"].clone();
                must(
                    !record.people().contains(&account),
                    "gives a role to themselves",
                    record,
                )?;
                let id = grant["id"].as_str().unwrap_or_default().to_owned();
                self.grants.insert(id, Held { account, grant });
            }
            "grant-withdrawn.v1" => {
                self.grants.remove(record.text("grant"));
            }
            "account-disabled.v1" => {
                self.disabled.insert(account);
            }
            _ => {}
        }
        Ok(())
    }

    fn plan(&mut self, record: &Record, plan: String) -> Result<(), Finding> {
        let data = &record.data;
        match record.kind.as_str() {
            "plan-adopted.v1" | "route-set.v1" => {
                let approvals = data["route"]["approvals"].as_array().map_or(0, Vec::len);
                self.routes.entry(plan).or_default().push(approvals);
            }
            "indicator-placed.v1" => {
                let place = &data["placement"];
                let text = |field: &str| place[field].as_str().unwrap_or_default().to_owned();
                let indicator = self.indicators.entry(text("indicator")).or_default();
                indicator.plan = plan;
                indicator
                    .places
                    .push((text("id"), place["kind"] != "no_kpi"));
            }
            _ => {}
        }
        Ok(())
    }

    fn period(&mut self, record: &Record, id: String) -> Result<(), Finding> {
        match record.kind.as_str() {
            "period-opened.v1" => {
                must(
                    !self.periods.contains_key(&id),
                    "opens a year twice",
                    record,
                )?;
                self.periods.insert(
                    id,
                    Period {
                        open: true,
                        published: false,
                    },
                );
            }
            "period-closed.v1" => self.periods.entry(id).or_default().open = false,
            "period-reopened.v1" => {
                let period = self.periods.entry(id).or_default();
                must(!period.published, "reopens a published year", record)?;
                period.open = true;
            }
            "sheet-published.v1" | "correction-published.v1" => {
                self.what_is_published_was_accepted(record, &id)?;
                let period = self.periods.entry(id).or_default();
                *period = Period {
                    open: false,
                    published: true,
                };
            }
            _ => {}
        }
        Ok(())
    }

    fn what_is_published_was_accepted(&mut self, record: &Record, id: &str) -> Result<(), Finding> {
        let (plan, year) = id.split_once('.').unwrap_or((id, ""));
        let year = year.parse().unwrap_or(-1);
        let published: BTreeMap<String, String> = record.data["reports"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|report| {
                let text = |field: &str| report[field].as_str().unwrap_or_default().to_owned();
                (text("indicator"), text("content"))
            })
            .collect();
        let of_plan = self.indicators.iter().filter(|(_, it)| it.plan == plan);
        let all: BTreeSet<&String> = of_plan.map(|(id, _)| id).collect();
        must(
            published.keys().collect::<BTreeSet<_>>() == all,
            "publishes other reports than the plan has",
            record,
        )?;
        for (indicator, hash) in &published {
            let report = self.report(indicator, year);
            let content = self.content(indicator, year);
            let is_accepted = report.steps.len() == report.approvals_needed + 1
                && report.steps.values().all(|(_, seen)| *seen == content);
            must(
                report.locked && (report.adopted || is_accepted),
                "publishes a report that was not accepted as it stands",
                record,
            )?;
            self.hash_is_of(
                &format!("position {}", record.position),
                hash,
                indicator,
                year,
            )?;
        }
        Ok(())
    }

    /// What an approval is bound to, in the auditor's own words.
    fn content(&self, indicator: &str, year: i64) -> String {
        let report = self.report(indicator, year);
        let targets = self.indicators.get(indicator).and_then(|indicator| {
            let in_force = indicator
                .targets
                .iter()
                .rev()
                .find(|(_, from)| *from <= year);
            in_force.map(|(number, _)| *number)
        });
        let texts: Vec<_> = report
            .texts
            .iter()
            .map(|(at, (text, _))| (at, text.to_string()))
            .collect();
        format!(
            "{indicator} {year} {:?} {texts:?} {targets:?}",
            report.figure().map(Value::to_string)
        )
    }

    /// One hash belongs to one content, and one content to one hash, wherever they are met.
    pub fn hash_is_of(
        &mut self,
        place: &str,
        hash: &str,
        indicator: &str,
        year: i64,
    ) -> Result<(), Finding> {
        let content = self.content(indicator, year);
        let known = self
            .content_of_hash
            .entry(hash.to_owned())
            .or_insert_with(|| content.clone());
        let same_content = *known == content;
        let known = self
            .hash_of_content
            .entry(content)
            .or_insert_with(|| hash.to_owned());
        if same_content && known == hash {
            return Ok(());
        }
        Err(Finding::HashOfSomethingElse {
            place: place.to_owned(),
            hash: hash.to_owned(),
        })
    }

    fn indicator(&mut self, record: &Record, id: String) -> Result<(), Finding> {
        let data = &record.data;
        let indicator = self.indicators.entry(id.clone()).or_default();
        match record.kind.as_str() {
            "indicator-defined.v1" => indicator.plan = record.text("plan").to_owned(),
            "department-assigned.v1" => indicator.department = data["department"].clone(),
            "targets-set.v1" | "targets-revised.v1" => {
                let targets = &data["targets"];
                let number = targets["number"].as_u64().unwrap_or_default();
                indicator.targets.push((
                    number,
                    targets["effective_from"].as_i64().unwrap_or_default(),
                ));
            }
            "direction-decided.v1" => {}
            _ => {
                let year = record.number("fiscal_year");
                let mut report = self.report(&id, year);
                self.report_event(record, &id, year, &mut report)?;
                self.reports.insert((id, year), report);
            }
        }
        Ok(())
    }

    fn report_event(
        &mut self,
        record: &Record,
        indicator: &str,
        year: i64,
        report: &mut Report,
    ) -> Result<(), Finding> {
        let data = &record.data;
        let plan = self.indicators[indicator].plan.clone();
        let period = self
            .periods
            .get(&format!("{plan}.{year}"))
            .cloned()
            .unwrap_or_default();
        let placement = record.text("placement").to_owned();
        let text_cell = serde_json::json!({ "commentary": placement });
        let written = |field: &str| (data[field].clone(), record.people());
        match record.kind.as_str() {
            "figure-adopted.v1" => {
                report.locked = true;
                report.adopted = true;
                report.revision += 1;
                report.figure = (!data["actual"].is_null()).then(|| written("actual"));
            }
            "commentary-adopted.v1" => {
                report.revision += 1;
                report.texts.insert(placement, written("commentary"));
            }
            "actual-entered.v1" => {
                must(
                    report.figure.is_none(),
                    "enters a figure where one stands",
                    record,
                )?;
                change(record, &"actual".into(), &period, report)?;
                report.figure = Some(written("actual"));
            }
            kind @ ("actual-revised.v1" | "actual-corrected.v1") => {
                must(
                    report.figure() == Some(&data["previous"]),
                    "replaces what did not stand there",
                    record,
                )?;
                change(record, &"actual".into(), &period, report)?;
                let field = if kind == "actual-revised.v1" {
                    "revised"
                } else {
                    "corrected"
                };
                report.figure = Some(written(field));
            }
            "commentary-written.v1" => {
                must(
                    report.commentary(&placement).is_none(),
                    "writes where a text stands",
                    record,
                )?;
                change(record, &text_cell, &period, report)?;
                report.texts.insert(placement, written("commentary"));
            }
            "commentary-revised.v1" => {
                let stood = report.commentary(&placement) == Some(&data["previous"]);
                must(stood, "replaces what did not stand there", record)?;
                change(record, &text_cell, &period, report)?;
                report.texts.insert(placement, written("revised"));
            }
            "report-submitted.v1" => {
                let places = &self.indicators[indicator].places;
                let is_complete = places.iter().all(|(place, has_figure)| {
                    report.texts.contains_key(place) && (!has_figure || report.figure.is_some())
                });
                must(
                    is_complete,
                    "submits a report in which something is missing",
                    record,
                )?;
                must(
                    !report.locked,
                    "submits a report that is on its way",
                    record,
                )?;
                let may = period.open || report.narrowed || period.published;
                must(may, "submits when the year is closed", record)?;
                let routes = &self.routes[&plan];
                let version = usize::try_from(record.number("route_version")).unwrap_or_default();
                must(version == routes.len(), "takes an old route", record)?;
                report.approvals_needed = routes[version - 1];
                report.locked = true;
                report.submitted_by = record.people();
                report.steps.clear();
                report.returned = None;
                report.unlocked = None;
                self.names_what_stands(record, indicator, year)?;
            }
            "report-withdrawn.v1" => {
                must(
                    report.locked && report.steps.is_empty(),
                    "withdraws what is approved",
                    record,
                )?;
                report.locked = false;
            }
            "report-returned.v1" => {
                must(report.locked, "returns what was not submitted", record)?;
                report.locked = false;
                report.returned = Some(data["cell"].clone());
            }
            "report-approved.v1" | "report-accepted.v1" => {
                self.step(record, indicator, year, report)?;
            }
            "report-unlocked.v1" => {
                let may = report.locked || report.narrowed || period.published;
                must(may, "unlocks what is not locked", record)?;
                let until = record.text("expires_at").parse().unwrap_or(record.at);
                report.unlocked = Some((data["cell"].clone(), until));
            }
            _ => must(false, "is an event that the auditor does not know", record)?,
        }
        Ok(())
    }

    fn names_what_stands(
        &mut self,
        record: &Record,
        indicator: &str,
        year: i64,
    ) -> Result<(), Finding> {
        let place = format!("position {}", record.position);
        self.hash_is_of(&place, record.text("content"), indicator, year)
    }

    fn step(
        &mut self,
        record: &Record,
        indicator: &str,
        year: i64,
        report: &mut Report,
    ) -> Result<(), Finding> {
        let step = usize::try_from(record.number("step")).unwrap_or(usize::MAX);
        let is_last = record.kind == "report-accepted.v1";
        must(
            report.locked,
            "decides on a report that was not submitted",
            record,
        )?;
        must(
            report.hands(step).is_disjoint(&record.people()),
            "decides on what they had a hand in (separation of duties)",
            record,
        )?;
        self.names_what_stands(record, indicator, year)?;
        let content = self.content(indicator, year);
        let before_hold = (0..step).all(|step| {
            report
                .steps
                .get(&step)
                .is_some_and(|(_, seen)| *seen == content)
        });
        must(before_hold, "takes a step before the one before it", record)?;
        must(
            is_last == (step == report.approvals_needed),
            "takes a step that is not theirs",
            record,
        )?;
        report.steps.retain(|taken, _| *taken < step);
        report.steps.insert(step, (record.people(), content));
        if is_last {
            report.narrowed = false;
        }
        Ok(())
    }
}
