//! The familiar table: two printed lines for each indicator, 目標値 above 実績値. Working and
//! public sheet show the same one.

/// One cell as eyes and screen readers get it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figure {
    /// As sheets print it.
    pub(crate) shown: String,
    /// In words, where the print alone says too little (a dash, a △, a blank).
    pub(crate) spoken: String,
}

impl Figure {
    /// A cell that sheets print as `shown` and whose status is `status` in words.
    pub(crate) fn new(shown: &str, status: &str) -> Self {
        let spoken = match shown {
            "" | "—" => status.to_owned(),
            _ if shown.contains('△') => shown.replace('△', "マイナス"),
            _ => String::new(),
        };
        Self {
            shown: shown.to_owned(),
            spoken,
        }
    }
}

/// The counts of a sheet, for its headline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) projects: i64,
    pub(crate) kpis: i64,
    pub(crate) evaluable: i64,
    pub(crate) achieved: i64,
    pub(crate) not_achieved: i64,
    pub(crate) not_evaluable: i64,
    pub(crate) undecided: i64,
    pub(crate) monitor_only: i64,
    pub(crate) projects_without_kpi: i64,
    pub(crate) provisional: i64,
}

impl Counts {
    /// The first thing that a resident reads, with its denominators.
    pub(crate) fn headline(&self, year: &str) -> String {
        format!(
            "{}の指標のうち、{year}に評価できた{}のうち{}が達成",
            self.kpis, self.evaluable, self.achieved
        )
    }

    /// What the headline leaves out.
    pub(crate) fn excluded(&self) -> String {
        let mut parts = vec![
            format!("未達成{}", self.not_achieved),
            format!("評価対象外{}(開始前・計測前など)", self.not_evaluable),
        ];
        if self.undecided > 0 {
            parts.push(format!("方向性未定{}", self.undecided));
        }
        parts.push(format!(
            "このほか目標を定めず実績値を管理する指標{}",
            self.monitor_only
        ));
        parts.push(format!(
            "KPIを設定していない事業{}",
            self.projects_without_kpi
        ));
        let provisional = match self.provisional {
            0 => String::new(),
            count => format!("評価には暫定値{count}件を含みます。"),
        };
        format!("{}。{provisional}", parts.join("、"))
    }
}

/// A sheet ready to be printed.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) plan: String,
    pub(crate) title: String,
    pub(crate) municipality: String,
    /// `R3`.
    pub(crate) fiscal_year: String,
    /// `令和3年度`.
    pub(crate) year: String,
    pub(crate) years: Vec<YearColumn>,
    pub(crate) goals: Vec<Goal>,
    pub(crate) counts: Counts,
    /// Whether residents read it: no states, no links to work.
    pub(crate) is_public: bool,
}

/// A fiscal year of the term.
#[derive(Clone, Debug)]
pub(crate) struct YearColumn {
    pub(crate) fiscal_year: String,
    /// `令和3年度`.
    pub(crate) ja: String,
    /// `3年度`.
    pub(crate) column: String,
}

impl Table {
    /// `5年間の合計`.
    pub(crate) fn total_heading(&self) -> String {
        format!("{}年間の合計", self.years.len())
    }

    /// Number of columns of the KPI table.
    pub(crate) fn width(&self) -> usize {
        self.years.len() + 6
    }
}

/// A 基本目標.
#[derive(Clone, Debug)]
pub(crate) struct Goal {
    pub(crate) id: String,
    pub(crate) heading: String,
    pub(crate) numeric_goals: Vec<Row>,
    pub(crate) policies: Vec<Policy>,
    /// `小計(事業数:9、KPI数:8)`.
    pub(crate) subtotal: String,
}

/// A large 施策.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) heading: String,
    pub(crate) measures: Vec<Measure>,
}

/// A 施策.
#[derive(Clone, Debug)]
pub(crate) struct Measure {
    pub(crate) heading: String,
    pub(crate) projects: Vec<Project>,
}

/// A 事業.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    pub(crate) title: String,
    pub(crate) rows: Vec<Row>,
}

impl Project {
    /// Number of printed lines.
    pub(crate) fn lines(&self) -> usize {
        self.rows.len() * 2
    }
}

/// An indicator at its place.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) placement: String,
    pub(crate) indicator: String,
    /// What the sheet says: name, baseline and target in one.
    pub(crate) expression: String,
    pub(crate) name: String,
    pub(crate) baseline: String,
    pub(crate) final_target: String,
    pub(crate) targets: Vec<Figure>,
    pub(crate) actuals: Vec<Figure>,
    pub(crate) total_target: Figure,
    pub(crate) total_actual: Figure,
    pub(crate) commentary: String,
    pub(crate) verdict: String,
    /// Name of the verdict for the stylesheet.
    pub(crate) verdict_class: &'static str,
    /// The achievement rate, or why there is none.
    pub(crate) rate: String,
    pub(crate) stage: String,
    pub(crate) department: String,
    pub(crate) is_stale: bool,
    pub(crate) is_corrected: bool,
    pub(crate) is_draft_hidden: bool,
    /// Whether the same indicator stands at an earlier place too.
    pub(crate) is_shown_before: bool,
}

/// The name of an indicator as the sheet writes it; `definition` where it writes none.
pub(crate) fn expression(written: &str, definition: &str, no_kpi_reason: Option<&str>) -> String {
    [written, definition, no_kpi_reason.unwrap_or_default()]
        .into_iter()
        .find(|text| !text.trim().is_empty())
        .unwrap_or("(指標名なし)")
        .to_owned()
}

/// `7,740人(平成27年)`.
pub(crate) fn with_period(shown: &str, unit: Option<&str>, period: &str) -> String {
    format!("{shown}{}({period})", unit.unwrap_or_default())
}

/// The [`Counts`] of a document's `summary`.
macro_rules! counts {
    ($summary:expr) => {{
        let summary = &$summary;
        $crate::page::two_row_table::Counts {
            projects: summary.projects,
            kpis: summary.kpis,
            evaluable: summary.evaluable,
            achieved: summary.achieved,
            not_achieved: summary.not_achieved,
            not_evaluable: summary.not_evaluable,
            undecided: summary.undecided,
            monitor_only: summary.monitor_only,
            projects_without_kpi: summary.projects_without_kpi,
            provisional: summary.provisional,
        }
    }};
}
pub(crate) use counts;

/// Makes a [`Table`] of the fragment `SheetParts` of the document in `$document`: each
/// document's types are its own, though their texts are the same.
macro_rules! table_of {
    ($document:ident) => {
        use $crate::page::two_row_table as table;

        impl From<&$document::CellParts> for table::Figure {
            fn from(cell: &$document::CellParts) -> Self {
                Self::new(&cell.display, &cell.status_label)
            }
        }

        fn row_of(row: &$document::RowParts, years: &[table::YearColumn]) -> table::Row {
            let statement = &row.statement;
            let unit = row.definition.unit.as_deref();
            let unit_beside = |cell: &$document::CellParts| {
                unit.filter(|_| cell.unit.is_none() && cell.value.is_some())
                    .map(str::to_owned)
            };
            let judgement = row.judgement.as_ref();
            // A row that has no targets, or no KPI at all, has dashes where others have cells.
            let (no_target, no_actual) = match row.kind {
                $document::IndicatorKind::monitor_only => (
                    table::Figure::new("—", "目標設定なし"),
                    table::Figure::default(),
                ),
                $document::IndicatorKind::no_kpi => (
                    table::Figure::new("—", "KPIなし"),
                    table::Figure::new("—", "KPIなし"),
                ),
                _ => Default::default(),
            };
            let of_year = |cells: &mut dyn Iterator<Item = (&String, &$document::CellParts)>,
                           absent: &table::Figure|
             -> Vec<table::Figure> {
                let cells: std::collections::BTreeMap<_, _> = cells.collect();
                years
                    .iter()
                    .map(|year| {
                        cells
                            .get(&year.fiscal_year)
                            .map_or_else(|| absent.clone(), |cell| table::Figure::from(*cell))
                    })
                    .collect()
            };
            table::Row {
                placement: row.placement.clone(),
                indicator: row.indicator.clone(),
                expression: table::expression(
                    &statement.expression,
                    &row.definition.name,
                    statement.no_kpi_reason.as_deref(),
                ),
                name: table::expression(
                    &row.definition.name,
                    &statement.expression,
                    statement.no_kpi_reason.as_deref(),
                ),
                baseline: statement
                    .baseline
                    .as_ref()
                    .map_or_else(String::new, |baseline| {
                        table::with_period(
                            &baseline.cell.display,
                            unit_beside(&baseline.cell).as_deref(),
                            &baseline.period_label,
                        )
                    }),
                final_target: statement
                    .final_target
                    .as_ref()
                    .map_or_else(String::new, |target| {
                        table::with_period(
                            &target.cell.display,
                            unit_beside(&target.cell).as_deref(),
                            &target.basis_label,
                        )
                    }),
                targets: of_year(
                    &mut row
                        .targets
                        .iter()
                        .map(|year| (&year.fiscal_year, &year.cell)),
                    &no_target,
                ),
                actuals: of_year(
                    &mut row
                        .actuals
                        .iter()
                        .map(|year| (&year.fiscal_year, &year.cell)),
                    &no_actual,
                ),
                total_target: (&row.total_target).into(),
                total_actual: (&row.total_actual).into(),
                commentary: row
                    .commentary
                    .as_ref()
                    .map(|commentary| commentary.text.clone())
                    .unwrap_or_default(),
                verdict: judgement
                    .map(|judgement| judgement.label.clone())
                    .unwrap_or_default(),
                verdict_class: match judgement.map(|judgement| &judgement.verdict) {
                    Some($document::Verdict::achieved) => "achieved",
                    Some($document::Verdict::not_achieved) => "not-achieved",
                    _ => "unjudged",
                },
                rate: judgement
                    .and_then(|judgement| judgement.rate.as_ref())
                    .map(|rate| format!("{rate}%"))
                    .unwrap_or_default(),
                stage: row.stage_label.clone(),
                department: row
                    .department
                    .as_ref()
                    .map(|department| department.name.clone())
                    .unwrap_or_default(),
                is_stale: row.is_stale,
                is_corrected: row.is_corrected,
                is_draft_hidden: row.is_draft_hidden,
                is_shown_before: row.placement_of.is_some(),
            }
        }

        fn table_of(sheet: &$document::SheetParts, is_public: bool) -> table::Table {
            let years: Vec<table::YearColumn> = sheet
                .years
                .iter()
                .map(|year| table::YearColumn {
                    fiscal_year: year.fiscal_year.clone(),
                    ja: year.ja.clone(),
                    column: year.column.clone(),
                })
                .collect();
            let goals = sheet
                .goals
                .iter()
                .map(|goal| table::Goal {
                    id: goal.id.clone(),
                    heading: goal.heading.clone(),
                    numeric_goals: goal
                        .numeric_goals
                        .iter()
                        .map(|row| row_of(row, &years))
                        .collect(),
                    policies: goal
                        .policies
                        .iter()
                        .map(|policy| table::Policy {
                            heading: policy.heading.clone(),
                            measures: policy
                                .measures
                                .iter()
                                .map(|measure| table::Measure {
                                    heading: measure.heading.clone(),
                                    projects: measure
                                        .projects
                                        .iter()
                                        .map(|project| table::Project {
                                            title: project.title.clone(),
                                            rows: project
                                                .rows
                                                .iter()
                                                .map(|row| row_of(row, &years))
                                                .collect(),
                                        })
                                        .collect(),
                                })
                                .collect(),
                        })
                        .collect(),
                    subtotal: format!(
                        "小計(事業数:{}、KPI数:{})",
                        goal.summary.projects, goal.summary.kpis
                    ),
                })
                .collect();
            table::Table {
                plan: sheet.plan.clone(),
                title: sheet.title.clone(),
                municipality: sheet.municipality.name.clone(),
                fiscal_year: sheet.fiscal_year.clone(),
                year: sheet.year.ja.clone(),
                counts: table::counts!(sheet.summary),
                goals,
                years,
                is_public,
            }
        }
    };
}
pub(crate) use table_of;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dash_is_spoken_as_its_reason_and_a_triangle_as_minus() {
        assert_eq!(Figure::new("—", "開始前").spoken, "開始前");
        assert_eq!(Figure::new("", "未入力").spoken, "未入力");
        assert_eq!(
            Figure::new("暫定値△7.77", "値").spoken,
            "暫定値マイナス7.77"
        );
        assert_eq!(Figure::new("30,378", "値").spoken, "");
    }

    #[test]
    fn the_headline_never_stands_without_its_denominators() {
        let counts = Counts {
            kpis: 46,
            evaluable: 41,
            achieved: 21,
            not_achieved: 20,
            not_evaluable: 5,
            ..Counts::default()
        };
        assert_eq!(
            counts.headline("令和3年度"),
            "46の指標のうち、令和3年度に評価できた41のうち21が達成"
        );
        assert!(counts.excluded().starts_with("未達成20、評価対象外5"));
    }
}
