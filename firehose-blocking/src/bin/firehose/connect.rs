//! The client that a command line and the environment describe.

use std::env;
use std::thread;
use std::time::Duration;

use firehose_blocking::firehose_proto::settings::{Setting, SettingSource, SettingsError};
use firehose_blocking::{BuildError, Client, ClientBuilder, Credentials, CredentialsError};

use crate::advice;
use crate::args::ServiceArgs;
use crate::console::{self, Exit, Failure};

/// How long to wait before another attempt to get a region and credentials: at first, and at most.
const WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Makes a client. A failure names what is missing in the terms of the command line.
pub(crate) fn connect(builder: ClientBuilder) -> Result<Client, Failure> {
    try_connect(builder).map_err(|lack| lack.failure)
}

/// Makes a client as soon as a region and credentials are available. Reports what is missing while it waits.
pub(crate) fn connect_with_retry(builder: impl Fn() -> ClientBuilder) -> Result<Client, Failure> {
    let (mut wait, longest) = WAIT;
    let mut reported = String::new();
    loop {
        let ConnectFailure { failure, is_temporary } = match try_connect(builder()) {
            Ok(client) => return Ok(client),
            Err(lack) => lack,
        };
        if !is_temporary {
            return Err(failure);
        }
        let lines = failure.lines().collect::<Vec<_>>().join("\n");
        if lines != reported {
            failure.eprint();
            console::eprint("waiting until this is available");
        }
        reported = lines;
        thread::sleep(wait);
        wait = (wait * 2).min(longest);
    }
}

/// Why there is no client, and whether a later attempt may succeed without a change of the configuration.
struct ConnectFailure {
    failure: Failure,
    is_temporary: bool,
}

fn try_connect(builder: ClientBuilder) -> Result<Client, ConnectFailure> {
    let client = builder.build().map_err(|error| ConnectFailure {
        failure: failure(&error),
        // Instance metadata may become available later.
        is_temporary: matches!(error, BuildError::Settings(SettingsError::MissingRegion { metadata: Some(_) })),
    })?;
    // Before any input is read: without credentials none of it can be sent.
    let credentials =
        client.credentials().map_err(|error| ConnectFailure { failure: no_credentials(&error), is_temporary: true })?;
    check(&credentials).map_err(|failure| ConnectFailure { failure, is_temporary: false })?;
    Ok(client)
}

/// A builder with the options of the command line.
pub(crate) fn configure(mut builder: ClientBuilder, args: &ServiceArgs) -> ClientBuilder {
    if let Some(profile) = &args.profile {
        builder = builder.profile(profile);
    }
    if let Some(region) = &args.region {
        builder = builder.region(region);
    }
    if let Some(url) = &args.endpoint_url {
        builder = builder.endpoint_url(url);
    }
    builder.region_from_metadata(true).mfa(console::ask_for_code)
}

/// What is missing or wrong in the configuration, in the terms of the command line.
pub(crate) fn failure(error: &BuildError) -> Failure {
    match error {
        BuildError::Settings(SettingsError::Several { errors, .. }) if !errors.is_empty() => {
            let mut failures = errors.iter().map(setting);
            let first = failures.next().unwrap_or_else(|| Failure::new(Exit::Configuration, error.to_string()));
            failures.fold(first, |all, next| all.with(next.lines()))
        }
        BuildError::Settings(error) => setting(error),
        BuildError::Credentials(error) => no_credentials(error),
        other => Failure::new(Exit::Configuration, console::chain(other)),
    }
}

/// The same for the settings.
pub(crate) fn setting(error: &SettingsError) -> Failure {
    let message = match error {
        SettingsError::MissingRegion { metadata } => return no_region(metadata.as_ref()),
        // Of the settings made in code, only the region comes from the command line.
        SettingsError::Setting { error, .. } if error.source == SettingSource::Code => {
            format!("--region {}", error.rule)
        }
        SettingsError::NoSuchProfile { profile: Setting { value, source }, warnings } => {
            let named = if *source == SettingSource::Code { "--profile".into() } else { source.to_string() };
            let message =
                format!("neither the config file nor the credentials file has a profile `{value}` (named by {named})");
            let hint = "to see which files these are: firehose config --profile default";
            return Failure::new(Exit::Configuration, message)
                .with(warnings.iter().map(|warning| format!("  {warning}")))
                .with([hint]);
        }
        SettingsError::Endpoint { source: SettingSource::Code, conflicts_with: None, error } => {
            format!("--endpoint-url: {error}")
        }
        SettingsError::Endpoint { source: SettingSource::Code, conflicts_with: Some(other), error } => {
            format!("--endpoint-url conflicts with {other}: {error}")
        }
        other => console::chain(other),
    };
    Failure::new(Exit::Configuration, message)
}

/// There is no region: lists where it was searched for.
fn no_region(metadata: Option<&CredentialsError>) -> Failure {
    let metadata = metadata.map(|error| format!("  instance metadata: {}", console::chain(error)));
    Failure::new(Exit::Configuration, "no region found. Tried:")
        .with(["  --region: not given", "  AWS_REGION and AWS_DEFAULT_REGION: not set", "  profile: has no `region`"])
        .with(metadata)
        .with(["give one, such as --region eu-west-1, or set AWS_REGION", advice::LOCAL_HINT])
}

/// There are no credentials: lists the providers that were tried.
pub(crate) fn no_credentials(error: &CredentialsError) -> Failure {
    if error.tried().len() == 0 {
        return Failure::new(Exit::Configuration, format!("no credentials: {}", console::chain(error)));
    }
    let tried = error.tried().map(|(name, error)| format!("  {name}: {}", console::chain(error)));
    let hint = if error.is_absent() {
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sign in with the AWS CLI: aws configure, aws sso login"
    } else {
        "the last one is configured and failed: fix it, or choose another profile with --profile"
    };
    Failure::new(Exit::Configuration, "no credentials found. Tried:").with(tried).with([hint, advice::LOCAL_HINT])
}

/// Checks that the credentials of the environment, if there are any, fit into a header.
pub(crate) fn check_credentials() -> Result<(), Failure> {
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        // Whitespace around a value is removed, and a blank value counts as absent.
        let value = env::var_os(name).unwrap_or_default();
        check_characters(name, value.as_encoded_bytes().trim_ascii())?;
    }
    Ok(())
}

/// Checks that credentials fit into a header, wherever they come from.
pub(crate) fn check(credentials: &Credentials) -> Result<(), Failure> {
    check_characters("the access key id", credentials.access_key_id.as_bytes())?;
    check_characters("the secret access key", credentials.secret_access_key.expose().as_bytes())?;
    let token = credentials.session_token.as_ref();
    token.map_or(Ok(()), |token| check_characters("the session token", token.expose().as_bytes()))
}

fn check_characters(name: &str, value: &[u8]) -> Result<(), Failure> {
    if value.iter().all(u8::is_ascii_graphic) {
        return Ok(());
    }
    // In the shared files, as the AWS CLI reads them, a comment has its own line.
    let is_commented = value.windows(2).any(|pair| pair == b" #" || pair == b" ;");
    let hint = if is_commented { "; a comment on the line of a value becomes part of the value" } else { "" };
    let message =
        format!("{name} contains a space, a line break or another character that credentials cannot have{hint}");
    Err(Failure::new(Exit::Configuration, message))
}
