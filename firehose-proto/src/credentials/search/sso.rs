//! Credentials for a user signed in with `aws sso login`.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use time::OffsetDateTime;

use super::answer::FileError;
use super::exchange::{AskError, Question, ask};
use super::profile::endpoint;
use super::step::{Cx, Step, Then};
use crate::credentials::plan::Sso;
use crate::credentials::sso::{self, Token};
use crate::credentials::{Credentials, CredentialsError, DocumentError};
use crate::endpoint::Endpoint;
use crate::error::WithCauses;
use crate::http::{Request, Response};
use crate::limits::MAX_CREDENTIAL_DOCUMENT_BYTES;
use crate::sensitive::Sensitive;

/// Requests the credentials of the role with the sign-in's token, and refreshes the token when due.
pub(super) fn credentials(cx: &mut Cx<'_>, sso: Sso) -> Step<Result<Credentials, CredentialsError>> {
    let path = match cx.file_in(cx.shared.locations().sso_cache(), &sso::cache_file_name(&sso)) {
        Ok(path) => path,
        Err(error) => return Step::Done(Err(error)),
    };
    let read = path.clone();
    let has_read = move |cx: &mut Cx<'_>, file: Result<Sensitive<Vec<u8>>, FileError>| {
        let cannot = || CredentialsError::failed(format!("cannot use {path}"));
        let token = match file {
            Ok(file) => Token::parse(file.expose()).map_err(|error| cannot().with_source(error)),
            Err(FileError::NotFound) => Err(signed_out(&sso)),
            Err(error) => Err(cannot().with_source(error)),
        };
        let token = match token {
            Ok(token) => token,
            Err(error) => return Step::Done(Err(error)),
        };
        refreshed(cx, sso.clone(), token, path).and_then(cx, |cx, token| role_credentials(cx, sso, token))
    };
    Step::ReadFile(read, MAX_CREDENTIAL_DOCUMENT_BYTES, Then::new(has_read))
}

fn role_credentials(cx: &mut Cx<'_>, sso: Sso, token: Token) -> Step<Result<Credentials, CredentialsError>> {
    if token.is_expired(cx.now.utc) {
        return Step::Done(Err(signed_out(&sso).with_source("the sign-in has expired")));
    }
    endpoint(cx, "sso", sso.region.clone(), sso::portal_endpoint).and_then(cx, move |cx, portal| {
        let policy = cx.shared.service_policy();
        ask(cx, policy, RoleCredentials { portal, token, sso: sso.clone() }).map(cx, move |result| match result {
            Ok(mut credentials) => {
                credentials.account_id = Some(sso.account_id);
                Ok(credentials)
            }
            Err(error) if error.status() == Some(401) => Err(error.while_doing(signed_out(&sso).to_string())),
            Err(error) => Err(error.while_doing(format!(
                "cannot get the credentials of role {} in account {}",
                sso.role_name, sso.account_id
            ))),
        })
    })
}

/// The token, refreshed if it is due and possible. A failure does no harm while the old one is valid.
fn refreshed(cx: &mut Cx<'_>, sso: Sso, token: Token, path: String) -> Step<Result<Token, CredentialsError>> {
    if sso.session.is_none() {
        return Step::Done(Ok(token));
    }
    endpoint(cx, "sso_oidc", sso.region.clone(), sso::oidc_endpoint).and_then(cx, move |cx, oidc| {
        let Some(request) = token.refresh_request(cx.now.utc, &oidc) else { return Step::Done(Ok(token)) };
        match cx.shared.sso_refresh(cx.now.tick) {
            Some(Err(error)) if token.is_expired(cx.now.utc) => return Step::Done(Err(error)),
            Some(_) => return Step::Done(Ok(token)),
            None => {}
        }
        let (policy, asked_at) = (cx.shared.service_policy(), cx.now.tick);
        let question = Refresh { request, token: token.clone() };
        ask(cx, policy, question).then(cx, move |cx, result: Result<Token, AskError>| {
            let is_expired = token.is_expired(cx.now.utc);
            let result = result.map_err(|error| match is_expired {
                true => error.while_doing(signed_out(&sso).to_string()),
                false => error.while_doing("cannot refresh the sign-in, which is still valid"),
            });
            cx.shared.sso_refresh = Some((asked_at, result.as_ref().map(|_| ()).map_err(Clone::clone)));
            match result {
                Ok(new) => save(new, path),
                Err(error) if is_expired => Step::Done(Err(error)),
                Err(error) => {
                    cx.warnings.push(WithCauses(&error).to_string());
                    Step::Done(Ok(token))
                }
            }
        })
    })
}

/// Writes the refreshed token to its file, for other tools. This search works without it.
fn save(token: Token, path: String) -> Step<Result<Token, CredentialsError>> {
    let content = token.file().clone();
    let written = {
        let path = path.clone();
        move |cx: &mut Cx<'_>, written: Result<(), FileError>| {
            if let Err(error) = written {
                cx.warnings.push(format!("cannot save the refreshed sign-in to {path}: {error}"));
            }
            Step::Done(Ok(token))
        }
    };
    Step::WriteFile(path, content, Then::new(written))
}

struct Refresh {
    request: Request<'static>,
    token: Token,
}

impl Question for Refresh {
    type Answer = Token;

    fn request(&self, _: OffsetDateTime, _: Option<&str>) -> Result<Request<'static>, CredentialsError> {
        Ok(self.request.clone())
    }

    fn read(&self, now: OffsetDateTime, response: &Response) -> Result<Token, DocumentError> {
        self.token.refreshed(now, response)
    }
}

struct RoleCredentials {
    portal: Endpoint,
    token: Token,
    sso: Sso,
}

impl Question for RoleCredentials {
    type Answer = Credentials;

    fn request(&self, _: OffsetDateTime, _: Option<&str>) -> Result<Request<'static>, CredentialsError> {
        self.token
            .credentials_request(&self.portal, &self.sso)
            .map_err(|error| CredentialsError::failed("unusable token").with_source(error))
    }

    fn read(&self, _: OffsetDateTime, response: &Response) -> Result<Credentials, DocumentError> {
        sso::read_credentials(response)
    }
}

fn signed_out(sso: &Sso) -> CredentialsError {
    CredentialsError::failed(match &sso.session {
        Some(session) => format!("not signed in: run `aws sso login --sso-session {session}`"),
        None => format!("not signed in at {}: run `aws sso login` with this profile", sso.start_url),
    })
}
