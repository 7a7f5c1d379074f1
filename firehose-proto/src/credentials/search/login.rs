//! Credentials from the cache of `aws login`.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::answer::FileError;
use super::step::{Cx, Step, Then};
use crate::credentials::expiry::{Lifetime, Stage};
use crate::credentials::{Credentials, CredentialsError, login};
use crate::limits::MAX_CREDENTIAL_DOCUMENT_BYTES;
use crate::sensitive::Sensitive;

/// Reads the credentials of a session, if they are still valid.
pub(super) fn credentials(cx: &Cx<'_>, session: String) -> Step<Result<Credentials, CredentialsError>> {
    let path = match cx.file_in(cx.shared.locations().login_cache(), &login::cache_file_name(&session)) {
        Ok(path) => path,
        Err(error) => return Step::Done(Err(error)),
    };
    let read = path.clone();
    let has_read = move |cx: &mut Cx<'_>, file: Result<Sensitive<Vec<u8>>, FileError>| {
        let signed_out = || CredentialsError::failed(format!("not signed in as {session}: run `aws login`"));
        let cannot = || CredentialsError::failed(format!("cannot use {path}"));
        let credentials = match file {
            Ok(file) => login::read(file.expose()).map_err(|error| cannot().with_source(error)),
            Err(FileError::NotFound) => Err(signed_out()),
            Err(error) => Err(cannot().with_source(error)),
        };
        let now = cx.now.utc;
        let is_expired = |expires_at| Lifetime::new(now, expires_at).stage(now) == Stage::Expired;
        Step::Done(match credentials {
            Ok(credentials) if is_expired(credentials.expires_at) => {
                Err(signed_out().with_source("the sign-in has expired"))
            }
            result => result,
        })
    };
    Step::ReadFile(read, MAX_CREDENTIAL_DOCUMENT_BYTES, Then::new(has_read))
}
