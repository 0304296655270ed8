//! Signing in and out. The one page that asks no schema: passwords become a session here.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;
use daicho_app::Through;
use daicho_identity::{SessionError, SignInError};
use serde::Deserialize;

use super::frame::Frame;
use super::problem::{Kept, Problem};
use super::{Answer, page};
use crate::form::{OpenForm, OurForm};
use crate::origin::own_path;
use crate::session_cookie;
use crate::visitor::{Visitor, with_identity};
use crate::web::Shared;

/// Fields of a form that waits for the sign-in are carried under this prefix.
const KEPT_PREFIX: &str = "kept-";

#[derive(Template)]
#[template(path = "sign_in/page.html")]
struct Page {
    frame: Frame,
    message: Option<String>,
    name: String,
    next: String,
    has_kept: bool,
    kept: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "sign_in/resume.html")]
struct Resume {
    frame: Frame,
    path: String,
    fields: Vec<(String, String)>,
}

/// Where to go after signing in.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    next: String,
    ended: Option<String>,
}

/// Shows the page.
pub(crate) async fn show(
    State(web): State<Shared>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Answer {
    let next = own_path(&asked.next).unwrap_or("/work").to_owned();
    if visitor.session.is_some() {
        return Ok(Redirect::to(&next).into_response());
    }
    let mut frame = Frame::of(&web, &visitor, "サインイン").await?;
    frame.offers_sign_in = false;
    let message = asked
        .ended
        .map(|_| "一定時間操作がなかったか、サインインから長時間たったため、終了しました。もう一度サインインしてください。".to_owned());
    page(
        StatusCode::OK,
        &Page {
            frame,
            message,
            name: String::new(),
            next,
            has_kept: false,
            kept: Vec::new(),
        },
    )
}

/// The page for somebody whose session ended while they were typing.
pub(crate) fn again_with(kept: Kept) -> Response {
    let page = Page {
        frame: Frame::plain("サインイン"),
        message: Some(
            "サインインの有効期限が切れています。もう一度サインインしてください。".to_owned(),
        ),
        name: String::new(),
        next: kept.path,
        has_kept: true,
        kept: kept.fields,
    };
    match page.render() {
        Ok(text) => (StatusCode::UNAUTHORIZED, Html(text)).into_response(),
        Err(error) => Problem::internal(&error).into_response(),
    }
}

/// Begins a session.
pub(crate) async fn sign_in(
    State(web): State<Shared>,
    OpenForm { visitor, fields }: OpenForm,
) -> Answer {
    let next = own_path(fields.get("next")).unwrap_or("/work").to_owned();
    let kept = fields.beginning_with(KEPT_PREFIX);
    let name = fields.get("name").trim().to_owned();
    let (given, password, source, now) = (
        name.clone(),
        fields.get("password").to_owned(),
        visitor.source.clone(),
        web.app.now(),
    );
    let verified = with_identity(&web, move |identity| {
        identity.verify_password(&given, &password, &source, now)
    })
    .await?;
    let refusal = match &verified {
        Ok(account) if web.app.is_active(*account) => None,
        Ok(_) | Err(SignInError::Refused) => Some((
            StatusCode::UNAUTHORIZED,
            "利用者名またはパスワードが違うか、アカウントが使えません。入力を確認するか、システム管理者に確認してください。".to_owned(),
        )),
        Err(SignInError::TooManyAttempts { retry_after_seconds }) => Some((
            StatusCode::TOO_MANY_REQUESTS,
            format!("続けて失敗したため、しばらくサインインできません。{}分ほど待ってから、もう一度サインインしてください。", retry_after_seconds.div_ceil(60)),
        )),
        Err(SignInError::Busy) => Some((
            StatusCode::SERVICE_UNAVAILABLE,
            "サインインが混み合っています。数秒待ってから、もう一度サインインしてください。".to_owned(),
        )),
        Err(SignInError::Unreadable(_)) => Some((
            StatusCode::INTERNAL_SERVER_ERROR,
            "このアカウントのパスワードを確認できません。システム管理者にパスワードの再設定を依頼してください。".to_owned(),
        )),
        Err(SignInError::Store(error)) => return Err(Problem::store(error)),
    };
    if let Some((status, message)) = refusal {
        let mut frame = Frame::of(&web, &visitor, "サインイン").await?;
        frame.offers_sign_in = false;
        return page(
            status,
            &Page {
                frame,
                message: Some(message),
                name,
                next,
                has_kept: !kept.is_empty(),
                kept,
            },
        );
    }
    let Ok(account) = verified else {
        return Err(Problem::Internal);
    };

    // What is not on record must not happen.
    web.app
        .record_sign_in(account, Through::Page)
        .await
        .map_err(|error| Problem::Unavailable(Some(error.ja())))?;
    let begun = with_identity(&web, move |identity| identity.create_session(account, now)).await?;
    let begun = begun.map_err(|error| match error {
        SessionError::Store(error) => Problem::store(&error),
        _ => Problem::Forbidden(None),
    })?;
    let jar = CookieJar::new().add(session_cookie::begun(&begun.token, &web.settings));
    if kept.is_empty() {
        return Ok((jar, Redirect::to(&next)).into_response());
    }
    let visitor = Visitor {
        session: Some(begun.session),
        path: next.clone(),
        ..visitor
    };
    let frame = Frame::of(&web, &visitor, "入力した内容の送信").await?;
    Ok((
        jar,
        page(
            StatusCode::OK,
            &Resume {
                frame,
                path: next,
                fields: kept,
            },
        )?,
    )
        .into_response())
}

/// Ends the session.
pub(crate) async fn sign_out(
    State(web): State<Shared>,
    OurForm { visitor, .. }: OurForm,
) -> Answer {
    if let Some(session) = &visitor.session {
        let id = session.id;
        with_identity(&web, move |identity| identity.end_session(id))
            .await?
            .map_err(|error| Problem::store(&error))?;
        web.app
            .record_sign_out(session.account, Through::Page)
            .await
            .map_err(|error| Problem::Unavailable(Some(error.ja())))?;
    }
    Ok((
        CookieJar::new().add(session_cookie::ended(&web.settings)),
        Redirect::to("/"),
    )
        .into_response())
}
