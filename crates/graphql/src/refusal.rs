//! Refusals are answers: typed, with the facts that the caller needs to go on.

use async_graphql::{Context, Interface, SimpleObject, Union};
use daicho_app::AppError;
use daicho_domain::{AccountId, IndicatorId, Rejection};

use crate::failure::Failure;
use crate::people::Names;
use crate::scalar::{ContentHash, Date, DateTime, FiscalYear, Id};
use crate::words;

/// Makes the GraphQL type of a refusal: what all have in common, then its own facts.
macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident { $($(#[$fact_doc:meta])* $fact:ident: $type:ty,)* })+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, SimpleObject)]
            pub(crate) struct $name {
                /// Stable code.
                pub code: String,
                /// In English, with what to do.
                pub message: String,
                /// In Japanese, with what to do.
                pub message_ja: String,
                $($(#[$fact_doc])* pub $fact: $type,)*
            }
        )+

        /// Why something was not done.
        #[derive(Interface)]
        #[graphql(
            field(name = "code", ty = "&String", desc = "Stable code."),
            field(name = "message", ty = "&String", desc = "In English, with what to do."),
            field(name = "message_ja", ty = "&String", desc = "In Japanese, with what to do.")
        )]
        pub(crate) enum Refusal {
            $($name($name),)+
            SignInRefused(SignInRefused),
        }

        /// Any refusal of a command.
        #[derive(Union)]
        pub(crate) enum CommandRefusal {
            $($name($name),)+
        }
    };
}

refusals! {
    /// The policies do not allow it.
    Forbidden {
        /// The action asked for.
        action: String,
        /// Who could do it instead.
        hint: String,
    }
    /// What was named does not exist, or may not be known to the caller.
    NotFound {
        /// What was looked for.
        what: String,
    }
    /// What was to be created exists already.
    AlreadyExists {
        /// What.
        what: String,
    }
    /// Somebody changed the report after it was read.
    StaleVersion {
        /// The revision that the command was based on.
        seen_revision: u32,
        /// The revision that it has now.
        current_revision: u32,
        /// Who changed it.
        changed_by: Option<Id<AccountId>>,
        /// The name of who changed it.
        changed_by_name: String,
        /// When.
        changed_at: DateTime,
        /// What it says now.
        now: String,
    }
    /// The content to approve is no longer the content seen, or an approval before has become
    /// stale.
    StaleContent {
        /// `read` or `approved`.
        seen_as: String,
        /// The hash of what stands now.
        current_content: ContentHash,
    }
    /// The report's state does not allow it.
    WrongStage {
        /// The state.
        stage: words::ReportStage,
        /// The state in Japanese.
        stage_label: &'static str,
        /// What to do, in English.
        hint: String,
        /// What to do, in Japanese.
        hint_ja: String,
    }
    /// The fiscal year is not open for entry.
    PeriodNotOpen {
        /// The year.
        fiscal_year: FiscalYear,
        /// What to do, in English.
        hint: String,
        /// What to do, in Japanese.
        hint_ja: String,
    }
    /// Separation of duties forbids it.
    SeparationOfDuties {
        /// The rule.
        rule: words::DutyRule,
    }
    /// An input is not acceptable.
    Invalid {
        /// Which input, as the records call it (`expected_final_on`).
        field: String,
        /// What is wrong and what to do, in English.
        problem: String,
        /// The same in Japanese.
        problem_ja: String,
    }
    /// A sheet cannot be published yet.
    NotComplete {
        /// What is missing.
        missing: Vec<MissingReport>,
    }
    /// The account may not act: it is disabled, or no grant holds today.
    NoGrant {
        /// The municipality's date.
        day: Date,
    }
    /// The command id was used before for something else.
    CommandIdReused {}
    /// Others kept changing what the command relies on; try again in a moment.
    Busy {}
    /// Nothing can be recorded now; try again later with the same command id. The code
    /// `read_only` says that trying again helps only after the operator has acted.
    Unavailable {}
    /// A file cannot be used.
    BadFile {}
}

/// A sign-in or its renewal was refused.
#[derive(Clone, Debug, SimpleObject)]
pub struct SignInRefused {
    /// Stable code.
    pub code: String,
    /// In English, with what to do.
    pub message: String,
    /// In Japanese, with what to do.
    pub message_ja: String,
    /// After how long the next attempt is possible, where that is known.
    pub retry_after_seconds: Option<u64>,
}

/// A report that keeps a sheet from being published.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct MissingReport {
    /// Whose.
    pub indicator: Id<IndicatorId>,
    /// Where it stands.
    pub stage: words::ReportStage,
    /// Where it stands, in Japanese.
    pub stage_label: &'static str,
}

impl Invalid {
    /// The refusal of an input.
    pub(crate) fn new(field: &str, problem: &str, problem_ja: &str) -> Self {
        let rejection = Rejection::invalid(field, problem, problem_ja);
        Self {
            code: rejection.code().to_owned(),
            message: rejection.to_string(),
            message_ja: rejection.ja(),
            field: field.to_owned(),
            problem: problem.to_owned(),
            problem_ja: problem_ja.to_owned(),
        }
    }
}

impl From<Failure> for CommandRefusal {
    fn from(failure: Failure) -> Self {
        let Failure {
            code,
            message,
            message_ja,
        } = failure;
        Unavailable {
            code: code.to_owned(),
            message,
            message_ja,
        }
        .into()
    }
}

impl CommandRefusal {
    /// The refusal that `error` is, with names.
    pub(crate) async fn of(ctx: &Context<'_>, error: AppError) -> Self {
        let rejection = match error {
            AppError::Refused(rejection) => rejection,
            other => return Self::of_the_service(other),
        };
        let code = rejection.code().to_owned();
        let message = rejection.to_string();
        let message_ja = rejection.ja();
        match rejection {
            Rejection::Forbidden { action, hint } => Forbidden {
                code,
                message,
                message_ja,
                action,
                hint,
            }
            .into(),
            Rejection::NotFound { what } => NotFound {
                code,
                message,
                message_ja,
                what,
            }
            .into(),
            Rejection::AlreadyExists { what } => AlreadyExists {
                code,
                message,
                message_ja,
                what,
            }
            .into(),
            Rejection::StaleVersion {
                seen,
                current,
                changed_by,
                changed_at,
                now,
            } => {
                let names = match Names::of(ctx, changed_by.account()).await {
                    Ok(names) => names,
                    Err(failure) => return failure.into(),
                };
                let changed_by_name = names.who(&changed_by);
                StaleVersion {
                    // The records know the one who changed it by id; people know a name.
                    message: message.replace(&changed_by.to_string(), &changed_by_name),
                    code,
                    message_ja,
                    seen_revision: seen,
                    current_revision: current,
                    changed_by: changed_by.account().map(Id),
                    changed_by_name,
                    changed_at: changed_at.into(),
                    now,
                }
                .into()
            }
            Rejection::StaleContent { seen_as, current } => StaleContent {
                code,
                message,
                message_ja,
                seen_as,
                current_content: current.into(),
            }
            .into(),
            Rejection::WrongStage {
                stage,
                hint,
                hint_ja,
            } => WrongStage {
                code,
                message,
                message_ja,
                stage: stage.into(),
                stage_label: stage.ja(),
                hint,
                hint_ja,
            }
            .into(),
            Rejection::PeriodNotOpen {
                fiscal_year,
                hint,
                hint_ja,
            } => PeriodNotOpen {
                code,
                message,
                message_ja,
                fiscal_year: fiscal_year.into(),
                hint,
                hint_ja,
            }
            .into(),
            Rejection::SeparationOfDuties { rule } => SeparationOfDuties {
                code,
                message,
                message_ja,
                rule: rule.into(),
            }
            .into(),
            Rejection::Invalid {
                field,
                problem,
                problem_ja,
            } => Invalid {
                code,
                message,
                message_ja,
                field,
                problem,
                problem_ja,
            }
            .into(),
            Rejection::NotComplete { missing } => {
                let missing = missing.into_iter().map(|report| MissingReport {
                    indicator: report.indicator.into(),
                    stage: report.stage.into(),
                    stage_label: report.stage.ja(),
                });
                NotComplete {
                    code,
                    message,
                    message_ja,
                    missing: missing.collect(),
                }
                .into()
            }
            Rejection::NoGrant { day } => NoGrant {
                code,
                message,
                message_ja,
                day: day.into(),
            }
            .into(),
        }
    }

    fn of_the_service(error: AppError) -> Self {
        let is_busy = matches!(error, AppError::Busy);
        let is_reused = matches!(error, AppError::CommandIdReused);
        let is_file = matches!(error, AppError::BadFile(_));
        let Failure {
            code,
            message,
            message_ja,
        } = Failure::from(error);
        let code = code.to_owned();
        if is_busy {
            Busy {
                code,
                message,
                message_ja,
            }
            .into()
        } else if is_reused {
            CommandIdReused {
                code,
                message,
                message_ja,
            }
            .into()
        } else if is_file {
            BadFile {
                code,
                message,
                message_ja,
            }
            .into()
        } else {
            Unavailable {
                code,
                message,
                message_ja,
            }
            .into()
        }
    }
}
