//! `demo`: a sample city, built by real commands.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use daicho_app::{App, Caller, CommandId, Surroundings};
use daicho_domain::calendar::ja_minute;
use daicho_domain::command::RecordCredentialsChange;
use daicho_domain::{AccountId, FiscalYear, IndicatorId, PlanId, Who};
use daicho_identity::{HashCost, Lifetimes, NewPerson, Settings};
use daicho_sample::{Person, Played, SeededIds, StoryClock};
use daicho_web::WebSettings;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::arguments::Demo;
use crate::evidence::{self, DEMO_ORIGIN, EvidenceSettings, Making};
use crate::failure::{EXIT_DISCREPANCY, Failure, with_causes};
use crate::operation::verification;
use crate::place::Place;
use crate::progress::Progress;
use crate::serve::serve;
use crate::service::{Opening, Service, is_data_folder};
use crate::surroundings::{self, made_up_password};

/// Everything in the sample city follows from this number.
pub const SEED: u64 = 20_220_401;
/// Where the demo's clock starts.
pub const STORY_BEGINS: Timestamp = Timestamp::constant(1_614_556_800, 0);

/// What a demo folder keeps beside the records, so that it can be served again.
#[derive(Serialize, Deserialize)]
struct Kept {
    plan: PlanId,
    published_year: FiscalYear,
    open_year: FiscalYear,
    corrected: IndicatorId,
    sign_in_names: Vec<String>,
}

/// The file in the data folder that [`Kept`] is in.
const KEPT_FILE: &str = "demo.json";

/// Runs the demo; what comes back is the exit status.
///
/// # Errors
/// Where the folder or the address cannot be used.
pub async fn run(arguments: Demo) -> Result<u8, Failure> {
    // Held until the end: a temporary folder goes with it.
    let mut temporary = None;
    let folder = match arguments.data {
        Some(folder) => folder,
        None => {
            let folder = tempfile::Builder::new()
                .prefix("daicho-demo-")
                .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700))
                .tempdir()
                .map_err(Failure::new)?;
            temporary.insert(folder).path().to_owned()
        }
    };
    let password = arguments.password.unwrap_or_else(made_up_password);
    let (service, kept) = if is_data_folder(&folder) {
        let (service, kept) = reopen(&folder).await?;
        if !arguments.once {
            renew_passwords(&service, &kept, &password).await?;
        }
        (service, kept)
    } else {
        build(&folder, &password).await?
    };
    if arguments.once {
        let exit = tell(&service, &kept).await?;
        service.close().await?;
        return Ok(exit);
    }
    let settings = WebSettings::default();
    let _signing = evidence::Running::start(&service, &[])?;
    serve(service, arguments.listen, settings, |address| {
        println_all(&welcome(
            address,
            &kept,
            &password,
            temporary.is_none().then_some(&folder),
        ));
    })
    .await?;
    Ok(0)
}

#[expect(clippy::print_stdout, reason = "this is what the command is for")]
fn println_all(lines: &[String]) {
    for line in lines {
        println!("{line}");
    }
}

/// A demo's passwords are checked as cheaply as in tests: there is nothing to protect.
fn settings() -> Settings {
    Settings {
        hash_cost: HashCost::QUICK_FOR_TESTS,
        lifetimes: Lifetimes::STANDARD,
    }
}

/// Builds the city in `folder`: first its years with the story's clock, then the service as it
/// runs on.
async fn build(folder: &Path, password: &str) -> Result<(Service, Kept), Failure> {
    let clock = Arc::new(StoryClock::starting(STORY_BEGINS));
    let story = Surroundings {
        clock: Arc::clone(&clock) as Arc<_>,
        ids: Arc::new(SeededIds::new(SEED)),
    };
    let place = Place::Folder(folder.to_owned());
    let service = Service::open(&place, None, Opening::MayBeNew, story, settings()).await?;
    equip(&service).await?;
    let mut progress = Progress::of("playing two years");
    let played = daicho_sample::play(&service.app, &clock, SEED, |done, all| {
        progress.tell(done, all)
    })
    .await
    .map_err(|error| Failure::new(with_causes(&error)))?;
    drop(progress);
    register(&service, &played.people, password)?;
    let kept = keep(folder, &played)?;
    service.close().await?;
    let service = Service::open(
        &place,
        None,
        Opening::MustExist,
        surroundings::of_this_machine(),
        settings(),
    )
    .await?;
    equip(&service).await?;
    Ok((service, kept))
}

/// Serves a city that was built before.
async fn reopen(folder: &Path) -> Result<(Service, Kept), Failure> {
    let file = folder.join(KEPT_FILE);
    let kept: Kept = std::fs::read(&file)
        .map_err(|error| error.to_string())
        .and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()))
        .map_err(|error| {
            Failure::new(format!("{} holds records that no demo made, or a demo that was not finished ({error})", folder.display()))
                .help("choose another folder, delete this one if it was a demo's, or leave --data out for a temporary one")
        })?;
    let place = Place::Folder(folder.to_owned());
    let service = Service::open(
        &place,
        None,
        Opening::MustExist,
        surroundings::of_this_machine(),
        settings(),
    )
    .await?;
    equip(&service).await?;
    Ok((service, kept))
}

/// Gives the city's log its key.
async fn equip(service: &Service) -> Result<(), Failure> {
    let settings = EvidenceSettings {
        origin: Some(DEMO_ORIGIN.to_owned()),
        ..EvidenceSettings::default()
    };
    evidence::equip(service, settings, Making::IfMissing).await
}

/// Gives everybody the password that is printed this time.
async fn renew_passwords(service: &Service, kept: &Kept, password: &str) -> Result<(), Failure> {
    for name in &kept.sign_in_names {
        let person = service
            .identity
            .by_sign_in_name(name)
            .map_err(|error| Failure::new(with_causes(&error)))?;
        if let Some(person) = person {
            let caller = Caller::Operator(surroundings::operating_system_user());
            let id = CommandId(service.app.new_id());
            service
                .app
                .handle(
                    &caller,
                    RecordCredentialsChange {
                        account: person.account,
                    },
                    id,
                )
                .await?;
            set_password(service, person.account, password)?;
        }
    }
    Ok(())
}

fn register(service: &Service, people: &[Person], password: &str) -> Result<(), Failure> {
    for person in people {
        let new = NewPerson {
            account: person.account,
            sign_in_name: &person.sign_in_name,
            display_name: &person.display_name,
            mail: None,
        };
        let registered = service.identity.register(&new, service.app.now());
        registered.map_err(|error| Failure::new(with_causes(&error)))?;
        set_password(service, person.account, password)?;
    }
    Ok(())
}

fn set_password(service: &Service, account: AccountId, password: &str) -> Result<(), Failure> {
    service
        .identity
        .set_password(account, password, &[], service.app.now())
        .map_err(|error| {
            Failure::new(with_causes(&error))
                .help("give the demo another --password, or leave it out")
        })
}

fn keep(folder: &Path, played: &Played) -> Result<Kept, Failure> {
    let kept = Kept {
        plan: played.plan,
        published_year: played.published_year,
        open_year: played.open_year,
        corrected: played.corrected,
        sign_in_names: played
            .people
            .iter()
            .map(|person| person.sign_in_name.clone())
            .collect(),
    };
    let json = serde_json::to_vec_pretty(&kept).map_err(Failure::new)?;
    std::fs::write(folder.join(KEPT_FILE), json).map_err(Failure::new)?;
    Ok(kept)
}

fn welcome(
    address: std::net::SocketAddr,
    kept: &Kept,
    password: &str,
    folder: Option<&PathBuf>,
) -> Vec<String> {
    let plan = kept.plan;
    let published = kept.published_year;
    let mut lines = vec![
        String::new(),
        format!("Daicho serves its sample city on http://{address}/"),
        format!("  public sheet   http://{address}/public/{plan}/{published}"),
        format!(
            "  GraphQL        http://{address}/graphql   schema: http://{address}/schema.graphql"
        ),
        String::new(),
        format!("sign in with password {password} as"),
        format!("  {}", kept.sign_in_names.join("  ")),
        String::new(),
    ];
    match folder {
        Some(folder) => lines.push(format!("the city stays in {}", folder.display())),
        None => lines.push("the city is gone when this ends; keep one with --data DIR".into()),
    }
    lines.push("stop with Ctrl-C".into());
    lines
}

/// The story in lines: the sheet's summary, one figure's history, the verification.
async fn tell(service: &Service, kept: &Kept) -> Result<u8, Failure> {
    let app = &service.app;
    let published = app.published_sheet(kept.plan, kept.published_year, None)?;
    let sheet = &published.sheet;
    let mut lines = vec![
        format!(
            "{} {}の評価({}年度〜{}年度)",
            sheet.title,
            sheet.fiscal_year.ja(),
            sheet.term_from.0,
            sheet.term_to.0
        ),
        format!(
            "公表 第{}版 {}",
            published.publication.number,
            ja_minute(published.publication.at)
        ),
        sheet.summary.ja(),
    ];
    for goal in &sheet.goals {
        let summary = &goal.summary;
        lines.push(format!(
            "  {}  事業{} KPI{}: 達成{} 未達成{} 対象外{}",
            goal.heading(),
            summary.projects,
            summary.kpis,
            summary.achieved,
            summary.not_achieved,
            summary.not_evaluable
        ));
    }
    lines.push(String::new());
    lines.extend(history(service, app, kept)?);
    lines.push(String::new());
    let verification = verification(service, Vec::new(), &[]).await?;
    lines.extend(crate::operation::verification_lines(&verification));
    println_all(&lines);
    Ok(if verification.discrepancies.is_empty() {
        0
    } else {
        EXIT_DISCREPANCY
    })
}

/// The history of the figure that was corrected after publication, as the auditor reads it.
fn history(service: &Service, app: &App, kept: &Kept) -> Result<Vec<String>, Failure> {
    let auditor = service
        .identity
        .by_sign_in_name("auditor")
        .map_err(|error| Failure::new(with_causes(&error)))?;
    let auditor =
        auditor.ok_or_else(|| Failure::new("the demo's auditor is missing from the register"))?;
    let caller = Caller::Account(auditor.account);
    let report = app.report(&caller, kept.plan, kept.corrected, kept.published_year)?;
    let name = &report.indicator.definition.name;
    let mut lines = vec![format!("{name}({})の履歴", kept.published_year.ja())];
    for entry in app.figure_history(&caller, kept.plan, kept.corrected, kept.published_year)? {
        let mut line = format!("  {}  {}", ja_minute(entry.at), entry.kind.ja());
        match (&entry.from, &entry.to) {
            (Some(from), Some(to)) => line.push_str(&format!("  {from} → {to}")),
            (None, Some(to)) => line.push_str(&format!("  {to}")),
            _ => {}
        }
        line.push_str(&format!(
            "  {}({})",
            who(service, &entry.actor.who),
            entry.actor.role.ja()
        ));
        if let Some(principal) = entry.actor.on_behalf_of {
            line.push_str(&format!(
                " {}の代理",
                who(service, &Who::Account(principal))
            ));
        }
        if let Some(reason) = &entry.reason {
            line.push_str(&format!("  理由: {reason}"));
        }
        lines.push(line);
    }
    Ok(lines)
}

fn who(service: &Service, who: &Who) -> String {
    match who {
        Who::Account(account) => match service.identity.person(*account) {
            Ok(Some(person)) => person.display_name,
            _ => account.to_string(),
        },
        Who::Operator(user) => format!("運用者 {user}"),
    }
}
