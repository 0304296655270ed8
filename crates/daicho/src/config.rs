//! The configuration of `serve`: option, then variable, then file, then default.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use daicho_app::Witnesses;
use daicho_eventlog::evidence::VerifierKey;
use serde::Deserialize;

use crate::arguments::{DatabaseArguments, LogFormat, Serve, no_place, only_place};
use crate::evidence::keys_in;
use crate::failure::Failure;
use crate::place::Place;

/// `daicho.toml`; every line is also an option of `serve`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    data: Option<PathBuf>,
    database_url: Option<String>,
    identity_url: Option<String>,
    database_ca: Option<PathBuf>,
    require_standby: Option<bool>,
    snapshots: Option<PathBuf>,
    listen: Option<SocketAddr>,
    public_url: Option<String>,
    behind_proxy: Option<bool>,
    log_format: Option<LogFormat>,
    log_origin: Option<String>,
    expect_checkpoint: Option<PathBuf>,
    #[serde(default)]
    witnesses: WitnessesSection,
}

/// `[witnesses]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WitnessesSection {
    keys: Vec<String>,
    required_for_publication: usize,
    urls: Vec<String>,
}

/// How the service runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the records are.
    pub place: Place,
    /// Folder for snapshots of the read models.
    pub snapshots: Option<PathBuf>,
    /// Where pages and API are served.
    pub listen: SocketAddr,
    /// The address that people use.
    pub public_url: Option<String>,
    /// Whether a proxy names the visitor's address.
    pub behind_proxy: bool,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// The log's name, for its first key.
    pub log_origin: Option<String>,
    /// A checkpoint that the log must contain.
    pub expect_checkpoint: Option<PathBuf>,
    /// Who countersigns.
    pub witnesses: Witnesses,
    /// Where witnesses are asked over HTTP.
    pub witness_urls: Vec<String>,
}

impl Config {
    /// The configuration that `arguments` and the file they name say.
    ///
    /// # Errors
    /// Where the file cannot be read or understood, or no data folder is named.
    pub fn of(arguments: &Serve) -> Result<Self, Failure> {
        let file = match &arguments.config {
            Some(path) => read(path)?,
            None => ConfigFile::default(),
        };
        // Whatever is named outside the file goes before both places in it.
        let place = match arguments.records.named()? {
            Some(place) => place,
            None => {
                let database = &arguments.records.database;
                let of_file = DatabaseArguments {
                    database_url: file.database_url,
                    identity_url: database.identity_url.clone().or(file.identity_url),
                    database_ca: database.database_ca.clone().or(file.database_ca),
                    require_standby: database.require_standby.or(file.require_standby),
                };
                only_place(file.data.as_deref(), of_file.database())?.ok_or_else(no_place)?
            }
        };
        Ok(Self {
            place,
            snapshots: arguments.snapshots.clone().or(file.snapshots),
            listen: arguments
                .listen
                .or(file.listen)
                .unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080)),
            public_url: arguments.public_url.clone().or(file.public_url),
            behind_proxy: arguments
                .behind_proxy
                .or(file.behind_proxy)
                .unwrap_or(false),
            log_format: arguments
                .log_format
                .or(file.log_format)
                .unwrap_or(LogFormat::Text),
            log_origin: arguments.log_origin.clone().or(file.log_origin),
            expect_checkpoint: arguments
                .expect_checkpoint
                .clone()
                .or(file.expect_checkpoint),
            witnesses: witnesses(&file.witnesses)?,
            witness_urls: file.witnesses.urls,
        })
    }

    /// Whether cookies are to be sent over TLS only.
    pub fn is_behind_tls(&self) -> bool {
        self.public_url
            .as_deref()
            .is_some_and(|url| url.starts_with("https://"))
    }
}

fn witnesses(section: &WitnessesSection) -> Result<Witnesses, Failure> {
    let keys = keys_in(&section.keys)?;
    if let Some(key) = keys.iter().find(|key| !key.is_witness()) {
        return Err(Failure::new(format!(
            "[witnesses] keys has '{key}', which is no witness's key"
        ))
        .help("a witness makes its key with 'daicho witness new-key'"));
    }
    let mut names: Vec<&str> = keys.iter().map(VerifierKey::name).collect();
    names.sort_unstable();
    names.dedup();
    if section.required_for_publication > names.len() {
        return Err(Failure::new(format!(
            "[witnesses] required_for_publication is {}, but keys has {} witnesses",
            section.required_for_publication,
            names.len()
        ))
        .help("name more witnesses, or require fewer"));
    }
    if !section.urls.is_empty() && keys.is_empty() {
        return Err(
            Failure::new("[witnesses] urls are asked, but no witness's key is known")
                .help("add their public keys to [witnesses] keys"),
        );
    }
    Ok(Witnesses {
        keys,
        required_for_publication: section.required_for_publication,
    })
}

fn read(path: &Path) -> Result<ConfigFile, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::new(format!(
            "the configuration file {} cannot be read: {error}",
            path.display()
        ))
    })?;
    toml::from_str(&text).map_err(|error| {
        Failure::new(format!(
            "the configuration file {} cannot be understood: {error}",
            path.display()
        ))
        .help("deploy/daicho.toml is an example with every line explained")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::Records;
    use crate::place::Database;

    fn in_folder(folder: &str) -> Records {
        Records {
            data: Some(folder.into()),
            database: DatabaseArguments::default(),
        }
    }

    fn arguments(config: Option<&Path>) -> Serve {
        Serve {
            records: Records {
                data: None,
                database: DatabaseArguments::default(),
            },
            snapshots: None,
            listen: None,
            config: config.map(Path::to_owned),
            public_url: None,
            behind_proxy: None,
            log_format: None,
            log_origin: None,
            expect_checkpoint: None,
        }
    }

    #[test]
    fn an_option_goes_before_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("daicho.toml");
        std::fs::write(&file, "data = '/srv/file'\nlisten = '127.0.0.1:9000'\nbehind_proxy = true\nlog_format = 'json'\n").unwrap();
        let of_file = Config::of(&arguments(Some(&file))).unwrap();
        assert_eq!(
            (of_file.place, of_file.listen.port()),
            (Place::Folder("/srv/file".into()), 9000)
        );
        assert_eq!(of_file.log_format, LogFormat::Json);
        assert!(of_file.behind_proxy);
        let both = Config::of(&Serve {
            records: in_folder("/srv/option"),
            ..arguments(Some(&file))
        })
        .unwrap();
        assert_eq!(
            (both.place, both.listen.port()),
            (Place::Folder("/srv/option".into()), 9000)
        );
    }

    #[test]
    fn a_word_that_is_no_setting_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("daicho.toml");
        std::fs::write(&file, "dta = '/srv'\n").unwrap();
        assert!(
            Config::of(&arguments(Some(&file)))
                .unwrap_err()
                .message
                .contains("dta")
        );
    }

    #[test]
    fn more_witnesses_cannot_be_required_than_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("daicho.toml");
        let key = daicho_eventlog::evidence::Cosigner::from_seed("audit.example/w", &[7; 32])
            .unwrap()
            .verifier()
            .unwrap();
        let text = |required: u32| {
            format!(
                "data = '/srv'\n[witnesses]\nkeys = ['{key}']\nrequired_for_publication = {required}\nurls = ['http://127.0.0.1:1']\n"
            )
        };
        std::fs::write(&file, text(1)).unwrap();
        let config = Config::of(&arguments(Some(&file))).unwrap();
        assert_eq!(config.witnesses.keys, std::slice::from_ref(&key));
        assert_eq!(config.witness_urls, ["http://127.0.0.1:1"]);
        std::fs::write(&file, text(2)).unwrap();
        let refused = Config::of(&arguments(Some(&file))).unwrap_err();
        assert!(
            refused.message.contains("keys has 1 witnesses"),
            "{refused}"
        );
    }

    #[test]
    fn a_database_takes_the_place_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("daicho.toml");
        let url = "postgresql://daicho:x@db1,db2/daicho";
        std::fs::write(
            &file,
            format!(
                "database_url = '{url}'\ndatabase_ca = '/etc/ca.pem'\nrequire_standby = true\n"
            ),
        )
        .unwrap();
        let expected = Place::Database(Database {
            url: url.into(),
            identity_url: None,
            certificates: Some("/etc/ca.pem".into()),
            require_standby: true,
        });
        assert_eq!(Config::of(&arguments(Some(&file))).unwrap().place, expected);
        std::fs::write(&file, format!("data = '/srv'\ndatabase_url = '{url}'\n")).unwrap();
        let refused = Config::of(&arguments(Some(&file))).unwrap_err();
        assert!(refused.message.contains("both"), "{refused}");
    }

    #[test]
    fn without_a_place_nothing_starts() {
        assert!(
            Config::of(&arguments(None))
                .unwrap_err()
                .help
                .unwrap()
                .contains("DAICHO_DATA")
        );
    }

    #[test]
    fn cookies_are_secure_where_people_use_https() {
        let arguments = Serve {
            records: in_folder("/srv"),
            public_url: Some("https://daicho.example".into()),
            ..arguments(None)
        };
        assert!(Config::of(&arguments).unwrap().is_behind_tls());
    }
}
