use daicho_app::{App, AppError, Caller, CommandId, Done};
use daicho_domain::Command;
use daicho_domain::command::{
    AcceptReport, AdoptPlan, ApproveReport, AssignDepartment, ChangeDueDate, ClosePeriod,
    EnterActual, GiveGrant, OpenAccount, OpenDepartment, OpenPeriod, PublishSheet,
    RegisterMunicipality, ReopenPeriod, ReturnReport, ReviseTargets, SetRoute, SubmitReport,
    UnlockReport, WithdrawGrant, WithdrawReport, WriteCommentary,
};

macro_rules! asked {
    ($($command:ident),* $(,)?) => {
        /// Any command that somebody of the simulation gives.
        #[derive(Clone, Debug)]
        pub(super) enum Asked {
            $($command($command),)*
        }

        impl Asked {
            /// Its name, as the policies know it.
            pub fn action(&self) -> &'static str {
                match self {
                    $(Self::$command(_) => <$command as Command>::ACTION.name(),)*
                }
            }

            /// The command as JSON text.
            pub fn content(&self) -> String {
                let text = match self {
                    $(Self::$command(command) => serde_json::to_string(command),)*
                };
                text.expect("every command has a JSON form")
            }

            /// Has it carried out.
            pub async fn handle(
                self,
                app: &App,
                caller: &Caller,
                id: CommandId,
            ) -> Result<Done, AppError> {
                match self {
                    $(Self::$command(command) => app.handle(caller, command, id).await,)*
                }
            }
        }

        $(impl From<$command> for Asked {
            fn from(command: $command) -> Self {
                Self::$command(command)
            }
        })*
    };
}

asked!(
    RegisterMunicipality,
    OpenDepartment,
    OpenAccount,
    GiveGrant,
    WithdrawGrant,
    AdoptPlan,
    SetRoute,
    AssignDepartment,
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
);
