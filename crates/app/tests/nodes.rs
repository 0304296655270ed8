//! Several services over one log: what one has recorded, the others know before they answer.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "a test may panic; that is how it fails"
)]

use std::sync::Arc;

use daicho_app::{App, AppError, Caller, CommandId, Position};
use daicho_domain::DepartmentId;
use daicho_domain::command::{OpenDepartment, RenameDepartment};
use daicho_testkit::{Played, TestApp, access};
use jiff::civil::date;

struct Nodes {
    first: TestApp,
    /// Does not follow the log by itself, as if no notification reached it.
    second: App,
    played: Played,
    administrator: Caller,
    department: DepartmentId,
}

impl Nodes {
    async fn start() -> Self {
        let (first, played) = TestApp::sample_city().await;
        let log = Arc::clone(&first.log) as Arc<_>;
        let second = App::open(log, access(), first.lent_surroundings(), |_, _| {});
        let administrator = played
            .people
            .iter()
            .find(|person| person.sign_in_name == "admin");
        Self {
            second: second.await.unwrap(),
            administrator: Caller::Account(administrator.unwrap().account),
            department: DepartmentId(first.app.new_id()),
            first,
            played,
        }
    }

    fn id(&self) -> CommandId {
        CommandId(self.first.app.new_id())
    }

    /// Opens a department on the first node.
    async fn open_department(&self) -> Position {
        let open = OpenDepartment {
            department: self.department,
            municipality: self.played.municipality,
            name: "危機管理課".into(),
            valid_from: date(2023, 4, 1),
        };
        let done = self.first.app.handle(&self.administrator, open, self.id());
        done.await.unwrap().position
    }

    async fn rename(&self, node: &App, name: &str) -> usize {
        let rename = RenameDepartment {
            department: self.department,
            name: name.into(),
        };
        let done = node.handle(&self.administrator, rename, self.id());
        done.await.unwrap().events
    }
}

#[tokio::test]
async fn a_node_that_is_behind_catches_up_before_it_refuses() {
    let nodes = Nodes::start().await;
    nodes.open_department().await;
    assert_eq!(nodes.rename(&nodes.second, "防災課").await, 1);
}

#[tokio::test]
async fn a_node_that_is_behind_does_not_take_a_change_for_done() {
    let nodes = Nodes::start().await;
    let opened = nodes.open_department().await;
    nodes.second.reach(opened).await.unwrap();
    assert_eq!(nodes.rename(&nodes.first.app, "防災課").await, 1);
    // In the second node's state it is called so still.
    assert_eq!(nodes.rename(&nodes.second, "危機管理課").await, 1);
    assert_eq!(nodes.rename(&nodes.second, "危機管理課").await, 0);
}

#[tokio::test]
async fn a_reader_gets_what_another_node_has_just_recorded() {
    let nodes = Nodes::start().await;
    let position = nodes.open_department().await;
    assert!(nodes.second.position() < Some(position));
    nodes.second.reach(position).await.unwrap();
    assert!(nodes.second.department(nodes.department).is_some());
}

#[tokio::test]
async fn a_position_that_the_log_does_not_have_is_refused_at_once() {
    let nodes = Nodes::start().await;
    let nowhere: Position = "999999999".parse().unwrap();
    let refused = nodes.second.reach(nowhere).await.unwrap_err();
    assert!(matches!(refused, AppError::NotReached(position) if position == nowhere));
    assert_eq!(refused.code(), "position_not_reached");
}
