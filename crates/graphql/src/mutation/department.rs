//! Departments.

use async_graphql::{Context, InputObject, Object};
use daicho_domain::command::{CloseDepartment, OpenDepartment, RenameDepartment};
use daicho_domain::{DepartmentId, MunicipalityId};
use uuid::Uuid;

use super::outcome::{CommandResult, carry_out};
use crate::scalar::{Date, Id};

/// Commands about departments.
#[derive(Default)]
pub(crate) struct DepartmentMutation;

/// Opens a department.
#[derive(InputObject)]
struct OpenDepartmentInput {
    /// Made by the client, a new one for each intention.
    command_id: Uuid,
    /// Its new identity; the command id where it is left out.
    id: Option<Id<DepartmentId>>,
    /// Whose.
    municipality: Id<MunicipalityId>,
    /// 担当課.
    name: String,
    /// First day.
    valid_from: Date,
}

/// Renames a department; what it is does not change.
#[derive(InputObject)]
struct RenameDepartmentInput {
    /// Made by the client, a new one for each intention.
    command_id: Uuid,
    /// Which one.
    department: Id<DepartmentId>,
    /// Its new name.
    name: String,
}

/// Closes a department at the end of a day.
#[derive(InputObject)]
struct CloseDepartmentInput {
    /// Made by the client, a new one for each intention.
    command_id: Uuid,
    /// Which one.
    department: Id<DepartmentId>,
    /// Last day.
    valid_to: Date,
}

#[Object]
impl DepartmentMutation {
    /// Opens a department.
    async fn open_department(
        &self,
        ctx: &Context<'_>,
        input: OpenDepartmentInput,
    ) -> CommandResult {
        let department = input.id.map_or(DepartmentId(input.command_id), |id| id.0);
        let command = OpenDepartment {
            department,
            municipality: input.municipality.0,
            name: input.name,
            valid_from: input.valid_from.0,
        };
        carry_out(ctx, input.command_id, command)
            .await
            .created(department.0)
    }

    /// Renames a department; what it is does not change.
    async fn rename_department(
        &self,
        ctx: &Context<'_>,
        input: RenameDepartmentInput,
    ) -> CommandResult {
        let command = RenameDepartment {
            department: input.department.0,
            name: input.name,
        };
        carry_out(ctx, input.command_id, command).await
    }

    /// Closes a department at the end of a day.
    async fn close_department(
        &self,
        ctx: &Context<'_>,
        input: CloseDepartmentInput,
    ) -> CommandResult {
        let command = CloseDepartment {
            department: input.department.0,
            valid_to: input.valid_to.0,
        };
        carry_out(ctx, input.command_id, command).await
    }
}
