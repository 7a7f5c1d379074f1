//! Credentials that a profile of the shared files asks for: a first source, and roles assumed with it.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::{self, Vec};

use super::answer::Found;
use super::provider;
use super::step::{Cx, Step, Then};
use super::{container, login, metadata, process, sso, sts};
use crate::credentials::plan::{CredentialPlan, CredentialSource, PlanError, Role};
use crate::credentials::profile::{ProfileFile, Profiles};
use crate::credentials::{Credentials, CredentialsError, environment};
use crate::endpoint::Endpoint;
use crate::limits::MAX_PROFILE_FILE_BYTES;
use crate::region::Region;
use crate::sensitive::Sensitive;
use crate::settings;
use crate::settings::resolver::SettingsResolver;
use crate::settings::shared_files::{self, ProfilesError};

/// Resolves the profile of this name, or else the selected one.
pub(super) fn find(cx: &mut Cx<'_>, named: Option<String>) -> Step<Result<Found, CredentialsError>> {
    profiles(cx).and_then(cx, move |cx, profiles| {
        let selected = &cx.shared.settings.profile;
        let must_exist = named.is_some() || selected.source != settings::SettingSource::Default;
        // As in the AWS CLI: a web identity in the environment overrides everything in a profile except its role.
        let uses_environment = named.is_none() && selected.source != settings::SettingSource::Code;
        let name = named.unwrap_or_else(|| selected.value.clone());
        let variable = |name: &str| cx.shared.variable(name).filter(|_| uses_environment);
        let plan = match CredentialPlan::resolve_in(variable, &profiles, &name) {
            Ok(plan) => plan,
            Err(error) => return Step::Done(Err(plan_error(cx, &error, &profiles, must_exist))),
        };
        // A plan that comes from the environment alone is named after the provider that reads only that.
        let of_environment = environment::read_web_identity(variable).ok().flatten().map(CredentialSource::WebIdentity);
        let is_of_environment = plan.roles.is_empty() && Some(&plan.source) == of_environment.as_ref();
        let origin = if plan.roles.is_empty() { origin(&plan.source) } else { "role" };
        let first = first(cx, plan.source).map(cx, |result| result.map_err(CredentialsError::settled));
        let roles = plan.roles.into_iter();
        first.and_then(cx, |cx, credentials| assume(cx, credentials, roles)).map(cx, move |result| {
            let provider =
                if is_of_environment { origin.into() } else { format!("profile `{name}` ({origin})").into() };
            result.map(|credentials| Found { credentials, provider })
        })
    })
}

/// The first credentials of a profile.
fn first(cx: &mut Cx<'_>, source: CredentialSource) -> Step<Result<Credentials, CredentialsError>> {
    match source {
        CredentialSource::Static(credentials) => Step::Done(Ok(credentials)),
        CredentialSource::Environment => Step::Done(provider::environment(cx)),
        CredentialSource::InstanceMetadata => metadata::credentials(cx),
        CredentialSource::Container => container::credentials(cx),
        CredentialSource::WebIdentity(identity) => sts::assume_role_with_web_identity(cx, identity),
        CredentialSource::Sso(sso) => sso::credentials(cx, sso),
        CredentialSource::Process(process) => process::credentials(process),
        CredentialSource::Login { session } => login::credentials(cx, session),
    }
}

/// The name of a source in messages.
const fn origin(source: &CredentialSource) -> &'static str {
    match source {
        CredentialSource::Static(_) => "keys",
        CredentialSource::Environment => "environment variables",
        CredentialSource::InstanceMetadata => "instance metadata",
        CredentialSource::Container => "container",
        CredentialSource::WebIdentity(_) => "web identity",
        CredentialSource::Sso(_) => "single sign-on",
        CredentialSource::Process(_) => "credential process",
        CredentialSource::Login { .. } => "login",
    }
}

/// Assumes the roles one after the other.
fn assume(
    cx: &mut Cx<'_>,
    credentials: Credentials,
    mut roles: vec::IntoIter<Role>,
) -> Step<Result<Credentials, CredentialsError>> {
    match roles.next() {
        None => Step::Done(Ok(credentials)),
        Some(role) => {
            sts::assume_role(cx, credentials, role).and_then(cx, |cx, credentials| assume(cx, credentials, roles))
        }
    }
}

/// The current shared files. A search reads them once.
fn profiles(cx: &mut Cx<'_>) -> Step<Result<Arc<Profiles>, CredentialsError>> {
    if let Some(profiles) = &*cx.profiles {
        return Step::Done(Ok(Arc::clone(profiles)));
    }
    shared_file(cx, ProfileFile::Config).and_then(cx, |cx, config| {
        shared_file(cx, ProfileFile::Credentials).and_then(cx, move |cx, credentials| {
            let profiles = shared_files::parse(&cx.shared.locations(), config.expose(), credentials.expose());
            let profiles = profiles.map(Arc::new).map_err(no_profiles);
            *cx.profiles = profiles.as_ref().ok().cloned();
            Step::Done(profiles)
        })
    })
}

fn shared_file(cx: &Cx<'_>, file: ProfileFile) -> Step<Result<Sensitive<Vec<u8>>, CredentialsError>> {
    let Some(location) = cx.shared.locations().profile_file(file) else {
        return Step::Done(Ok(Sensitive::new(Vec::new())));
    };
    let path = location.value.clone();
    let has_read = move |_: &mut Cx<'_>, text| {
        // The settings come from the same files, and have already warned of missing ones.
        Step::Done(shared_files::text(&location, text, &mut |_| {}).map_err(no_profiles))
    };
    Step::ReadFile(path, MAX_PROFILE_FILE_BYTES, Then::new(has_read))
}

fn no_profiles(error: ProfilesError) -> CredentialsError {
    CredentialsError::failed("cannot read the profiles").with_source(error)
}

/// The endpoint of a service that issues credentials, unless the settings name another.
pub(super) fn endpoint(
    cx: &mut Cx<'_>,
    service: &'static str,
    region: Region,
    own: fn(Region, bool, bool) -> Endpoint,
) -> Step<Result<Endpoint, CredentialsError>> {
    profiles(cx).and_then(cx, move |cx, profiles| {
        let profile = &cx.shared.settings.profile.value;
        let (fips, dual_stack) = cx.shared.endpoint_kind();
        let url = SettingsResolver::new(cx.shared.variables(), &profiles, profile).endpoint_url(None, service);
        Step::Done(match url {
            Err(error) => Err(CredentialsError::failed("invalid setting").with_source(error)),
            Ok(None) => Ok(own(region, fips, dual_stack)),
            Ok(Some(url)) => {
                let endpoint = Endpoint::configured(Some(region), Some(&url.value), fips, dual_stack);
                endpoint.map_err(|error| {
                    let message = format!("cannot use the {service} endpoint of {}", url.source);
                    CredentialsError::failed(message).with_source(error)
                })
            }
        })
    })
}

fn plan_error(cx: &Cx<'_>, error: &PlanError, profiles: &Profiles, must_exist: bool) -> CredentialsError {
    if error.is_absence(must_exist) {
        return CredentialsError::absent(format!("{error}"));
    }
    let place = error.place(profiles);
    let path = place.and_then(|place| cx.shared.locations().profile_file(place.file));
    CredentialsError::failed(match (place, path, error) {
        // This error names its line itself.
        (_, Some(path), PlanError::Invalid { .. }) => format!("cannot use {}: {error}", path.value),
        (Some(place), Some(path), _) => format!("cannot use {}: {error} ({place})", path.value),
        _ => format!("{error}"),
    })
}
