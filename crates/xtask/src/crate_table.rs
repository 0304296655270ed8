//! The table of crates in `crates/README.md`: which crate may depend on which.

use std::collections::BTreeSet;

/// The heading under which the table stands.
const HEADING: &str = "## The crates";
/// Marks a row whose crate may only be used by tests.
const DEV_ONLY_MARK: &str = "(dev-dependency only)";
/// Marks a row whose crate does not exist yet.
const PLANNED_MARK: &str = "(planned)";

/// What the table says, row by row.
#[derive(Debug, PartialEq, Eq)]
pub struct CrateTable {
    /// The rows in the table's order; their names are distinct.
    pub rows: Vec<Row>,
}

/// What the table says of one crate.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// The crate's folder under `crates/`.
    pub name: String,
    /// Which crates it may depend on.
    pub may_use: MayUse,
    /// Only tests may depend on this crate.
    pub dev_only: bool,
    /// The crate does not exist yet.
    pub planned: bool,
}

/// The last column of a row.
#[derive(Debug, PartialEq, Eq)]
pub enum MayUse {
    /// These crates and no other; none for `–`.
    Only(BTreeSet<String>),
    /// Every crate but these, which are none for `all`.
    AllBut(BTreeSet<String>),
}

/// Why the table could not be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// There is no table where it should be.
    #[error(
        "no table with the columns `crate | one line | may depend on` under the heading `{HEADING}`; restore it"
    )]
    Missing,
    /// A row has too few or too many columns, or no crate name.
    #[error("this row of the table of crates does not have three filled columns; mend it: {0}")]
    Malformed(String),
    /// A crate stands in the table twice.
    #[error("`{0}` has two rows in the table of crates; delete one")]
    Duplicate(String),
    /// A last column names a crate that has no row.
    #[error(
        "the row of `{row}` names `{named}`, which has no row in the table of crates; correct the name or add the row"
    )]
    Unknown {
        /// The row's crate.
        row: String,
        /// The name that is not in the table.
        named: String,
    },
}

impl CrateTable {
    /// Reads the table out of the text of `crates/README.md`.
    ///
    /// # Errors
    /// When the table is missing, a row is malformed or stands twice, or a row names an unknown crate.
    pub fn parse(markdown: &str) -> Result<Self, TableError> {
        let section = markdown
            .lines()
            .map(str::trim)
            .skip_while(|line| *line != HEADING)
            .skip(1)
            .take_while(|line| !line.starts_with("## "));
        let mut lines = section
            .skip_while(|line| !line.starts_with('|'))
            .take_while(|line| line.starts_with('|'));
        let header = lines.next().ok_or(TableError::Missing)?;
        if !matches!(columns(header)[..], [first, _, "may depend on"] if first.starts_with("crate"))
        {
            return Err(TableError::Missing);
        }
        let rows = lines
            .filter(|line| !line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' ')))
            .map(Row::parse)
            .collect::<Result<Vec<_>, _>>()?;
        if rows.is_empty() {
            return Err(TableError::Missing);
        }
        let table = Self { rows };
        table.check_names()?;
        Ok(table)
    }

    /// The row of a crate, by its folder's name.
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    fn check_names(&self) -> Result<(), TableError> {
        let mut seen = BTreeSet::new();
        for row in &self.rows {
            if !seen.insert(&row.name) {
                return Err(TableError::Duplicate(row.name.clone()));
            }
        }
        for row in &self.rows {
            let (MayUse::Only(names) | MayUse::AllBut(names)) = &row.may_use;
            if let Some(named) = names.iter().find(|name| !seen.contains(name)) {
                return Err(TableError::Unknown {
                    row: row.name.clone(),
                    named: named.clone(),
                });
            }
        }
        Ok(())
    }
}

impl Row {
    fn parse(line: &str) -> Result<Self, TableError> {
        let malformed = || TableError::Malformed(line.to_owned());
        let [name, one_line, may_use] = columns(line)[..] else {
            return Err(malformed());
        };
        let name = name.trim_matches('`');
        if [name, one_line, may_use].contains(&"") {
            return Err(malformed());
        }
        Ok(Self {
            name: name.to_owned(),
            may_use: MayUse::parse(may_use).ok_or_else(malformed)?,
            dev_only: line.contains(DEV_ONLY_MARK),
            planned: line.contains(PLANNED_MARK),
        })
    }
}

impl MayUse {
    fn parse(column: &str) -> Option<Self> {
        match column {
            "–" | "—" | "-" => Some(Self::Only(BTreeSet::new())),
            "all" => Some(Self::AllBut(BTreeSet::new())),
            _ => match column.strip_prefix("all but ") {
                Some(but) => names(but).map(Self::AllBut),
                None => names(column).map(Self::Only),
            },
        }
    }

    /// Whether the column allows a dependency on this crate.
    pub fn allows(&self, name: &str) -> bool {
        match self {
            Self::Only(names) => names.contains(name),
            Self::AllBut(names) => !names.contains(name),
        }
    }
}

fn columns(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

/// The names of a comma-separated list; nothing if one of them is not a crate's name.
fn names(list: &str) -> Option<BTreeSet<String>> {
    list.split(',')
        .map(|name| name.trim().trim_matches('`'))
        .map(|name| {
            let is_name = !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
            is_name.then(|| name.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
# Map
| another | table |
|---|---|
## The crates
Some words.

| crate (`crates/…`) | one line | may depend on |
|---|:--|---|
| `ledger` | counts; pure | – |
| `store` | keeps `Vec<u8>` | ledger |
| `cloud` | keeps far away (planned) | ledger, `store` |
| `program` | the binary | all |
| `bench` | for tests (dev-dependency only) | all but `program` |

| `after` | not of the table | – |
";

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn with_rows(rows: &str) -> String {
        format!("## The crates\n| crate | one line | may depend on |\n|---|---|---|\n{rows}\n")
    }

    #[test]
    fn each_row_is_read_with_its_marks() {
        let table = CrateTable::parse(TABLE).unwrap();
        let names: Vec<_> = table.rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["ledger", "store", "cloud", "program", "bench"]);
        let row = |name| table.row(name).unwrap();
        assert_eq!(row("ledger").may_use, MayUse::Only(set(&[])));
        assert_eq!(
            row("cloud").may_use,
            MayUse::Only(set(&["ledger", "store"]))
        );
        assert_eq!(row("program").may_use, MayUse::AllBut(set(&[])));
        assert_eq!(row("bench").may_use, MayUse::AllBut(set(&["program"])));
        let planned: Vec<_> = table.rows.iter().filter(|row| row.planned).collect();
        assert_eq!(planned, [row("cloud")]);
        let dev_only: Vec<_> = table.rows.iter().filter(|row| row.dev_only).collect();
        assert_eq!(dev_only, [row("bench")]);
    }

    #[test]
    fn a_text_without_the_table_is_an_error() {
        assert_eq!(CrateTable::parse("# Map\n"), Err(TableError::Missing));
        assert_eq!(
            CrateTable::parse("## The crates\n| a | b |\n|---|---|\n| c | d |\n"),
            Err(TableError::Missing)
        );
        assert_eq!(
            CrateTable::parse(
                "## The crates\nwords\n## Next\n| crate | one line | may depend on |\n|---|---|---|\n| `a` | b | – |\n"
            ),
            Err(TableError::Missing)
        );
        assert_eq!(CrateTable::parse(&with_rows("")), Err(TableError::Missing));
    }

    #[test]
    fn a_row_without_three_filled_columns_is_an_error() {
        for row in [
            "| `a` | – |",
            "| `a` | b | – | c |",
            "| `` | b | – |",
            "| `a` | b |  |",
            "| `a` | b | some of them |",
            "| `a` | b | b, |",
        ] {
            assert_eq!(
                CrateTable::parse(&with_rows(row)),
                Err(TableError::Malformed(row.to_owned()))
            );
        }
    }

    #[test]
    fn a_crate_with_two_rows_is_an_error() {
        assert_eq!(
            CrateTable::parse(&with_rows("| `a` | b | – |\n| `a` | c | – |")),
            Err(TableError::Duplicate("a".to_owned()))
        );
    }

    #[test]
    fn a_row_that_names_an_unknown_crate_is_an_error() {
        for column in ["z", "all but z"] {
            assert_eq!(
                CrateTable::parse(&with_rows(&format!("| `a` | b | {column} |"))),
                Err(TableError::Unknown {
                    row: "a".to_owned(),
                    named: "z".to_owned()
                })
            );
        }
    }
}
