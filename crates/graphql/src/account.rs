//! Accounts, grants, and the one who asks.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::{Context, SimpleObject};
use daicho_app::{AccountInfo, Caller};
use daicho_domain::account;
use daicho_domain::{AccountId, GrantId, MunicipalityId};
use daicho_identity::StoreError;

use crate::failure::Failure;
use crate::people::{Department, Departments, Municipality, Names, Person};
use crate::request::{Asked, with_identity};
use crate::scalar::{Date, Id};
use crate::words;

/// The one who asks.
#[derive(SimpleObject)]
pub(crate) struct Viewer {
    /// The account.
    pub account: Id<AccountId>,
    /// The person's name.
    pub name: String,
    /// What the person types to sign in.
    pub sign_in_name: Option<String>,
    /// The account's municipality.
    pub municipality: Municipality,
    /// Grants that hold today.
    pub grants: Vec<Grant>,
    /// The roles that these give, each once.
    pub roles: Vec<words::Role>,
}

impl Viewer {
    /// `viewer`, with names.
    pub(crate) async fn of(ctx: &Context<'_>, viewer: daicho_app::Viewer) -> Result<Self, Failure> {
        let names = Names::of(ctx, principals(&viewer.grants).chain([viewer.account])).await?;
        let mut sign_in_names = sign_in_names(ctx, vec![viewer.account]).await?;
        let departments = Departments::of(ctx, viewer.municipality);
        let roles: BTreeSet<_> = viewer.grants.iter().map(|grant| grant.role).collect();
        Ok(Self {
            account: viewer.account.into(),
            name: names.name(viewer.account),
            sign_in_name: sign_in_names.remove(&viewer.account),
            municipality: Municipality::of(
                ctx,
                viewer.municipality,
                Caller::Account(viewer.account),
            )?,
            grants: viewer
                .grants
                .iter()
                .map(|grant| Grant::of(grant, true, &names, &departments))
                .collect(),
            roles: roles.into_iter().map(Into::into).collect(),
        })
    }
}

/// A role given to an account for a time.
#[derive(SimpleObject)]
pub(crate) struct Grant {
    /// Its identity; every act names the grant it was done under.
    pub id: Id<GrantId>,
    /// The role given.
    pub role: words::Role,
    /// The role in Japanese.
    pub role_label: &'static str,
    /// Where it holds.
    pub municipality: Id<MunicipalityId>,
    /// The department it is limited to.
    pub department: Option<Department>,
    /// First day on which it holds.
    pub from: Date,
    /// Last day on which it holds; open-ended without.
    pub until: Option<Date>,
    /// For whom the holder acts, where it is a delegation (代理).
    pub on_behalf_of: Option<Person>,
    /// Whether it holds today.
    pub holds_today: bool,
}

impl Grant {
    fn of(
        grant: &account::Grant,
        holds_today: bool,
        names: &Names,
        departments: &Departments,
    ) -> Self {
        Self {
            id: grant.id.into(),
            role: grant.role.into(),
            role_label: grant.role.ja(),
            municipality: grant.municipality.into(),
            department: departments.get(grant.department),
            from: grant.from.into(),
            until: grant.until.map(Date),
            on_behalf_of: grant.on_behalf_of.map(|account| names.person(account)),
            holds_today,
        }
    }
}

/// An account as administrators and auditors see it.
#[derive(SimpleObject)]
pub(crate) struct Account {
    /// Its identity.
    pub id: Id<AccountId>,
    /// The person's name; `—(削除済み)` where it was erased.
    pub name: String,
    /// What the person types to sign in.
    pub sign_in_name: Option<String>,
    /// Where it was opened.
    pub municipality: Id<MunicipalityId>,
    /// Whether it may no longer act.
    pub is_disabled: bool,
    /// Grants that have not been withdrawn.
    pub grants: Vec<Grant>,
}

impl Account {
    /// The accounts of `municipality`, with names, in the order of what people type to sign in.
    pub(crate) async fn list(
        ctx: &Context<'_>,
        accounts: &[AccountInfo],
        municipality: MunicipalityId,
    ) -> Result<Vec<Self>, Failure> {
        let ids: Vec<AccountId> = accounts.iter().map(|account| account.state.id).collect();
        let principals = accounts
            .iter()
            .flat_map(|account| principals(account.state.grants.values()));
        let names = Names::of(ctx, principals.chain(ids.iter().copied())).await?;
        let mut sign_in_names = sign_in_names(ctx, ids).await?;
        let departments = Departments::of(ctx, municipality);
        let mut list: Vec<Self> = accounts
            .iter()
            .map(|AccountInfo { state, holds_today }| Self {
                id: state.id.into(),
                name: names.name(state.id),
                sign_in_name: sign_in_names.remove(&state.id),
                municipality: state.municipality.into(),
                is_disabled: state.disabled,
                grants: state
                    .grants
                    .values()
                    .map(|grant| {
                        Grant::of(grant, holds_today.contains(grant), &names, &departments)
                    })
                    .collect(),
            })
            .collect();
        list.sort_by(|a, b| {
            a.sign_in_name
                .cmp(&b.sign_in_name)
                .then(a.id.0.cmp(&b.id.0))
        });
        Ok(list)
    }
}

fn principals<'g>(
    grants: impl IntoIterator<Item = &'g account::Grant>,
) -> impl Iterator<Item = AccountId> {
    grants.into_iter().filter_map(|grant| grant.on_behalf_of)
}

async fn sign_in_names(
    ctx: &Context<'_>,
    accounts: Vec<AccountId>,
) -> Result<BTreeMap<AccountId, String>, Failure> {
    let found = with_identity(ctx.backing(), move |identity| {
        let people = accounts.into_iter().map(|account| identity.person(account));
        people.collect::<Result<Vec<_>, StoreError>>()
    })
    .await??;
    Ok(found
        .into_iter()
        .flatten()
        .map(|person| (person.account, person.sign_in_name))
        .collect())
}
