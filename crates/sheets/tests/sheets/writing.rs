//! Writing back: byte for byte where nothing changed, and only what changed where something did.

use daicho_domain::plan::IndicatorKind;
use daicho_domain::report::Commentary;
use daicho_domain::{Cell, CellStatus, StreamId};
use daicho_sheets::encoding::{SheetEncoding, decode, encode};
use daicho_sheets::open_data::{COLUMNS, OpenDataFacts, open_data};
use daicho_sheets::table::quoted;
use daicho_sheets::write::WriteError;
use daicho_sheets::{Delimiter, ParsedSheet, parse, read_entry, write};

use crate::city::{City, R3, R4, SHEET, drafted, parsed, plan_file};

fn written(city: &City, year: daicho_domain::FiscalYear) -> String {
    let bytes = write(&city.sheet(year), Some(&city.document()), Delimiter::Tab).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// The lines that differ: number from 1, before, after.
fn differences<'t>(before: &'t str, after: &'t str) -> Vec<(usize, &'t str, &'t str)> {
    assert_eq!(before.lines().count(), after.lines().count());
    before
        .lines()
        .zip(after.lines())
        .enumerate()
        .filter(|(_, (before, after))| before != after)
        .map(|(index, (before, after))| (index + 1, before, after))
        .collect()
}

#[test]
fn what_nobody_changed_is_written_back_byte_for_byte() {
    let city = City::with_results(SHEET.as_bytes());
    assert_eq!(written(&city, R3), SHEET);
}

#[test]
fn every_encoding_and_line_ending_is_written_back_byte_for_byte() {
    for (encoding, mark, line_ending, last) in [
        (SheetEncoding::Utf8, true, "\r\n", "\r\n"),
        (SheetEncoding::ShiftJis, false, "\r\n", ""),
        (SheetEncoding::Utf16Le, true, "\n", "\n"),
        (SheetEncoding::EucJp, false, "\n", ""),
        (SheetEncoding::Utf8, false, "\r", ""),
    ] {
        let text = format!("{}{last}", SHEET.replace('\n', line_ending));
        let bytes = encode(&text, encoding, mark).unwrap();
        assert_eq!(decode(&bytes).unwrap().encoding, encoding);
        let city = City::with_results(&bytes);
        let again = write(&city.sheet(R3), Some(&city.document()), Delimiter::Tab).unwrap();
        assert!(again == bytes, "{encoding:?} {line_ending:?}");
        assert_eq!(city.sheet(R3).summary.achieved, 21, "{encoding:?}");
    }
}

#[test]
fn a_changed_figure_changes_its_cell_and_its_total_and_nothing_else() {
    let mut city = City::with_results(SHEET.as_bytes());
    city.revise_actual(18, R3, read_entry("８").unwrap());
    let text = written(&city, R3);
    let [(19, before, after)] = differences(SHEET, &text)[..] else {
        panic!("{:?}", differences(SHEET, &text));
    };
    assert_eq!(before, "\t\t実績値\t7\t\t\t\t\t7\t");
    assert_eq!(after, "\t\t実績値\t8\t\t\t\t\t8\t");
}

#[test]
fn the_same_figure_typed_another_way_changes_nothing() {
    let mut city = City::with_results(SHEET.as_bytes());
    for (line, typed) in [
        (135, "３０３７８"),
        (129, "-7.77"),
        (138, "暫定 43.1"),
        (66, "計測前"),
    ] {
        city.revise_actual(line, R3, read_entry(typed).unwrap());
    }
    assert_eq!(differences(SHEET, &written(&city, R3)), []);
}

#[test]
fn a_revised_commentary_changes_its_cell() {
    let mut city = City::with_results(SHEET.as_bytes());
    let (placement, previous) = {
        let sheet = city.sheet(R3);
        let row = sheet
            .rows()
            .find(|row| row.row.source_line == Some(12))
            .unwrap()
            .row;
        (row.placement, row.commentary.clone().unwrap())
    };
    let indicator = city.indicator_at(12);
    city.apply(
        StreamId::Indicator(indicator),
        &daicho_domain::Event::CommentaryRevised {
            fiscal_year: R3,
            placement,
            previous,
            revised: Commentary {
                reason: "増えた。".into(),
                next_action: "続ける。".into(),
                original: None,
            },
            reason: None,
        },
    );
    let text = written(&city, R3);
    let changed = differences(SHEET, &text);
    assert_eq!(changed.len(), 1);
    assert!(changed[0].2.ends_with("\t増えた。続ける。"));
}

#[test]
fn another_year_moves_the_header_on_and_leaves_its_commentary_blank() {
    let mut city = City::with_results(SHEET.as_bytes());
    city.revise_actual(12, R4, read_entry("37.5").unwrap());
    let text = written(&city, R4);
    assert!(text.contains("令和4年度実績値に対する所見"));
    assert!(!text.contains("令和3年度実績値"));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[12], "\t\t実績値\t36.6\t37.5\t\t\t\t—\t");
    assert!(lines[11].ends_with("\t40.0\t—\t"));
    let again = parse(text.as_bytes(), Default::default()).unwrap();
    assert_eq!(again.evaluated_year, Some(R4));
}

#[test]
fn a_plan_without_results_prints_blanks_where_results_were() {
    let city = City::that_adopted(drafted(SHEET.as_bytes(), &plan_file(), false));
    let text = written(&city, R3);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[12], "\t\t実績値\t\t\t\t\t\t—\t");
    assert!(lines[11].ends_with("\t40.0\t—\t"));
    assert_eq!(lines[18], "\t\t実績値\t\t\t\t\t\t\t");
}

#[test]
fn a_csv_goes_through_with_its_quotes() {
    let crlf: Vec<String> = SHEET
        .split('\n')
        .map(|line| {
            let cells: Vec<String> = line
                .split('\t')
                .enumerate()
                .map(|(index, cell)| {
                    // A line feed and a quotation mark inside a cell, as Excel writes them.
                    let text = if index > 8 && cell.contains("。") {
                        cell.replacen('。', "。\n\"要確認\",", 1)
                    } else {
                        cell.to_owned()
                    };
                    quoted(&text, Delimiter::Comma)
                })
                .collect();
            cells.join(",")
        })
        .collect();
    let text = crlf.join("\r\n");
    let bytes = encode(&text, SheetEncoding::ShiftJis, false).unwrap();
    let sheet = parsed(&bytes);
    assert_eq!(sheet.source.delimiter, Delimiter::Comma);
    assert_eq!(sheet.source.line_ending, "\r\n");
    assert_eq!(sheet.rows.len(), 56);
    assert!(sheet.rows[1].commentary.contains("。\n\"要確認\","));
    assert_eq!(
        sheet.rows[11].targets[&R3].value().unwrap().to_string(),
        "1627"
    );
    let city = City::with_results(&bytes);
    let again = write(&city.sheet(R3), Some(&city.document()), Delimiter::Comma).unwrap();
    assert!(again == bytes);
    let as_tsv = write(&city.sheet(R3), Some(&city.document()), Delimiter::Tab).unwrap();
    let reread = parsed(&as_tsv);
    assert_eq!(reread.source.delimiter, Delimiter::Tab);
    assert_eq!(contents(&reread), contents(&sheet));
}

#[test]
fn a_tab_separated_sheet_can_be_written_as_csv() {
    let city = City::with_results(SHEET.as_bytes());
    let csv = write(&city.sheet(R3), Some(&city.document()), Delimiter::Comma).unwrap();
    let reread = parsed(&csv);
    assert_eq!(reread.source.delimiter, Delimiter::Comma);
    assert_eq!(contents(&reread), contents(&parsed(SHEET.as_bytes())));
}

/// What a row says, lines and spellings left out.
fn contents(sheet: &ParsedSheet) -> Vec<String> {
    let said = |cell: &Cell| match cell.status() {
        CellStatus::Value => cell.display(),
        CellStatus::Ambiguous => cell.raw().to_owned(),
        CellStatus::NotDue | CellStatus::Missing => String::new(),
        _ => "—".to_owned(),
    };
    sheet
        .rows
        .iter()
        .map(|row| {
            let headings = sheet.headings(row);
            let cells = row
                .targets
                .iter()
                .chain(&row.actuals)
                .map(|(year, cell)| format!("{year}={}", said(cell)))
                .collect::<Vec<_>>();
            format!(
                "{:?} {:?} {:?} {:?} {:?} {} {:?} {:?} {cells:?} {} {} {}",
                headings.goal.title,
                headings.policy.map(|of| (&of.number, &of.title)),
                headings.measure.map(|of| (&of.number, &of.title)),
                headings.project.map(|of| &of.title),
                row.kind,
                row.expression,
                row.baseline,
                row.final_target,
                said(&row.total_target),
                // A project without KPI has no total to speak of.
                if row.kind == IndicatorKind::NoKpi {
                    String::new()
                } else {
                    said(&row.total_actual)
                },
                row.commentary
            )
        })
        .collect()
}

#[test]
fn the_usual_layout_reads_back_as_the_same_content() {
    let city = City::with_results(SHEET.as_bytes());
    for delimiter in [Delimiter::Tab, Delimiter::Comma] {
        let bytes = write(&city.sheet(R3), None, delimiter).unwrap();
        let again = parsed(&bytes);
        assert_eq!(again.source.delimiter, delimiter);
        assert_eq!(again.evaluated_year, Some(R3));
        assert_eq!(again.counts(), parsed(SHEET.as_bytes()).counts());
        for (again, before) in contents(&again)
            .iter()
            .zip(contents(&parsed(SHEET.as_bytes())))
        {
            assert_eq!(*again, before);
        }
        assert!(again.subtotals.iter().all(
            |printed| again.computed_subtotal(printed.goal) == (printed.projects, printed.kpis)
        ));
        // Adopted once more, it writes back as it came.
        let second = City::with_results(&bytes);
        let rewritten = write(&second.sheet(R3), Some(&second.document()), delimiter).unwrap();
        assert_eq!(String::from_utf8(rewritten), String::from_utf8(bytes));
    }
}

#[test]
fn a_document_of_another_plan_is_refused() {
    let city = City::with_results(SHEET.as_bytes());
    let mut document = city.document();
    document.lines.truncate(20);
    assert_eq!(
        write(&city.sheet(R3), Some(&document), Delimiter::Tab),
        Err(WriteError::ForeignDocument {
            missing: 0,
            added: 52
        })
    );
}

#[test]
fn a_character_that_the_document_s_encoding_lacks_is_told() {
    let bytes = encode(SHEET, SheetEncoding::ShiftJis, false).unwrap();
    let mut draft = drafted(&bytes, &plan_file(), true);
    let first = draft
        .indicators
        .iter_mut()
        .find(|of| of.definition.name == "研修終了者数")
        .unwrap();
    for commentary in first.adopted.get_mut(&R3).unwrap().commentary.values_mut() {
        *commentary = Commentary::from_original("😀");
    }
    let city = City::that_adopted(draft);
    let error = write(&city.sheet(R3), Some(&city.document()), Delimiter::Tab).unwrap_err();
    assert!(
        matches!(error, WriteError::Unencodable(told) if told.character == '😀' && told.line == 18)
    );
}

#[test]
fn open_data_has_a_row_per_indicator_year_and_role() {
    let city = City::with_results(SHEET.as_bytes());
    let bytes = open_data(
        &city.sheet(R3),
        OpenDataFacts {
            local_gov_code: "012262",
            municipality: "砂川市",
            updated_on: "2022-10-01",
        },
    )
    .unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{FEFF}').as_bytes());
    assert_eq!(reader.headers().unwrap().len(), COLUMNS.len());
    let column = |name: &str| COLUMNS.iter().position(|of| *of == name).unwrap();
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    // 50 rows have targets (5), all 56 actuals (5), 50 a baseline and a final target.
    assert_eq!(records.len(), 50 * 5 + 56 * 5 + 50 + 50);
    let negative = records
        .iter()
        .find(|record| {
            record[column("indicator")] == *"人口増減率"
                && record[column("role")] == *"actual"
                && record[column("fiscal_year")] == *"2021"
        })
        .unwrap();
    assert_eq!(&negative[column("value")], "-7.77");
    assert_eq!(&negative[column("raw")], "△7.77%");
    assert_eq!(&negative[column("unit")], "%");
}
