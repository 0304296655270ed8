//! The proof that the policies were asked.

use daicho_domain::{Actor, Command};

/// A command that the policies allow, with the actor that it is recorded under.
///
/// Only [`Access::authorize`](crate::Access::authorize) makes one, for one attempt: it is no
/// `Clone`, and after a version conflict the policies are asked again with the newer view,
/// because what changed may have been the grant.
///
/// ```
/// use daicho_access::{Access, Authorized, Caller};
/// use daicho_domain::command::RegisterMunicipality;
/// use daicho_domain::{Actor, MunicipalityId, Rejection, World};
///
/// fn append(command: Authorized<RegisterMunicipality>) -> Actor {
///     command.into_parts().1
/// }
///
/// fn register(access: &Access, command: RegisterMunicipality) -> Result<Actor, Rejection> {
///     let world = World::default();
///     let now = "2026-04-01T00:00:00Z".parse().expect("a timestamp");
///     let caller = Caller::Operator("root".into());
///     access.authorize(&caller, command, &world.view(), now).map(append)
/// }
/// ```
///
/// Nothing else makes one:
///
/// ```compile_fail,E0451
/// use daicho_access::Authorized;
/// use daicho_domain::command::RegisterMunicipality;
/// use daicho_domain::Actor;
///
/// fn forge(command: RegisterMunicipality) -> Authorized<RegisterMunicipality> {
///     Authorized { command, actor: Actor::operator("root") }
/// }
/// ```
///
/// ```compile_fail,E0624
/// use daicho_access::Authorized;
/// use daicho_domain::command::RegisterMunicipality;
/// use daicho_domain::Actor;
///
/// fn forge(command: RegisterMunicipality) -> Authorized<RegisterMunicipality> {
///     Authorized::mint(command, Actor::operator("root"))
/// }
/// ```
#[derive(Debug)]
#[must_use = "an authorised command has not been carried out yet"]
pub struct Authorized<C> {
    command: C,
    actor: Actor,
}

impl<C: Command> Authorized<C> {
    pub(crate) fn mint(command: C, actor: Actor) -> Self {
        Self { command, actor }
    }

    /// The command.
    pub fn command(&self) -> &C {
        &self.command
    }

    /// Who gives it, under which grant, and for whom.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The command and its actor, to be decided and recorded.
    pub fn into_parts(self) -> (C, Actor) {
        (self.command, self.actor)
    }
}
