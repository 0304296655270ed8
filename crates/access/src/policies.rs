//! The policy files, and Cedar's answers to them.

use std::collections::{HashMap, HashSet};

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicyId,
    PolicySet, Request, RequestValidationError, RestrictedExpression, Schema, ValidationMode,
    Validator,
};
use daicho_domain::{Action, Role};

use crate::matrix::Matrix;
use crate::relation::Relation;

/// Every policy file as it is built in: name and text, for people to read.
pub const POLICIES: [(&str, &str); 8] = [
    ("everyone.cedar", include_str!("../policies/everyone.cedar")),
    ("staff.cedar", include_str!("../policies/staff.cedar")),
    ("approver.cedar", include_str!("../policies/approver.cedar")),
    ("planning.cedar", include_str!("../policies/planning.cedar")),
    ("auditor.cedar", include_str!("../policies/auditor.cedar")),
    (
        "administrator.cedar",
        include_str!("../policies/administrator.cedar"),
    ),
    ("public.cedar", include_str!("../policies/public.cedar")),
    ("operator.cedar", include_str!("../policies/operator.cedar")),
];

/// The schema that the policies are checked against.
pub const SCHEMA: &str = include_str!("../policies/schema.cedarschema");

/// Why the policies cannot be used. They are built in, so it is the build that is broken: use
/// a released one, or correct the file that is named.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The schema cannot be read.
    #[error("schema.cedarschema cannot be read; correct it and build again")]
    Schema(#[source] Box<cedar_policy::CedarSchemaError>),
    /// A policy file cannot be read.
    #[error("{file} cannot be read; correct it and build again")]
    Unreadable {
        /// The file.
        file: String,
        /// Cedar's account of it.
        #[source]
        source: Box<cedar_policy::ParseErrors>,
    },
    /// A policy has no `@id`.
    #[error("a policy in {file} has no @id; give it one, so that it can be cited")]
    Nameless {
        /// The file.
        file: String,
    },
    /// Two policies have the same `@id`.
    #[error("the @id of a policy in {file} is taken; give it another")]
    SameName {
        /// The file.
        file: String,
        /// Cedar's account of it.
        #[source]
        source: Box<cedar_policy::PolicySetError>,
    },
    /// The policies do not fit the schema, or one of them can never apply.
    #[error("the policies do not fit the schema; correct this and build again: {problems}")]
    Unfitting {
        /// What does not fit, by policy.
        problems: String,
    },
    /// A policy names one particular municipality, department or grant.
    #[error(
        "policy {policy} names {named}; policies name roles and actions only, anything else is a grant"
    )]
    Particular {
        /// The policy.
        policy: String,
        /// What it names.
        named: String,
    },
    /// Cedar could not be asked, or could not answer.
    #[error("no answer whether {role} may {action}; correct the policies or the schema: {problem}")]
    NoAnswer {
        /// The role asked about.
        role: Role,
        /// The action asked about.
        action: &'static str,
        /// What happened.
        problem: String,
    },
}

/// Policies that fit their schema.
pub(crate) struct Policies {
    schema: Schema,
    policies: PolicySet,
    /// One principal for each role and one place for each relation, to ask about.
    examples: Entities,
}

impl Policies {
    /// Reads and checks policy files.
    pub(crate) fn read(schema: &str, files: &[(&str, &str)]) -> Result<Self, AccessError> {
        let (schema, _) = Schema::from_cedarschema_str(schema)
            .map_err(|source| AccessError::Schema(Box::new(source)))?;
        let mut policies = PolicySet::new();
        for (file, text) in files {
            for policy in text
                .parse::<PolicySet>()
                .map_err(|source| AccessError::Unreadable {
                    file: (*file).to_owned(),
                    source: Box::new(source),
                })?
                .policies()
            {
                let id = policy
                    .annotation("id")
                    .ok_or_else(|| AccessError::Nameless {
                        file: (*file).to_owned(),
                    })?;
                policies
                    .add(policy.new_id(PolicyId::new(id)))
                    .map_err(|source| AccessError::SameName {
                        file: (*file).to_owned(),
                        source: Box::new(source),
                    })?;
            }
        }
        must_fit(&schema, &policies)?;
        must_name_only_roles_and_actions(&policies)?;
        let examples = examples(&schema)?;
        Ok(Self {
            schema,
            policies,
            examples,
        })
    }

    /// Asks Cedar about every role, action and relation.
    pub(crate) fn matrix(&self) -> Result<Matrix, AccessError> {
        let mut matrix = Matrix::default();
        for role in Role::ALL {
            for action in Action::ALL {
                for relation in Relation::ALL {
                    if self.permit(role, action, relation)? {
                        matrix.permit(role, action, relation);
                    }
                }
            }
        }
        Ok(matrix)
    }

    fn permit(&self, role: Role, action: Action, relation: Relation) -> Result<bool, AccessError> {
        let no_answer = |problem: String| AccessError::NoAnswer {
            role,
            action: action.name(),
            problem,
        };
        let request = match Request::new(
            principal(role),
            uid("Action", action.name()),
            place(relation),
            Context::empty(),
            Some(&self.schema),
        ) {
            Ok(request) => request,
            // The schema says that this kind of principal has nothing to do with the action.
            Err(RequestValidationError::InvalidPrincipalType(_)) => return Ok(false),
            Err(error) => return Err(no_answer(error.to_string())),
        };
        let answer = Authorizer::new().is_authorized(&request, &self.policies, &self.examples);
        if let Some(error) = answer.diagnostics().errors().next() {
            return Err(no_answer(error.to_string()));
        }
        Ok(answer.decision() == Decision::Allow)
    }
}

/// Strict validation; a warning (a policy that can never apply) is as bad as an error.
fn must_fit(schema: &Schema, policies: &PolicySet) -> Result<(), AccessError> {
    let result = Validator::new(schema.clone()).validate(policies, ValidationMode::Strict);
    if result.validation_passed_without_warnings() {
        return Ok(());
    }
    let problems: Vec<String> = result
        .validation_errors()
        .map(ToString::to_string)
        .chain(result.validation_warnings().map(ToString::to_string))
        .collect();
    Err(AccessError::Unfitting {
        problems: problems.join("; "),
    })
}

/// A matrix of roles, actions and relations is the whole truth only while no policy looks at
/// which municipality, department or grant it is.
fn must_name_only_roles_and_actions(policies: &PolicySet) -> Result<(), AccessError> {
    for policy in policies.policies() {
        let particular = policy
            .entity_literals()
            .into_iter()
            .find(|named| !matches!(named.type_name().basename(), "Role" | "Action"));
        if let Some(named) = particular {
            return Err(AccessError::Particular {
                policy: policy.id().to_string(),
                named: named.to_string(),
            });
        }
    }
    Ok(())
}

fn uid(kind: &str, id: &str) -> EntityUid {
    let kind: EntityTypeName = format!("Daicho::{kind}")
        .parse()
        .expect("the names of the schema's types are names");
    EntityUid::from_type_name_and_id(kind, EntityId::new(id))
}

fn principal(role: Role) -> EntityUid {
    match role {
        Role::Operator => uid("Operator", "example"),
        Role::Public => uid("Anyone", "example"),
        _ => uid("Grant", role.code()),
    }
}

fn place(relation: Relation) -> EntityUid {
    uid("Scope", &relation.letter().to_string())
}

type Attributes = HashMap<String, RestrictedExpression>;

fn attributes(municipality: Option<&str>, department: Option<&str>) -> Attributes {
    let of = |kind: &str, id: &str| RestrictedExpression::new_entity_uid(uid(kind, id));
    let municipality = municipality.map(|id| ("municipality".to_owned(), of("Municipality", id)));
    let department = department.map(|id| ("department".to_owned(), of("Department", id)));
    municipality.into_iter().chain(department).collect()
}

fn examples(schema: &Schema) -> Result<Entities, AccessError> {
    let grants = Role::GRANTABLE.map(|role| {
        let department = role.is_of_a_department().then_some("own");
        (
            principal(role),
            attributes(Some("own"), department),
            HashSet::from([uid("Role", role.code())]),
        )
    });
    let places = Relation::ALL.map(|relation| {
        let (municipality, department) = match relation {
            Relation::OwnDepartment => (Some("own"), Some("own")),
            Relation::Municipality => (Some("own"), None),
            Relation::OtherDepartment => (Some("own"), Some("other")),
            // The department is the grant's own, so that a policy which forgets to compare
            // municipalities is seen.
            Relation::OtherMunicipality => (Some("other"), Some("own")),
            Relation::NoMunicipality => (None, None),
        };
        (
            place(relation),
            attributes(municipality, department),
            HashSet::new(),
        )
    });
    let unfitting = |problems: String| AccessError::Unfitting { problems };
    let mut entities = vec![
        Entity::new_no_attrs(principal(Role::Operator), HashSet::new()),
        Entity::new_no_attrs(principal(Role::Public), HashSet::new()),
    ];
    for (uid, attributes, parents) in grants.into_iter().chain(places) {
        entities.push(
            Entity::new(uid, attributes, parents).map_err(|error| unfitting(error.to_string()))?,
        );
    }
    Entities::from_entities(entities, Some(schema)).map_err(|error| unfitting(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn with(extra: &str) -> Result<Matrix, AccessError> {
        let mut files = POLICIES.to_vec();
        files.push(("extra.cedar", extra));
        Policies::read(SCHEMA, &files)?.matrix()
    }

    #[test]
    fn the_policies_fit_the_schema() {
        Policies::read(SCHEMA, &POLICIES).unwrap();
    }

    #[test]
    fn every_action_is_in_the_schema_and_every_action_of_the_schema_exists() {
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).unwrap();
        let groups: BTreeSet<String> = schema.action_groups().map(ToString::to_string).collect();
        let in_schema: BTreeSet<String> = schema
            .actions()
            .map(ToString::to_string)
            .filter(|action| !groups.contains(action))
            .collect();
        let in_domain: BTreeSet<String> = Action::ALL
            .iter()
            .map(|action| uid("Action", action.name()).to_string())
            .collect();
        assert_eq!(in_schema, in_domain);
    }

    #[test]
    fn the_schema_knows_which_actions_only_read() {
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).unwrap();
        let actions = schema.action_entities().unwrap();
        for action in Action::ALL {
            let groups: BTreeSet<&EntityUid> = actions
                .ancestors(&uid("Action", action.name()))
                .unwrap()
                .collect();
            let (reading, changing) = (uid("Action", "reading"), uid("Action", "changing"));
            assert_eq!(groups.contains(&reading), action.is_reading(), "{action:?}");
            assert_eq!(
                groups.contains(&changing),
                !action.is_reading(),
                "{action:?}"
            );
        }
    }

    #[test]
    fn every_grantable_role_is_in_the_schema() {
        for role in Role::GRANTABLE {
            let policy = format!(
                "@id(\"extra\") permit (principal in Daicho::Role::\"{role}\", action, resource);"
            );
            with(&policy).unwrap();
        }
    }

    #[test]
    fn a_misspelt_role_is_refused() {
        let refused =
            with(r#"@id("extra") permit (principal in Daicho::Role::"stuff", action, resource);"#);
        assert!(matches!(refused, Err(AccessError::Unfitting { .. })));
    }

    #[test]
    fn a_misspelt_action_is_refused() {
        let refused = with(
            r#"@id("extra") permit (principal, action == Daicho::Action::"enter_figure", resource);"#,
        );
        assert!(matches!(refused, Err(AccessError::Unfitting { .. })));
    }

    #[test]
    fn a_policy_that_can_never_apply_is_refused() {
        let refused = with(
            r#"@id("extra") permit (principal is Daicho::Operator, action == Daicho::Action::"enter_actual", resource);"#,
        );
        assert!(matches!(refused, Err(AccessError::Unfitting { .. })));
    }

    #[test]
    fn a_policy_for_one_municipality_is_refused() {
        let refused = with(
            r#"@id("extra") permit (principal is Daicho::Grant, action, resource)
               when { principal.municipality == Daicho::Municipality::"012262" };"#,
        );
        assert!(
            matches!(refused, Err(AccessError::Particular { ref named, .. }) if named.contains("012262"))
        );
    }

    #[test]
    fn a_policy_without_an_id_is_refused() {
        let refused = with("permit (principal, action, resource);");
        assert!(matches!(refused, Err(AccessError::Nameless { file }) if file == "extra.cedar"));
    }

    #[test]
    fn two_policies_with_one_id_are_refused() {
        let refused =
            with(r#"@id("auditors-change-nothing") permit (principal, action, resource);"#);
        assert!(matches!(refused, Err(AccessError::SameName { .. })));
    }

    #[test]
    fn a_file_that_is_no_policy_is_refused_by_its_name() {
        let refused = with("permit (everything);");
        assert!(
            matches!(refused, Err(AccessError::Unreadable { file, .. }) if file == "extra.cedar")
        );
    }

    #[test]
    fn a_schema_that_cannot_be_read_is_refused() {
        let refused = Policies::read("entity", &POLICIES).err();
        assert!(matches!(refused, Some(AccessError::Schema(_))));
    }

    #[test]
    fn what_is_forbidden_stays_forbidden_when_a_policy_permits_everything() {
        let matrix = with(r#"@id("extra") permit (principal, action, resource);"#).unwrap();
        for action in Action::ALL {
            for role in Role::GRANTABLE {
                for relation in [Relation::OtherMunicipality, Relation::NoMunicipality] {
                    assert!(!matrix.permits(role, action, relation), "{role} {action:?}");
                }
            }
            if !action.is_reading() {
                assert!(!matrix.permits(Role::Auditor, action, Relation::Municipality));
            }
            if action != Action::ReadPublished {
                assert!(!matrix.permits(Role::Public, action, Relation::OtherMunicipality));
            }
        }
        for figures in [
            Action::EnterActual,
            Action::WriteCommentary,
            Action::ApproveReport,
            Action::AcceptReport,
            Action::ReviseTargets,
            Action::PublishSheet,
        ] {
            assert!(!matrix.permits(Role::Administrator, figures, Relation::OtherDepartment));
            assert!(!matrix.permits(Role::Operator, figures, Relation::OtherMunicipality));
        }
        assert!(
            matrix.permits(
                Role::Staff,
                Action::ApproveReport,
                Relation::OtherDepartment
            ),
            "the added policy has an effect where nothing forbids it"
        );
    }
}
