//! Commands, reads and folding in the sample city.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use daicho_access::Access;
use daicho_app::{App, Caller, CommandId, Surroundings};
use daicho_domain::command::EnterActual;
use daicho_domain::{AccountId, Cell, FiscalYear, IndicatorId, PlanId, Role};
use daicho_eventlog::{EventLog, GlobalPosition};
use daicho_eventlog_sled::{Options, SledLog};
use daicho_sample::{Played, SeededIds, StoryClock};

use super::percentiles::Latency;
use super::{Report, Round, Rounds, Series, limit, now};
use crate::demo::{SEED, STORY_BEGINS};
use crate::failure::{Failure, with_causes};

/// Bytes of an event of the limit, which nobody makes anew.
const EVENT_BYTES: usize = 320;
/// Events read at once.
const PAGE: usize = 1024;

struct City {
    app: Arc<App>,
    log: Arc<SledLog>,
    played: Played,
}

impl City {
    /// The demo's city, on a log of its own in `folder`.
    async fn built(folder: &Path) -> Result<Self, Failure> {
        let (log, _) = SledLog::open(&folder.join("log"), Options::default())?;
        let log = Arc::new(log);
        let clock = Arc::new(StoryClock::starting(STORY_BEGINS));
        let surroundings = Surroundings {
            clock: Arc::clone(&clock) as Arc<_>,
            ids: Arc::new(SeededIds::new(SEED)),
        };
        let access = Access::new().map_err(|error| Failure::new(with_causes(&error)))?;
        let app = App::open(Arc::clone(&log) as Arc<_>, access, surroundings, |_, _| {}).await?;
        let played = daicho_sample::play(&app, &clock, SEED, |_, _| {})
            .await
            .map_err(|error| Failure::new(with_causes(&error)))?;
        Ok(Self {
            app: Arc::new(app),
            log,
            played,
        })
    }

    fn account(&self, name: &str) -> Result<Caller, Failure> {
        self.played
            .people
            .iter()
            .find(|person| person.sign_in_name == name)
            .map(|person| Caller::Account(person.account))
            .ok_or_else(|| Failure::new(format!("the sample city has no '{name}'")))
    }

    /// Figures of the open year that can be entered now, each with who may.
    fn open_figures(&self) -> Result<Vec<OpenFigure>, Failure> {
        let planning = self.account("planning")?;
        let departments: BTreeMap<_, _> = self
            .app
            .departments(self.played.municipality)
            .into_iter()
            .map(|department| (department.id, department.name))
            .collect();
        let sheet = self
            .app
            .sheet(&planning, self.played.plan, self.played.open_year)?;
        let mut figures = BTreeMap::new();
        for row in sheet.rows() {
            let report = self.app.report(
                &planning,
                self.played.plan,
                row.row.indicator,
                self.played.open_year,
            )?;
            let department = report.department;
            let department = department.and_then(|department| departments.get(&department));
            let staff = self.played.people.iter().find(|person| {
                person.duty.role == Role::Staff && person.duty.department.as_ref() == department
            });
            if let (true, Some(staff)) = (report.is_actual_editable, staff) {
                let figure = OpenFigure {
                    plan: self.played.plan,
                    year: self.played.open_year,
                    indicator: row.row.indicator,
                    staff: staff.account,
                };
                figures.insert(row.row.indicator, figure);
            }
        }
        Ok(figures.into_values().collect())
    }
}

#[derive(Debug, Clone, Copy)]
struct OpenFigure {
    plan: PlanId,
    year: FiscalYear,
    indicator: IndicatorId,
    staff: AccountId,
}

/// People who enter figures, each their own, and look at the report before they do.
pub(super) async fn commands(
    folder: &Path,
    rounds: Rounds,
    writers: &[u32],
) -> Result<Report, Failure> {
    let city = City::built(folder).await?;
    let figures = city.open_figures()?;
    let mut series = Vec::new();
    for writers in writers.iter().copied() {
        if figures.len() < writers as usize {
            return Err(Failure::new(format!(
                "only {} figures of the sample city can be entered at once",
                figures.len()
            ))
            .help("ask for fewer --writers"));
        }
        let mut measured = Vec::new();
        for round in 0..rounds.number {
            rounds.say(&format!("{writers} people"), round);
            let events = (0..writers).map(|_| || Ok(vec![b'x'; EVENT_BYTES]));
            let limit_per_second =
                limit::durable_appends(folder, events.collect(), rounds.length).await?;
            let entered = enter(&city, &figures[..writers as usize], rounds.length).await?;
            measured.push(entered.beside(limit_per_second));
        }
        series.push(Series::of(writers, measured));
    }
    EventLog::close(city.log.as_ref()).await?;
    Ok(Report {
        subject: "figures entered: authorised, decided, durable, folded, each after a look at its report",
        limit: "events of 320 bytes appended to a file that was filled before, group commit, fdatasync",
        seconds: rounds.length.as_secs(),
        series,
        space: None,
    })
}

async fn enter(city: &City, figures: &[OpenFigure], length: Duration) -> Result<Times, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let started = now();
    let tasks: Vec<_> = figures
        .iter()
        .copied()
        .map(|figure| {
            let (app, stop) = (Arc::clone(&city.app), Arc::clone(&stop));
            tokio::spawn(async move {
                let caller = Caller::Account(figure.staff);
                let mut times = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let asked = now();
                    let report = app.report(&caller, figure.plan, figure.indicator, figure.year)?;
                    let value = times.len() as u64 % 100;
                    let command = EnterActual {
                        plan: figure.plan,
                        indicator: figure.indicator,
                        fiscal_year: figure.year,
                        cell: Cell::number(value.to_string(), value.into()),
                        evidence: None,
                        expected_final_on: None,
                        seen_revision: report.report.revision,
                        reason: None,
                    };
                    app.handle(&caller, command, CommandId(app.new_id()))
                        .await?;
                    times.push(asked.elapsed());
                }
                Ok::<_, Failure>(times)
            })
        })
        .collect();
    tokio::time::sleep(length).await;
    stop.store(true, Ordering::Relaxed);
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.map_err(Failure::new)??);
    }
    Ok(Times {
        seconds: started.elapsed().as_secs_f64(),
        times,
    })
}

struct Times {
    seconds: f64,
    times: Vec<Duration>,
}

impl Times {
    /// Does `work` again and again for `length`.
    fn of(
        length: Duration,
        mut work: impl FnMut() -> Result<(), Failure>,
    ) -> Result<Self, Failure> {
        let started = now();
        let mut times = Vec::new();
        while started.elapsed() < length {
            let asked = now();
            work()?;
            times.push(asked.elapsed());
        }
        Ok(Self {
            seconds: started.elapsed().as_secs_f64(),
            times,
        })
    }

    fn per_second(&self) -> f64 {
        self.times.len() as f64 / self.seconds
    }

    fn beside(self, limit_per_second: f64) -> Round {
        let per_second = self.per_second();
        Round {
            limit_per_second,
            per_second,
            ratio: per_second / limit_per_second,
            latency: Latency::of(self.times),
        }
    }
}

/// The working sheet with every verdict, rate and total, as the auditor reads it.
pub(super) async fn reads(folder: &Path, rounds: Rounds) -> Result<Report, Failure> {
    let city = City::built(folder).await?;
    let auditor = city.account("auditor")?;
    let (plan, year) = (city.played.plan, city.played.published_year);
    let sheet = city.app.sheet(&auditor, plan, year)?;
    let mut measured = Vec::new();
    for round in 0..rounds.number {
        rounds.say("the sheet", round);
        let written = Times::of(rounds.length, || {
            serde_json::to_vec(&sheet)
                .map(|bytes| drop(std::hint::black_box(bytes)))
                .map_err(Failure::new)
        })?;
        let derived = Times::of(rounds.length, || {
            let sheet = city.app.sheet(&auditor, plan, year)?;
            drop(std::hint::black_box(sheet));
            Ok(())
        })?;
        measured.push(derived.beside(written.per_second()));
    }
    EventLog::close(city.log.as_ref()).await?;
    Ok(Report {
        subject: "whole sheets derived by one reader",
        limit: "the same sheet written as JSON",
        seconds: rounds.length.as_secs(),
        series: vec![Series::of(1, measured)],
        space: None,
    })
}

/// All read models made anew.
pub(super) async fn rebuild(folder: &Path, rounds: Rounds) -> Result<Report, Failure> {
    let city = City::built(folder).await?;
    let mut measured = Vec::new();
    for round in 0..rounds.number {
        rounds.say("all events", round);
        let (started, mut read) = (now(), 0);
        while started.elapsed() < rounds.length {
            let mut from = GlobalPosition(0);
            loop {
                let page = city.log.read_all(from, PAGE).await?;
                let Some(last) = page.last() else { break };
                read += page.len();
                from = GlobalPosition(last.global_position.0 + 1);
            }
        }
        let limit_per_second = read as f64 / started.elapsed().as_secs_f64();
        let (started, mut folded, mut times) = (now(), 0, Vec::new());
        while started.elapsed() < rounds.length {
            let asked = now();
            folded += city.app.rebuild_read_models(|_, _| {}).await?.events;
            times.push(asked.elapsed());
        }
        let per_second = folded as f64 / started.elapsed().as_secs_f64();
        measured.push(Round {
            limit_per_second,
            per_second,
            ratio: per_second / limit_per_second,
            latency: Latency::of(times),
        });
    }
    EventLog::close(city.log.as_ref()).await?;
    Ok(Report {
        subject: "events folded into all read models anew, compared with those in use (times are of whole rebuilds)",
        limit: "the same events read from the log",
        seconds: rounds.length.as_secs(),
        series: vec![Series::of(1, measured)],
        space: None,
    })
}
