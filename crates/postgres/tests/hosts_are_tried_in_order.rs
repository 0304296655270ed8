//! Of several hosts the one that takes writes is found, and found again.
#![expect(clippy::unwrap_used, reason = "a test may panic; that is how it fails")]

use std::io::ErrorKind;
use std::net::TcpListener;
use std::time::Duration;

use daicho_postgres::throwaway_server::{Server, available};
use daicho_postgres::{Connection, ConnectionSettings, Hosts, whole_story};
use tokio_postgres::{Client, Error};

fn hosts(url: &str) -> Hosts {
    let settings = ConnectionSettings {
        url,
        root_certificates: None,
        application_name: "tests",
        connect_timeout: Duration::from_millis(500),
    };
    Hosts::new(&settings).unwrap()
}

async fn started(client: Client, mut connection: Connection) -> Result<Client, Error> {
    tokio::spawn(async move { while let Some(Ok(_)) = connection.next_message().await {} });
    client.batch_execute("SELECT 1").await?;
    Ok(client)
}

/// How many connections wait to be accepted; accepts them.
fn knocked(listener: &TcpListener) -> usize {
    listener.set_nonblocking(true).unwrap();
    let mut count = 0;
    loop {
        match listener.accept() {
            Ok(_) => count += 1,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return count,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_host_that_hangs_is_passed_over_and_not_tried_again_while_another_takes_writes() {
    if !available() {
        return;
    }
    let mut server = Server::start();
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let hanging_name = hanging.local_addr().unwrap().to_string();
    let url = server
        .url("postgres", "postgres")
        .replace('@', &format!("@{hanging_name},"));
    let hosts = hosts(&url);

    hosts.connect(started).await.unwrap();
    assert_eq!(knocked(&hanging), 1);
    for _ in 0..3 {
        hosts.connect(started).await.unwrap();
    }
    assert_eq!(knocked(&hanging), 0);

    server.stop();
    let refusals = hosts.connect(started).await.unwrap_err();
    let told: Vec<_> = refusals
        .iter()
        .map(|refusal| refusal.told_with(whole_story))
        .collect();
    let [first, second] = &told[..] else {
        panic!("{told:?}");
    };
    assert!(first.contains("refused"), "{first}");
    assert_eq!(*second, format!("{hanging_name}: no answer in time"));
    assert_eq!(knocked(&hanging), 1);
}

#[tokio::test]
async fn a_host_that_only_reads_is_passed_over() {
    if !available() {
        return;
    }
    let mut reading = Server::start();
    reading.stop();
    reading
        .settings
        .push("default_transaction_read_only=on".to_owned());
    reading.start_again();
    let writing = Server::start();
    let server_of = |url: &str| url[url.find('@').unwrap() + 1..url.rfind('/').unwrap()].to_owned();
    let url = writing.url("postgres", "postgres");
    let hosts = hosts(&url.replace(
        '@',
        &format!("@{},", server_of(&reading.url("postgres", "postgres"))),
    ));
    let client = hosts.connect(started).await.unwrap();
    let row = client
        .query_one("SELECT current_setting('port')", &[])
        .await
        .unwrap();
    let port: &str = row.get(0);
    assert!(server_of(&url).ends_with(&format!(":{port}")), "{port}");
}
