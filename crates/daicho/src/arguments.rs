//! The command line. Every option of `serve` is also a `DAICHO_…` variable and a line of the
//! configuration file; `--data`, `--as` and the demo's options are variables too.

mod records;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::civil::Date;

use crate::bench::Bench;
use crate::evidence::{LogKeyCommand, Proof, VerifyProof, WitnessCommand};

pub use records::{DatabaseArguments, Records, no_place, only_place};

/// Daicho (台帳): an event-sourced records service for evaluation sheets.
///
/// Departments submit yearly actuals and commentary, heads approve, the planning office
/// confirms and publishes, auditors trace every change.
#[derive(Debug, Parser)]
#[command(
    name = "daicho",
    version,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Who gives a command.
#[derive(Debug, Clone, Args)]
pub struct ActingAs {
    /// Sign-in name of the account that acts. Its role decides what is allowed, as everywhere.
    /// Without it the operator acts, who can set up and help to recover, and nothing else.
    #[arg(long = "as", env = "DAICHO_AS", value_name = "ACCOUNT")]
    pub account: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Builds a sample city with two years of real commands and serves it, or tells its story.
    Demo(Demo),
    /// Runs the service: pages, API, health.
    Serve(Serve),
    /// Sets up new records: first municipality, departments, first administrator.
    Init(Init),
    /// Opens, disables and lists accounts, gives and withdraws roles, sets passwords.
    Account {
        /// Where the records are.
        #[command(flatten)]
        records: Records,
        /// What to do with which account.
        #[command(subcommand)]
        command: AccountCommand,
    },
    /// Opens, renames, closes and lists departments.
    Department {
        /// Where the records are.
        #[command(flatten)]
        records: Records,
        /// What to do with which department.
        #[command(subcommand)]
        command: DepartmentCommand,
    },
    /// Lists plans with their years.
    Plans {
        /// Where the records are.
        #[command(flatten)]
        records: Records,
    },
    /// Reads a sheet (TSV or CSV; encoding detected) into the records, or says what it would do.
    Import(Import),
    /// Writes a sheet to a file.
    Export(Export),
    /// Checks the records: journal against store, a fresh fold against every read model, the tree
    /// derived anew against every checkpoint that was ever signed.
    Verify {
        /// Where the records are.
        #[command(flatten)]
        records: Records,
        /// A checkpoint that was kept elsewhere (what /log/checkpoint served); the log must contain
        /// it. Repeat it for more.
        #[arg(long, value_name = "CHECKPOINT-FILE")]
        against: Vec<PathBuf>,
        /// Public key of the log for these checkpoints, or a file with keys, one a line; the log's
        /// own keys otherwise. Repeat it for more.
        #[arg(long = "key", value_name = "KEY")]
        keys: Vec<String>,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Shows the public keys of the log, or makes a new key.
    ///
    /// The log signs its heads (checkpoints) with a key in DIR/keys. Give the public key to whoever
    /// is to check them, on another way than the checkpoints themselves.
    LogKey {
        /// Where the records are.
        #[command(flatten)]
        records: Records,
        /// What to do.
        #[command(subcommand)]
        command: LogKeyCommand,
    },
    /// Countersigning: for the offices that witness the log, and for asking them.
    ///
    /// A witness signs a head only if it continues every head that it has signed before. So nobody, not
    /// even who holds log and key, can show different people different histories unnoticed.
    Witness {
        /// Where the records are.
        #[command(flatten)]
        records: Records,
        /// What to do.
        #[command(subcommand)]
        command: WitnessCommand,
    },
    /// Writes the proof of one figure: who entered, approved and published exactly this, with every
    /// event and its inclusion proof.
    Proof(Proof),
    /// Checks the proof of a figure, without a data folder and without network. Ends with 3 where
    /// something does not hold.
    VerifyProof(VerifyProof),
    /// Writes all records into one file, which is read again and verified. A running service goes
    /// on meanwhile.
    ///
    /// People, passwords and keys (DIR/identity, DIR/keys) are not in it: copy these folders
    /// separately, and keep them where only you can read them.
    Backup {
        /// Where the records are.
        #[command(flatten)]
        records: Records,
        /// The new file.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Remove the journal's files that the backup covers, but for the newest 64 MiB. sled alone
        /// has these events then, and the backup.
        #[arg(long)]
        trim_journal: bool,
    },
    /// Makes a new log out of a backup, in a new data folder or an empty database, and verifies it.
    Restore {
        /// The backup.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The new place.
        #[command(flatten)]
        records: Records,
    },
    /// Prepares a PostgreSQL database, or brings its tables up to date. Run it in the owner's role.
    ///
    /// The service itself then runs in roles that may add to the log and read it, and never change it.
    Migrate(Migrate),
    /// Moves everything, people and keys included, to a new data folder or an empty database, with the
    /// same root. Stop the service before.
    Move {
        /// Where the records are.
        #[command(flatten)]
        records: Records,
        /// The new data folder.
        #[arg(long, value_name = "DIR", conflicts_with = "to_database_url")]
        to_data: Option<PathBuf>,
        /// Connection string of the new database.
        #[arg(
            long,
            env = "DAICHO_TO_DATABASE_URL",
            value_name = "URL",
            hide_env_values = true
        )]
        to_database_url: Option<String>,
        /// Connection string of the role that is to hold people and secrets there; the same
        /// otherwise.
        #[arg(
            long,
            env = "DAICHO_TO_IDENTITY_URL",
            value_name = "URL",
            hide_env_values = true
        )]
        to_identity_url: Option<String>,
        /// Certificates of the authorities that may vouch for the new server.
        #[arg(long, env = "DAICHO_TO_DATABASE_CA", value_name = "FILE")]
        to_database_ca: Option<PathBuf>,
    },
    /// Makes the read models anew from the log, compares them with those in use, and puts the
    /// new ones in use; a running service goes on meanwhile.
    Rebuild {
        /// Where the records are.
        #[command(flatten)]
        records: Records,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Measures what the service does a second, with what this machine allows beside it in the same
    /// run.
    Bench(Bench),
    /// Prints the GraphQL schema (SDL).
    PrintSchema,
}

/// `migrate`.
#[derive(Debug, Args)]
pub struct Migrate {
    /// The database, in the role that owns it.
    #[command(flatten)]
    pub database: DatabaseArguments,
    /// Role of the service, which may read the log and add to it.
    #[arg(long, value_name = "ROLE")]
    pub service_role: String,
    /// Role that holds people and secrets; the service's otherwise.
    #[arg(long, value_name = "ROLE")]
    pub identity_role: Option<String>,
}

/// `demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Tell the story on the terminal instead of serving: the sheet's summary, one figure's
    /// history, the result of the verification.
    #[arg(long)]
    pub once: bool,
    /// Where pages and API are served.
    #[arg(
        long,
        env = "DAICHO_LISTEN",
        value_name = "ADDR",
        default_value = "127.0.0.1:8080"
    )]
    pub listen: SocketAddr,
    /// Keep the city in this folder and serve it again next time; a temporary folder otherwise.
    #[arg(long, env = "DAICHO_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Password of all demo accounts, 15 characters or more; made up and printed otherwise.
    #[arg(
        long,
        env = "DAICHO_PASSWORD",
        value_name = "P",
        hide_env_values = true
    )]
    pub password: Option<String>,
}

/// `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Where the records are.
    #[command(flatten)]
    pub records: Records,
    /// A folder for snapshots of the read models, with which a node over a database starts faster;
    /// a data folder has its own.
    #[arg(long, env = "DAICHO_SNAPSHOTS", value_name = "DIR")]
    pub snapshots: Option<PathBuf>,
    /// Where pages and API are served [default: 127.0.0.1:8080].
    #[arg(long, env = "DAICHO_LISTEN", value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Configuration file (TOML); options and variables go before it.
    #[arg(long, env = "DAICHO_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The address that people use, e.g. https://daicho.city.example.jp; cookies are sent over
    /// TLS only where it begins with https.
    #[arg(long, env = "DAICHO_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Whether every request comes through a proxy that writes `X-Forwarded-For`; failed sign-ins
    /// are then counted by the address it names [default: false].
    #[arg(long, env = "DAICHO_BEHIND_PROXY", value_name = "BOOL")]
    pub behind_proxy: Option<bool>,
    /// How log lines are written [default: text].
    #[arg(long, env = "DAICHO_LOG_FORMAT", value_enum)]
    pub log_format: Option<LogFormat>,
    /// Name of the log in its checkpoints, for its first key, e.g. daicho.city.example.jp/log
    /// [default: made from the municipality's code].
    #[arg(long, env = "DAICHO_LOG_ORIGIN", value_name = "NAME")]
    pub log_origin: Option<String>,
    /// Refuse to start when the log does not contain the checkpoint in this file.
    #[arg(long, env = "DAICHO_EXPECT_CHECKPOINT", value_name = "CHECKPOINT-FILE")]
    pub expect_checkpoint: Option<PathBuf>,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `init`.
#[derive(Debug, Args)]
pub struct Init {
    /// The new data folder, which is made if it is missing, or the database.
    #[command(flatten)]
    pub records: Records,
    /// 全国地方公共団体コード of the municipality, six digits.
    #[arg(long, value_name = "CODE")]
    pub code: String,
    /// Name of the municipality (砂川市).
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// A department to open; repeat it for more.
    #[arg(long = "department", value_name = "NAME")]
    pub departments: Vec<String>,
    /// Sign-in name of the first administrator.
    #[arg(long, value_name = "ACCOUNT", default_value = "admin")]
    pub admin: String,
    /// Name of the first administrator as people read it.
    #[arg(long, value_name = "NAME", default_value = "システム管理者")]
    pub admin_name: String,
    /// Read the administrator's password from standard input; made up and printed otherwise.
    #[arg(long)]
    pub password_stdin: bool,
    /// Name of the log in its checkpoints, e.g. daicho.city.example.jp/log; it cannot be changed
    /// later [default: daicho-CODE.local/log].
    #[arg(long, env = "DAICHO_LOG_ORIGIN", value_name = "NAME")]
    pub log_origin: Option<String>,
}

/// `account …`.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Opens an account.
    Open {
        /// Name to sign in with.
        name: String,
        /// Name that people read.
        #[arg(long, value_name = "NAME")]
        display_name: String,
        /// Read the password from standard input; made up and printed otherwise.
        #[arg(long)]
        password_stdin: bool,
        /// Who gives the command.
        #[command(flatten)]
        acting: ActingAs,
    },
    /// Gives a role.
    Grant {
        /// Name to sign in with.
        name: String,
        /// staff, approver, planning, auditor or administrator.
        #[arg(long)]
        role: String,
        /// Name of the department, for staff and approver.
        #[arg(long, value_name = "NAME")]
        department: Option<String>,
        /// First day [default: today].
        #[arg(long, value_name = "YYYY-MM-DD")]
        from: Option<Date>,
        /// Last day; open-ended otherwise.
        #[arg(long, value_name = "YYYY-MM-DD")]
        until: Option<Date>,
        /// Sign-in name of the person for whom the holder acts (代理).
        #[arg(long, value_name = "ACCOUNT")]
        on_behalf_of: Option<String>,
        /// Who gives the command.
        #[command(flatten)]
        acting: ActingAs,
    },
    /// Withdraws a role.
    Withdraw {
        /// Name to sign in with.
        name: String,
        /// The grant, as `account list` prints it.
        #[arg(long)]
        grant: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Who gives the command.
        #[command(flatten)]
        acting: ActingAs,
    },
    /// Disables an account and ends its sessions at once.
    Disable {
        /// Name to sign in with.
        name: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Who gives the command.
        #[command(flatten)]
        acting: ActingAs,
    },
    /// Sets a new password and ends the account's sessions.
    Password {
        /// Name to sign in with.
        name: String,
        /// Read it from standard input; made up and printed otherwise.
        #[arg(long)]
        password_stdin: bool,
        /// Who gives the command.
        #[command(flatten)]
        acting: ActingAs,
    },
    /// Lists accounts with their roles.
    List {
        /// Who asks.
        #[command(flatten)]
        acting: ActingAs,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
}

/// `department …`.
#[derive(Debug, Subcommand)]
pub enum DepartmentCommand {
    /// Opens a department.
    Open {
        /// Its name.
        name: String,
        /// First day [default: today].
        #[arg(long, value_name = "YYYY-MM-DD")]
        from: Option<Date>,
        /// Who gives the command.
        #[command(flatten)]
        acting: ActingAs,
    },
    /// Renames a department.
    Rename {
        /// Its name now.
        name: String,
        /// Its new name.
        new_name: String,
        /// Who gives the command.
        #[command(flatten)]
        acting: ActingAs,
    },
    /// Closes a department.
    Close {
        /// Its name.
        name: String,
        /// Last day [default: today].
        #[arg(long, value_name = "YYYY-MM-DD")]
        to: Option<Date>,
        /// Who gives the command.
        #[command(flatten)]
        acting: ActingAs,
    },
    /// Lists departments.
    List,
}

/// `import`.
#[derive(Debug, Args)]
pub struct Import {
    /// The sheet.
    pub file: PathBuf,
    /// The plan file (TOML): what a sheet does not say. A dry run works without it.
    #[arg(long, value_name = "PLAN.toml")]
    pub plan: Option<PathBuf>,
    /// Append nothing; print what would be appended and every issue.
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
    /// Where the records are; a dry run works without them.
    #[command(flatten)]
    pub records: Records,
    /// Sign-in name of the account that imports; a dry run works without it.
    #[arg(long = "as", env = "DAICHO_AS", value_name = "ACCOUNT")]
    pub account: Option<String>,
}

/// The formats of `export`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The sheet as it was imported, or in the usual two-row layout.
    Tsv,
    /// The shape of `import --json`.
    Json,
}

/// `export`.
#[derive(Debug, Args)]
pub struct Export {
    /// Where the records are.
    #[command(flatten)]
    pub records: Records,
    /// The plan, as `plans` prints it; the only plan where there is one.
    #[arg(long, value_name = "ID")]
    pub plan: Option<String>,
    /// The format.
    #[arg(long, value_enum, default_value = "tsv")]
    pub format: Format,
    /// The fiscal year (R3); the newest published or imported one otherwise.
    #[arg(long, value_name = "R3")]
    pub fiscal_year: Option<String>,
    /// As it stood at this moment (RFC 3339).
    #[arg(long, value_name = "T", conflicts_with = "at_position")]
    pub as_of: Option<jiff::Timestamp>,
    /// As it stood at this position.
    #[arg(long, value_name = "N")]
    pub at_position: Option<String>,
    /// Sign-in name of the account that exports. Without it the operator does: the working sheet as
    /// far as it was submitted, without drafts.
    #[arg(long = "as", env = "DAICHO_AS", value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// The file to write; standard output otherwise.
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
}
