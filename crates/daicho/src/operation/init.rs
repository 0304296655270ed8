//! `init`: the first municipality, departments and administrator.

use daicho_app::Caller;
use daicho_domain::account::Grant;
use daicho_domain::command::{GiveGrant, OpenAccount, OpenDepartment, RegisterMunicipality, local_date};
use daicho_domain::{AccountId, DepartmentId, GrantId, MunicipalityId, Role};
use serde::{Deserialize, Serialize};

use super::account::{announced, register};
use super::{Outcome, give};
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
}

pub(super) async fn run(service: &Service, operation: InitOperation, operator: &str) -> Result<Outcome, Failure> {
    if let Some(existing) = service.app.municipalities().first() {
        return Err(Failure::new(format!("this data folder already belongs to {}", existing.name))
            .help("use another folder, or go on with 'daicho account' and 'daicho import'"));
    }
    let caller = Caller::Operator(operator.to_owned());
    let app = &service.app;
    let municipality = MunicipalityId(app.new_id());
    let account = AccountId(app.new_id());
    let today = local_date(app.now());
    // Checked first, so that a password that cannot be used leaves nothing behind.
    register(service, account, &operation.admin, &operation.admin_name, &operation.password, &[&operation.name]).await?;
    give(
        service,
        &caller,
        RegisterMunicipality { municipality, local_gov_code: operation.code, name: operation.name.clone(), demo: false },
    )
    .await
    .inspect_err(|_| forget(service, account))?;
    for name in operation.departments {
        give(service, &caller, OpenDepartment { department: DepartmentId(app.new_id()), municipality, name, valid_from: today }).await?;
    }
    give(service, &caller, OpenAccount { account, municipality }).await?;
    let grant = Grant {
        id: GrantId(app.new_id()),
        role: Role::Administrator,
        municipality,
        department: None,
        from: today,
        until: None,
        on_behalf_of: None,
    };
    give(service, &caller, GiveGrant { account, grant }).await?;
    let mut lines = vec![format!("{} is set up; its administrator signs in as '{}'", operation.name, operation.admin)];
    lines.extend(announced(&operation.password, operation.print_password));
    lines.push("next: 'daicho account open' and 'daicho account grant' for the planning office, then 'daicho import'".into());
    Ok(Outcome::lines(lines))
}

/// Takes back a person whose account was never opened.
fn forget(service: &Service, account: AccountId) {
    if let Err(error) = service.identity.erase(account, service.app.now()) {
        tracing::warn!(%error, "a person without an account is left in the register");
    }
}
