//! Sheets that are wrong: everything is collected, nothing is guessed, nothing panics.

use daicho_domain::MunicipalityId;
use daicho_sheets::encoding::EncodingError;
use daicho_sheets::finding::findings;
use daicho_sheets::{DraftOptions, ParseHints, draft, of_parsed, parse};
use proptest::prelude::*;
use uuid::Uuid;

use crate::city::{SHEET, departments, ids, parsed, plan_file};

/// Code and line of everything that blocks.
fn blocking(text: &str) -> Vec<(&'static str, Option<u32>)> {
    let sheet = parse(text.as_bytes(), ParseHints::default()).unwrap();
    findings(&sheet, None)
        .into_iter()
        .filter(|finding| finding.blocks())
        .map(|finding| (finding.code.code(), finding.line))
        .collect()
}

fn without_lines(lines: &[usize]) -> String {
    SHEET
        .lines()
        .enumerate()
        .filter(|(index, _)| !lines.contains(&(index + 1)))
        .map(|(_, line)| line)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_target_line_without_its_actual_line_blocks_and_the_rest_is_read() {
    // Two pairs are broken; both are told, and 54 rows are left.
    let text = without_lines(&[13, 118]);
    assert_eq!(
        blocking(&text),
        [("W_PAIR_MISSING", Some(12)), ("W_PAIR_MISSING", Some(116))]
    );
    let sheet = parse(text.as_bytes(), ParseHints::default()).unwrap();
    assert_eq!(sheet.rows.len(), 54);
    assert_eq!(
        blocking(&without_lines(&[12])),
        [("W_PAIR_MISSING", Some(12))]
    );
}

#[test]
fn a_blocked_sheet_gives_no_draft() {
    let file = plan_file();
    let sheet = parse(without_lines(&[13]).as_bytes(), file.hints()).unwrap();
    let error = draft(
        &sheet,
        &file,
        DraftOptions {
            file_name: "x.tsv",
            municipality: MunicipalityId(Uuid::nil()),
            departments: &departments(&file),
            with_results: true,
        },
        &mut ids(),
    )
    .unwrap_err();
    assert!(error.to_string().contains("line 12"), "{error}");
}

#[test]
fn a_department_that_does_not_exist_is_named() {
    let file = plan_file();
    let mut known = departments(&file);
    known.remove("農政課");
    let error = draft(
        &parsed(SHEET.as_bytes()),
        &file,
        DraftOptions {
            file_name: "x.tsv",
            municipality: MunicipalityId(Uuid::nil()),
            departments: &known,
            with_results: true,
        },
        &mut ids(),
    )
    .unwrap_err();
    assert!(error.to_string().contains("農政課"), "{error}");
}

#[test]
fn lines_out_of_place_block() {
    for (right, wrong, code, line) in [
        // A line of several cells that is nothing known.
        (
            "\n② 企業立地等の促進による就労の拡大\t",
            "\n② 企業立地等の促進\t備考",
            "W_UNKNOWN_ROW",
            14,
        ),
        // A measure before its policy.
        (
            "(1) 人材育成・雇用対策",
            "人材育成・雇用対策",
            "W_OUTSIDE_STRUCTURE",
            11,
        ),
        // A header without an era anywhere.
        ("令和3年度", "本年度", "W_YEARS_UNKNOWN", 5),
        // Text beside 実績値.
        (
            "\t\t実績値\t36.6\t\t\t\t\t—\t",
            "\t\t実績値\t36.6\t\t\t\t\t—\t今後も続ける",
            "W_TEXT_IN_ACTUAL_ROW",
            13,
        ),
        (
            "\t\t実績値\t36.6",
            "\t別のKPI\t実績値\t36.6",
            "W_TEXT_IN_ACTUAL_ROW",
            13,
        ),
        // Another year in the second header.
        (
            "区分\t3年度\t4年度\t5年度\t6年度\t7年度\t5年間の合計\t令和3年度実績値の",
            "区分\t4年度\t5年度\t6年度\t7年度\t8年度\t5年間の合計\t令和3年度実績値の",
            "W_YEARS_UNKNOWN",
            9,
        ),
    ] {
        let text = SHEET.replace(right, wrong);
        assert_ne!(text, SHEET, "{right}");
        let found = blocking(&text);
        assert!(
            found.contains(&(code, Some(line))),
            "{code} {line}: {found:?}"
        );
    }
}

#[test]
fn a_text_that_is_no_sheet_says_so() {
    for text in ["こんにちは", "a\tb\nc\td\n", "\n\n"] {
        assert!(blocking(text).contains(&("W_NO_ROWS", None)), "{text:?}");
    }
}

#[test]
fn a_project_without_name_after_a_page_break_blocks() {
    let header = SHEET.lines().nth(8).unwrap();
    let text = SHEET.replace(
        "\n\t地域ブランドの商品数",
        &format!("\n{header}\n\t地域ブランドの商品数"),
    );
    assert_eq!(blocking(&text), [("W_OUTSIDE_STRUCTURE", Some(30))]);
}

#[test]
fn slips_are_told_with_their_line_and_column() {
    for (right, wrong, code, line, column) in [
        (
            "小計(事業数:9、KPI数:8)",
            "小計(事業数:9、KPI数:9)",
            "V01",
            39,
            None,
        ),
        (
            "\t7\t7\t7\t7\t7\t35\t",
            "\t7\t7\t7\t7\t7\t36\t",
            "V02",
            18,
            Some(9),
        ),
        ("75事業者(令和7年)", "76事業者(令和7年)", "V05", 27, Some(8)),
        (
            "\t実績値\t36.6\t",
            "\t実績値\t\t",
            "W_ACTUAL_MISSING",
            13,
            Some(4),
        ),
        (
            "\t実績値\t36.6\t",
            "\t実績値\t約四割\t",
            "W_UNREADABLE",
            13,
            Some(4),
        ),
        (
            "\t目標値\t36.0\t",
            "\t目標値\t\t",
            "W_TARGET_MISSING",
            12,
            Some(4),
        ),
        ("\t目標値\t36.0\t", "\t目標値\t一\t", "V08", 12, Some(4)),
        (
            "\n\n小計(事業数:9",
            "\n\n※速報版\n小計(事業数:9",
            "W_UNKNOWN_LINE",
            39,
            Some(1),
        ),
        (
            "研修終了者数 ／1人(令和元年)→35人(5年間)",
            "研修終了者数",
            "W_EXPRESSION_UNREAD",
            18,
            Some(2),
        ),
    ] {
        let text = SHEET.replace(right, wrong);
        assert_ne!(text, SHEET, "{right}");
        let sheet = parse(text.as_bytes(), ParseHints::default()).unwrap();
        let found = findings(&sheet, None);
        assert!(
            found.iter().any(|finding| finding.code.code() == code
                && finding.line == Some(line)
                && (column.is_none() || finding.column == column)),
            "{code} {line} {column:?}: {:?}",
            found
                .iter()
                .filter(|of| of.code.code() == code)
                .collect::<Vec<_>>()
        );
    }
}

#[test]
fn a_missing_actual_without_any_reason_is_v22() {
    let mut lines: Vec<String> = SHEET.lines().map(str::to_owned).collect();
    lines[12] = "\t\t実績値\t\t\t\t\t\t—\t".into();
    let commentary = lines[11].rfind('\t').unwrap();
    lines[11].truncate(commentary + 1);
    let sheet = parse(lines.join("\n").as_bytes(), ParseHints::default()).unwrap();
    let found = findings(&sheet, None);
    assert!(
        found
            .iter()
            .any(|finding| finding.code.code() == "V22" && finding.line == Some(13))
    );
    assert!(
        !found
            .iter()
            .any(|finding| finding.code.code() == "W_ACTUAL_MISSING")
    );
}

#[test]
fn a_quote_that_is_never_closed_blocks() {
    let csv = "基本目標1 x\n数値目標,基準値,目標値,区分,3年度,4年度,2年間の合計,令和3年度実績値に対する所見\n\"x,1人(令和元年),2人(令和4年),目標値,1,2,—,\n,,,実績値,1,,,\n";
    assert!(blocking(csv).contains(&("W_OPEN_QUOTE", Some(3))));
}

#[test]
fn binaries_are_refused_with_what_to_do() {
    let refused = |bytes: &[u8]| parse(bytes, ParseHints::default()).unwrap_err();
    assert_eq!(refused(b"PK\x03\x04\x14"), EncodingError::Workbook);
    assert_eq!(refused(b"a\0b"), EncodingError::Binary { offset: 1 });
    assert!(matches!(
        refused(b"\x81\x40\xFF\xFF\xFF"),
        EncodingError::Undecodable { offset: 2, .. }
    ));
}

#[test]
fn a_line_of_too_many_cells_blocks_and_the_rest_is_read() {
    let of_cells = |count: usize| vec!["a"; count].join("\t");
    let with = |line: &str| SHEET.replacen("\n基本目標2", &format!("\n{line}\n基本目標2"), 1);
    let text = with(&of_cells(60_000));
    let line = text
        .lines()
        .position(|line| line.starts_with("a\ta"))
        .unwrap()
        + 1;
    let line = u32::try_from(line).unwrap();
    assert_eq!(blocking(&text), [("W_TOO_MANY_CELLS", Some(line))]);
    let sheet = parse(text.as_bytes(), ParseHints::default()).unwrap();
    assert_eq!(sheet.rows.len(), parsed(SHEET.as_bytes()).rows.len());
    assert_eq!(sheet.layout[line as usize - 1].len(), 60_000);
    let found = findings(&sheet, None);
    let told = found.iter().find(|of| of.code.code() == "W_TOO_MANY_CELLS");
    let message = &told.unwrap().message;
    assert!(
        message.contains("60000個") && message.contains("500個"),
        "{message}"
    );
    assert_eq!(
        blocking(&with(&of_cells(501))),
        [("W_TOO_MANY_CELLS", Some(line))]
    );
    assert_eq!(
        blocking(&with(&of_cells(500))),
        [("W_UNKNOWN_ROW", Some(line))]
    );
}

#[test]
fn a_header_of_too_many_years_blocks() {
    let years = vec!["3年度"; 40_000].join("\t");
    let text = format!("基本目標1 x\n名称\t区分\t{years}\n");
    assert_eq!(
        blocking(&text),
        [("W_TOO_MANY_CELLS", Some(2)), ("W_NO_ROWS", None)]
    );
}

/// A goal with `count` numeric goals of the same name; every second one has the same figures.
fn sheet_of(count: usize) -> String {
    let mut text = "基本目標1 x\n数値目標\t基準値\t目標値\t区分\t3年度\t4年度\t2年間の合計\t令和3年度実績値に対する所見\n".to_owned();
    for number in 0..count {
        let figure = if number % 2 == 0 { 5 } else { 100 + number };
        text.push_str(&format!(
            "x\t1人(令和元年)\t5人(令和4年)\t目標値\t{figure}\t{figure}\t—\t続ける\n\t\t\t実績値\t5\t\t\t\n"
        ));
    }
    text
}

#[test]
fn as_many_indicators_as_are_read_are_compared_and_one_more_blocks() {
    let text = sheet_of(20_000);
    assert_eq!(blocking(&text), []);
    let sheet = parse(text.as_bytes(), ParseHints::default()).unwrap();
    let merged = sheet.merged_into(&[]);
    assert_eq!(
        merged.iter().filter(|first| **first == Some(0)).count(),
        9_999
    );
    assert_eq!(
        merged.iter().filter(|first| first.is_none()).count(),
        10_001
    );
    let text = sheet_of(20_001);
    assert_eq!(blocking(&text), [("W_TOO_LONG", Some(40_003))]);
    let sheet = parse(text.as_bytes(), ParseHints::default()).unwrap();
    assert_eq!(sheet.rows.len(), 20_000);
}

#[test]
fn a_row_that_is_kept_apart_is_the_first_place_of_no_other() {
    let sheet = parse(sheet_of(6).as_bytes(), ParseHints::default()).unwrap();
    let merged = |separate: &[u32]| sheet.merged_into(separate);
    assert_eq!(merged(&[]), [None, None, Some(0), None, Some(0), None]);
    assert_eq!(merged(&[3]), [None, None, None, None, Some(2), None]);
}

#[test]
fn a_name_of_many_indicators_lists_the_first_20_lines() {
    let mut text = "基本目標1 x\n(1) x\n① x\n施策名・事業名\tKPI\t区分\t3年度\t4年度\t2年間の合計\t令和3年度実績値に対する所見\n".to_owned();
    for number in 1..=25 {
        text.push_str(&format!(
            "事業{number}\tx ／1件(令和元年)→5件(令和4年)\t目標値\t{number}\t5\t—\t続ける\n\t\t実績値\t5\t\t\t\n"
        ));
    }
    let sheet = parse(text.as_bytes(), ParseHints::default()).unwrap();
    let found = findings(&sheet, None);
    let same_name: Vec<&str> = found
        .iter()
        .filter(|of| of.code.code() == "V17")
        .map(|of| of.message.as_str())
        .collect();
    assert_eq!(same_name.len(), 25);
    assert!(
        same_name[0].contains("(5・7・9・") && same_name[0].contains("・43行目ほか5件)"),
        "{}",
        same_name[0]
    );
}

#[test]
fn too_many_lines_and_too_many_findings_block() {
    let headings = format!("基本目標1 x\n{}", "(1) x\n".repeat(100_000));
    let found = blocking(&headings);
    assert!(found.contains(&("W_TOO_LONG", Some(100_001))), "{found:?}");
    let unknown = "x\n".repeat(60_000);
    assert_eq!(
        blocking(&unknown),
        [("W_TOO_LONG", Some(50_001)), ("W_NO_ROWS", None)]
    );
}

#[test]
fn a_file_that_is_too_large_is_refused_with_its_size() {
    let error = parse(&vec![b'a'; 16 * 1024 * 1024 + 1], ParseHints::default()).unwrap_err();
    assert_eq!(error, EncodingError::TooLarge { bytes: 16_777_217 });
    assert!(
        error
            .to_string()
            .contains("too large: 16777217 bytes, at most 16 MiB; is this the right file?")
    );
    assert!(error.ja().contains("16777217バイト"));
}

/// Lines like those of a sheet, in any order.
fn line() -> impl Strategy<Value = String> {
    let cell = prop_oneof![
        Just(String::new()),
        Just("目標値".to_owned()),
        Just("実績値".to_owned()),
        Just("区分".to_owned()),
        Just("3年度".to_owned()),
        Just("4年度".to_owned()),
        Just("5年間の合計".to_owned()),
        Just("令和3年度実績値".to_owned()),
        Just("基準値".to_owned()),
        Just("基本目標1 x".to_owned()),
        Just("(1) x".to_owned()),
        Just("① x".to_owned()),
        Just("小計(事業数:1、KPI数:1)".to_owned()),
        Just("—".to_owned()),
        Just("x ／1%(令和元年)→-2%(5年間)".to_owned()),
        "[-0-9.,%△\"]{0,6}",
        "\\PC{0,6}",
    ];
    prop::collection::vec(cell, 0..9).prop_map(|cells| cells.join("\t"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_lines_are_read_and_judged_without_panic(lines in prop::collection::vec(line(), 0..30)) {
        let text = lines.join("\n");
        if let Ok(sheet) = parse(text.as_bytes(), plan_file().hints()) {
            of_parsed(&sheet, None);
            of_parsed(&sheet, Some(&plan_file()));
            let kept: Vec<String> = sheet
                .layout
                .iter()
                .map(|line| line.iter().map(|cell| cell.text.as_str()).collect::<Vec<_>>().join(&sheet.source.delimiter.character().to_string()))
                .collect();
            let mut again = kept.join(sheet.source.line_ending);
            if sheet.source.ends_with_line_ending {
                again.push_str(sheet.source.line_ending);
            }
            prop_assert_eq!(again, text);
        }
    }

    #[test]
    fn any_text_and_any_bytes_are_read_without_panic(text in "\\PC{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(sheet) = parse(text.as_bytes(), ParseHints::default()) {
            of_parsed(&sheet, None);
        }
        if let Ok(sheet) = parse(&bytes, ParseHints::default()) {
            of_parsed(&sheet, None);
        }
    }

    #[test]
    fn any_one_line_left_out_is_read_without_panic(line in 1_usize..186) {
        let text = without_lines(&[line]);
        let sheet = parse(text.as_bytes(), plan_file().hints()).unwrap();
        of_parsed(&sheet, Some(&plan_file()));
    }
}
