//! Running other programs: with their output shown, captured as well, or within a time limit.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Why a program did not do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The program could not be started: most often it is not installed.
    #[error("`{0}` could not be started; is it installed and on the PATH?")]
    NotStarted(String, #[source] std::io::Error),
    /// The program ended with a failure, which it has explained above.
    #[error("`{0}` failed ({1}); its own output says why")]
    Failed(String, ExitStatus),
    /// The program was stopped because it took too long.
    #[error("`{0}` was stopped after {1:?} without an answer; try again, or check the network")]
    TookTooLong(String, Duration),
    /// The program's end could not be awaited.
    #[error("`{0}` could not be waited for; run the command again")]
    NotAwaited(String, #[source] std::io::Error),
}

/// A program that has ended, and what it wrote.
pub struct Ran {
    /// How it ended.
    pub status: ExitStatus,
    /// Both of its outputs, line by line in the order in which they arrived.
    pub lines: Vec<String>,
}

/// A `cargo` command, of the same toolchain that runs this program.
pub fn cargo() -> Command {
    let mut command =
        Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.stdin(Stdio::null());
    command
}

/// A command that never waits for an answer from the keyboard.
pub fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.stdin(Stdio::null());
    command
}

/// The command as a person would type it.
pub fn typed(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    std::iter::once(program.file_name().unwrap_or(command.get_program()))
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs a command with its output shown; a failure of it is an error.
pub fn run(command: &mut Command) -> Result<(), CommandError> {
    let status = command
        .status()
        .map_err(|source| CommandError::NotStarted(typed(command), source))?;
    succeeded(command, status)
}

/// Runs a command with its output shown and kept. How it ended is for the caller to judge.
pub fn run_and_keep(command: &mut Command) -> Result<Ran, CommandError> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| CommandError::NotStarted(typed(command), source))?;
    let lines = Arc::new(Mutex::new(Vec::new()));
    let readers = [
        child
            .stdout
            .take()
            .map(|from| pass_on(from, std::io::stdout(), &lines)),
        child
            .stderr
            .take()
            .map(|from| pass_on(from, std::io::stderr(), &lines)),
    ];
    let status = child
        .wait()
        .map_err(|source| CommandError::NotAwaited(typed(command), source))?;
    for reader in readers.into_iter().flatten() {
        // A reader that panicked has lost only the copy of lines that were already shown.
        let _ = reader.join();
    }
    let lines = std::mem::take(&mut *lines.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Ran { status, lines })
}

/// Runs a command with its output shown, and stops it when `limit` has passed.
pub fn run_within(command: &mut Command, limit: Duration) -> Result<(), CommandError> {
    const LOOK_EVERY: Duration = Duration::from_millis(100);

    let mut child = command
        .spawn()
        .map_err(|source| CommandError::NotStarted(typed(command), source))?;
    let mut waited = Duration::ZERO;
    loop {
        let ended = child
            .try_wait()
            .map_err(|source| CommandError::NotAwaited(typed(command), source))?;
        if let Some(status) = ended {
            return succeeded(command, status);
        }
        if waited >= limit {
            stop(&mut child);
            return Err(CommandError::TookTooLong(typed(command), limit));
        }
        thread::sleep(LOOK_EVERY);
        waited += LOOK_EVERY;
    }
}

/// What a command writes on its standard output; a failure of it is an error.
pub fn output_of(command: &mut Command) -> Result<String, CommandError> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| CommandError::NotStarted(typed(command), source))?;
    succeeded(command, output.status)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether the command can be started and succeeds; says nothing on the screen.
pub fn answers(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// An error unless the command ended well.
pub fn succeeded(command: &Command, status: ExitStatus) -> Result<(), CommandError> {
    if status.success() {
        Ok(())
    } else {
        Err(CommandError::Failed(typed(command), status))
    }
}

fn stop(child: &mut Child) {
    // Either fails only if the child has just ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

fn pass_on(
    from: impl Read + Send + 'static,
    mut to: impl Write + Send + 'static,
    lines: &Arc<Mutex<Vec<String>>>,
) -> thread::JoinHandle<()> {
    let lines = Arc::clone(lines);
    thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            // A closed screen is no reason to stop reading: the child would block.
            let _ = writeln!(to, "{line}");
            lines
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(line);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_installed_is_named() {
        let error = run(&mut program("daicho-no-such-program")).unwrap_err();
        assert!(
            matches!(error, CommandError::NotStarted(name, _) if name == "daicho-no-such-program")
        );
    }

    #[test]
    fn both_outputs_of_a_program_are_kept() {
        let ran =
            run_and_keep(program("sh").args(["-c", "echo out; echo err >&2; exit 3"])).unwrap();
        let mut lines = ran.lines;
        lines.sort();
        assert_eq!(lines, ["err", "out"]);
        assert_eq!(ran.status.code(), Some(3));
    }

    #[test]
    fn a_program_that_hangs_is_stopped() {
        let error = run_within(program("sleep").arg("60"), Duration::ZERO).unwrap_err();
        assert!(matches!(error, CommandError::TookTooLong(..)));
    }

    #[test]
    fn a_failure_is_told_with_the_command_as_typed() {
        let error = run(program("sh").args(["-c", "exit 1"])).unwrap_err();
        assert!(error.to_string().starts_with("`sh -c exit 1` failed"));
    }
}
