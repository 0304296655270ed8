//! m
use daicho_access::Authorized;
use daicho_domain::Actor;
use daicho_domain::command::RegisterMunicipality;
fn forge(command: RegisterMunicipality) -> Authorized<RegisterMunicipality> {
    Authorized {
        command,
        actor: Actor::operator("root"),
    }
}
fn forge2(command: RegisterMunicipality) -> Authorized<RegisterMunicipality> {
    Authorized::mint(command, Actor::operator("root"))
}
fn main() {}
