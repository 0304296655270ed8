//! Figures in events.

use super::Event;
use crate::cell::Cell;
use crate::fiscal_year::FiscalYear;

/// The cell that a figure event leaves behind, for readers that follow one figure.
pub fn figure_of(event: &Event) -> Option<(FiscalYear, Option<&Cell>, &Cell)> {
    match event {
        Event::ActualEntered {
            fiscal_year,
            actual,
        } => Some((*fiscal_year, None, &actual.cell)),
        Event::ActualRevised {
            fiscal_year,
            previous,
            revised,
            ..
        } => Some((*fiscal_year, Some(&previous.cell), &revised.cell)),
        Event::ActualCorrected {
            fiscal_year,
            previous,
            corrected,
            ..
        } => Some((*fiscal_year, Some(&previous.cell), &corrected.cell)),
        Event::FigureAdopted {
            fiscal_year,
            actual: Some(actual),
            ..
        } => Some((*fiscal_year, None, &actual.cell)),
        _ => None,
    }
}
