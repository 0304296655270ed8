//! Two years of the city: R3 from the first entry to a correction after publication, R4 on
//! its way.

mod cast;
mod first_year;
mod second_year;
mod set_up;

use daicho_app::{App, AppError};
use daicho_domain::{FiscalYear, IndicatorId, MunicipalityId, PlanId};

use crate::people::Person;
use crate::surroundings::StoryClock;

pub(crate) use cast::Cast;

/// What the story has left behind.
#[derive(Clone, Debug)]
pub struct Played {
    /// The city.
    pub municipality: MunicipalityId,
    /// Its plan.
    pub plan: PlanId,
    /// Everybody with an account.
    pub people: Vec<Person>,
    /// The year that is complete, published and corrected.
    pub published_year: FiscalYear,
    /// The year that is open.
    pub open_year: FiscalYear,
    /// The indicator whose figure was corrected.
    pub corrected: IndicatorId,
    /// The indicator whose report was returned and revised.
    pub returned: IndicatorId,
}

/// Why the story could not be played.
#[derive(Debug, thiserror::Error)]
pub enum StoryError {
    /// The service refused a step.
    #[error("the sample story stopped while it tried to {doing}")]
    Refused {
        /// What it tried.
        doing: String,
        /// What the service said.
        #[source]
        source: AppError,
    },
    /// The sample's own documents do not fit together.
    #[error("the sample's documents do not fit together: {0}")]
    Documents(String),
}

impl From<toml::de::Error> for StoryError {
    fn from(error: toml::de::Error) -> Self {
        Self::Documents(error.to_string())
    }
}

/// Plays the story in an empty service whose clock is `clock`; `progress` is told how many of
/// how many steps are done.
///
/// # Errors
/// [`StoryError`] where the service refuses a step: the sample and the service have come apart.
pub async fn play(
    app: &App,
    clock: &StoryClock,
    seed: u64,
    mut progress: impl FnMut(u64, u64),
) -> Result<Played, StoryError> {
    let mut cast = set_up::set_up(app, clock, seed).await?;
    let steps = u64::try_from(cast.reports.len()).unwrap_or(0) * 2;
    let mut done = 0;
    let mut step = || {
        done += 1;
        progress(done.min(steps), steps);
    };
    let (corrected, returned) = first_year::play(&mut cast, &mut step).await?;
    second_year::play(&mut cast, &mut step).await?;
    Ok(Played {
        municipality: cast.municipality,
        plan: cast.plan,
        people: cast.people.clone(),
        published_year: first_year::YEAR,
        open_year: second_year::YEAR,
        corrected,
        returned,
    })
}
