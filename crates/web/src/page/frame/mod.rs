//! What stands around every page: who is signed in, and where they can go.

use super::problem::Problem;
use crate::ask::ask;
use crate::asset::stylesheet_path;
use crate::visitor::Visitor;
use crate::web::Web;

document!(FrameParts, "src/page/frame/page.graphql");

use frame_parts::{Action, Role};

/// A link to another page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// Where it leads.
    pub(crate) href: String,
    /// What it says.
    pub(crate) label: String,
}

/// Who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FrameViewer {
    /// The person's name.
    pub(crate) name: String,
    /// Roles that hold today, in words.
    pub(crate) roles: String,
    /// Name of the municipality.
    pub(crate) municipality: String,
    /// Its id.
    pub(crate) municipality_id: String,
    /// Whether reports wait for people like them.
    pub(crate) has_inbox: bool,
    /// Whether they may read accounts.
    pub(crate) reads_accounts: bool,
    /// Whether they may read refused commands.
    pub(crate) reads_refusals: bool,
    /// Whether they may read how far all departments are.
    pub(crate) reads_progress: bool,
}

/// What stands around a page.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// Title of the page.
    pub(crate) title: String,
    /// Whether the records are a demo's.
    pub(crate) is_demo: bool,
    /// Whether what is shown is old and nothing can be recorded; said to people who are signed
    /// in.
    pub(crate) is_stuck: bool,
    /// Where the stylesheet is.
    pub(crate) stylesheet: &'static str,
    /// What forms carry.
    pub(crate) csrf: String,
    /// Path of the page.
    pub(crate) path: String,
    /// Who is signed in.
    pub(crate) viewer: Option<FrameViewer>,
    /// Where they can go.
    pub(crate) links: Vec<Link>,
    /// Whether strangers are offered to sign in.
    pub(crate) offers_sign_in: bool,
}

impl Frame {
    /// The frame of a page that knows nothing of its visitor.
    pub(crate) fn plain(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            is_demo: false,
            is_stuck: false,
            stylesheet: stylesheet_path(),
            csrf: String::new(),
            path: String::new(),
            viewer: None,
            links: Vec::new(),
            offers_sign_in: false,
        }
    }

    /// The frame of `visitor`'s page.
    pub(crate) async fn of(
        web: &Web,
        visitor: &Visitor,
        title: impl Into<String>,
    ) -> Result<Self, Problem> {
        let parts = ask::<FrameParts>(web, visitor, frame_parts::Variables {}).await?;
        let viewer = parts.viewer.as_ref().map(viewer);
        Ok(Self {
            title: title.into(),
            is_demo: parts.service.is_demo,
            is_stuck: viewer.is_some() && web.app.is_stuck(),
            csrf: visitor.csrf(),
            path: visitor
                .path
                .split('?')
                .next()
                .unwrap_or_default()
                .to_owned(),
            links: links(viewer.as_ref(), &parts),
            offers_sign_in: viewer.is_none(),
            viewer,
            ..Self::plain("")
        })
    }

    /// The frame of a page for people who are signed in.
    pub(crate) async fn inside(
        web: &Web,
        visitor: &Visitor,
        title: impl Into<String>,
    ) -> Result<(Self, FrameViewer), Problem> {
        let frame = Self::of(web, visitor, title).await?;
        match &frame.viewer {
            Some(viewer) => {
                let viewer = viewer.clone();
                Ok((frame, viewer))
            }
            None => Err(Problem::sign_in(visitor)),
        }
    }
}

fn viewer(viewer: &frame_parts::FramePartsViewer) -> FrameViewer {
    let held: Vec<_> = viewer
        .grants
        .iter()
        .filter(|grant| grant.holds_today)
        .collect();
    let roles: Vec<String> = held
        .iter()
        .map(|grant| {
            let department = grant
                .department
                .as_ref()
                .map(|department| format!("{} ", department.name))
                .unwrap_or_default();
            let deputy = grant
                .on_behalf_of
                .as_ref()
                .map(|person| format!("({}の代理)", person.name))
                .unwrap_or_default();
            format!("{department}{}{deputy}", grant.role_label)
        })
        .collect();
    let may = |action: &Action| viewer.municipality.allowed.contains(action);
    FrameViewer {
        name: viewer.name.clone(),
        roles: if roles.is_empty() {
            "有効な権限なし".to_owned()
        } else {
            roles.join("、")
        },
        municipality: viewer.municipality.name.clone(),
        municipality_id: viewer.municipality.id.clone(),
        has_inbox: held
            .iter()
            .any(|grant| matches!(grant.role, Role::staff | Role::approver | Role::planning)),
        reads_accounts: may(&Action::read_accounts),
        reads_refusals: may(&Action::read_refusals),
        reads_progress: may(&Action::read_progress),
    }
}

/// The year that a plan's link leads to: the newest one that was opened.
fn newest_year(plan: &frame_parts::FramePartsPlans) -> String {
    let newest = plan.periods.last().map(|period| &period.fiscal_year);
    let adopted = plan.adopted_year.as_ref().map(|year| &year.fiscal_year);
    newest.or(adopted).unwrap_or(&plan.term_from).clone()
}

fn links(viewer: Option<&FrameViewer>, parts: &frame_parts::ResponseData) -> Vec<Link> {
    let Some(viewer) = viewer else {
        return Vec::new();
    };
    let mut links = Vec::new();
    let mut add = |href: String, label: &str| {
        links.push(Link {
            href,
            label: label.to_owned(),
        })
    };
    add("/work".to_owned(), "自分の仕事");
    for plan in parts
        .plans
        .iter()
        .filter(|plan| plan.municipality.id == viewer.municipality_id)
    {
        let year = newest_year(plan);
        add(format!("/plans/{}/{year}", plan.id), "評価シート");
        if viewer.reads_progress {
            add(format!("/plans/{}/{year}/progress", plan.id), "進捗・期間");
        }
    }
    if viewer.reads_accounts {
        add("/accounts".to_owned(), "アカウント");
    }
    if viewer.reads_refusals {
        add("/refusals".to_owned(), "拒否された操作");
    }
    links
}
