//! An office countersigns the log's heads, by files and over HTTP; the published sheet says so.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "a test may panic; that is how it fails"
)]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use support::*;

const WITNESS: &str = "audit.city.example.jp/witness";

/// The newest publication's proof.
fn proof(service: &Service) -> Value {
    let plans = service.graphql(None, "{ plans { id } }", &Value::Null);
    let plan = plans["data"]["plans"][0]["id"].clone();
    let answer = service.graphql(
        None,
        "query($plan: ID!) { publishedSheet(plan: $plan, fiscalYear: \"R3\") { sheet { plan } publication { position
           proof { position size root checkpoint required isCountersigned countersignatures { witness at } } } } }",
        &serde_json::json!({ "plan": plan }),
    );
    answer["data"]["publishedSheet"].clone()
}

fn page(service: &Service, published: &Value) -> String {
    let plan = published["sheet"]["plan"].as_str().unwrap();
    get(&format!("{}/public/{plan}/R3", service.url)).unwrap().1
}

/// A service over `data` that knows the witness and asks it at `urls`.
fn start(data: &str, config: &str, key: &str, urls: &str) -> Service {
    let text =
        format!("[witnesses]\nkeys = ['{key}']\nrequired_for_publication = 1\nurls = [{urls}]\n");
    std::fs::write(config, text).unwrap();
    Service::start_with(daicho(&["serve", "--data", data, "--config", config]))
}

#[test]
fn an_office_countersigns_by_files_and_the_sheet_says_so() {
    let folder = folder();
    let data = path(&folder, "data");
    sample_city(&data);
    let log_key = succeed(&["log-key", "--data", &data, "show"]);
    let secret = path(&folder, "witness.key");
    let key = succeed(&["witness", "new-key", WITNESS, "-o", &secret])
        .trim()
        .to_owned();
    assert!(
        says(
            &fail(1, &["witness", "new-key", WITNESS, "-o", &secret]),
            "cannot be made"
        ),
        "a key is never replaced"
    );
    let service = start(&data, &path(&folder, "daicho.toml"), &key, "");
    let before = proof(&service);
    let of = &before["publication"]["proof"];
    assert_eq!(of["position"], before["publication"]["position"]);
    let size: u64 = of["size"].as_str().unwrap().parse().unwrap();
    let position: u64 = of["position"].as_str().unwrap().parse().unwrap();
    assert_eq!(size, position + 1, "the publication was signed at once");
    assert_eq!(size_of(of["checkpoint"].as_str().unwrap()), size);
    assert_eq!(of["isCountersigned"], false);
    assert!(page(&service, &before).contains("1者のうち0者"));

    let request = path(&folder, "request.txt");
    let cosign = |request: &str| {
        run(&[
            "witness",
            "cosign",
            request,
            "--key",
            &secret,
            "--log-key",
            log_key.trim(),
        ])
    };
    succeed(&["witness", "--data", &data, "request", "-o", &request]);
    let output = cosign(&request);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines = path(&folder, "signature.txt");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with(&format!("— {WITNESS} ")), "{text}");

    // A line of somebody else is not taken.
    let strange = text.replace(WITNESS, "elsewhere.example/witness");
    std::fs::write(&lines, strange).unwrap();
    assert!(says(
        &fail(1, &["witness", "--data", &data, "add", &lines]),
        "no known witness"
    ));
    std::fs::write(&lines, &text).unwrap();
    let said = succeed(&["witness", "--data", &data, "add", &lines]);
    assert!(
        said.contains(&format!("{WITNESS} has countersigned")),
        "{said}"
    );
    assert_eq!(
        said,
        succeed(&["witness", "--data", &data, "add", &lines]),
        "twice is once"
    );

    let after = proof(&service);
    let of = &after["publication"]["proof"];
    assert_eq!(of["isCountersigned"], true, "{after}");
    assert_eq!(of["countersignatures"].as_array().unwrap().len(), 1);
    let page = page(&service, &after);
    assert!(
        page.contains(WITNESS) && !page.contains("まだ必要な連署"),
        "{page}"
    );
    assert!(
        checkpoint_beyond(&service, 0).1.contains(WITNESS),
        "served with its countersignature"
    );

    // The proof of a figure carries it, and the reader can insist on it.
    let figure = path(&folder, "figure.json");
    succeed(&[
        "proof",
        "--data",
        &data,
        "--fiscal-year",
        "R3",
        "--indicator",
        "英語検定合格率",
        "-o",
        &figure,
    ]);
    let insisting = [
        "verify-proof",
        &figure,
        "--key",
        log_key.trim(),
        "--witness",
        &key,
        "--required",
        "1",
    ];
    assert!(succeed(&insisting).contains(&format!("countersigned by {WITNESS}")));

    // The next request begins where the witness stands, or is not countersigned.
    service.sign_in("auditor");
    checkpoint_beyond(&service, size_of_request(&request));
    succeed(&["witness", "--data", &data, "request", "-o", &request]);
    let refused = cosign(&request);
    assert_eq!(refused.status.code(), Some(3));
    assert!(says(
        &String::from_utf8_lossy(&refused.stderr),
        "--old-size"
    ));
    succeed(&[
        "witness",
        "--data",
        &data,
        "request",
        "--witness",
        &key,
        "-o",
        &request,
    ]);
    assert!(cosign(&request).status.success());
    let state = std::fs::read_to_string(format!("{secret}.state")).unwrap();
    assert_eq!(size_of(&state), size_of_request(&request));
    assert_eq!(service.stop(), 0);
    assert!(succeed(&["verify", "--data", &data]).contains("everything agrees"));
}

fn size_of_request(file: &str) -> u64 {
    let text = std::fs::read_to_string(file).unwrap();
    size_of(text.split_once("\n\n").unwrap().1)
}

#[test]
fn a_witness_does_not_countersign_a_log_that_was_rolled_back_or_rewritten() {
    let folder = folder();
    let data = path(&folder, "data");
    city(&data, &[]);
    copy_folder(&data, &path(&folder, "copy"));
    let log_key = succeed(&["log-key", "--data", &data, "show"]);
    let secret = path(&folder, "witness.key");
    let key = succeed(&["witness", "new-key", WITNESS, "-o", &secret]);
    let request = path(&folder, "request.txt");
    let cosign = |request: &str| {
        run(&[
            "witness",
            "cosign",
            request,
            "--key",
            &secret,
            "--log-key",
            log_key.trim(),
        ])
    };
    open_account(&data, "kawa");
    succeed(&["witness", "--data", &data, "request", "-o", &request]);
    assert!(cosign(&request).status.success());
    let seen = size_of_request(&request);

    let copy = path(&folder, "copy");
    succeed(&["witness", "--data", &copy, "request", "-o", &request]);
    let refused = cosign(&request);
    assert_eq!(refused.status.code(), Some(3));
    assert!(says(
        &String::from_utf8_lossy(&refused.stderr),
        "ROLLED BACK"
    ));

    for name in ["yama", "mori", "numa"] {
        open_account(&copy, name);
    }
    succeed(&[
        "witness",
        "--data",
        &copy,
        "request",
        "--old-size",
        &seen.to_string(),
        "-o",
        &request,
    ]);
    let refused = cosign(&request);
    assert_eq!(refused.status.code(), Some(3));
    assert!(says(&String::from_utf8_lossy(&refused.stderr), "REWRITTEN"));

    let wrong = run(&[
        "witness",
        "cosign",
        &request,
        "--key",
        &secret,
        "--log-key",
        key.trim(),
    ]);
    assert_eq!(wrong.status.code(), Some(3), "a witness's key is no log's");
}

/// A witness in a thread: HTTP as tlog-witness says, the signature by the office's own tool.
struct Office {
    secret: String,
    log_key: String,
    file: String,
    seen: Mutex<u64>,
    conflicts: Mutex<u32>,
}

impl Office {
    fn answer(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut head = String::new();
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let body = String::from_utf8(body).unwrap();
        assert!(head.starts_with("POST /office/add-checkpoint "), "{head}");
        let old = body.lines().next().unwrap().strip_prefix("old ").unwrap();
        let mut seen = self.seen.lock().unwrap();
        let answer = if old != seen.to_string() {
            *self.conflicts.lock().unwrap() += 1;
            let size = format!("{seen}\n");
            format!(
                "HTTP/1.1 409 Conflict\r\nContent-Type: text/x.tlog.size\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{size}",
                size.len()
            )
        } else {
            std::fs::write(&self.file, &body).unwrap();
            let line = succeed(&[
                "witness",
                "cosign",
                &self.file,
                "--key",
                &self.secret,
                "--log-key",
                &self.log_key,
            ]);
            *seen = size_of_request(&self.file);
            format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{line}",
                line.len()
            )
        };
        stream.write_all(answer.as_bytes()).unwrap();
    }
}

#[test]
fn a_witness_is_asked_over_http_after_a_publication() {
    let folder = folder();
    let data = path(&folder, "data");
    sample_city(&data);
    let secret = path(&folder, "witness.key");
    let key = succeed(&["witness", "new-key", WITNESS, "-o", &secret])
        .trim()
        .to_owned();
    let log_key = succeed(&["log-key", "--data", &data, "show"])
        .trim()
        .to_owned();
    let office = Arc::new(Office {
        file: path(&folder, "asked.txt"),
        secret,
        log_key,
        seen: Mutex::new(0),
        conflicts: Mutex::new(0),
    });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("'http://{}/office'", listener.local_addr().unwrap());
    let answering = Arc::clone(&office);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answering.answer(stream.unwrap());
        }
    });
    let config = path(&folder, "daicho.toml");
    let wait = |service: &Service| {
        for _ in 0..300 {
            let published = proof(service);
            if published["publication"]["proof"]["isCountersigned"] == true {
                return published;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("not countersigned within half a minute");
    };
    let service = start(&data, &config, &key, &url);
    assert!(page(&service, &wait(&service)).contains(WITNESS));
    let seen = *office.seen.lock().unwrap();
    assert!(seen > 0);
    assert_eq!(*office.conflicts.lock().unwrap(), 0);
    service.sign_in("auditor");
    assert_eq!(service.stop(), 0);

    // Started again, the service does not know what the witness has seen, and is told.
    let service = start(&data, &config, &key, &url);
    for _ in 0..300 {
        if *office.seen.lock().unwrap() > seen {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(*office.seen.lock().unwrap() > seen);
    assert_eq!(*office.conflicts.lock().unwrap(), 1);
    assert_eq!(service.stop(), 0);
}
