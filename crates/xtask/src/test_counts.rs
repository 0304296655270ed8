//! How many tests passed, failed and were skipped, read from what the test runners print.

use std::fmt;
use std::ops::AddAssign;

/// Counts of tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TestCounts {
    /// Ended as they should.
    pub passed: u64,
    /// Failed, ran out of time or could not be started.
    pub failed: u64,
    /// Were left out.
    pub skipped: u64,
}

impl AddAssign for TestCounts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for TestCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

/// The closing lines of a `cargo nextest run`, from its summary on; none if it never got that far.
pub fn nextest_closing(lines: &[String]) -> &[String] {
    lines
        .iter()
        .rposition(|line| line.trim_start().starts_with("Summary ["))
        .map_or(&[], |at| &lines[at..])
}

/// The counts in nextest's summary line, such as
/// `Summary [ 0.1s] 5 tests run: 3 passed (1 slow), 1 failed, 1 timed out, 2 skipped`.
pub fn of_nextest(line: &str) -> Option<TestCounts> {
    let (_, counts) = line
        .split_once(" run: ")
        .filter(|(run, _)| run.trim_start().starts_with("Summary ["))?;
    let mut total = TestCounts::default();
    for part in without_brackets(counts).split(',') {
        let (count, outcome) = part.trim().split_once(' ')?;
        let count: u64 = count.parse().ok()?;
        match outcome.trim() {
            "passed" => total.passed += count,
            "skipped" => total.skipped += count,
            _ => total.failed += count,
        }
    }
    Some(total)
}

/// The counts of all `test result: ok. 3 passed; 0 failed; 1 ignored; …` lines of a `cargo test`.
pub fn of_cargo_test(lines: &[String]) -> TestCounts {
    let mut total = TestCounts::default();
    let results = lines
        .iter()
        .filter_map(|line| line.strip_prefix("test result: ")?.split_once(". "));
    for (_, counts) in results {
        for part in counts.split(';') {
            let count_of = |outcome| {
                part.trim()
                    .strip_suffix(outcome)
                    .and_then(|count| count.trim().parse::<u64>().ok())
                    .unwrap_or(0)
            };
            total += TestCounts {
                passed: count_of("passed"),
                failed: count_of("failed"),
                skipped: count_of("ignored"),
            };
        }
    }
    total
}

/// What tests said of themselves in a line starting with `SKIPPED:`, one a test, from nextest's JUnit
/// report. Such a test counts as passed there, although it looked at nothing.
///
/// # Errors
/// The report is no XML.
pub fn skips_in_report(junit: &str) -> Result<Vec<String>, roxmltree::Error> {
    let report = roxmltree::Document::parse(junit)?;
    let tests = report
        .descendants()
        .filter(|node| node.has_tag_name("testcase"));
    Ok(tests
        .filter_map(|test| {
            let said = test
                .descendants()
                .filter_map(|node| node.text())
                .flat_map(str::lines)
                .find(|line| line.starts_with("SKIPPED:"))?;
            let name = test.attribute("name").unwrap_or("a test without a name");
            Some(format!("{name} {said}"))
        })
        .collect())
}

fn without_brackets(text: &str) -> String {
    let mut depth = 0_u32;
    text.chars()
        .filter(|&c| {
            match c {
                '(' => depth += 1,
                ')' => {
                    depth = depth.saturating_sub(1);
                    return false;
                }
                _ => {}
            }
            depth == 0
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: u64, failed: u64, skipped: u64) -> TestCounts {
        TestCounts {
            passed,
            failed,
            skipped,
        }
    }

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_summary_of_passed_tests_is_read() {
        assert_eq!(
            of_nextest("     Summary [   0.005s] 12 tests run: 12 passed, 0 skipped"),
            Some(counts(12, 0, 0))
        );
        assert_eq!(
            of_nextest(
                "     Summary [   0.005s] 1 test run: 1 passed (1 slow, 1 leaky), 3 skipped"
            ),
            Some(counts(1, 0, 3))
        );
    }

    #[test]
    fn every_way_to_fail_counts_as_failed() {
        assert_eq!(
            of_nextest(
                "     Summary [ 120.1s] 8/9 tests run: 3 passed (2 slow), 2 failed (1 due to being leaky), 1 timed out, 2 exec failed, 4 skipped"
            ),
            Some(counts(3, 5, 4))
        );
    }

    #[test]
    fn other_lines_are_no_summary() {
        assert_eq!(of_nextest("PASS [ 0.005s] a test run: 1 passed"), None);
        assert_eq!(of_nextest("Summary [ 0.1s] gibberish"), None);
        assert_eq!(of_nextest("Summary [ 0.1s] 1 test run: gibberish"), None);
    }

    #[test]
    fn the_closing_lines_start_at_the_last_summary() {
        let output =
            lines("PASS a\nSummary [old]\nPASS b\n   Summary [ 1s] 1 test run\n  FAIL b\n");
        assert_eq!(nextest_closing(&output), &output[3..]);
        assert!(nextest_closing(&lines("error: could not compile\n")).is_empty());
    }

    #[test]
    fn results_of_several_doc_test_runs_are_added() {
        let output = lines(
            "running 3 tests\n\
             test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s\n\
             test result: FAILED. 1 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s\n",
        );
        assert_eq!(of_cargo_test(&output), counts(3, 4, 1));
    }

    #[test]
    fn a_test_that_says_it_skipped_is_found_in_the_report() {
        let report = r#"<?xml version="1.0"?><testsuites><testsuite name="a">
            <testcase name="played"><system-out>fine</system-out><system-err></system-err></testcase>
            <testcase name="sheet"><system-out>x</system-out><system-err>noise
SKIPPED: no fixtures &amp; no net
SKIPPED: again</system-err></testcase></testsuite></testsuites>"#;
        assert_eq!(
            skips_in_report(report).expect("XML"),
            ["sheet SKIPPED: no fixtures & no net"]
        );
        assert!(skips_in_report("<testsuites>").is_err());
    }

    #[test]
    fn counts_are_shown_in_one_plain_line() {
        assert_eq!(counts(3, 0, 1).to_string(), "3 passed, 0 failed, 1 skipped");
    }
}
