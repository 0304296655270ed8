//! Text to lines and cells and back, every character kept.

/// What stands between cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delimiter {
    /// TAB: fields stand as they are; the quotes that Excel puts around them are understood.
    Tab,
    /// Comma, with quotes after RFC 4180.
    Comma,
}

impl Delimiter {
    /// The character.
    pub const fn character(self) -> char {
        match self {
            Self::Tab => '\t',
            Self::Comma => ',',
        }
    }

    /// The short name (`tsv`, `csv`).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tab => "tsv",
            Self::Comma => "csv",
        }
    }
}

/// A line of the table; it spans several lines of the file where a quoted cell does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Line of the file where it begins, counted from 1.
    pub line: u32,
    /// The cells as they stand in the file, quotes included; none for a blank line.
    pub cells: Vec<String>,
    /// Whether a quote was opened and never closed.
    pub has_open_quote: bool,
}

impl Record {
    /// What cell `index` says: quotes undone, white space around it removed; nothing past the
    /// end.
    pub fn text(&self, index: usize) -> String {
        self.cells
            .get(index)
            .map(|raw| plain(raw).trim().to_owned())
            .unwrap_or_default()
    }

    /// Whether no cell says anything.
    pub fn is_blank(&self) -> bool {
        self.cells.iter().all(|raw| plain(raw).trim().is_empty())
    }
}

/// A file's text as lines and cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What stands between cells.
    pub delimiter: Delimiter,
    /// What ends a line: `\n`, `\r\n` or `\r`.
    pub line_ending: &'static str,
    /// Whether the last line ended with a line ending.
    pub ends_with_line_ending: bool,
    /// The lines.
    pub records: Vec<Record>,
}

impl Table {
    /// Takes `text` apart. Never fails; where line endings are mixed, the odd ones stay in the
    /// cells, so that the text can be put together again.
    pub fn read(text: &str) -> Self {
        let delimiter = delimiter_of(text);
        let line_ending = line_ending_of(text);
        let mut records = Vec::new();
        let mut rest = text;
        let mut line = 1_u32;
        let mut ends_with_line_ending = false;
        while !rest.is_empty() {
            let (record, after) = read_record(rest, line, delimiter, line_ending);
            let consumed = &rest[..rest.len() - after.len()];
            ends_with_line_ending = consumed.ends_with(line_ending) && !record.has_open_quote;
            let feed = if line_ending == "\r" { '\r' } else { '\n' };
            let lines = consumed.matches(feed).count();
            line = line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
            records.push(record);
            rest = after;
        }
        Self {
            delimiter,
            line_ending,
            ends_with_line_ending,
            records,
        }
    }
}

/// The delimiter by which the anchor words stand in cells of their own; commentary may hold
/// the other one.
fn delimiter_of(text: &str) -> Delimiter {
    let anchors = |before: [&str; 2]| -> usize {
        before
            .into_iter()
            .map(|before| text.matches(&format!("{before}目標値")).count())
            .sum()
    };
    let (tabs, commas) = (anchors(["\t", "\t\""]), anchors([",", ",\""]));
    if commas > tabs || (tabs == 0 && !text.contains('\t') && text.contains(',')) {
        Delimiter::Comma
    } else {
        Delimiter::Tab
    }
}

fn line_ending_of(text: &str) -> &'static str {
    let newlines = text.matches('\n').count();
    if newlines == 0 {
        return if text.contains('\r') { "\r" } else { "\n" };
    }
    let windows = text.matches("\r\n").count();
    // Line feeds inside quoted cells of a Windows file are lone ones, so most decide.
    if windows * 2 > newlines { "\r\n" } else { "\n" }
}

/// Reads one record off the front of `text`: the record, and what follows its line ending.
fn read_record<'t>(
    text: &'t str,
    line: u32,
    delimiter: Delimiter,
    line_ending: &str,
) -> (Record, &'t str) {
    let mut cells = Vec::new();
    let mut has_open_quote = false;
    let mut rest = text;
    loop {
        let end = match quoted_end(rest, delimiter, line_ending) {
            Quoted::Until(end) => end,
            Quoted::Open => {
                has_open_quote = true;
                unquoted_end(rest, delimiter, line_ending)
            }
            Quoted::No => unquoted_end(rest, delimiter, line_ending),
        };
        let (cell, after) = rest.split_at(end);
        cells.push(cell.to_owned());
        if let Some(next) = after.strip_prefix(delimiter.character()) {
            rest = next;
            continue;
        }
        if cells.len() == 1 && cells[0].is_empty() {
            cells.clear();
        }
        let record = Record {
            line,
            cells,
            has_open_quote,
        };
        return (record, after.strip_prefix(line_ending).unwrap_or(after));
    }
}

fn unquoted_end(text: &str, delimiter: Delimiter, line_ending: &str) -> usize {
    // One search for both, no further than the cell: looking for the line's end first would
    // read a long line once for each of its cells.
    let ends_here = |at: usize| {
        text[at..].starts_with(delimiter.character()) || text[at..].starts_with(line_ending)
    };
    text.match_indices([delimiter.character(), '\r', '\n'])
        .map(|(at, _)| at)
        .find(|at| ends_here(*at))
        .unwrap_or(text.len())
}

enum Quoted {
    No,
    Open,
    Until(usize),
}

/// Where the quoted cell at the front of `text` ends. In a tab-separated file a cell may begin
/// with a quotation mark and mean it; it counts as quoted only where the closing quote ends it.
fn quoted_end(text: &str, delimiter: Delimiter, line_ending: &str) -> Quoted {
    if !text.starts_with('"') {
        return Quoted::No;
    }
    let mut from = 1;
    while let Some(found) = text[from..].find('"') {
        let after = from + found + 1;
        let rest = &text[after..];
        if rest.starts_with('"') {
            from = after + 1;
        } else if rest.is_empty()
            || rest.starts_with(delimiter.character())
            || rest.starts_with(line_ending)
        {
            return Quoted::Until(after);
        } else {
            return Quoted::No;
        }
    }
    match delimiter {
        Delimiter::Comma => Quoted::Open,
        Delimiter::Tab => Quoted::No,
    }
}

/// What a cell says: the quotes around a quoted cell undone.
pub fn plain(raw: &str) -> String {
    let inner = raw
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .filter(|inner| !inner.replace("\"\"", "").contains('"'));
    match inner {
        Some(inner) => inner.replace("\"\"", "\""),
        None => raw.to_owned(),
    }
}

/// `text` as a cell, quoted where the delimiter makes it necessary.
pub fn quoted(text: &str, delimiter: Delimiter) -> String {
    let needs_quotes = text.contains([delimiter.character(), '\n', '\r'])
        || match delimiter {
            Delimiter::Comma => text.contains('"'),
            Delimiter::Tab => plain(text) != text,
        };
    if needs_quotes {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// A cell that was read from a file, for a file with `delimiter`: as it stood where that reads
/// back as the same text, quoted anew otherwise.
pub fn carried_over(raw: &str, delimiter: Delimiter) -> String {
    let text = plain(raw);
    if text == raw {
        quoted(raw, delimiter)
    } else {
        raw.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put_together(table: &Table) -> String {
        let separator = table.delimiter.character().to_string();
        let lines: Vec<String> = table
            .records
            .iter()
            .map(|record| record.cells.join(&separator))
            .collect();
        let mut text = lines.join(table.line_ending);
        if table.ends_with_line_ending {
            text.push_str(table.line_ending);
        }
        text
    }

    #[test]
    fn texts_are_put_together_again_as_they_were() {
        for text in [
            "a\tb\n\nc\t\t\n",
            "a\tb\r\n\r\nc",
            "a\tb\rc\r",
            "a,b\r\n\"c\nd\",\"e,\"\"f\"\"\"\r\n",
            "\"quoted\tin excel\"\tx\n\"not\" quoted\ty\n",
            "\n\n",
            "mixed\r\nendings\nhere\n",
            "a,b\n\"never closed,x\ny,z\n",
        ] {
            assert_eq!(put_together(&Table::read(text)), text, "{text:?}");
        }
    }

    #[test]
    fn a_lone_carriage_return_in_a_windows_file_stays_in_its_cell() {
        let table = Table::read("a\rb\tc\r\nd\te\r\n");
        assert_eq!(table.records[0].cells, ["a\rb", "c"]);
        assert_eq!(table.records[1].cells, ["d", "e"]);
    }

    #[test]
    fn quoted_cells_keep_their_line_feeds_and_the_line_count_goes_on() {
        let table = Table::read("a,\"x\ny, \"\"z\"\"\"\r\nb,c\r\n");
        assert_eq!(table.delimiter, Delimiter::Comma);
        assert_eq!(table.line_ending, "\r\n");
        assert_eq!(table.records[0].text(1), "x\ny, \"z\"");
        assert_eq!(table.records[1].line, 3);
        let table = Table::read("a,\"x\ny\"\nb,c\n");
        assert_eq!(table.records[1].line, 3);
    }

    #[test]
    fn a_blank_line_has_no_cells_and_a_padded_one_has() {
        let table = Table::read("\n\t\t\n");
        assert_eq!(table.records[0].cells.len(), 0);
        assert_eq!(table.records[1].cells.len(), 3);
        assert!(table.records.iter().all(Record::is_blank));
    }

    #[test]
    fn an_unclosed_quote_in_a_csv_is_told() {
        let table = Table::read("a,b\n\"never closed,x\ny,z\n");
        assert!(table.records[1].has_open_quote);
        assert_eq!(table.records[2].text(0), "y");
    }

    #[test]
    fn cells_carry_over_between_delimiters() {
        assert_eq!(carried_over("1,638", Delimiter::Comma), "\"1,638\"");
        assert_eq!(carried_over("\"1,638\"", Delimiter::Comma), "\"1,638\"");
        assert_eq!(carried_over("1,638", Delimiter::Tab), "1,638");
        assert_eq!(plain("\"a\"\"b\""), "a\"b");
        assert_eq!(plain("\"a\" and \"b\""), "\"a\" and \"b\"");
        assert_eq!(
            quoted("\"all quoted\"", Delimiter::Tab),
            "\"\"\"all quoted\"\"\""
        );
    }
}
