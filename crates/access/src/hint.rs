//! Whom to ask, for one who was refused.

use daicho_domain::{Action, Role, Scope};

use crate::matrix::Matrix;
use crate::relation::Relation;

/// Says who could do `action` in `scope`, as the matrix has it. `at_home` is whether the one
/// who was refused has a grant in that municipality.
pub(crate) fn whom_to_ask(matrix: &Matrix, action: Action, scope: Scope, at_home: bool) -> String {
    let near = Relation::to_its_own(scope);
    let nearest = holders(matrix, action, near);
    if !nearest.is_empty() {
        let place = if at_home || near == Relation::NoMunicipality {
            ""
        } else {
            " of that municipality"
        };
        return format!("ask {nearest}{place}");
    }
    let in_a_department = holders(matrix, action, Relation::OwnDepartment);
    if near == Relation::Municipality && !in_a_department.is_empty() {
        return format!(
            "no department is named or assigned yet: name one, or ask {} to assign it; then it is for {in_a_department}",
            holders(matrix, Action::AssignDepartment, near)
        );
    }
    "name the municipality that it is about".to_owned()
}

fn holders(matrix: &Matrix, action: Action, relation: Relation) -> String {
    Role::ALL
        .into_iter()
        .filter(|role| matrix.permits(*role, action, relation))
        .map(|role| match role {
            Role::Staff => "staff of the department",
            Role::Approver => "an approver of the department",
            Role::Planning => "the planning office",
            Role::Auditor => "an auditor",
            Role::Administrator => "an administrator",
            Role::Public => "anybody",
            Role::Operator => "the operator of the machine",
        })
        .collect::<Vec<_>>()
        .join(" or ")
}
