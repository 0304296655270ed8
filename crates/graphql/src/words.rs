//! The closed lists of words that answers and inputs use. Their codes are those of the data
//! files; the Japanese words stand beside them in the answers.

use async_graphql::Enum;

/// Makes a GraphQL enum of a domain enum, with the domain's own codes as its values.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident = $remote:tt { $($(#[$item_doc:meta])* $item:ident),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
        #[graphql(remote = $remote, rename_items = "snake_case")]
        pub(crate) enum $name {
            $($(#[$item_doc])* $item,)+
        }
    )+};
}

words! {
    /// The roles, and the operator who runs the machine.
    Role = "daicho_domain::Role" {
        /// 担当者: enters figures and commentary of the own department.
        Staff,
        /// 課長: approves or returns reports of the own department.
        Approver,
        /// 企画課: plans, periods, acceptance and publication for the whole municipality.
        Planning,
        /// 監査: reads everything, changes nothing.
        Auditor,
        /// システム管理者: accounts, departments and grants; no figures, no approvals.
        Administrator,
        /// 公開: reads published sheets only.
        Public,
        /// The person at the machine: sets up the first municipality and administrator.
        Operator,
    }
    /// Why a cell holds what it holds.
    CellStatus = "daicho_domain::CellStatus" {
        /// 値: a number is there.
        Value,
        /// 未到来: the year has not come yet.
        NotDue,
        /// 未入力: it should be there and is not.
        Missing,
        /// 集計中: being collected.
        Pending,
        /// 目標設定なし: no target is set on purpose.
        NotSet,
        /// 基準値なし: there is no baseline.
        NoBaseline,
        /// 最終年度のみ: only the final year has a target.
        FinalYearOnly,
        /// 開始前: the project starts later.
        NotStarted,
        /// 計測前: nothing to measure yet.
        NotMeasurableYet,
        /// 終了後: the project has ended.
        Ended,
        /// 算出不可: the statistic is not published this year.
        NotAvailable,
        /// 合計不適: a total has no meaning.
        NotSummable,
        /// KPIなし: the project has no KPI.
        NoKpi,
        /// 秘匿: withheld.
        Suppressed,
        /// 判読不能: written, but it cannot be told what is meant.
        Ambiguous,
        /// 「—」理由未分類: a dash whose reason nobody has given yet.
        DashUnclassified,
    }
    /// What a reader noticed about the way a cell is written.
    CellFlag = "daicho_domain::CellFlag" {
        /// The unit stands inside the cell («△5.13%»).
        UnitInCell,
        /// Full-width digits or signs were read as half-width ones.
        FullWidth,
        /// A thousands separator was read.
        ThousandsSeparator,
    }
    /// Whether a year's target was reached.
    Verdict = "daicho_domain::sheet::Verdict" {
        /// 達成.
        Achieved,
        /// 未達成.
        NotAchieved,
        /// 評価対象外: there is no target or no figure for the year.
        NotEvaluable,
        /// 方向性 未定: nobody has decided which way is good.
        Undecided,
        /// 実績管理: there are no targets on purpose.
        MonitorOnly,
        /// KPI設定なし.
        NoKpi,
    }
    /// Why there is no achievement rate.
    RateReason = "daicho_domain::sheet::RateReason" {
        /// The target is 0.
        ZeroTarget,
        /// Target or actual is negative; a ratio would mislead.
        NegativeValue,
        /// Less is better or the level is to be kept; the difference is shown instead.
        NotHigherIsBetter,
        /// Nobody has decided which way is good.
        DirectionUndefined,
        /// There is no target for the year.
        NoTarget,
        /// There is no figure for the year.
        NoActual,
        /// The indicator has no targets on purpose, or is none.
        NotAKpi,
    }
    /// What role an indicator plays at a place of the sheet.
    IndicatorKind = "daicho_domain::plan::IndicatorKind" {
        /// 数値目標 of a goal.
        NumericGoal,
        /// 重要業績評価指標 with targets; the only kind that KPI数 counts.
        Kpi,
        /// 実績値の管理: actuals without targets.
        MonitorOnly,
        /// A project for which no KPI is set; only commentary is written.
        NoKpi,
    }
    /// 望ましい方向.
    Direction = "daicho_domain::indicator::Direction" {
        /// More is better: achieved at or above the target.
        Higher,
        /// Less is better: achieved at or below the target.
        Lower,
        /// To be kept at the target or above it.
        Maintain,
        /// Nobody has decided; no verdict is given.
        Undefined,
    }
    /// How the years' figures make one figure for the term.
    Aggregation = "daicho_domain::indicator::Aggregation" {
        /// Added up (counts on the basis `5年間`).
        Sum,
        /// The last year's figure stands.
        Last,
        /// Every year stands for itself.
        EachYear,
        /// There is none.
        None,
    }
    /// What a final target compares with.
    Basis = "daicho_domain::indicator::Basis" {
        /// `5年間`: reached over the plan's term.
        CumulativePlan,
        /// `各年度`: to be reached every year.
        EachFiscalYear,
        /// `令和7年`: to be reached in the final year.
        FinalYear,
        /// `令和2年～令和7年`: a rate over a period.
        PeriodRange,
    }
    /// What a period of a baseline or target is.
    PeriodKind = "daicho_domain::indicator::PeriodKind" {
        /// `令和元年`.
        CalendarYear,
        /// `令和元年度`.
        FiscalYear,
        /// `平成27年～令和2年`.
        Range,
        /// `第1期6年間`.
        PlanTerm,
    }
    /// Whether reports may be entered.
    PeriodStage = "daicho_domain::period::PeriodStage" {
        /// Departments may enter and submit.
        Open,
        /// Entering is over; what was submitted can still be approved and accepted.
        Closed,
    }
    /// Where a report stands. `unlocked` and `corrected` are marks beside the state, and
    /// `published` follows from the period's publications.
    ReportStage = "daicho_domain::report::ReportStage" {
        /// 未入力.
        NotEntered,
        /// 入力中.
        Draft,
        /// 課長確認待ち: submitted.
        Submitted,
        /// 企画課確認待ち: approved by the department.
        Approved,
        /// 企画課確認済: accepted by the planning office.
        Accepted,
        /// 差戻し.
        Returned,
        /// 移行データ: taken over from a document, without approvals of this service.
        Adopted,
        /// 公表済: what stands is what the public reads.
        Published,
    }
    /// The kind of reason, for counting and filtering.
    ReasonCode = "daicho_domain::report::ReasonCode" {
        /// 転記誤り: copied wrongly.
        TranscriptionError,
        /// 算定誤り: calculated wrongly.
        CalculationError,
        /// 元データの修正: the source itself was corrected.
        SourceCorrected,
        /// 確定値への更新: a provisional figure became final.
        Finalised,
        /// 指摘への対応: asked for by whoever returned it.
        ReviewComment,
        /// その他.
        Other,
    }
    /// A rule of separation of duties.
    DutyRule = "daicho_domain::rejection::DutyRule" {
        /// Nobody approves or accepts what they entered.
        OwnContent,
        /// Nobody takes two steps of one route, submission included.
        TwoSteps,
        /// Nobody gives a role to themselves.
        OwnGrant,
    }
    /// What kind of thing happened to a figure, for filters and icons.
    HistoryKind = "daicho_app::HistoryKind" {
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
    /// What is to be done.
    Task = "daicho_app::Task" {
        /// It came back with a comment: revise and submit.
        Revise,
        /// A cell was unlocked for correction.
        Correct,
        /// Enter and submit.
        Enter,
        /// Approve or return.
        Approve,
        /// Accept or return.
        Accept,
    }
    /// Everything that the policies allow or forbid: every command, and every kind of reading.
    Action = "daicho_domain::Action" {
        RegisterMunicipality,
        OpenDepartment,
        RenameDepartment,
        CloseDepartment,
        OpenAccount,
        DisableAccount,
        GiveGrant,
        WithdrawGrant,
        RecordCredentialsChange,
        AdoptPlan,
        SetRoute,
        AssignDepartment,
        DecideDirection,
        ReviseTargets,
        OpenPeriod,
        ChangeDueDate,
        ClosePeriod,
        ReopenPeriod,
        PublishSheet,
        EnterActual,
        WriteCommentary,
        SubmitReport,
        WithdrawReport,
        ReturnReport,
        ApproveReport,
        AcceptReport,
        UnlockReport,
        ReadPublished,
        ReadSheet,
        ReadDraft,
        ReadHistory,
        ReadRefusals,
        ReadProgress,
        ReadInbox,
        ReadAccounts,
        ReadEvents,
    }
}
