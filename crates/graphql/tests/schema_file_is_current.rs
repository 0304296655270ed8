//! `schema.graphql` is what the service prints. `DAICHO_BLESS=1` writes it anew.

use std::path::Path;

#[test]
fn schema_graphql_is_what_the_service_prints() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schema.graphql");
    let printed = daicho_graphql::sdl();
    if std::env::var_os("DAICHO_BLESS").is_some() {
        std::fs::write(&file, &printed).expect("schema.graphql can be written");
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    let differs = printed
        .lines()
        .zip(committed.lines())
        .position(|(printed, committed)| printed != committed);
    assert!(
        printed == committed,
        "schema.graphql differs from line {}; run `cargo xtask schema` and commit what it changes",
        differs.map_or(
            printed.lines().count().min(committed.lines().count()) + 1,
            |line| line + 1
        )
    );
}
