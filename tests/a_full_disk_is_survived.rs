//! The disk fills up, slowly and at one go, under a running service and under one that has to
//! start: reading goes on, writing is refused with its cause, and nothing acknowledged is lost.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "a test may panic; that is how it fails"
)]

#[path = "support/small_disk.rs"]
mod small_disk;
mod support;
#[path = "support/watched.rs"]
mod watched;
#[path = "support/writers.rs"]
mod writers;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use small_disk::SmallDisk;
use support::*;
use watched::{Watched, is_for_people};
use writers::{Until, Writer, check_answers, check_log, open_year, sign_in, work};

/// Room for the reserve, the ballast, two journal files and sled.
const DISK_MEBIBYTES: u64 = 800;

/// How often the disk fills up under the writers.
fn fillings() -> u64 {
    if std::env::var_os("DAICHO_TORTURE").is_some() {
        60
    } else {
        5
    }
}

const PUBLISHED: &str =
    "query($plan: ID!) { sheet(plan: $plan, fiscalYear: \"R3\") { summary { sentence } } }";

/// A sample city on a disk of its own, served, with a year open.
struct City {
    data: String,
    service: Watched,
    writers: Vec<Writer>,
    plan: String,
    auditor: String,
    // Unmounted after the service has ended.
    disk: SmallDisk,
}

fn city_on_a_small_disk() -> Option<City> {
    let disk = SmallDisk::make(DISK_MEBIBYTES)?;
    let data = disk.path("data");
    sample_city(&data);
    let service = Watched::start(&data, &disk.beside("said-1")).unwrap();
    service.becomes_ready();
    let writers = open_year(&service.url, 6);
    let auditor = sign_in(&service.url, "auditor");
    let plans = service.graphql(Some(&auditor), "{ plans { id } }", &Value::Null);
    let plan = plans["data"]["plans"][0]["id"].as_str().unwrap().to_owned();
    Some(City {
        data,
        service,
        writers,
        plan,
        auditor,
        disk,
    })
}

impl City {
    /// Lets everybody acknowledge `count` more commands together.
    fn write(&mut self, count: u64) {
        let writers = std::mem::take(&mut self.writers);
        self.writers = work(writers, &self.service.url, 1, &Until::acknowledged(count));
    }

    /// Pages, answers and the log itself can be read.
    #[track_caller]
    fn is_read(&self) {
        let (status, page) = get(&format!("{}/public/{}/R3", self.service.url, self.plan)).unwrap();
        assert!(status == 200 && page.contains("41"), "{status}");
        let sheet = self.service.graphql(
            Some(&self.auditor),
            PUBLISHED,
            &json!({ "plan": self.plan }),
        );
        assert!(
            sheet["data"]["sheet"]["summary"]["sentence"].is_string(),
            "{sheet}"
        );
        for part in ["log/tile/entries/001", "log/tile/0/000"] {
            let url = format!("{}/{part}", self.service.url);
            assert_eq!(get_as(&url, Some(&self.auditor)).0, 200, "{part}");
        }
    }

    /// What was acknowledged is what is there.
    #[track_caller]
    fn has_everything(&self) -> u64 {
        check_answers(&self.service.url, &self.writers);
        check_log(&self.service.url, &self.writers)
    }
}

/// What the writers were told while they could not write.
fn refusals(writers: &[Writer]) -> Vec<&str> {
    let said = writers.iter().flat_map(|writer| writer.refusals.keys());
    said.map(String::as_str).collect()
}

#[test]
fn below_the_reserve_reading_goes_on_and_writing_waits_for_room() {
    let Some(mut city) = city_on_a_small_disk() else {
        return;
    };
    city.write(60);
    let filling = city.disk.fill_leaving(200 << 20);

    let until = Until::stopped();
    let waiting = {
        let (writers, url, until) = (
            std::mem::take(&mut city.writers),
            city.service.url.clone(),
            Arc::clone(&until),
        );
        std::thread::spawn(move || work(writers, &url, 1, &until))
    };
    let reason = city.service.becomes_unready("kept in reserve");
    assert!(
        reason.contains(&city.data)
            && reason.contains("199 MiB left")
            && reason.contains("free some space")
            && reason.contains("goes on by itself"),
        "{reason}"
    );
    std::thread::sleep(Duration::from_millis(500));
    let (before, head) = (until.count(), city.service.readiness().1["head"].clone());
    city.is_read();
    let exported = run(&["export", "--data", &city.data, "--fiscal-year", "R3"]);
    assert!(exported.status.success() && !exported.stdout.is_empty());
    assert!(succeed(&["verify", "--data", &city.data]).contains("everything agrees"));
    let refused = fail(
        1,
        &[
            "department",
            "open",
            "新しい課",
            "--data",
            &city.data,
            "--as",
            "admin",
        ],
    );
    assert!(
        says(&refused, "kept in reserve") && says(&refused, "free some space"),
        "{refused}"
    );
    assert_eq!(
        (until.count(), &city.service.readiness().1["head"]),
        (before, &head),
        "something was written"
    );
    let said = city.service.said();
    assert!(
        !said.contains("could not be written") && !said.contains("did not"),
        "something failed before it was refused:\n{said}"
    );

    filling.remove();
    city.service.becomes_ready();
    while until.count() < before + 60 {
        std::thread::sleep(Duration::from_millis(20));
    }
    until.stop();
    city.writers = waiting.join().unwrap();
    let told = refusals(&city.writers);
    assert!(
        !told.is_empty() && told.iter().all(|told| told.starts_with("read_only: ")),
        "{told:?}"
    );
    city.write(0);
    city.has_everything();
    let data = city.data;
    let ended = city.service.stop();
    assert_eq!(ended.status, Some(0), "{}", ended.said);
    is_for_people(&ended.said);
    assert!(succeed(&["verify", "--data", &data]).contains("everything agrees"));
}

#[test]
fn a_disk_that_is_full_to_the_last_byte_takes_nothing_that_was_acknowledged() {
    let Some(mut city) = city_on_a_small_disk() else {
        return;
    };
    city.write(60);

    // Under the writers, again and again.
    let until = Until::stopped();
    let writing = {
        let (writers, url, until) = (
            std::mem::take(&mut city.writers),
            city.service.url.clone(),
            Arc::clone(&until),
        );
        std::thread::spawn(move || work(writers, &url, 1, &until))
    };
    for number in 0..fillings() {
        // Now and then in the middle of what sled has to be given.
        std::thread::sleep(Duration::from_millis(30 + 90 * (number % 5)));
        let filling = city.disk.fill_leaving(0);
        let reason = city.service.becomes_unready("free some space");
        assert!(reason.contains(&city.data), "{reason}");
        city.is_read();
        std::thread::sleep(Duration::from_millis(700 * (number % 3)));
        filling.remove();
        city.service.becomes_ready();
        let count = until.count();
        while until.count() < count + 12 {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    let filling = city.disk.fill_leaving(0);
    city.service.becomes_unready("free some space");
    until.stop();
    eprintln!("{:#?}", city.service.troubles());
    city.writers = writing.join().unwrap();
    let told = refusals(&city.writers);
    assert!(
        !told.is_empty() && told.iter().all(|told| told.starts_with("read_only: ")),
        "{told:?}"
    );

    // It has to end, and to start, without a byte.
    let next = |city: City, number: u32| {
        let City {
            data,
            service,
            writers,
            plan,
            auditor,
            disk,
        } = city;
        let ended = service.stop();
        is_for_people(&ended.said);
        eprintln!("ended with {:?}", ended.status);
        let said = disk.beside(&format!("said-{number}"));
        let service = Watched::start(&data, &said).unwrap();
        City {
            data,
            service,
            writers,
            plan,
            auditor,
            disk,
        }
    };
    let mut city = next(city, 2);
    city.service.becomes_unready("free some space");
    let said = city.service.said();
    assert!(says(&said, "the ballast was given up"), "{said}");
    city.is_read();

    // Once more, without a byte and without a ballast, after a power cut.
    drop(filling);
    city.service.becomes_ready();
    city.write(30);
    let filling = city.disk.fill_leaving(0);
    let City {
        data,
        service,
        writers,
        plan,
        auditor,
        disk,
    } = city;
    service.kill();
    let ballast = disk.place().join("data/log/ballast");
    assert!(ballast.exists(), "the ballast was not put back");
    std::fs::remove_file(&ballast).unwrap();
    let rest = disk.fill_leaving(0);
    for number in 3..5 {
        let ended = match Watched::start(&data, &disk.beside(&format!("said-{number}"))) {
            Err(ended) => ended,
            Ok(service) => panic!("it started:\n{}", service.said()),
        };
        assert_eq!(ended.status, Some(1), "{}", ended.said);
        is_for_people(&ended.said);
        assert!(
            says(&ended.said, &data) && says(&ended.said, "free some space"),
            "{}",
            ended.said
        );
        for command in ["verify", "export", "plans"] {
            let error = fail(1, &[command, "--data", &data]);
            assert!(
                says(&error, &data) && says(&error, "free some space"),
                "{error}"
            );
        }
    }
    drop((filling, rest));
    let service = Watched::start(&data, &disk.beside("said-5")).unwrap();
    service.becomes_ready();
    assert!(
        service.said().contains("clean_shutdown=false"),
        "a start that failed looks like a proper end:\n{}",
        service.said()
    );
    let mut city = City {
        data,
        service,
        writers,
        plan,
        auditor,
        disk,
    };
    city.write(30);
    let events = city.has_everything();
    let acknowledged: usize = city
        .writers
        .iter()
        .map(|writer| writer.acknowledged.len())
        .sum();
    eprintln!("{acknowledged} commands acknowledged, {events} events");
    let data = city.data;
    let ended = city.service.stop();
    assert_eq!(ended.status, Some(0), "{}", ended.said);
    is_for_people(&ended.said);
    assert!(succeed(&["verify", "--data", &data]).contains("everything agrees"));
}
