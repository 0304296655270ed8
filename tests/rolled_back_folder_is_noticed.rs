//! Somebody puts an old copy of the data folder back. The checkpoint that the audit office kept
//! brings it to light.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "a test may panic; that is how it fails"
)]

mod support;

use support::*;

/// A command whose finding is on standard output.
#[track_caller]
fn finds(status: i32, arguments: &[&str]) -> String {
    let output = run(arguments);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(status), "{said}");
    said
}

#[test]
fn a_folder_that_was_put_back_is_noticed_and_so_is_one_that_went_on_differently() {
    let folder = folder();
    let data = path(&folder, "data");
    city(&data, &[]);
    let service = Service::start(&data);
    let (first_size, first) = checkpoint_beyond(&service, 0);
    assert_eq!(service.stop(), 0);
    copy_folder(&data, &path(&folder, "copy"));

    let service = Service::start(&data);
    service.sign_in("admin");
    let (second_size, second) = checkpoint_beyond(&service, first_size);
    assert_eq!(service.stop(), 0);
    let (early, late) = (path(&folder, "early.txt"), path(&folder, "late.txt"));
    std::fs::write(&early, first).unwrap();
    std::fs::write(&late, second).unwrap();
    let against = [
        "verify",
        "--data",
        &data,
        "--against",
        &early,
        "--against",
        &late,
    ];
    assert!(finds(0, &against).contains("everything agrees"));

    // The copy is put back.
    std::fs::rename(&data, path(&folder, "newer")).unwrap();
    copy_folder(&path(&folder, "copy"), &data);
    let said = finds(3, &against);
    assert!(
        said.contains("ROLLED BACK") && said.contains(&format!("{second_size} events were signed")),
        "{said}"
    );
    assert_eq!(
        said.matches("DISCREPANCY").count(),
        1,
        "the early one still holds: {said}"
    );
    assert!(
        said.contains("what to do: do not go on with this folder"),
        "{said}"
    );
    assert!(
        finds(0, &["verify", "--data", &data]).contains("everything agrees"),
        "the folder itself is whole"
    );
    let refused = fail(
        3,
        &[
            "serve",
            "--data",
            &data,
            "--expect-checkpoint",
            &late,
            "--listen",
            "127.0.0.1:0",
        ],
    );
    assert!(says(&refused, "ROLLED BACK"), "{refused}");
    let mut command = daicho(&["serve", "--data", &data]);
    command.env("DAICHO_EXPECT_CHECKPOINT", &early);
    assert_eq!(Service::start_with(command).stop(), 0);

    // It goes on, beyond what was signed, with another history.
    for name in ["kawa", "yama", "mori"] {
        open_account(&data, name);
    }
    let said = finds(3, &against);
    assert!(said.contains("REWRITTEN"), "{said}");
    let refused = fail(
        3,
        &[
            "serve",
            "--data",
            &data,
            "--expect-checkpoint",
            &late,
            "--listen",
            "127.0.0.1:0",
        ],
    );
    assert!(says(&refused, "REWRITTEN"), "{refused}");
}

#[test]
fn a_checkpoint_of_another_log_or_none_at_all_is_told_apart() {
    let folder = folder();
    let (data, other) = (path(&folder, "data"), path(&folder, "other"));
    city(&data, &[]);
    city(&other, &[]);
    let service = Service::start(&other);
    let foreign = path(&folder, "foreign.txt");
    std::fs::write(&foreign, checkpoint_beyond(&service, 0).1).unwrap();
    let public = get(&format!("{}/log/keys", service.url)).unwrap().1;
    assert_eq!(service.stop(), 0);
    let against = ["verify", "--data", &data, "--against", &foreign];
    assert!(finds(3, &against).contains("is not signed by the key"));
    let with_key = [
        "verify",
        "--data",
        &data,
        "--against",
        &foreign,
        "--key",
        public.trim(),
    ];
    assert!(finds(3, &with_key).contains("REWRITTEN"));
    std::fs::write(&foreign, "size 5\n").unwrap();
    assert!(says(&fail(1, &against), "no checkpoint"));
}
