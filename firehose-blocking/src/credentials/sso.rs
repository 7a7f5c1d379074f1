//! Credentials for which the user signed in with `aws sso login`.

use std::io;
use std::path::Path;

use firehose_proto::credentials::plan::Sso;
use firehose_proto::credentials::sso::{self, Token};
use firehose_proto::credentials::{Credentials, DocumentError};
use firehose_proto::limits::MAX_CREDENTIAL_DOCUMENT_BYTES;
use firehose_proto::settings::location::Locations;

use super::CredentialsError;
use super::context::Context;
use super::exchange::ask;
use crate::error::Chain;
use crate::files;

/// Asks for the credentials of the role, with the token of the sign-in, refreshed when it is time.
pub(super) fn credentials(context: &Context, sso: &Sso) -> Result<Credentials, CredentialsError> {
    let variable = |name: &str| context.variable(name);
    let directory = Locations::new(&variable, cfg!(windows)).sso_cache();
    let directory = directory.ok_or_else(|| CredentialsError::failed("the user's home is not known: set HOME"))?;
    let path = Path::new(&directory).join(sso::cache_file_name(sso));
    let cannot = || CredentialsError::failed(format!("cannot use {}", path.display()));
    let file = files::read(&path, MAX_CREDENTIAL_DOCUMENT_BYTES).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => signed_out(sso),
        _ => cannot().with_source(error),
    })?;
    let token = Token::parse(file.reveal()).map_err(|error| cannot().with_source(error))?;
    let token = refreshed(context, sso, token, &path)?;
    if token.is_expired(context.clock.now()) {
        return Err(signed_out(sso).with_source("the sign-in has expired"));
    }
    let portal = context.endpoint("sso", &sso.region, sso::portal_endpoint)?;
    let question = |_| {
        token
            .credentials_request(&portal, sso)
            .map_err(|error| CredentialsError::failed("unusable token").with_source(error))
    };
    let mut credentials = ask(context, &context.patience, question, sso::read_credentials).map_err(|error| {
        if error.status() == Some(401) {
            return error.while_doing(signed_out(sso).to_string());
        }
        error.while_doing(format!("cannot get the credentials of role {} in account {}", sso.role_name, sso.account_id))
    })?;
    credentials.account_id = Some(sso.account_id.clone());
    Ok(credentials)
}

/// The token, refreshed if it is time and possible. That it fails does no harm as long as the old one is good.
fn refreshed(context: &Context, sso: &Sso, token: Token, path: &Path) -> Result<Token, CredentialsError> {
    let now = context.clock.now();
    if sso.session.is_none() {
        return Ok(token);
    }
    let oidc = context.endpoint("sso_oidc", &sso.region, sso::oidc_endpoint)?;
    let Some(request) = token.refresh_request(now, &oidc) else { return Ok(token) };
    if !context.may_refresh_sso() {
        return Ok(token);
    }
    let read = |response: &_| -> Result<Token, DocumentError> { token.refreshed(context.clock.now(), response) };
    match ask(context, &context.patience, |_| Ok(request.clone()), read) {
        Ok(new) => {
            if let Err(error) = files::replace(path, new.file().reveal(), context.clock.random()) {
                log::warn!("cannot keep the refreshed sign-in in {}: {error}", path.display());
            }
            Ok(new)
        }
        Err(error) if token.is_expired(now) => Err(error.while_doing(signed_out(sso).to_string())),
        Err(error) => {
            log::warn!("{}", Chain(&error.while_doing("cannot refresh the sign-in, which is good for now")));
            Ok(token)
        }
    }
}

fn signed_out(sso: &Sso) -> CredentialsError {
    CredentialsError::failed(match &sso.session {
        Some(session) => format!("not signed in: run `aws sso login --sso-session {session}`"),
        None => format!("not signed in at {}: run `aws sso login` with this profile", sso.start_url),
    })
}
