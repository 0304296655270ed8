//! Two nodes serve one city from a real Patroni cluster, whose primary dies three times under
//! writers and readers: what was acknowledged is there once, nobody hears anything worse than "try
//! again", and both nodes know in the end what a node knows that has just started. Takes some
//! minutes and needs `DAICHO_PATRONI=1` (or `DAICHO_TORTURE=1`), etcd, Patroni and PostgreSQL 15.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "a test may panic; that is how it fails"
)]

#[path = "../crates/eventlog-postgres/tests/patroni/cluster.rs"]
mod cluster;
#[path = "support/department_openers.rs"]
mod department_openers;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/readers.rs"]
mod readers;
mod support;
#[path = "support/writers.rs"]
mod writers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use cluster::{Cluster, wanted_and_possible};
use department_openers::{Opener, check_departments};
use postgres::{PROGRAMS, give_to_server, run_sql, server_program};
use readers::{Reader, everything};
use serde_json::Value;
use support::*;
use tokio::time::Instant;
use writers::{Until, Writer, check_answers, check_log, open_year, sign_in, work};

const WRITERS_PER_NODE: usize = 6;
const READERS_PER_NODE: usize = 2;
/// How long the nodes are watched after a fault.
const WATCHED: Duration = Duration::from_secs(15);
/// What clients may be told: each says that trying again helps, with the same command id.
const RETRIABLE: [&str; 3] = ["unavailable", "busy", "read_only"];

/// The sample city in the cluster.
struct City {
    cluster: Cluster,
    /// How every command reaches the records.
    place: Vec<String>,
}

impl City {
    /// Moved from a data folder, with the roles and rights that operators are told to make.
    fn moved() -> Self {
        let cluster = Cluster::start();
        let primary = "?target_session_attrs=read-write";
        run_sql(
            &(cluster.url("postgres", "postgres") + primary),
            include_str!("../deploy/patroni/roles.sql"),
        );
        let owner = cluster.url("daicho_owner", "daicho");
        let roles = [
            "--service-role",
            "daicho_service",
            "--identity-role",
            "daicho_identity",
        ];
        succeed(&[&["migrate", "--database-url", &owner], &roles[..]].concat());
        let folder = folder();
        let data = path(&folder, "data");
        sample_city(&data);
        let (log, people) = (
            cluster.url("daicho_service", "daicho"),
            cluster.url("daicho_identity", "daicho"),
        );
        let to = ["--to-database-url", &log, "--to-identity-url", &people];
        let moved = succeed(&[&["move", "--data", &data], &to[..]].concat());
        assert!(moved.contains("the same in both"), "{moved}");
        let place = ["--database-url", &log, "--identity-url", &people];
        let place = [&place[..], &["--require-standby", "true"]].concat();
        Self {
            cluster,
            place: place.into_iter().map(String::from).collect(),
        }
    }

    fn run(&self, arguments: &[&str]) -> String {
        let place: Vec<&str> = self.place.iter().map(String::as_str).collect();
        succeed(&[arguments, &place].concat())
    }

    fn node(&self) -> Service {
        let place: Vec<&str> = self.place.iter().map(String::as_str).collect();
        Service::start_with(daicho(&[&["serve"], &place[..]].concat()))
    }
}

/// Longest times without any acknowledgement while somebody watches.
#[derive(Default)]
struct Silence {
    /// By each node alone.
    of_nodes: [Duration; 2],
    /// By both together.
    of_all: Duration,
}

fn watch(untils: &[Arc<Until>; 2], watched: Duration) -> Silence {
    let counts = || {
        let [one, two] = untils.each_ref().map(|until| until.count());
        [one, two, one + two]
    };
    let begun = Instant::now();
    let mut last = counts().map(|count| (count, begun));
    let mut longest = [Duration::ZERO; 3];
    loop {
        thread::sleep(Duration::from_millis(5));
        for ((count, last), longest) in counts().into_iter().zip(&mut last).zip(&mut longest) {
            *longest = last.1.elapsed().max(*longest);
            if count != last.0 {
                *last = (count, Instant::now());
            }
        }
        if begun.elapsed() > watched {
            let [one, two, of_all] = longest;
            return Silence {
                of_nodes: [one, two],
                of_all,
            };
        }
    }
}

/// Waits until both nodes have acknowledged `more` again.
#[track_caller]
fn wait_for(untils: &[Arc<Until>; 2], more: u64) {
    let goals = untils.each_ref().map(|until| until.count() + more);
    for _ in 0..6000 {
        if untils
            .iter()
            .zip(goals)
            .all(|(until, goal)| until.count() >= goal)
        {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("{more} more commands were not acknowledged by both nodes within a minute");
}

/// Everybody who was told something else than what they wanted was told to try again.
#[track_caller]
fn are_retriable<'a>(told: impl IntoIterator<Item = &'a String>) {
    for told in told {
        let code = told.split(':').next().unwrap_or_default();
        assert!(RETRIABLE.contains(&code), "{told}");
    }
}

/// What many were told, as one.
fn together<'a>(all: impl IntoIterator<Item = &'a BTreeMap<String, u64>>) -> BTreeMap<String, u64> {
    let mut sum = BTreeMap::new();
    for (told, times) in all.into_iter().flatten() {
        *sum.entry(told.clone()).or_default() += times;
    }
    sum
}

#[test]
fn what_two_nodes_acknowledge_outlives_three_failovers_of_their_database() {
    if !wanted_and_possible() {
        return;
    }
    let mut city = City::moved();
    let nodes = [city.node(), city.node()];
    let urls = nodes.each_ref().map(|node| node.url.clone());

    // Everybody goes to work.
    let mut writers = open_year(&urls[0], 2 * WRITERS_PER_NODE);
    let second_half = writers.split_off(WRITERS_PER_NODE);
    let indicators: Vec<String> = writers
        .iter()
        .chain(&second_half)
        .map(|writer| writer.indicator().to_owned())
        .collect();
    let admin = sign_in(&urls[0], "admin");
    let asked = nodes[0].graphql(
        Some(&admin),
        "{ municipalities { id } plans { id } }",
        &Value::Null,
    );
    let id = |of: &str| asked["data"][of][0]["id"].as_str().unwrap().to_owned();
    let (municipality, plan) = (id("municipalities"), id("plans"));
    let untils = [Until::stopped(), Until::stopped()];
    let writing = [writers, second_half].into_iter().zip(&urls).zip(&untils);
    let writing: Vec<_> = writing
        .map(|((writers, url), until)| {
            let (url, until) = (url.clone(), Arc::clone(until));
            thread::spawn(move || work(writers, &url, 1, &until))
        })
        .collect();
    let stop = Arc::new(AtomicBool::new(false));
    let opening: Vec<_> = (0..2)
        .map(|number| {
            let opener = Opener::new(number, &admin, &municipality, &urls);
            let stop = Arc::clone(&stop);
            thread::spawn(move || opener.work(&stop))
        })
        .collect();
    let planning = sign_in(&urls[1], "planning");
    let reading: Vec<_> = (0..2 * READERS_PER_NODE)
        .map(|number| {
            let reader = Reader::new(&urls[number % 2], &planning, &plan, &indicators[number]);
            let stop = Arc::clone(&stop);
            thread::spawn(move || reader.work(&stop))
        })
        .collect();
    wait_for(&untils, 100);

    // The primary dies, three times.
    let mut longest = Duration::ZERO;
    for fault in ["kill-postgres", "kill-postgres", "kill-node"] {
        let before = untils.each_ref().map(|until| until.count());
        let number = city.cluster.tell(fault);
        let silence = watch(&untils, WATCHED);
        let after = untils.each_ref().map(|until| until.count());
        eprintln!(
            "{fault} of server {number}: nothing acknowledged for {:.2?} (by one node for {:.2?}, by the other for {:.2?}), \
             {} and {} commands acknowledged in {WATCHED:?}",
            silence.of_all,
            silence.of_nodes[0],
            silence.of_nodes[1],
            after[0] - before[0],
            after[1] - before[1],
        );
        for of_node in silence.of_nodes {
            assert!(of_node < WATCHED, "no failover after {fault}");
        }
        longest = longest.max(silence.of_all);
        if fault == "kill-node" {
            city.cluster.tell(&format!("start {number}"));
        }
        city.cluster.tell("wait");
        wait_for(&untils, 50);
    }
    eprintln!("longest gap in acknowledgements: {longest:.2?}");

    // They stop, and what is still under way is finished.
    stop.store(true, Ordering::SeqCst);
    for until in &untils {
        until.stop();
    }
    let readers: Vec<Reader> = reading.into_iter().map(|it| it.join().unwrap()).collect();
    let openers: Vec<Opener> = opening.into_iter().map(|it| it.join().unwrap()).collect();
    let writers: Vec<Vec<Writer>> = writing
        .into_iter()
        .zip(&urls)
        .map(|(writing, url)| work(writing.join().unwrap(), url, 1, &Until::acknowledged(0)))
        .collect();
    for writer in writers.iter().flatten() {
        assert_eq!(writer.unanswered, 0, "a node refused a connection");
        let expired = |told: &String| told.starts_with("token_expired");
        assert!(
            writer.turned_away.keys().all(expired),
            "{:?}",
            writer.turned_away
        );
    }
    let told_to_writers = together(writers.iter().flatten().map(|writer| &writer.refusals));
    let told_to_openers = together(openers.iter().map(|opener| &opener.refusals));
    let told_to_readers = together(readers.iter().map(|reader| &reader.refusals));
    let figures: Vec<usize> = writers
        .iter()
        .map(|writers| writers.iter().map(|writer| writer.acknowledged.len()).sum())
        .collect();
    let found: u64 = writers
        .iter()
        .flatten()
        .map(|writer| writer.found_recorded)
        .sum();
    eprintln!(
        "figures: {} and {} acknowledged, {} times sent again, {found} of them found recorded; told {told_to_writers:#?}",
        figures[0],
        figures[1],
        told_to_writers.values().sum::<u64>(),
    );
    eprintln!(
        "departments: {} opened, {} times sent again to the other node, {} of them found recorded; told {told_to_openers:#?}",
        openers
            .iter()
            .map(|opener| opener.acknowledged.len())
            .sum::<usize>(),
        told_to_openers.values().sum::<u64>(),
        openers
            .iter()
            .map(|opener| opener.found_recorded)
            .sum::<u64>(),
    );
    for reader in &readers {
        eprintln!("{reader}");
    }
    are_retriable(told_to_writers.keys());
    are_retriable(told_to_openers.keys());
    are_retriable(told_to_readers.keys());
    assert!(!told_to_writers.is_empty(), "no writer noticed a failover");

    // What was acknowledged is there, once, whichever node is asked.
    check_answers(&urls[1], &writers[0]);
    check_answers(&urls[0], &writers[1]);
    let writers: Vec<Writer> = writers.into_iter().flatten().collect();
    let admin = sign_in(&urls[0], "admin");
    let events = urls.each_ref().map(|url| {
        check_departments(url, &admin, &municipality, &openers);
        check_log(url, &writers)
    });
    // To have let the auditor in is recorded, too.
    assert_eq!(events[0] + 1, events[1]);
    assert!(city.run(&["verify"]).contains("everything agrees"));

    // Both know what a node knows that has just read all events.
    let fresh = city.node();
    let auditor = sign_in(&fresh.url, "auditor");
    let seen = |node: &Service| everything(&node.url, &auditor, &plan, &municipality, &indicators);
    let expected = seen(&fresh);
    for node in &nodes {
        for (expected, seen) in expected.iter().zip(seen(node)) {
            assert!(*expected == seen, "{expected}\n\n{seen}");
        }
        let (status, why) = get(&format!("{}/readyz", node.url)).unwrap();
        assert_eq!(status, 200, "{why}");
    }
    eprintln!(
        "{} events, and {} answers are the same on all nodes",
        events[1],
        expected.len()
    );
    for node in nodes.into_iter().chain([fresh]) {
        assert_eq!(node.stop(), 0);
    }
}
