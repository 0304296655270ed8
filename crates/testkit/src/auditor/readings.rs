//! What the nodes answer, against what is recorded.

use serde_json::Value;

use super::Finding;
use super::record::Record;
use super::rules::Rules;

/// What one node answers when everything is quiet.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Which node.
    pub node: usize,
    /// How far its read models are.
    pub position: Option<u64>,
    /// Its sheets as somebody reads them who may read everything, as JSON.
    pub sheets: Vec<Value>,
}

/// Every row of a sheet, wherever it stands.
fn rows<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    match value {
        Value::Object(fields)
            if fields.contains_key("placement") && fields.contains_key("revision") =>
        {
            found.push(value);
        }
        Value::Object(fields) => fields.values().for_each(|value| rows(value, found)),
        Value::Array(items) => items.iter().for_each(|value| rows(value, found)),
        _ => {}
    }
}

pub(super) fn agrees(
    reading: &Reading,
    records: &[Record],
    rules: &mut Rules,
) -> Result<(), Finding> {
    let head = (records.len() as u64).checked_sub(1);
    if reading.position != head {
        let shown = |at: Option<u64>| at.map_or_else(|| "none".to_owned(), |at| at.to_string());
        return Err(Finding::NodeStaysBehind {
            node: reading.node,
            at: shown(reading.position),
            head: shown(head),
        });
    }
    for sheet in &reading.sheets {
        let year = sheet["fiscal_year"].as_i64().unwrap_or(-1);
        let mut found = Vec::new();
        rows(sheet, &mut found);
        for row in found {
            let indicator = row["indicator"].as_str().unwrap_or_default();
            let placement = row["placement"].as_str().unwrap_or_default();
            let recorded = rules.report(indicator, year);
            let text = recorded.commentary(placement).cloned().unwrap_or_default();
            for (what, recorded) in [
                ("the figure", recorded.figure().cloned().unwrap_or_default()),
                ("the commentary", text),
                ("the number of changes", recorded.revision.into()),
            ] {
                let read = match what {
                    "the figure" => &row["actual"],
                    "the commentary" => &row["commentary"],
                    _ => &row["revision"],
                };
                if *read != recorded {
                    return Err(Finding::ReadsSomethingElse {
                        node: reading.node,
                        indicator: indicator.to_owned(),
                        year,
                        what,
                        read: read.to_string(),
                        recorded: recorded.to_string(),
                    });
                }
            }
            let place = format!("node {}, placement {placement}, {year}", reading.node);
            let hash = row["content"].as_str().unwrap_or_default();
            rules.hash_is_of(&place, hash, indicator, year)?;
        }
    }
    Ok(())
}
