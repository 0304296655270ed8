//! Signing in and out.

use std::sync::Arc;

use async_graphql::{Context, Object, SimpleObject, Union};
use daicho_app::{App, Caller, Through};
use daicho_domain::AccountId;
use daicho_identity::{IdentityStore, RefreshError, Refreshed, SessionError, SignInError};

use crate::account::Viewer;
use crate::failure::Failure;
use crate::refusal::SignInRefused;
use crate::request::{Asked, with_identity};
use crate::scalar::DateTime;

/// Signing in and out.
#[derive(Default)]
pub(crate) struct SessionMutation;

/// Somebody is signed in.
#[derive(SimpleObject)]
pub(crate) struct SignedIn {
    /// For the header `Authorization: Bearer …`.
    pub access_token: String,
    /// Good for one `refreshSession`, which answers with its successor.
    pub refresh_token: String,
    /// From when the access token is refused.
    pub expires_at: DateTime,
    /// Who is signed in.
    pub viewer: Viewer,
}

/// What came of a sign-in.
#[derive(Union)]
pub(crate) enum SignInResult {
    /// Somebody is signed in.
    Done(Box<SignedIn>),
    /// It was refused.
    Refused(SignInRefused),
}

/// The sign-in that this request rested on has ended.
#[derive(SimpleObject)]
pub(crate) struct SignOutDone {
    /// Whether there was one.
    pub was_signed_in: bool,
}

/// An attempt to sign in.
#[derive(Clone, Copy)]
pub struct SignIn<'a> {
    /// What the person typed as sign-in name.
    pub name: &'a str,
    /// The password.
    pub password: &'a str,
    /// Where the attempt comes from (a network address), for counting failures.
    pub source: &'a str,
    /// Through what.
    pub through: Through,
}

/// Checks a name and a password and records the sign-in; whoever calls it then begins a
/// session. Neither an unknown name nor a disabled account can be told from a wrong password.
///
/// # Errors
/// The refusal to show, after which nobody is signed in.
pub async fn sign_in(
    app: &App,
    identity: &Arc<IdentityStore>,
    attempt: SignIn<'_>,
) -> Result<AccountId, SignInRefused> {
    let (name, password, source) = (
        attempt.name.to_owned(),
        attempt.password.to_owned(),
        attempt.source.to_owned(),
    );
    let (identity, now) = (Arc::clone(identity), app.now());
    let verified = tokio::task::spawn_blocking(move || {
        identity.verify_password(&name, &password, &source, now)
    });
    let account = match verified.await {
        Ok(verified) => verified.map_err(refused)?,
        Err(error) => return Err(Failure::internal(error).into()),
    };
    if !app.is_active(account) {
        return Err(refused(SignInError::Refused));
    }
    app.record_sign_in(account, attempt.through)
        .await
        .map_err(Failure::from)?;
    Ok(account)
}

#[Object]
impl SessionMutation {
    /// Signs in with a name and a password.
    #[graphql(complexity = "500 + child_complexity")]
    async fn sign_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What the person types as sign-in name.")] name: String,
        #[graphql(desc = "The password.", secret)] password: String,
    ) -> Result<SignInResult, Failure> {
        let request = ctx.request();
        let attempt = SignIn {
            name: &name,
            password: &password,
            source: &request.source,
            through: request.through,
        };
        let account = match sign_in(ctx.app(), &ctx.backing().identity, attempt).await {
            Ok(account) => account,
            Err(refusal) => return Ok(refusal.into()),
        };
        let now = ctx.app().now();
        match with_identity(ctx.backing(), move |identity| {
            identity.start_refresh(account, now)
        })
        .await?
        {
            Ok(begun) => signed_in(ctx, &begun).await,
            Err(SessionError::Store(error)) => Err(error.into()),
            Err(_) => Ok(refused(SignInError::Refused).into()),
        }
    }

    /// Exchanges a refresh token for its successor and a new access token.
    #[graphql(complexity = "100 + child_complexity")]
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From the last sign-in or refresh.", secret)] refresh_token: String,
    ) -> Result<SignInResult, Failure> {
        let now = ctx.app().now();
        match with_identity(ctx.backing(), move |identity| {
            identity.refresh(&refresh_token, now)
        })
        .await?
        {
            Ok(next) if ctx.app().is_active(next.signed_in.account) => signed_in(ctx, &next).await,
            Ok(next) => {
                let session = next.signed_in.session;
                with_identity(ctx.backing(), move |identity| identity.end_session(session))
                    .await??;
                Ok(ended(&RefreshError::Revoked).into())
            }
            Err(RefreshError::Store(error)) => Err(error.into()),
            Err(error) => {
                if let RefreshError::Reused { signed_in } = &error {
                    tracing::warn!(account = %signed_in.account, "a refresh token was used twice; its sign-in was ended");
                }
                Ok(ended(&error).into())
            }
        }
    }

    /// Ends the sign-in that this request rests on, its refresh tokens included.
    async fn sign_out(&self, ctx: &Context<'_>) -> Result<SignOutDone, Failure> {
        let request = ctx.request();
        let (Some(session), Caller::Account(account)) = (request.session, request.caller) else {
            return Ok(SignOutDone {
                was_signed_in: false,
            });
        };
        ctx.app().record_sign_out(account, request.through).await?;
        with_identity(ctx.backing(), move |identity| identity.end_session(session)).await??;
        Ok(SignOutDone {
            was_signed_in: true,
        })
    }
}

async fn signed_in(ctx: &Context<'_>, refreshed: &Refreshed) -> Result<SignInResult, Failure> {
    let app = ctx.app();
    let access = ctx
        .backing()
        .tokens
        .issue(&refreshed.signed_in, app.now())
        .map_err(Failure::internal)?;
    let Some(viewer) = app.viewer(&Caller::Account(refreshed.signed_in.account)) else {
        return Ok(refused(SignInError::Refused).into());
    };
    let signed_in = SignedIn {
        access_token: access.token.expose().to_owned(),
        refresh_token: refreshed.token.expose().to_owned(),
        expires_at: access.expires_at.into(),
        viewer: Viewer::of(ctx, viewer).await?,
    };
    Ok(SignInResult::Done(Box::new(signed_in)))
}

impl From<Failure> for SignInRefused {
    fn from(failure: Failure) -> Self {
        let Failure {
            code,
            message,
            message_ja,
        } = failure;
        Self {
            code: code.to_owned(),
            message,
            message_ja,
            retry_after_seconds: None,
        }
    }
}

fn refused(error: SignInError) -> SignInRefused {
    let message = error.to_string();
    let (code, message_ja, retry_after_seconds) = match error {
        SignInError::Refused => (
            "sign_in_refused",
            "ログイン名またはパスワードが違います。確認してもう一度入力してください。アカウントが有効かどうかはシステム管理者に確認してください。".to_owned(),
            None,
        ),
        SignInError::TooManyAttempts { retry_after_seconds } => (
            "too_many_attempts",
            format!("続けて失敗したため、{retry_after_seconds}秒後まで受け付けません。時間をおいてもう一度入力してください。"),
            Some(retry_after_seconds),
        ),
        SignInError::Busy => (
            "busy",
            "ただいま混み合っています。数秒後にもう一度入力してください。".to_owned(),
            Some(2),
        ),
        SignInError::Unreadable(_) | SignInError::Store(_) => return Failure::internal(error).into(),
    };
    SignInRefused {
        code: code.to_owned(),
        message,
        message_ja,
        retry_after_seconds,
    }
}

fn ended(error: &RefreshError) -> SignInRefused {
    let (code, message_ja) = match error {
        RefreshError::Expired => (
            "expired",
            "ログインの有効期間が過ぎました。もう一度ログインしてください。",
        ),
        RefreshError::Reused { .. } => (
            "reused",
            "この更新用トークンは使用済みです。第三者が持っている可能性があるため、ログインを終了しました。もう一度ログインし、システム管理者に連絡してください。",
        ),
        RefreshError::Unknown | RefreshError::Revoked | RefreshError::Store(_) => (
            "ended",
            "このログインは終了しています。もう一度ログインしてください。",
        ),
    };
    SignInRefused {
        code: code.to_owned(),
        message: error.to_string(),
        message_ja: message_ja.to_owned(),
        retry_after_seconds: None,
    }
}
