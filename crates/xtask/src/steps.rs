//! Steps run one after another, each with its time, and the closing summary.

use std::time::{Duration, Instant};

use crate::with_causes;

/// The steps that have run so far.
#[derive(Default)]
pub struct Steps {
    done: Vec<Step>,
}

struct Step {
    name: &'static str,
    failed: bool,
    took: Duration,
    warnings: Vec<String>,
}

impl Steps {
    /// Runs a step now. A failing step does not keep later ones from running.
    pub fn run<E: std::error::Error>(
        &mut self,
        name: &'static str,
        step: impl FnOnce() -> Result<Vec<String>, E>,
    ) {
        println!("\n=== {name}");
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the edge: steps are timed for the person who waits for them"
        )]
        let started = Instant::now();
        let (failed, warnings) = match step() {
            Ok(warnings) => (false, warnings),
            Err(error) => {
                println!("error: {}", with_causes(&error));
                (true, Vec::new())
            }
        };
        let step = Step {
            name,
            failed,
            took: started.elapsed(),
            warnings,
        };
        for warning in &step.warnings {
            println!("WARNING: {warning}");
        }
        println!("=== {}", step.line());
        self.done.push(step);
    }

    /// The names of the steps that failed.
    pub fn failed(&self) -> Vec<&'static str> {
        self.done
            .iter()
            .filter(|step| step.failed)
            .map(|step| step.name)
            .collect()
    }

    /// Whether a step could not look at everything.
    pub fn warned(&self) -> bool {
        self.done.iter().any(|step| !step.warnings.is_empty())
    }

    /// One line a step, and under it the step's warnings.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for step in &self.done {
            text.push_str(&format!("  {}\n", step.line()));
            for warning in &step.warnings {
                text.push_str(&format!("          WARNING: {warning}\n"));
            }
        }
        text
    }
}

impl Step {
    fn line(&self) -> String {
        let outcome = if self.failed { "FAILED" } else { "ok" };
        format!(
            "{outcome:<6} {:>8.1} s  {}",
            self.took.as_secs_f64(),
            self.name
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("it broke")]
    struct Broke;

    #[test]
    fn a_failed_step_is_named_and_later_steps_still_run() {
        let mut steps = Steps::default();
        steps.run("first", || Err::<Vec<String>, _>(Broke));
        steps.run("second", || {
            Ok::<_, Broke>(vec!["not everything could be looked at".to_owned()])
        });
        assert_eq!(steps.failed(), ["first"]);
        assert!(steps.warned());
        let summary = steps.summary();
        let lines: Vec<_> = summary.lines().map(str::trim).collect();
        assert!(lines[0].starts_with("FAILED") && lines[0].ends_with("first"));
        assert!(lines[1].starts_with("ok") && lines[1].ends_with("second"));
        assert_eq!(lines[2], "WARNING: not everything could be looked at");
    }
}
