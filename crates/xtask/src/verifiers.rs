//! What other people's verifiers of the log need: Go with its team's own checksum-database code, and a
//! Python with an Ed25519.

use std::path::Path;

use crate::command::{self, program};
use crate::tools::apt_get;

/// A file of Debian's package of golang.org/x/mod.
const GO_NOTE: &str = "/usr/share/gocode/src/golang.org/x/mod/sumdb/note/note.go";

/// Installs what is missing. Returns a warning for everything that could not be installed.
pub fn install_missing() -> Vec<String> {
    let mut warnings = Vec::new();
    let go = || command::answers(program("go").arg("version")) && Path::new(GO_NOTE).is_file();
    if !go() {
        println!("Debian packages: installing golang-go golang-golang-x-mod-dev");
        let packages = ["golang-go", "golang-golang-x-mod-dev"];
        let install = ["install", "--yes", "--no-install-recommends"];
        let installed =
            apt_get(&["update"]).and_then(|()| apt_get(&[&install[..], &packages[..]].concat()));
        if let Err(error) = installed {
            println!("{error}");
        }
    }
    if !go() {
        warnings.push(
            "Go or golang.org/x/mod is missing and could not be installed: the check of the log by the Go team's code will \
             SKIP; install it by hand (Debian: apt-get install golang-go golang-golang-x-mod-dev)"
                .to_owned(),
        );
    }
    let python = || command::answers(program("python3").args(["-c", "import cryptography"]));
    if !python() {
        println!("Python packages: installing cryptography");
        let pip = ["-m", "pip", "install", "--quiet", "cryptography"];
        let installed = command::run(program("python3").args(pip)).or_else(|_| {
            // Debian's own Python leaves packages to Debian.
            apt_get(&["install", "--yes", "python3-cryptography"])
        });
        if let Err(error) = installed {
            println!("{error}");
        }
    }
    if !python() {
        warnings.push(
            "Python's package cryptography is missing and could not be installed: the check of the log in Python will SKIP; \
             install it by hand (python3 -m pip install cryptography)"
                .to_owned(),
        );
    }
    warnings
}
