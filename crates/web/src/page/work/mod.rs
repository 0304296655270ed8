//! My work: what is left, by task.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;

use super::frame::{Frame, FrameViewer};
use super::{Answer, page};
use crate::ask::ask;
use crate::visitor::Visitor;
use crate::web::Shared;

document!(WorkPage, "src/page/work/page.graphql");

use work_page::WorkPageInboxItems as Item;

/// Everything that waits for the same kind of work.
struct Group {
    label: String,
    items: Vec<Item>,
}

#[derive(Template)]
#[template(path = "work/page.html")]
struct Page {
    frame: Frame,
    viewer: FrameViewer,
    left: String,
    groups: Vec<Group>,
}

/// Shows it.
pub(crate) async fn show(State(web): State<Shared>, visitor: Visitor) -> Answer {
    let (frame, viewer) = Frame::inside(&web, &visitor, "自分の仕事").await?;
    let mut groups: Vec<Group> = Vec::new();
    let mut left = String::new();
    if viewer.has_inbox
        && let Some(inbox) = ask::<WorkPage>(&web, &visitor, work_page::Variables {})
            .await?
            .inbox
    {
        left = what_is_left(&inbox.items, inbox.reports);
        for item in inbox.items {
            match groups
                .iter_mut()
                .find(|group| group.label == item.task_label)
            {
                Some(group) => group.items.push(item),
                None => groups.push(Group {
                    label: item.task_label.clone(),
                    items: vec![item],
                }),
            }
        }
    }
    page(
        StatusCode::OK,
        &Page {
            frame,
            viewer,
            left,
            groups,
        },
    )
}

/// `残り3件 / 5件、期限 5月20日`.
fn what_is_left(items: &[Item], reports: i64) -> String {
    let due = items.iter().map(|item| item.due).min();
    let due = due.map_or_else(String::new, |due| format!("、期限 {}", due.in_its_year()));
    format!("残り{}件 / {reports}件{due}", items.len())
}
