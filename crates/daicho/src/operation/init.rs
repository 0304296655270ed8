//! `init`: the first municipality, departments and administrator.

use daicho_app::Caller;
use daicho_domain::account::Grant;
use daicho_domain::command::{
    GiveGrant, NAME_CHARACTERS_MAX, OpenAccount, OpenDepartment, RegisterMunicipality, local_date,
};
use daicho_domain::{AccountId, DepartmentId, GrantId, MunicipalityId, Role};
use serde::{Deserialize, Serialize};

use super::account::{announced, forget, register};
use super::{Outcome, give};
use crate::evidence::{EvidenceSettings, Making, equip};
use crate::failure::Failure;
use crate::service::Service;

/// What `init` was given.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InitOperation {
    /// 全国地方公共団体コード.
    pub code: String,
    /// Name of the municipality.
    pub name: String,
    /// Departments to open.
    pub departments: Vec<String>,
    /// Sign-in name of the administrator.
    pub admin: String,
    /// Name of the administrator.
    pub admin_name: String,
    /// The administrator's password.
    pub password: String,
    /// Whether the password was made up and has to be printed.
    pub print_password: bool,
    /// The log's name; made from the code otherwise.
    pub log_origin: Option<String>,
}

pub(super) async fn run(
    service: &Service,
    operation: InitOperation,
    operator: &str,
) -> Result<Outcome, Failure> {
    let caller = Caller::Operator(operator.to_owned());
    let app = &service.app;
    let existing = app.municipalities().into_iter().next();
    if let Some(existing) = &existing
        && (existing.local_gov_code != operation.code
            || has_administrator(service, &caller, existing.id)?)
    {
        return Err(Failure::new(format!(
            "this data folder already belongs to {}",
            existing.name
        ))
        .help("use another folder, or go on with 'daicho account' and 'daicho import'"));
    }
    let municipality = existing
        .as_ref()
        .map_or_else(|| MunicipalityId(app.new_id()), |existing| existing.id);
    let today = local_date(app.now());
    // Everything is decided before anything is recorded or registered.
    let registration = RegisterMunicipality {
        municipality,
        local_gov_code: operation.code,
        name: operation.name.clone(),
        demo: false,
    };
    if existing.is_none() {
        app.preview(&caller, registration.clone())?;
    }
    if let Some(name) = operation
        .departments
        .iter()
        .find(|name| name.trim().is_empty() || name.chars().count() > NAME_CHARACTERS_MAX)
    {
        return Err(
            Failure::new(format!("'{name}' cannot be the name of a department")).help(format!(
                "write a name of at most {NAME_CHARACTERS_MAX} characters"
            )),
        );
    }
    let account = AccountId(app.new_id());
    register(
        service,
        account,
        &operation.admin,
        &operation.admin_name,
        &operation.password,
        &[&operation.name],
    )
    .await?;
    let recorded = async {
        if existing.is_none() {
            give(service, &caller, registration).await?;
        }
        for name in operation.departments {
            // Left by an `init` that was cut off.
            if !app
                .departments(municipality)
                .iter()
                .any(|department| department.name == name)
            {
                let department = DepartmentId(app.new_id());
                give(
                    service,
                    &caller,
                    OpenDepartment {
                        department,
                        municipality,
                        name,
                        valid_from: today,
                    },
                )
                .await?;
            }
        }
        give(
            service,
            &caller,
            OpenAccount {
                account,
                municipality,
            },
        )
        .await?;
        let grant = Grant {
            id: GrantId(app.new_id()),
            role: Role::Administrator,
            municipality,
            department: None,
            from: today,
            until: None,
            on_behalf_of: None,
        };
        give(service, &caller, GiveGrant { account, grant }).await
    };
    recorded
        .await
        .inspect_err(|_: &Failure| forget(service, account))?;
    let settings = EvidenceSettings {
        origin: operation.log_origin,
        ..EvidenceSettings::default()
    };
    equip(service, settings, Making::IfMissing).await?;
    let mut lines = vec![format!(
        "{} is set up; its administrator signs in as '{}'",
        operation.name, operation.admin
    )];
    lines.extend(announced(&operation.password, operation.print_password));
    if let Some(keys) = service.app.log_keys() {
        lines.push(format!(
            "public key of its log: {}",
            keys.signing().verifier()
        ));
        lines.push("give that key to the audit office; see 'daicho help log-key'".into());
    }
    lines.push("next: 'daicho account open' and 'daicho account grant' for the planning office, then 'daicho import'".into());
    Ok(Outcome::lines(lines))
}

/// Whether somebody can administer the municipality; an `init` that was cut off leaves nobody.
fn has_administrator(
    service: &Service,
    caller: &Caller,
    municipality: MunicipalityId,
) -> Result<bool, Failure> {
    let accounts = service.app.accounts(caller, municipality)?;
    Ok(accounts.iter().any(|account| {
        account
            .state
            .grants
            .values()
            .any(|grant| grant.role == Role::Administrator)
    }))
}
