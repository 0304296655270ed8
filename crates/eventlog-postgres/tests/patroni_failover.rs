//! Three failovers of a real Patroni cluster under load. Takes a minute or two and needs `DAICHO_PATRONI=1`
//! (or `DAICHO_TORTURE=1`), etcd, Patroni and PostgreSQL 15.
#![expect(clippy::unwrap_used, reason = "a test may panic; that is how it fails")]

#[path = "patroni/cluster.rs"]
mod cluster;
mod support;

use std::{sync::Arc, time::Duration};

use cluster::{Cluster, wanted_and_possible};
use daicho_eventlog::{EventLog, conformance::at};
use daicho_eventlog_postgres::{Options, PostgresLog, migrate};
use support::{
    PROGRAMS, RUNTIME, block_on, client, free_port, give_to_server,
    load::{Load, check},
    make, server_program,
};
use tokio::time::{Instant, sleep};

const WRITERS_PER_NODE: u64 = 6;

/// Longest time without any acknowledgement in the seconds after a fault.
async fn longest_silence(load: &Load, watched: Duration) -> Duration {
    let end = Instant::now() + watched;
    let (mut count, mut since, mut longest) = (load.acknowledged(), Instant::now(), Duration::ZERO);
    while Instant::now() < end {
        sleep(Duration::from_millis(5)).await;
        let now = load.acknowledged();
        if now != count {
            longest = longest.max(since.elapsed());
            (count, since) = (now, Instant::now());
        }
    }
    longest.max(since.elapsed())
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_in_three_failovers() {
    if !wanted_and_possible() {
        return;
    }
    let mut cluster = Cluster::start();
    let primary = |url: String| format!("{url}?target_session_attrs=read-write");
    let (admin, owner) = (
        primary(cluster.url("postgres", "postgres")),
        cluster.url("daicho_owner", "daicho"),
    );
    let mut options = Options::new(cluster.url("daicho_service", "daicho"));
    options.require_standby = true;
    options.answer_timeout = Duration::from_secs(10);
    let nodes = block_on(async move {
        let admin = client(&admin).await;
        make(&admin, "daicho", "daicho_owner", "daicho_service").await;
        migrate(&Options::new(owner), "daicho_service")
            .await
            .unwrap();
        [
            Arc::new(PostgresLog::open(&options).await.unwrap()),
            Arc::new(PostgresLog::open(&options).await.unwrap()),
        ]
    });
    let load = RUNTIME.block_on(async {
        let load = Load::start(&nodes, WRITERS_PER_NODE);
        load.wait_for(500).await;
        load
    });

    let watched = Duration::from_secs(15);
    for fault in ["kill-postgres", "kill-postgres", "kill-node"] {
        let before = load.acknowledged();
        let node = cluster.tell(fault);
        let silence = RUNTIME.block_on(longest_silence(&load, watched));
        assert!(silence < watched, "no failover after {fault}");
        if fault == "kill-node" {
            cluster.tell(&format!("start {node}"));
        }
        cluster.tell("wait");
        eprintln!(
            "{fault} of node {node}: nothing acknowledged for {silence:.2?}, {} appends acknowledged in {watched:?}",
            load.acknowledged() - before
        );
        RUNTIME.block_on(load.wait_for(300));
    }

    let ports: Vec<_> = cluster.ports().collect();
    RUNTIME.block_on(async {
        let written = load.finish().await;
        eprintln!(
            "{} appends acknowledged, {} retries, {} of them found their command recorded",
            written.acknowledged.len(),
            written.retries,
            written.found_recorded
        );
        assert!(written.retries > 0, "no writer noticed a failover");
        let mut events = 0;
        for node in &nodes {
            events = check(&**node, &written).await;
        }
        let [one, two] = &nodes;
        let all = usize::MAX;
        assert!(
            one.read_stored(at(0), all).await.unwrap()
                == two.read_stored(at(0), all).await.unwrap()
        );
        for port in ports {
            assert_holds(port, events).await;
        }
        for node in nodes {
            assert_eq!(node.read_only_reason(), None);
            node.close().await.unwrap();
        }
    });
}

/// Each server, standby or primary, has all events and the recorded head over them.
async fn assert_holds(port: u16, events: u64) {
    let url = format!("postgresql://postgres:test@127.0.0.1:{port}/daicho");
    for _ in 0..100 {
        let row = client(&url)
            .await
            .query_one(
                "SELECT (SELECT count(*) FROM daicho_log.events), (SELECT size FROM daicho_log.head)",
                &[],
            )
            .await
            .unwrap();
        let (count, size): (i64, i64) = (row.get(0), row.get(1));
        assert_eq!(count, size);
        if count.unsigned_abs() == events {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
    panic!("the server at port {port} does not get {events} events");
}
