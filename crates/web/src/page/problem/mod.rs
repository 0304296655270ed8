//! Pages for what went wrong: what happened, and what to do.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::frame::Frame;
use super::sign_in;
use crate::origin::query_value;
use crate::visitor::Visitor;

/// A form that could not be accepted now and must not be lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Where it was sent.
    pub(crate) path: String,
    /// What was typed.
    pub(crate) fields: Vec<(String, String)>,
}

/// Why a page is not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// It is for people who are signed in.
    SignIn {
        /// Where to go afterwards.
        next: String,
        /// Whether there was a session that is over.
        has_ended: bool,
        /// A form that waits for it.
        kept: Option<Kept>,
    },
    /// The visitor's role does not allow it; what the service says.
    Forbidden(Option<String>),
    /// It is not there, or may not be known; what the service says.
    NotFound(Option<String>),
    /// The address is only for forms, or only for reading.
    WrongMethod,
    /// The form is too large.
    TooLarge,
    /// The form cannot be read.
    Unreadable,
    /// A field of the form, or a part of the address, is not what it has to be.
    BadInput,
    /// The form does not come from a page of this session; the form and the token it needs,
    /// where it comes from a page of ours all the same.
    NotOurForm(Option<(Kept, String)>),
    /// The service cannot do it now; what it says.
    Unavailable(Option<String>),
    /// A mistake of ours.
    Internal,
}

/// A form that can be sent again.
struct Again {
    path: String,
    csrf: String,
    fields: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "problem/page.html")]
struct ProblemPage {
    frame: Frame,
    heading: &'static str,
    lines: Vec<String>,
    again: Option<Again>,
}

impl Problem {
    /// A mistake of ours: the details are for the operator.
    pub(crate) fn internal(error: &impl std::fmt::Display) -> Self {
        tracing::error!(%error, "a page could not be made");
        Self::Internal
    }

    /// A stranger asks for what is not public.
    pub(crate) fn sign_in(visitor: &Visitor) -> Self {
        Self::SignIn {
            next: visitor.path.clone(),
            has_ended: visitor.has_ended,
            kept: None,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, heading, lines, again) = match self {
            Self::SignIn { next, has_ended, kept: None } => {
                let ended = if has_ended { "&ended=1" } else { "" };
                return Redirect::to(&format!("/sign-in?next={}{ended}", query_value(&next))).into_response();
            }
            Self::SignIn { kept: Some(kept), .. } => return sign_in::again_with(kept),
            Self::Forbidden(message) => (
                StatusCode::FORBIDDEN,
                "この画面・操作を使う権限がありません",
                vec![message.unwrap_or_else(|| "担当の方に依頼するか、システム管理者に権限を確認してください。".to_owned())],
                None,
            ),
            Self::NotFound(message) => (
                StatusCode::NOT_FOUND,
                "ページが見つかりません",
                vec![message.unwrap_or_else(|| "アドレスを確認するか、一覧から開き直してください。".to_owned())],
                None,
            ),
            Self::WrongMethod => (
                StatusCode::METHOD_NOT_ALLOWED,
                "この操作はできません",
                vec!["このアドレスは直接開けません。一覧から画面を開き直してください。".to_owned()],
                None,
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "送信した内容が大きすぎます",
                vec!["一度に送信できるのは1メガバイトまでです。前の画面に戻り、文章を短くするか分けて保存してください。".to_owned()],
                None,
            ),
            Self::Unreadable => (
                StatusCode::BAD_REQUEST,
                "送信した内容を読み取れませんでした",
                vec!["前の画面に戻り、もう一度送信してください。".to_owned()],
                None,
            ),
            Self::BadInput => (
                StatusCode::BAD_REQUEST,
                "フォームの内容を読み取れませんでした",
                vec!["必要な項目がないか、書き方が正しくないため、何も記録していません。画面をもう一度開いてから、操作し直してください。".to_owned()],
                None,
            ),
            Self::NotOurForm(None) => (
                StatusCode::FORBIDDEN,
                "この送信は受け付けられません",
                vec!["この画面以外から送信されたか、画面の有効期限が切れています。画面を開き直してから、もう一度操作してください。".to_owned()],
                None,
            ),
            Self::NotOurForm(Some((kept, csrf))) => (
                StatusCode::FORBIDDEN,
                "画面の有効期限が切れています",
                vec![
                    "サインインし直す前に開いた画面から送信されたため、まだ保存していません。".to_owned(),
                    "入力した内容は残っています。下のボタンで送信してください。".to_owned(),
                ],
                Some(Again { path: kept.path, csrf, fields: kept.fields }),
            ),
            Self::Unavailable(message) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "現在、処理できません",
                vec![message.unwrap_or_else(|| "少し待ってからもう一度操作してください。前の画面に戻ると、入力した内容が残っていることがあります。".to_owned())],
                None,
            ),
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "エラーが発生しました",
                vec!["操作が記録されたかどうかは、一覧を開き直して確認してください。続く場合は、時刻を添えてシステム管理者に連絡してください。".to_owned()],
                None,
            ),
        };
        let page = ProblemPage {
            frame: Frame::plain(heading),
            heading,
            lines,
            again,
        };
        match page.render() {
            Ok(text) => (status, Html(text)).into_response(),
            Err(_) => (status, heading).into_response(),
        }
    }
}
