//! The client that a command line and the environment describe.

use std::env;
use std::thread;
use std::time::Duration;

use firehose_blocking::firehose_proto::settings::{Setting, SettingSource, SettingsError};
use firehose_blocking::{BuildError, Client, ClientBuilder, Credentials, CredentialsError};

use crate::advice;
use crate::args::ServiceArgs;
use crate::console::{self, Exit, Failure};

/// How long to wait before asking again for what is not to be had yet: at first, and at most.
const WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Makes a client, and says in the command line's own terms what it lacks.
pub(crate) fn connect(builder: ClientBuilder) -> Result<Client, Failure> {
    try_connect(builder).map_err(|lack| lack.failure)
}

/// Makes a client as soon as the region's name and credentials are to be had, and says so while they are not.
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
            console::eprint("waiting for that");
        }
        reported = lines;
        thread::sleep(wait);
        wait = (wait * 2).min(longest);
    }
}

/// Why there is no client, and whether there may be one without a change of the configuration.
struct ConnectFailure {
    failure: Failure,
    is_temporary: bool,
}

fn try_connect(builder: ClientBuilder) -> Result<Client, ConnectFailure> {
    let client = builder.build().map_err(|error| ConnectFailure {
        failure: failure(&error),
        // The instance metadata were asked, and may be there later.
        is_temporary: matches!(error, BuildError::Settings(SettingsError::MissingRegion { metadata: Some(_) })),
    })?;
    // Before any input is read: without credentials none of it could go anywhere.
    let credentials =
        client.credentials().map_err(|error| ConnectFailure { failure: no_credentials(&error), is_temporary: true })?;
    check(&credentials).map_err(|failure| ConnectFailure { failure, is_temporary: false })?;
    Ok(client)
}

/// A builder with what the command line says.
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

/// What the configuration lacks, in the command line's own terms.
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

/// The same of what is in settings.
pub(crate) fn setting(error: &SettingsError) -> Failure {
    let message = match error {
        SettingsError::MissingRegion { metadata } => return no_region(metadata.as_ref()),
        // Of what is in code here, only these come from the command line.
        SettingsError::Setting { error, .. } if error.source == SettingSource::Code => {
            format!("--region {}", error.rule)
        }
        SettingsError::NoSuchProfile { profile: Setting { value, source }, warnings } => {
            let named = if *source == SettingSource::Code { "--profile".into() } else { source.to_string() };
            let message = format!(
                "there is no profile `{value}` (named by {named}), neither in the config file nor in the credentials file"
            );
            let hint = "`firehose config --profile default` tells which files those are";
            return Failure::new(Exit::Configuration, message)
                .with(warnings.iter().map(|warning| format!("  {warning}")))
                .with([hint]);
        }
        SettingsError::Endpoint { source: SettingSource::Code, conflicts_with: None, error } => {
            format!("--endpoint-url: {error}")
        }
        SettingsError::Endpoint { source: SettingSource::Code, conflicts_with: Some(other), error } => {
            format!("--endpoint-url goes against the wish of {other}: {error}")
        }
        other => console::chain(other),
    };
    Failure::new(Exit::Configuration, message)
}

/// There is no region, after these have been looked at.
fn no_region(metadata: Option<&CredentialsError>) -> Failure {
    let metadata = metadata.map(|error| format!("  instance metadata: {}", console::chain(error)));
    Failure::new(Exit::Configuration, "no region found. Tried:")
        .with(["  --region: not given", "  AWS_REGION and AWS_DEFAULT_REGION: not set", "  profile: has no `region`"])
        .with(metadata)
        .with(["give one, such as --region eu-west-1, or set AWS_REGION", advice::LOCAL_HINT])
}

/// There are no credentials, after these have been asked.
pub(crate) fn no_credentials(error: &CredentialsError) -> Failure {
    if error.tried().len() == 0 {
        return Failure::new(Exit::Configuration, format!("no credentials: {}", console::chain(error)));
    }
    let tried = error.tried().map(|(name, error)| format!("  {name}: {}", console::chain(error)));
    let hint = if error.is_absent() {
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sign in with the AWS CLI: aws configure, aws sso login"
    } else {
        "the last of these is configured and failed: mend it, or choose another profile with --profile"
    };
    Failure::new(Exit::Configuration, "no credentials found. Tried:").with(tried).with([hint, advice::LOCAL_HINT])
}

/// Makes sure that the environment's credentials, if there are any, are such that a header can carry them.
pub(crate) fn check_credentials() -> Result<(), Failure> {
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        // Blanks around a value are cut off, and a blank value counts as none.
        let value = env::var_os(name).unwrap_or_default();
        check_characters(name, value.as_encoded_bytes().trim_ascii())?;
    }
    Ok(())
}

/// Makes sure that credentials are such that a header can carry them, wherever they come from.
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
    // As the AWS CLI reads the shared files, there are no comments but lines.
    let is_commented = value.windows(2).any(|pair| pair == b" #" || pair == b" ;");
    let hint = if is_commented { ": a comment behind a value is a part of it" } else { "" };
    let message = format!("{name} has a blank, a line break or another character that no credentials have{hint}");
    Err(Failure::new(Exit::Configuration, message))
}
