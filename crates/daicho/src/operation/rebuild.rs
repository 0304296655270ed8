//! `rebuild`: the read models made anew while the service runs.

use daicho_app::Rebuild;

use super::Outcome;
use crate::failure::{EXIT_DISCREPANCY, Failure};
use crate::progress::Progress;
use crate::service::Service;

/// Makes the read models anew; the exit status says whether those that were in use were right.
pub(super) async fn run(service: &Service, json: bool) -> Result<Outcome, Failure> {
    let mut progress = Progress::of("folding the records anew");
    let rebuild = service
        .app
        .rebuild_read_models(|done, all| progress.tell(done, all))
        .await?;
    drop(progress);
    let exit = if rebuild.was_equal {
        0
    } else {
        EXIT_DISCREPANCY
    };
    let outcome = if json {
        Outcome::json(&rebuild)?
    } else {
        Outcome::lines(lines(&rebuild))
    };
    Ok(Outcome { exit, ..outcome })
}

fn lines(rebuild: &Rebuild) -> Vec<String> {
    let mut lines = vec![
        format!(
            "{} events folded anew; the result is in use now",
            rebuild.events
        ),
        format!(
            "digest of the first {} events: {}",
            rebuild.compared_events, rebuild.digest
        ),
    ];
    match &rebuild.difference {
        None => lines.push("the read models that were in use were equal".into()),
        Some(difference) => {
            lines.push(format!(
                "DISCREPANCY in the read models that were in use: {difference}"
            ));
            lines.push("    what to do: report it with the log; what was read since the last start may have been wrong".into());
        }
    }
    lines
}
