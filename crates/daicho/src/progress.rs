//! How far long work is.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How far long work is: a bar on a terminal, a plain line at every tenth elsewhere.
pub struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
    tenths: u64,
}

impl Progress {
    /// Begins to tell.
    pub fn of(what: &'static str) -> Self {
        Self {
            bar: progress_bar(what),
            is_terminal: std::io::stderr().is_terminal(),
            tenths: 0,
        }
    }

    /// Says what is being done now.
    pub fn say(&self, what: &'static str) {
        self.bar.set_message(what);
    }

    /// `done` of `all` are done. Work that is over at once is not worth a line.
    #[expect(
        clippy::print_stderr,
        reason = "progress goes where errors go, so that output stays what was asked for"
    )]
    pub fn tell(&mut self, done: u64, all: u64) {
        self.bar.set_length(all);
        self.bar.set_position(done);
        let tenths = (done * 10).checked_div(all).unwrap_or(10);
        if !self.is_terminal && tenths > self.tenths && self.bar.elapsed() > WORTH_A_LINE {
            self.tenths = tenths;
            eprintln!("{}: {done} of {all}", self.bar.message());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Work shorter than this is over before anybody has read a line about it.
const WORTH_A_LINE: Duration = Duration::from_secs(2);

fn progress_bar(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    // The template is a constant of this program; a wrong one would show in the first test.
    if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:40}] {pos}/{len} ({eta})") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message(what);
    bar
}
