//! Role × action × relation: everything that the policies decide.

use std::collections::HashSet;
use std::fmt;

use daicho_domain::{Action, Role};

use crate::relation::Relation;

/// What each role may do, as Cedar answered.
#[derive(Debug, Default)]
pub(crate) struct Matrix {
    permitted: HashSet<(Role, Action, Relation)>,
}

impl Matrix {
    pub(crate) fn permit(&mut self, role: Role, action: Action, relation: Relation) {
        self.permitted.insert((role, action, relation));
    }

    pub(crate) fn permits(&self, role: Role, action: Action, relation: Relation) -> bool {
        self.permitted.contains(&(role, action, relation))
    }
}

const LEGEND: &str = "\
Who may do what: the outcome of crates/access/policies/*.cedar, written by a test.
DAICHO_BLESS=1 cargo nextest run -p daicho-access writes it anew; read the difference.

A letter says where the role may do it, a dot where it may not:
  D  in the department that the role was granted for
  M  in the municipality as a whole, or for what is assigned to no department yet
  O  in another department; to a role for the whole municipality every department is (D is the same)
  X  in another municipality; to the operator and the public every one is (D, M, O are the same)
  N  without a municipality: it is only being registered, or all of them are meant
";

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{LEGEND}")?;
        let mut line = format!("{:<26}", "");
        for role in Role::ALL {
            line.push_str(&format!("{:<15}", role.code()));
        }
        writeln!(f, "{}", line.trim_end())?;
        for action in Action::ALL {
            line = format!("{:<26}", action.name());
            for role in Role::ALL {
                let cell: String = Relation::ALL
                    .into_iter()
                    .map(|relation| {
                        if self.permits(role, action, relation) {
                            relation.letter()
                        } else {
                            '.'
                        }
                    })
                    .collect();
                line.push_str(&format!("{cell:<15}"));
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::{POLICIES, Policies, SCHEMA};

    fn matrix() -> Matrix {
        Policies::read(SCHEMA, &POLICIES).unwrap().matrix().unwrap()
    }

    #[test]
    fn the_committed_matrix_is_what_the_policies_say() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/role_matrix.txt");
        let now = matrix().to_string();
        if std::env::var_os("DAICHO_BLESS").is_some() {
            std::fs::write(file, &now).unwrap();
        }
        let committed = std::fs::read_to_string(file).unwrap_or_default();
        assert!(
            now == committed,
            "role_matrix.txt is not what the policies say; if they are right, write it anew with DAICHO_BLESS=1. They say:\n{now}"
        );
    }

    #[test]
    fn no_role_enters_figures_and_decides_about_them() {
        let matrix = matrix();
        let does = |role, action| {
            Relation::ALL
                .into_iter()
                .any(|relation| matrix.permits(role, action, relation))
        };
        for role in Role::ALL {
            let enters = [Action::EnterActual, Action::WriteCommentary]
                .into_iter()
                .any(|action| does(role, action));
            let decides = [
                Action::ApproveReport,
                Action::AcceptReport,
                Action::ReturnReport,
                Action::PublishSheet,
            ]
            .into_iter()
            .any(|action| does(role, action));
            assert!(!(enters && decides), "{role}");
        }
    }

    #[test]
    fn no_role_approves_for_the_department_and_accepts_for_the_planning_office() {
        let matrix = matrix();
        for role in Role::ALL {
            let both = [Action::ApproveReport, Action::AcceptReport].map(|action| {
                Relation::ALL
                    .into_iter()
                    .any(|relation| matrix.permits(role, action, relation))
            });
            assert_ne!(both, [true, true], "{role}");
        }
    }

    #[test]
    fn every_action_is_somebodys() {
        let matrix = matrix();
        for action in Action::ALL {
            let somebodys = Role::ALL.into_iter().any(|role| {
                Relation::ALL
                    .into_iter()
                    .any(|relation| matrix.permits(role, action, relation))
            });
            assert!(somebodys, "{action:?}");
        }
    }

    #[test]
    fn everybody_but_the_operator_reads_what_is_published() {
        let matrix = matrix();
        for role in Role::GRANTABLE {
            assert!(matrix.permits(role, Action::ReadPublished, Relation::Municipality));
        }
        assert!(matrix.permits(
            Role::Public,
            Action::ReadPublished,
            Relation::OtherMunicipality
        ));
        assert!(!matrix.permits(
            Role::Operator,
            Action::ReadPublished,
            Relation::OtherMunicipality
        ));
    }
}
