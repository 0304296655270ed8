//! The history of a figure: which, from what to what, when, who, acting for whom, why,
//! through what.

use daicho_domain::calendar::{ja_date, ja_minute};
use daicho_domain::report::{ContentHash, ReportCell};
use daicho_domain::{Actor, DocumentId, Event, FiscalYear};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::decode::Decoded;

/// What kind of thing happened to a figure, for filters and icons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HistoryKind {
    /// The indicator was defined.
    Defined,
    /// Its department changed.
    Assigned,
    /// The direction was decided.
    Direction,
    /// Targets were set or revised.
    Target,
    /// A figure or commentary was taken over from a document.
    Adopted,
    /// A figure was entered or revised.
    Actual,
    /// Commentary was written or revised.
    Commentary,
    /// Something was changed after publication.
    Corrected,
    /// The report was submitted.
    Submitted,
    /// The submission was taken back.
    Withdrawn,
    /// The report was returned.
    Returned,
    /// The report was approved.
    Approved,
    /// The report was accepted.
    Accepted,
    /// A cell was unlocked.
    Unlocked,
    /// The period was opened, changed or closed.
    Period,
    /// The sheet was published.
    Published,
    /// A command about it was refused.
    Refused,
}

impl HistoryKind {
    /// The Japanese word shown to people.
    pub const fn ja(self) -> &'static str {
        match self {
            Self::Defined => "指標の設定",
            Self::Assigned => "担当課の設定",
            Self::Direction => "方向性の決定",
            Self::Target => "目標値",
            Self::Adopted => "移行",
            Self::Actual => "実績値",
            Self::Commentary => "記述",
            Self::Corrected => "訂正",
            Self::Submitted => "提出",
            Self::Withdrawn => "取下げ",
            Self::Returned => "差戻し",
            Self::Approved => "承認",
            Self::Accepted => "確認",
            Self::Unlocked => "解除",
            Self::Period => "期間",
            Self::Published => "公表",
            Self::Refused => "拒否された操作",
        }
    }
}

// Under a name of its own: serde would borrow a plain reference from what is read.
type EventName = &'static str;

/// One line of a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Position in the log.
    pub position: u64,
    /// The event's own identity.
    pub event_id: Uuid,
    /// The command that it came from.
    pub command_id: Uuid,
    /// Pinned name of the event.
    #[serde(deserialize_with = "event_name")]
    pub event_name: EventName,
    /// What kind of thing happened.
    pub kind: HistoryKind,
    /// When (UTC).
    pub at: Timestamp,
    /// Who, in which role, under which grant, for whom.
    pub actor: Actor,
    /// The year it is about; none for what concerns all years.
    pub fiscal_year: Option<FiscalYear>,
    /// The part of the report it is about.
    pub cell: Option<ReportCell>,
    /// What stood before.
    pub from: Option<String>,
    /// What stands after.
    pub to: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Exactly what was submitted, approved or accepted.
    pub content: Option<ContentHash>,
    /// The document it was read from.
    pub document: Option<DocumentId>,
}

fn event_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<EventName, D::Error> {
    let name = String::deserialize(deserializer)?;
    Event::NAMES
        .into_iter()
        .find(|known| *known == name)
        .ok_or_else(|| serde::de::Error::custom(format!("'{name}' is no event")))
}

/// Texts in a history are short; the whole text is in the log.
const TEXT_CHARACTERS_MAX: usize = 80;

fn short(text: &str) -> String {
    if text.chars().count() <= TEXT_CHARACTERS_MAX {
        text.to_owned()
    } else {
        text.chars()
            .take(TEXT_CHARACTERS_MAX)
            .chain(['…'])
            .collect()
    }
}

/// What an event says of a figure, without who and when.
struct Said {
    kind: HistoryKind,
    fiscal_year: Option<FiscalYear>,
    cell: Option<ReportCell>,
    from: Option<String>,
    to: Option<String>,
    content: Option<ContentHash>,
    document: Option<DocumentId>,
}

impl Said {
    const fn new(kind: HistoryKind) -> Self {
        Self {
            kind,
            fiscal_year: None,
            cell: None,
            from: None,
            to: None,
            content: None,
            document: None,
        }
    }

    const fn year(mut self, year: FiscalYear) -> Self {
        self.fiscal_year = Some(year);
        self
    }

    const fn cell(mut self, cell: ReportCell) -> Self {
        self.cell = Some(cell);
        self
    }

    fn from(mut self, from: impl AsRef<str>) -> Self {
        self.from = Some(short(from.as_ref()));
        self
    }

    fn to(mut self, to: impl AsRef<str>) -> Self {
        self.to = Some(short(to.as_ref()));
        self
    }

    const fn content(mut self, content: ContentHash) -> Self {
        self.content = Some(content);
        self
    }
}

fn cell_in_words(actual: &daicho_domain::report::Actual) -> String {
    let cell = &actual.cell;
    match cell.value() {
        Some(_) => cell.display(),
        None => cell.status().ja().to_owned(),
    }
}

fn said(event: &Event) -> Option<Said> {
    use HistoryKind as K;
    Some(match event {
        Event::IndicatorDefined { definition, .. } => Said::new(K::Defined).to(&definition.name),
        Event::DepartmentAssigned {
            previous,
            department,
        } => {
            let said = Said::new(K::Assigned).to(department.to_string());
            match previous {
                Some(previous) => said.from(previous.to_string()),
                None => said,
            }
        }
        Event::DirectionDecided { decision } => Said::new(K::Direction).to(decision.direction.ja()),
        Event::TargetsSet { targets } => Said::new(K::Target).to(format!(
            "第{}版: {}",
            targets.number,
            targets
                .years
                .iter()
                .map(|(year, cell)| format!("{year} {}", cell.display()))
                .collect::<Vec<_>>()
                .join("、")
        )),
        Event::TargetsRevised { targets, changes } => {
            let name = |year: Option<FiscalYear>| {
                year.map_or_else(|| "最終目標".to_owned(), FiscalYear::short)
            };
            let list = |side: fn(
                &daicho_domain::indicator::TargetChange,
            ) -> Option<&daicho_domain::Cell>| {
                changes
                    .iter()
                    .map(|change| {
                        let text = side(change)
                            .map_or_else(|| "なし".to_owned(), daicho_domain::Cell::display);
                        format!("{} {text}", name(change.fiscal_year))
                    })
                    .collect::<Vec<_>>()
                    .join("、")
            };
            Said::new(K::Target)
                .year(targets.effective_from)
                .from(list(|change| change.previous.as_ref()))
                .to(format!(
                    "第{}版: {}",
                    targets.number,
                    list(|change| change.revised.as_ref())
                ))
        }
        Event::FigureAdopted {
            fiscal_year,
            actual,
            document,
            ..
        } => {
            let to = actual
                .as_ref()
                .map_or_else(|| "数値なし".to_owned(), cell_in_words);
            Said {
                document: *document,
                ..Said::new(K::Adopted)
                    .year(*fiscal_year)
                    .cell(ReportCell::Actual)
                    .to(to)
            }
        }
        Event::CommentaryAdopted {
            fiscal_year,
            placement,
            commentary,
        } => Said::new(K::Adopted)
            .year(*fiscal_year)
            .cell(ReportCell::Commentary(*placement))
            .to(commentary.as_one_text()),
        Event::ActualEntered {
            fiscal_year,
            actual,
        } => Said::new(K::Actual)
            .year(*fiscal_year)
            .cell(ReportCell::Actual)
            .to(cell_in_words(actual)),
        Event::ActualRevised {
            fiscal_year,
            previous,
            revised,
            ..
        } => Said::new(K::Actual)
            .year(*fiscal_year)
            .cell(ReportCell::Actual)
            .from(cell_in_words(previous))
            .to(cell_in_words(revised)),
        Event::ActualCorrected {
            fiscal_year,
            previous,
            corrected,
            ..
        } => Said::new(K::Corrected)
            .year(*fiscal_year)
            .cell(ReportCell::Actual)
            .from(cell_in_words(previous))
            .to(cell_in_words(corrected)),
        Event::CommentaryWritten {
            fiscal_year,
            placement,
            commentary,
        } => Said::new(K::Commentary)
            .year(*fiscal_year)
            .cell(ReportCell::Commentary(*placement))
            .to(commentary.as_one_text()),
        Event::CommentaryRevised {
            fiscal_year,
            placement,
            previous,
            revised,
            ..
        } => Said::new(K::Commentary)
            .year(*fiscal_year)
            .cell(ReportCell::Commentary(*placement))
            .from(previous.as_one_text())
            .to(revised.as_one_text()),
        Event::ReportSubmitted {
            fiscal_year,
            content,
            late,
            ..
        } => {
            let said = Said::new(K::Submitted).year(*fiscal_year).content(*content);
            if *late {
                said.to("期限後の提出")
            } else {
                said
            }
        }
        Event::ReportWithdrawn { fiscal_year } => Said::new(K::Withdrawn).year(*fiscal_year),
        Event::ReportReturned {
            fiscal_year,
            cell,
            comment,
        } => Said::new(K::Returned)
            .year(*fiscal_year)
            .cell(*cell)
            .to(comment),
        Event::ReportApproved {
            fiscal_year,
            content,
            step_name,
            ..
        } => Said::new(K::Approved)
            .year(*fiscal_year)
            .content(*content)
            .to(step_name),
        Event::ReportAccepted {
            fiscal_year,
            content,
            step_name,
            ..
        } => Said::new(K::Accepted)
            .year(*fiscal_year)
            .content(*content)
            .to(step_name),
        Event::ReportUnlocked {
            fiscal_year,
            cell,
            expires_at,
            ..
        } => Said::new(K::Unlocked)
            .year(*fiscal_year)
            .cell(*cell)
            .to(format!("{} まで", ja_minute(*expires_at))),
        Event::PeriodOpened {
            fiscal_year, due, ..
        } => Said::new(K::Period)
            .year(*fiscal_year)
            .to(format!("入力開始(提出期限 {})", ja_date(*due))),
        Event::PeriodDueChanged { previous, due, .. } => Said::new(K::Period)
            .from(format!("提出期限 {}", ja_date(*previous)))
            .to(format!("提出期限 {}", ja_date(*due))),
        Event::PeriodClosed {} => Said::new(K::Period).to("入力締切"),
        Event::PeriodReopened { .. } => Said::new(K::Period).to("入力再開"),
        Event::SheetPublished { number, .. } => {
            Said::new(K::Published).to(format!("第{number}版を公表"))
        }
        Event::CorrectionPublished {
            number, corrected, ..
        } => Said::new(K::Published).to(format!(
            "訂正版(第{number}版)を公表、訂正{}件",
            corrected.len()
        )),
        _ => return None,
    })
}

impl HistoryEntry {
    /// The line that `decoded` adds to a history; none where it does not concern a figure.
    pub(crate) fn of(decoded: &Decoded) -> Option<Self> {
        let said = said(&decoded.event)?;
        let provenance = &decoded.provenance;
        Some(Self {
            position: provenance.position,
            event_id: provenance.event_id,
            command_id: provenance.command_id,
            event_name: decoded.event.name(),
            kind: said.kind,
            at: provenance.at,
            actor: provenance.actor.clone(),
            fiscal_year: said.fiscal_year,
            cell: said.cell,
            from: said.from,
            to: said.to,
            reason: decoded.reason.clone(),
            content: said.content,
            document: said.document,
        })
    }
}
