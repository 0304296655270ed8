//! In the layout of the imported document: what has not changed prints as it was written.

use std::collections::{BTreeMap, BTreeSet};

use daicho_domain::plan::{Document, FieldRef, IndicatorKind, LayoutLine};
use daicho_domain::report::Commentary;
use daicho_domain::sheet::{Row, Sheet};
use daicho_domain::{Cell, FiscalYear, PlacementId};

use super::WriteError;
use crate::cell::{CellRole, read_cell};
use crate::document::Header;
use crate::table::{Delimiter, Record, carried_over, plain, quoted};

/// The text of the file.
pub fn text(
    sheet: &Sheet,
    document: &Document,
    delimiter: Delimiter,
) -> Result<String, WriteError> {
    let rows: BTreeMap<PlacementId, &Row> = sheet
        .rows()
        .map(|in_context| (in_context.row.placement, in_context.row))
        .collect();
    must_be_of_this_plan(&rows, document)?;
    let writer = Writer {
        sheet,
        document,
        delimiter,
        rows,
    };
    let mut header = None;
    let mut text = String::new();
    for (index, line) in document.lines.iter().enumerate() {
        if index > 0 {
            text.push_str(&document.line_ending);
        }
        header = header_of(line).or(header);
        let cells = writer.line(line, header.as_ref());
        text.push_str(&cells.join(&delimiter.character().to_string()));
    }
    if document.ends_with_line_ending {
        text.push_str(&document.line_ending);
    }
    Ok(text)
}

fn must_be_of_this_plan(
    rows: &BTreeMap<PlacementId, &Row>,
    document: &Document,
) -> Result<(), WriteError> {
    let placed: BTreeSet<PlacementId> = document
        .lines
        .iter()
        .flat_map(|line| &line.0)
        .filter_map(|cell| cell.field.as_ref())
        .map(|field| match field {
            FieldRef::Target { placement, .. }
            | FieldRef::Actual { placement, .. }
            | FieldRef::Commentary { placement } => *placement,
        })
        .collect();
    let missing = placed.iter().filter(|id| !rows.contains_key(id)).count();
    let added = rows.keys().filter(|id| !placed.contains(id)).count();
    if missing + added > 0 {
        return Err(WriteError::ForeignDocument { missing, added });
    }
    Ok(())
}

fn header_of(line: &LayoutLine) -> Option<Header> {
    Header::read(&Record {
        line: 0,
        cells: line.0.iter().map(|cell| cell.text.clone()).collect(),
        has_open_quote: false,
    })
}

struct Writer<'a> {
    sheet: &'a Sheet,
    document: &'a Document,
    delimiter: Delimiter,
    rows: BTreeMap<PlacementId, &'a Row>,
}

impl Writer<'_> {
    fn line(&self, line: &LayoutLine, header: Option<&Header>) -> Vec<String> {
        let is_header = header_of(line).is_some();
        let total = self.total_cell(line, header);
        line.0
            .iter()
            .enumerate()
            .map(|(index, cell)| match &cell.field {
                Some(FieldRef::Target {
                    placement,
                    fiscal_year,
                }) => self.target(&cell.text, *placement, *fiscal_year),
                Some(FieldRef::Actual {
                    placement,
                    fiscal_year,
                }) => self.actual(&cell.text, *placement, *fiscal_year),
                Some(FieldRef::Commentary { placement }) => self.commentary(&cell.text, *placement),
                None if is_header => self.header(&cell.text),
                None => match &total {
                    Some((at, current)) if *at == index => self.total(&cell.text, current),
                    _ => carried_over(&cell.text, self.delimiter),
                },
            })
            .collect()
    }

    /// The column of 5年間の合計 in a value line, with what stands there now.
    fn total_cell(&self, line: &LayoutLine, header: Option<&Header>) -> Option<(usize, &Cell)> {
        let offset = header?.total?;
        let (first, field) = line
            .0
            .iter()
            .enumerate()
            .find_map(|(index, cell)| Some((index, cell.field.as_ref()?)))?;
        let anchor = first.checked_sub(1)?;
        let current = match field {
            FieldRef::Target { placement, .. } => &self.rows.get(placement)?.total_target,
            FieldRef::Actual { placement, .. } => &self.rows.get(placement)?.total_actual,
            FieldRef::Commentary { .. } => return None,
        };
        Some((anchor + offset, current))
    }

    /// The year in a header moves on with the year that is exported.
    fn header(&self, raw: &str) -> String {
        let (from, to) = (self.document.evaluated_year, self.sheet.fiscal_year);
        if from == to {
            return carried_over(raw, self.delimiter);
        }
        let moved = plain(raw).replace(&from.ja(), &to.ja()).replace(
            &format!("{}年度", from.short()),
            &format!("{}年度", to.short()),
        );
        self.written(raw, moved)
    }

    /// `raw` where it says the same as `text`, else `text`.
    fn written(&self, raw: &str, text: String) -> String {
        if plain(raw) == text {
            carried_over(raw, self.delimiter)
        } else {
            quoted(&text, self.delimiter)
        }
    }

    fn target(&self, raw: &str, placement: PlacementId, year: FiscalYear) -> String {
        let Some(row) = self.rows.get(&placement) else {
            return carried_over(raw, self.delimiter);
        };
        let imported = read_cell(&plain(raw), CellRole::Target).cell;
        match row.targets.get(&year) {
            Some(current) => self.cell(raw, &imported, current, row),
            // Rows without targets keep their dashes; a number would be one that was taken back.
            None if imported.value().is_none() => carried_over(raw, self.delimiter),
            None => "—".to_owned(),
        }
    }

    fn actual(&self, raw: &str, placement: PlacementId, year: FiscalYear) -> String {
        let Some(row) = self.rows.get(&placement) else {
            return carried_over(raw, self.delimiter);
        };
        if row.kind == IndicatorKind::NoKpi {
            return carried_over(raw, self.delimiter);
        }
        let role = if year <= self.document.evaluated_year {
            CellRole::DueActual
        } else {
            CellRole::FutureActual
        };
        let imported = read_cell(&plain(raw), role).cell;
        match row.actuals.get(&year) {
            Some(current) => self.cell(raw, &imported, current, row),
            None => carried_over(raw, self.delimiter),
        }
    }

    fn cell(&self, raw: &str, imported: &Cell, current: &Cell, row: &Row) -> String {
        if says_the_same(imported, current, row.definition.unit.as_deref()) {
            carried_over(raw, self.delimiter)
        } else {
            quoted(&current.display(), self.delimiter)
        }
    }

    /// Printed totals follow the figures where the sheet prints any: a dash says that there is
    /// none on purpose and stays.
    fn total(&self, raw: &str, current: &Cell) -> String {
        let imported = read_cell(&plain(raw), CellRole::Total).cell;
        let stays = match (imported.value(), current.value()) {
            (Some(printed), Some(now)) => printed == now,
            (None, Some(_)) => !imported.raw().trim().is_empty(),
            (None, None) => true,
            (Some(_), None) => false,
        };
        if stays {
            carried_over(raw, self.delimiter)
        } else {
            quoted(&current.display(), self.delimiter)
        }
    }

    fn commentary(&self, raw: &str, placement: PlacementId) -> String {
        let current = self
            .rows
            .get(&placement)
            .and_then(|row| row.commentary.as_ref())
            .map(Commentary::as_one_text)
            .unwrap_or_default();
        if plain(raw).trim() == current.trim() {
            carried_over(raw, self.delimiter)
        } else {
            quoted(&current, self.delimiter)
        }
    }
}

/// Whether two cells say the same to a reader of the sheet. A unit inside the cell is the
/// indicator's own, so it may be left out of one of them; and one dash is like another, because
/// a sheet does not print reasons.
fn says_the_same(imported: &Cell, current: &Cell, unit: Option<&str>) -> bool {
    if imported.says_the_same_as(current) || imported.display() == current.display() {
        return true;
    }
    let with_unit = |cell: &Cell| match unit {
        Some(unit) if cell.unit().is_none() && cell.value().is_some() => {
            cell.clone().with_unit(unit)
        }
        _ => cell.clone(),
    };
    with_unit(imported).says_the_same_as(&with_unit(current))
}
