//! Credentials that `aws login` left in its cache.

use std::io;
use std::path::Path;

use firehose_proto::credentials::expiry::{Lifetime, Stage};
use firehose_proto::credentials::{Credentials, login};
use firehose_proto::limits::MAX_CREDENTIAL_DOCUMENT_BYTES;
use firehose_proto::settings::location::Locations;

use super::CredentialsError;
use super::context::Context;
use crate::files;

/// Reads the credentials of a session, as long as they are good.
pub(super) fn credentials(context: &Context, session: &str) -> Result<Credentials, CredentialsError> {
    let signed_out = || CredentialsError::failed(format!("not signed in as {session}: run `aws login`"));
    let variable = |name: &str| context.variable(name);
    let directory = Locations::new(&variable, cfg!(windows)).login_cache();
    let directory = directory.ok_or_else(|| CredentialsError::failed("the user's home is not known: set HOME"))?;
    let path = Path::new(&directory).join(login::cache_file_name(session));
    let cannot = || CredentialsError::failed(format!("cannot use {}", path.display()));
    let file = files::read(&path, MAX_CREDENTIAL_DOCUMENT_BYTES).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => signed_out(),
        _ => cannot().with_source(error),
    })?;
    let credentials = login::read(file.reveal()).map_err(|error| cannot().with_source(error))?;
    let now = context.clock.now();
    if Lifetime::new(now, credentials.expires_at).stage(now) == Stage::Expired {
        return Err(signed_out().with_source("the sign-in has expired"));
    }
    Ok(credentials)
}
