//! Certificates for a test's server, made with openssl.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Server, give_to_server};

/// Whether certificates can be made; says SKIPPED if not.
#[must_use]
pub fn can_be_made() -> bool {
    let there = Command::new("openssl").arg("version").output().is_ok();
    if !there {
        eprintln!("SKIPPED: openssl is not on this machine");
    }
    there
}

/// Makes `NAME.crt` and `NAME.key` of an authority.
pub fn make_authority(folder: &Path, name: &str) {
    openssl(
        folder,
        &format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={name} \
             -keyout {name}.key -out {name}.crt -addext basicConstraints=critical,CA:TRUE"
        ),
    );
}

impl Server {
    /// Makes two authorities, `ours.crt` and `theirs.crt`, in the server's folder, and a
    /// certificate for `localhost`, not for its address, that ours vouches for.
    pub fn make_certificates(&self) {
        let folder = self.folder();
        make_authority(&folder, "ours");
        make_authority(&folder, "theirs");
        openssl(
            &folder,
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
             -keyout server.key -out server.csr",
        );
        fs::write(
            folder.join("names"),
            "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n",
        )
        .unwrap();
        openssl(
            &folder,
            "x509 -req -in server.csr -CA ours.crt -CAkey ours.key -CAcreateserial -days 2 \
             -extfile names -out server.crt",
        );
        give_to_server(&folder.join("server.key"));
    }

    /// Starts again and speaks TLS to whoever wants it, with what
    /// [`Self::make_certificates`] made.
    pub fn speak_tls(&mut self) {
        self.stop();
        let folder = self.folder();
        self.settings.extend([
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", folder.join("server.crt").display()),
            format!("ssl_key_file={}", folder.join("server.key").display()),
        ]);
        self.start_again();
    }
}

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "openssl {arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
