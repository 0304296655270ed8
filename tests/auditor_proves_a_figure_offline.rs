//! An auditor takes one figure home: who entered, approved and published exactly this, checked
//! without the service; and whatever is changed in the file is found.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "a test may panic; that is how it fails"
)]

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use support::*;

/// The figure of the sample city that was published, then corrected.
const CORRECTED: &str = "英語検定合格率";

fn proof_of(data: &str, indicator: &str, file: &str) -> Value {
    let arguments = [
        "proof",
        "--data",
        data,
        "--fiscal-year",
        "R3",
        "--indicator",
        indicator,
        "--as",
        "auditor",
        "-o",
        file,
    ];
    succeed(&arguments);
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn events(proof: &mut Value) -> &mut Vec<Value> {
    proof["events"].as_array_mut().unwrap()
}

/// Place of the last event that plays this part.
fn last(proof: &Value, role: &str) -> usize {
    let events = proof["events"].as_array().unwrap();
    events
        .iter()
        .rposition(|event| event["role"] == role)
        .unwrap()
}

#[test]
fn a_figure_is_proven_without_the_service_and_every_change_of_the_proof_is_found() {
    let folder = folder();
    let data = path(&folder, "data");
    sample_city(&data);
    let key = succeed(&["log-key", "--data", &data, "show"])
        .trim()
        .to_owned();
    let file = path(&folder, "figure.json");
    let proof = proof_of(&data, CORRECTED, &file);
    let other = proof_of(&data, "12", &path(&folder, "other.json"));
    assert_ne!(
        proof["manifest"]["indicator"],
        other["manifest"]["indicator"]
    );
    // From here on there is no service and no data.
    std::fs::remove_dir_all(&data).unwrap();

    let said = succeed(&["verify-proof", &file, "--key", &key]);
    for part in [
        CORRECTED,
        "value 75.4",
        "approval",
        "acceptance",
        "number 2",
        "under the checkpoint of daicho-demo/log",
    ] {
        assert!(said.contains(part), "'{part}' is missing in\n{said}");
    }

    let altered = path(&folder, "altered.json");
    let refused = |what: &str, proof: &Value, expected: &str| {
        std::fs::write(&altered, proof.to_string()).unwrap();
        let error = fail(3, &["verify-proof", &altered, "--key", &key]);
        assert!(
            says(&error, expected),
            "{what}: '{expected}' is missing in\n{error}"
        );
    };
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut proof = proof.clone();
        change(&mut proof);
        proof
    };
    let approval = last(&proof, "approval");

    let flipped = changed(&|proof| {
        let stored = &mut events(proof)[approval]["stored"];
        let mut bytes = BASE64.decode(stored.as_str().unwrap()).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        *stored = BASE64.encode(bytes).into();
    });
    refused(
        "a flipped bit",
        &flipped,
        "(approval) is not proven: its bytes are not those",
    );

    let foreign = changed(&|proof| {
        let foreign = other["events"][last(&other, "value_entered")].clone();
        events(proof).push(foreign);
        events(proof).sort_by_key(|event| event["position"].as_u64());
    });
    refused(
        "another figure's event",
        &foreign,
        "is not about this figure: it is of indicator-",
    );

    let borrowed = changed(&|proof| {
        let theirs = other["events"][last(&other, "approval")]["stored"].clone();
        events(proof)[approval]["stored"] = theirs;
    });
    refused(
        "another figure's approval",
        &borrowed,
        "(approval) is not proven",
    );

    let swapped = changed(&|proof| {
        let acceptance = last(proof, "acceptance");
        events(proof)[approval]["role"] = "acceptance".into();
        events(proof)[acceptance]["role"] = "approval".into();
    });
    refused(
        "swapped parts",
        &swapped,
        "is said to be 'acceptance', but its bytes say 'approval'",
    );

    let value = changed(&|proof| proof["manifest"]["value"]["value"] = "76.4".into());
    refused("another value", &value, "the manifest says of 'value'");

    let target = changed(&|proof| proof["manifest"]["target_version"] = json!(7));
    refused(
        "another target version",
        &target,
        "the manifest says of 'target_version'",
    );

    let approver = changed(&|proof| {
        let by = proof["manifest"]["entered"]["by"].clone();
        proof["manifest"]["steps"][0]["act"]["by"] = by;
    });
    refused(
        "another approver",
        &approver,
        "the manifest says of 'steps'",
    );

    let left_out = changed(&|proof| {
        events(proof).remove(approval);
    });
    refused(
        "an approval that is left out",
        &left_out,
        "the manifest says of '",
    );

    // Somebody who knows the format drops the correction and makes the manifest agree.
    let correction = last(&proof, "value_corrected");
    let stored = BASE64
        .decode(proof["events"][correction]["stored"].as_str().unwrap())
        .unwrap();
    let in_stream = serde_json::from_slice::<Value>(&stored).unwrap()["stream_position"].clone();
    let uncorrected = changed(&|proof| {
        events(proof).remove(correction);
        let places = proof["manifest"]["left_out"].as_array_mut().unwrap();
        places.push(in_stream.clone());
        places.sort_by_key(Value::as_u64);
    });
    refused(
        "a correction that is left out",
        &uncorrected,
        "names the content",
    );

    let root = changed(&|proof| {
        for event in events(proof) {
            let text = event["proof"].as_str().unwrap();
            let (head, checkpoint) = text.split_once("\n\n").unwrap();
            let mut lines: Vec<String> = checkpoint.lines().map(str::to_owned).collect();
            lines[2] = BASE64.encode([7; 32]);
            event["proof"] = format!("{head}\n\n{}\n", lines.join("\n")).into();
        }
    });
    refused(
        "another root",
        &root,
        "a signature of the checkpoint is false",
    );

    let place = changed(&|proof| {
        let position = events(proof)[approval]["position"].as_u64().unwrap();
        events(proof)[approval]["position"] = (position + 1).into();
    });
    refused("another position", &place, "its proof is for position");

    let branch = changed(&|proof| {
        let event = &mut events(proof)[approval];
        let text = event["proof"].as_str().unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines[2] = BASE64.encode([7; 32]);
        event["proof"] = format!("{}\n", lines.join("\n")).into();
    });
    refused("another path", &branch, "(approval) is not proven");

    let unpublished = changed(&|proof| {
        events(proof).pop();
    });
    refused(
        "a publication that is left out",
        &unpublished,
        "the manifest says of",
    );

    let format = changed(&|proof| proof["format"] = "daicho-figure-proof.v9".into());
    refused("another format", &format, "its format is");

    std::fs::write(&altered, &proof.to_string()[..1000]).unwrap();
    let error = fail(3, &["verify-proof", &altered, "--key", &key]);
    assert!(says(&error, "daicho-figure-proof.v1"), "{error}");

    let strange = path(&folder, "strange");
    let witness = succeed(&["witness", "new-key", "daicho-demo/log", "-o", &strange]);
    let unsigned = fail(
        3,
        &[
            "verify-proof",
            &file,
            "--key",
            &key,
            "--witness",
            witness.trim(),
            "--required",
            "1",
        ],
    );
    assert!(says(&unsigned, "0 of the witnesses"), "{unsigned}");
}

#[test]
fn a_proof_says_nothing_with_another_logs_key() {
    let folder = folder();
    let (data, other) = (path(&folder, "data"), path(&folder, "other"));
    sample_city(&data);
    city(&other, &[]);
    let file = path(&folder, "figure.json");
    proof_of(&data, CORRECTED, &file);
    let key = succeed(&["log-key", "--data", &other, "show"]);
    assert!(key.starts_with("daicho-012262.local/log+"), "{key}");
    let error = fail(3, &["verify-proof", &file, "--key", key.trim()]);
    assert!(says(&error, "daicho-demo/log"), "{error}");
}

#[test]
fn what_an_old_key_signed_holds_after_a_rotation() {
    let folder = folder();
    let data = path(&folder, "data");
    sample_city(&data);
    let old = succeed(&["log-key", "--data", &data, "show"])
        .trim()
        .to_owned();
    let before = path(&folder, "before.json");
    proof_of(&data, CORRECTED, &before);
    let keys = succeed(&["log-key", "--data", &data, "rotate"]);
    let lines: Vec<&str> = keys.lines().collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1], old, "newest first");
    assert_eq!(succeed(&["log-key", "--data", &data, "show"]), keys);

    // The head has not moved: it has both signatures, so both keys verify.
    let after = path(&folder, "after.json");
    proof_of(&data, CORRECTED, &after);
    for (file, key) in [
        (&before, &old),
        (&after, &old),
        (&after, &lines[0].to_owned()),
    ] {
        succeed(&["verify-proof", file, "--key", key]);
    }
    assert!(fail(3, &["verify-proof", &before, "--key", lines[0]]).contains("not signed"));
    assert!(succeed(&["verify", "--data", &data]).contains("everything agrees"));
}

#[test]
fn the_secret_key_is_its_owners_alone_and_is_not_replaced_silently() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();
    let data = path(&folder, "data");
    city(&data, &[]);
    let secret = path(&folder, "data/keys/log-key");
    let mode = |path: &str| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(&secret), mode(&path(&folder, "data/keys"))),
        (0o600, 0o700)
    );
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(says(&fail(1, &["plans", "--data", &data]), "chmod 600"));
    std::fs::remove_file(&secret).unwrap();
    assert!(says(
        &fail(1, &["plans", "--data", &data]),
        "the log was signed before"
    ));
}
