//! Which grants of an account hold on a day.

use daicho_domain::account::{AccountState, Grant};
use daicho_domain::{AccountId, Role, View};
use jiff::civil::Date;

/// An account's grants that hold on `day` in its own right, in the order of their ids.
pub(crate) fn own(account: &AccountState, day: Date) -> impl Iterator<Item = &Grant> {
    dated(account, day).filter(|grant| grant.on_behalf_of.is_none())
}

/// An account's delegations (代理) that are dated for `day`, with the person stood in for, in
/// the order of their ids. Whether the principal has anything to delegate is
/// [`principal_holds`]'s question: it looks at another account.
pub(crate) fn delegated(
    account: &AccountState,
    day: Date,
) -> impl Iterator<Item = (&Grant, AccountId)> {
    dated(account, day).filter_map(|grant| grant.on_behalf_of.map(|principal| (grant, principal)))
}

/// Whether `principal` holds on `day`, in their own right, exactly what `grant` delegates.
/// There are no chains: nobody delegates what was delegated to them.
pub(crate) fn principal_holds(
    view: &View<'_>,
    principal: AccountId,
    grant: &Grant,
    day: Date,
) -> bool {
    view.account(principal).is_ok_and(|account| {
        !account.disabled
            && own(account, day).any(|held| {
                held.role == grant.role
                    && held.municipality == grant.municipality
                    && held.department == grant.department
            })
    })
}

fn dated(account: &AccountState, day: Date) -> impl Iterator<Item = &Grant> {
    account
        .grants
        .values()
        .filter(move |grant| grant.holds_on(day) && is_well_formed(grant))
}

/// `GiveGrant` refuses other grants; one that came into a log in another way gives nothing.
fn is_well_formed(grant: &Grant) -> bool {
    Role::GRANTABLE.contains(&grant.role)
        && grant.role.is_of_a_department() == grant.department.is_some()
}
