//! How what is acted on lies to the grant that is acted under.

use daicho_domain::Scope;
use daicho_domain::account::Grant;

/// How a [`Scope`] lies to a grant: all that the policies distinguish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Relation {
    /// It is the grant's department.
    OwnDepartment,
    /// It is the grant's municipality and no department: the whole, or what is assigned to no
    /// department yet.
    Municipality,
    /// It is a department of the grant's municipality, but not the grant's. To a grant for the
    /// whole municipality every department is another one.
    OtherDepartment,
    /// It is another municipality. To the operator and to the public every one is.
    OtherMunicipality,
    /// It is no municipality: one is only being registered, or everything is meant.
    NoMunicipality,
}

impl Relation {
    /// Every relation, the nearest first.
    pub const ALL: [Self; 5] = [
        Self::OwnDepartment,
        Self::Municipality,
        Self::OtherDepartment,
        Self::OtherMunicipality,
        Self::NoMunicipality,
    ];

    /// How `scope` lies to `grant`.
    pub fn of(grant: &Grant, scope: Scope) -> Self {
        match (scope.municipality, scope.department) {
            (Some(municipality), department) if municipality == grant.municipality => {
                match department {
                    None => Self::Municipality,
                    Some(_) if department == grant.department => Self::OwnDepartment,
                    Some(_) => Self::OtherDepartment,
                }
            }
            _ => Self::to_a_stranger(scope),
        }
    }

    /// How `scope` lies to one who belongs to no municipality.
    pub(crate) fn to_a_stranger(scope: Scope) -> Self {
        match scope.municipality {
            Some(_) => Self::OtherMunicipality,
            None => Self::NoMunicipality,
        }
    }

    /// How `scope` lies to those who are nearest to it.
    pub(crate) fn to_its_own(scope: Scope) -> Self {
        match (scope.municipality, scope.department) {
            (None, _) => Self::NoMunicipality,
            (Some(_), None) => Self::Municipality,
            (Some(_), Some(_)) => Self::OwnDepartment,
        }
    }

    /// The letter that stands for it in the matrix.
    pub(crate) const fn letter(self) -> char {
        match self {
            Self::OwnDepartment => 'D',
            Self::Municipality => 'M',
            Self::OtherDepartment => 'O',
            Self::OtherMunicipality => 'X',
            Self::NoMunicipality => 'N',
        }
    }
}
