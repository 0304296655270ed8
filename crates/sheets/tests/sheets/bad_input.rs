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
