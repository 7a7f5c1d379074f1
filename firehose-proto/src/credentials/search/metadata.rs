//! The role and the region of the Amazon EC2 instance that the program runs on.
//!
//! ```text
//! token, kept until shortly before its end ─▶ role's name ─▶ role's credentials ─▶ extended, if they have expired
//!   ▲                                            │ 401            │ 401   │ 404: the name, once more
//!   └──────────────── once for each question ◀───┴────────────────┘
//! ```
//!
//! If that fails, the last credentials are extended and used again, any number of times: when the service behind the
//! metadata is down, other services accept them beyond their expiry.

use alloc::format;
use alloc::string::String;
use core::time::Duration;

use time::OffsetDateTime;

use super::exchange::{AskError, Question, ask};
use super::step::{Cx, Step};
use crate::credentials::{Credentials, CredentialsError, DocumentError, expiry, imds};
use crate::error::WithCauses;
use crate::http::{InvalidHeader, Request, Response};
use crate::region::Region;
use crate::sensitive::Sensitive;
use crate::settings::Settings;

/// How long before its expiry a token is no longer used.
const TOKEN_MARGIN: Duration = Duration::from_secs(120);

/// The credentials of the instance's role, or the last ones while the metadata fail.
pub(super) fn credentials(cx: &mut Cx<'_>) -> Step<Result<Credentials, CredentialsError>> {
    let endpoint = match configured(cx) {
        Ok(endpoint) => endpoint,
        Err(error) => return Step::Done(Err(error)),
    };
    current(cx, endpoint).then(cx, |cx, result| {
        let credentials = match (result, &cx.shared.metadata.last) {
            (Ok(credentials), _) => credentials,
            (Err(error), None) => return Step::Done(Err(error)),
            (Err(error), Some(last)) => {
                let error = WithCauses(&error);
                cx.warnings.push(format!("continuing with the last credentials from the instance metadata: {error}"));
                last.clone()
            }
        };
        let credentials = expiry::extend(cx.now.utc, credentials, cx.shared.random());
        cx.shared.metadata.last = Some(credentials.clone());
        Step::Done(Ok(credentials))
    })
}

/// The region that the instance is in.
pub(super) fn region(cx: &mut Cx<'_>) -> Step<Result<Region, CredentialsError>> {
    let endpoint = match configured(cx) {
        Ok(endpoint) => endpoint,
        Err(error) => return Step::Done(Err(error)),
    };
    let item = Item { endpoint, request: imds::region_request, read: imds::read_region };
    item.ask(cx).map(cx, |result| result.map_err(|error| error.while_doing("cannot ask for the region")))
}

fn configured(cx: &Cx<'_>) -> Result<String, CredentialsError> {
    let Settings { ec2_metadata_disabled: disabled, ec2_metadata_service_endpoint: endpoint, .. } = &cx.shared.settings;
    if disabled.value {
        return Err(CredentialsError::absent(format!("turned off by {}", disabled.source)));
    }
    Ok(endpoint.value.clone())
}

fn current(cx: &mut Cx<'_>, endpoint: String) -> Step<Result<Credentials, CredentialsError>> {
    let again = endpoint.clone();
    credentials_by_name(cx, endpoint)
        .then(cx, |cx, result| match result {
            // The instance's role has been changed in the meantime.
            Ok(Err(error)) if error.status() == Some(404) => credentials_by_name(cx, again),
            result => Step::Done(result),
        })
        .map(cx, |result| {
            result?.map_err(|error| error.while_doing("cannot get the credentials of the instance's role"))
        })
}

/// The credentials of the role that the metadata name, if any.
fn credentials_by_name(
    cx: &mut Cx<'_>,
    endpoint: String,
) -> Step<Result<Result<Credentials, AskError>, CredentialsError>> {
    role(cx, endpoint.clone()).and_then(cx, move |cx, role| {
        let request = move |endpoint: &str, token: &str| imds::credentials_request(endpoint, token, &role);
        let item = Item { endpoint, request, read: imds::read_credentials };
        item.ask(cx).then(cx, |_, result| Step::Done(Ok(result)))
    })
}

fn role(cx: &mut Cx<'_>, endpoint: String) -> Step<Result<String, CredentialsError>> {
    let item = Item { endpoint: endpoint.clone(), request: imds::role_request, read: imds::read_role };
    item.ask(cx).map(cx, move |result| match result {
        Ok(Some(role)) => Ok(role),
        Ok(None) => Err(CredentialsError::absent("the instance has no role")),
        Err(error) if error.is_unreachable() => {
            Err(error.while_doing(format!("{endpoint} cannot be reached")).into_absent())
        }
        Err(error) => Err(error.while_doing("cannot ask for the instance's role")),
    })
}

/// One item of the metadata, and how to request it with a token.
#[derive(Clone)]
struct Item<M, R> {
    endpoint: String,
    request: M,
    read: R,
}

impl<T: 'static, M, R> Item<M, R>
where
    M: Fn(&str, &str) -> Result<Request<'static>, InvalidHeader> + Clone + Send + 'static,
    R: Fn(&Response) -> Result<T, DocumentError> + Clone + Send + 'static,
{
    /// Requests it with a token; with a new one if the metadata no longer accept the old one.
    fn ask(self, cx: &mut Cx<'_>) -> Step<Result<T, AskError>> {
        self.clone().ask_once(cx).then(cx, |cx, result| match result {
            Err(error) if error.status() == Some(401) => {
                cx.shared.metadata.token = None;
                self.ask_once(cx)
            }
            result => Step::Done(result),
        })
    }

    fn ask_once(self, cx: &mut Cx<'_>) -> Step<Result<T, AskError>> {
        token(cx, self.endpoint.clone()).and_then(cx, |cx, token| {
            let policy = cx.shared.metadata_policy();
            ask(cx, policy, WithToken { item: self, token })
        })
    }
}

struct WithToken<M, R> {
    item: Item<M, R>,
    token: Sensitive<String>,
}

impl<T: 'static, M, R> Question for WithToken<M, R>
where
    M: Fn(&str, &str) -> Result<Request<'static>, InvalidHeader> + Send + 'static,
    R: Fn(&Response) -> Result<T, DocumentError> + Send + 'static,
{
    type Answer = T;

    fn request(&self, _: OffsetDateTime, _: Option<&str>) -> Result<Request<'static>, CredentialsError> {
        (self.item.request)(&self.item.endpoint, self.token.expose())
            .map_err(|error| CredentialsError::failed("unusable token").with_source(error))
    }

    fn read(&self, _: OffsetDateTime, response: &Response) -> Result<T, DocumentError> {
        (self.item.read)(response)
    }
}

/// The cached token, or else a new one.
fn token(cx: &mut Cx<'_>, endpoint: String) -> Step<Result<Sensitive<String>, AskError>> {
    if let Some((token, until)) = &cx.shared.metadata.token
        && cx.now.tick < *until
    {
        return Step::Done(Ok(token.clone()));
    }
    let policy = cx.shared.metadata_policy();
    ask(cx, policy, NewToken { endpoint: endpoint.clone() }).then(cx, move |cx, result| match result {
        Ok((token, valid_for)) => {
            let until = cx.now.tick + valid_for.saturating_sub(TOKEN_MARGIN);
            cx.shared.metadata.token = Some((token.clone(), until));
            Step::Done(Ok(token))
        }
        // Only the response to this request is limited in hops by the instance's metadata options.
        Err(error) if error.is_time_out() => {
            let message = format!(
                "{endpoint} gives no token; in a container the instance's HttpPutResponseHopLimit must be 2 at least"
            );
            Step::Done(Err(error.while_doing(message).into()))
        }
        Err(error) => Step::Done(Err(error)),
    })
}

struct NewToken {
    endpoint: String,
}

impl Question for NewToken {
    type Answer = (Sensitive<String>, Duration);

    fn request(&self, _: OffsetDateTime, _: Option<&str>) -> Result<Request<'static>, CredentialsError> {
        Ok(imds::token_request(&self.endpoint))
    }

    fn read(&self, _: OffsetDateTime, response: &Response) -> Result<Self::Answer, DocumentError> {
        imds::read_token(response)
    }
}
