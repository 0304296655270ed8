//! Names of people, departments and municipalities.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::{ComplexObject, Context, SimpleObject};
use daicho_app::Caller;
use daicho_domain::{AccountId, DepartmentId, GrantId, MunicipalityId, Who};

use crate::failure::Failure;
use crate::request::{Asked, with_identity};
use crate::scalar::{Date, Id};
use crate::words;

/// What stands for the name of somebody who was erased, or is not registered.
const NAMELESS: &str = "—(削除済み)";

/// Somebody with an account.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct Person {
    /// The account.
    pub account: Id<AccountId>,
    /// The person's name; `—(削除済み)` where it was erased.
    pub name: String,
}

/// Who acted, in which role, for whom.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct Actor {
    /// The account; the operator of the machine has none.
    pub account: Option<Id<AccountId>>,
    /// The person's name; `—(削除済み)` where it was erased, `operator:user` for the operator
    /// of the machine.
    pub name: String,
    /// The role they acted in.
    pub role: words::Role,
    /// The role in Japanese.
    pub role_label: &'static str,
    /// The grant that gave them the role.
    pub grant: Option<Id<GrantId>>,
    /// For whom they acted (代理).
    pub on_behalf_of: Option<Person>,
}

/// Names of some people, looked up at once.
pub(crate) struct Names(BTreeMap<AccountId, String>);

impl Names {
    /// The names of `accounts`.
    pub(crate) async fn of(
        ctx: &Context<'_>,
        accounts: impl IntoIterator<Item = AccountId>,
    ) -> Result<Self, Failure> {
        let accounts: BTreeSet<AccountId> = accounts.into_iter().collect();
        if accounts.is_empty() {
            return Ok(Self(BTreeMap::new()));
        }
        let accounts: Vec<AccountId> = accounts.into_iter().collect();
        Ok(Self(
            with_identity(ctx.backing(), move |identity| identity.names(&accounts)).await??,
        ))
    }

    /// The names of everyone in `actors`.
    pub(crate) async fn of_actors<'a>(
        ctx: &Context<'_>,
        actors: impl IntoIterator<Item = &'a daicho_domain::Actor>,
    ) -> Result<Self, Failure> {
        let accounts: Vec<AccountId> = actors
            .into_iter()
            .flat_map(|actor| actor.who.account().into_iter().chain(actor.on_behalf_of))
            .collect();
        Self::of(ctx, accounts).await
    }

    /// The name of one of them.
    pub(crate) fn name(&self, account: AccountId) -> String {
        self.0
            .get(&account)
            .map_or(NAMELESS, String::as_str)
            .to_owned()
    }

    /// The name of `who`.
    pub(crate) fn who(&self, who: &Who) -> String {
        who.account()
            .map_or_else(|| who.to_string(), |account| self.name(account))
    }

    /// One of them.
    pub(crate) fn person(&self, account: AccountId) -> Person {
        Person {
            account: account.into(),
            name: self.name(account),
        }
    }

    /// An actor with names.
    pub(crate) fn actor(&self, actor: &daicho_domain::Actor) -> Actor {
        Actor {
            account: actor.who.account().map(Id),
            name: self.who(&actor.who),
            role: actor.role.into(),
            role_label: actor.role.ja(),
            grant: actor.grant.map(Id),
            on_behalf_of: actor.on_behalf_of.map(|account| self.person(account)),
        }
    }
}

/// A department (担当課).
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct Department {
    /// Its identity.
    pub id: Id<DepartmentId>,
    /// Whose.
    pub municipality: Id<MunicipalityId>,
    /// 担当課 (`商工労働観光課`).
    pub name: String,
    /// First day on which it exists.
    pub valid_from: Date,
    /// Last day on which it exists, once it was closed.
    pub valid_to: Option<Date>,
}

impl From<daicho_domain::department::DepartmentState> for Department {
    fn from(department: daicho_domain::department::DepartmentState) -> Self {
        Self {
            id: department.id.into(),
            municipality: department.municipality.into(),
            name: department.name,
            valid_from: department.valid_from.into(),
            valid_to: department.valid_to.map(Date),
        }
    }
}

/// The departments of one municipality.
pub(crate) struct Departments(BTreeMap<DepartmentId, Department>);

impl Departments {
    /// All of `municipality`.
    pub(crate) fn of(ctx: &Context<'_>, municipality: MunicipalityId) -> Self {
        let departments = ctx.app().departments(municipality).into_iter();
        Self(
            departments
                .map(|department| (department.id, department.into()))
                .collect(),
        )
    }

    /// One of them.
    pub(crate) fn get(&self, department: Option<DepartmentId>) -> Option<Department> {
        self.0.get(&department?).cloned()
    }

    /// The name of one of them, by the text of its id.
    pub(crate) fn name_by_text(&self, text: &str) -> Option<String> {
        self.get(text.parse().ok())
            .map(|department| department.name)
    }
}

/// A municipality (市町村).
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Municipality {
    /// Its identity.
    pub id: Id<MunicipalityId>,
    /// 全国地方公共団体コード.
    pub local_gov_code: String,
    /// 団体名.
    pub name: String,
    #[graphql(skip)]
    caller: Caller,
}

impl Municipality {
    /// `municipality`, as `caller` sees it.
    pub(crate) fn new(
        municipality: daicho_domain::municipality::MunicipalityState,
        caller: Caller,
    ) -> Self {
        Self {
            id: municipality.id.into(),
            local_gov_code: municipality.local_gov_code,
            name: municipality.name,
            caller,
        }
    }

    /// The municipality of something that the app has answered `caller` with.
    pub(crate) fn of(
        ctx: &Context<'_>,
        id: MunicipalityId,
        caller: Caller,
    ) -> Result<Self, Failure> {
        match ctx.app().municipality(id) {
            Some(municipality) => Ok(Self::new(municipality, caller)),
            None => Err(Failure::internal(format!(
                "municipality {id} is not in the records"
            ))),
        }
    }
}

#[ComplexObject]
impl Municipality {
    /// What the caller may do for the whole municipality. Ask it to offer only what will work.
    async fn allowed(&self, ctx: &Context<'_>) -> Vec<words::Action> {
        allowed(ctx, &self.caller, self.id.0)
    }
}

/// What `caller` may do for all of `municipality`.
pub(crate) fn allowed(
    ctx: &Context<'_>,
    caller: &Caller,
    municipality: MunicipalityId,
) -> Vec<words::Action> {
    daicho_domain::Action::ALL
        .into_iter()
        .filter(|action| ctx.app().allows(caller, *action, municipality, None))
        .map(Into::into)
        .collect()
}
