//! The arguments of `log-key`, `witness`, `proof` and `verify-proof`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::arguments::Records;

/// `log-key …`.
#[derive(Debug, Subcommand)]
pub enum LogKeyCommand {
    /// Prints the public keys of the log, newest first: give them to whoever is to verify
    /// checkpoints and proofs, the audit office first of all.
    Show,
    /// Makes a new key that signs from now on. What the old ones signed stays verifiable with
    /// theirs.
    Rotate,
}

/// `witness …`.
#[derive(Debug, Subcommand)]
pub enum WitnessCommand {
    /// Makes the key of a witness: an office that countersigns the log's heads. Run it at that
    /// office; the secret never leaves it. Prints the public key.
    NewKey {
        /// Name of the witness, e.g. audit.city.example.jp/witness.
        name: String,
        /// The file for the secret key; it must not be there yet.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Checks a request of the log and countersigns it: an office's own tool, without network and
    /// without the service. Prints the signature line to send back.
    Cosign {
        /// The request, as `witness request` writes it.
        file: PathBuf,
        /// The file with the witness's secret key.
        #[arg(long, value_name = "K")]
        key: PathBuf,
        /// Public key of the log, or a file with its keys, one a line (`log-key show`); repeat it
        /// for more.
        #[arg(long = "log-key", value_name = "KEY", required = true)]
        log_keys: Vec<String>,
        /// The file that remembers the head countersigned last; beside the key otherwise.
        #[arg(long, value_name = "FILE")]
        state: Option<PathBuf>,
    },
    /// Writes the request that a witness countersign the newest head (the body of tlog-witness's
    /// add-checkpoint).
    Request {
        /// The file to write; standard output otherwise.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Number of events of the head that the witness has seen; 0 for none.
        #[arg(long, value_name = "N", conflicts_with = "witness")]
        old_size: Option<u64>,
        /// Public key of the witness: the request begins where its newest countersignature stands.
        #[arg(long, value_name = "KEY")]
        witness: Option<String>,
    },
    /// Adds the signature lines that a witness gave back, after verifying them.
    Add {
        /// The file with the lines.
        file: PathBuf,
        /// Public key of the witness, or a file with keys; those that a running service was
        /// configured with need not be named. Repeat it for more.
        #[arg(long = "witness", value_name = "KEY")]
        witnesses: Vec<String>,
    },
}

/// `proof`.
#[derive(Debug, Args)]
pub struct Proof {
    /// Where the records are.
    #[command(flatten)]
    pub records: Records,
    /// The plan, as `plans` prints it; the only plan where there is one.
    #[arg(long, value_name = "ID")]
    pub plan: Option<String>,
    /// The fiscal year (R3).
    #[arg(long, value_name = "R3")]
    pub fiscal_year: String,
    /// The indicator: its id, its name, or its line in the imported sheet.
    #[arg(long, value_name = "ID|NAME|LINE")]
    pub indicator: String,
    /// Sign-in name of the account that asks. Without it the operator does, who gets what was submitted.
    #[arg(long = "as", env = "DAICHO_AS", value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// The file to write; standard output otherwise.
    #[arg(short, long, value_name = "F")]
    pub output: Option<PathBuf>,
}

/// `verify-proof`.
#[derive(Debug, Args)]
pub struct VerifyProof {
    /// The proof, as `proof` writes it.
    pub file: PathBuf,
    /// Public key of the log, got on another way than the proof, or a file with its keys, one a
    /// line; repeat it for more.
    #[arg(long = "key", value_name = "K", required = true)]
    pub keys: Vec<String>,
    /// Public key of a witness, or a file with keys; repeat it for more.
    #[arg(long = "witness", value_name = "KEY")]
    pub witnesses: Vec<String>,
    /// How many of these witnesses must have countersigned [default: 0].
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub required: usize,
}
