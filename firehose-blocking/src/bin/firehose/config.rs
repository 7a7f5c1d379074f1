//! `firehose config`: every setting, its value, and where it was found.

use std::num::NonZeroU32;
use std::process::ExitCode;
use std::time::Duration;

use firehose_blocking::firehose_proto::Endpoint;
use firehose_blocking::firehose_proto::settings::{Setting, SettingSource};
use firehose_blocking::firehose_proto::time::IsoDate;
use firehose_blocking::{BuildError, Client, ClientBuilder, Credentials, Settings, SettingsError};
use serde_json::{Map, Value, json};

use crate::args::{ConfigArgs, Output};
use crate::connect::{check, configure, failure};
use crate::console::{self, Exit, Failure};

/// How much of a secret is shown.
const SHOWN_CHARACTERS: usize = 4;

/// Prints the settings and the credentials that `put` would use now.
pub(crate) fn run(args: &ConfigArgs) -> Result<ExitCode, Failure> {
    let builder = Client::builder();
    let builder = configure(builder, &args.service);
    let broken = |error: BuildError| failure(&error);
    let settings = builder.settings();
    if let Ok(Settings { warnings, .. }) | Err(BuildError::Settings(SettingsError::Several { warnings, .. })) =
        &settings
    {
        warnings.iter().for_each(|warning| console::eprint(warning));
    }
    let settings = settings.map_err(broken)?;
    let endpoint = settings.endpoint();
    let mut entries = list(&settings, endpoint.as_ref().ok());
    let endpoint = endpoint.and_then(|endpoint| settings.proxy(&endpoint).map(drop));
    let credentials = find_credentials(&builder, &mut entries).map_err(broken).and_then(|found| check(&found));
    let text = match args.output {
        Output::Json => json(entries),
        Output::Text => table(&entries),
    };
    console::print(&text)
        .map_err(|error| Failure::new(Exit::Incomplete, format!("cannot write the settings: {error}")))?;
    // Everything that was found has been printed; now report all that is missing.
    match (endpoint.map_err(|error| broken(error.into())), credentials) {
        (Err(first), Err(second)) => {
            first.eprint();
            Err(second)
        }
        (endpoint, credentials) => endpoint.and(credentials).map(|()| ExitCode::SUCCESS),
    }
}

/// A setting with members of its own names: as a value and a source, or as what credentials consist of.
struct Entry {
    name: &'static str,
    members: Vec<(&'static str, Value)>,
}

impl Entry {
    fn new(name: &'static str, value: impl Into<Value>, source: &SettingSource) -> Self {
        Self { name, members: vec![("value", value.into()), ("source", source_text(source).into())] }
    }

    /// A setting that may be absent.
    fn optional<T>(name: &'static str, setting: Option<&Setting<T>>, value: impl FnOnce(&T) -> Value) -> Self {
        match setting {
            Some(setting) => Self::new(name, value(&setting.value), &setting.source),
            None => Self::new(name, Value::Null, &SettingSource::Default),
        }
    }

    fn text(name: &'static str, setting: &Option<Setting<String>>) -> Self {
        Self::optional(name, setting.as_ref(), |value| value.as_str().into())
    }

    fn boolean(name: &'static str, setting: &Setting<bool>) -> Self {
        Self::new(name, setting.value, &setting.source)
    }

    fn number(name: &'static str, setting: &Setting<NonZeroU32>) -> Self {
        Self::new(name, setting.value.get(), &setting.source)
    }

    fn seconds(name: &'static str, setting: Option<&Setting<Duration>>) -> Self {
        Self::optional(name, setting, |value| value.as_secs_f64().into())
    }
}

fn list(settings: &Settings, endpoint: Option<&Endpoint>) -> Vec<Entry> {
    let url_source = settings.endpoint_url.as_ref().map_or(&SettingSource::Default, |url| &url.source);
    let proxy = endpoint.and_then(|endpoint| settings.proxy(endpoint).ok().flatten());
    let metadata = &settings.ec2_metadata_service_endpoint;
    vec![
        Entry::new("profile", settings.profile.value.as_str(), &settings.profile.source),
        Entry::optional("region", settings.region.as_ref(), |value| value.as_str().into()),
        Entry::new("endpoint_url", endpoint.map(Endpoint::url), url_source),
        Entry::text("sts_endpoint_url", &settings.sts_endpoint_url),
        Entry::boolean("ignore_configured_endpoint_urls", &settings.ignore_configured_endpoint_urls),
        Entry::boolean("use_fips_endpoint", &settings.use_fips_endpoint),
        Entry::boolean("use_dualstack_endpoint", &settings.use_dualstack_endpoint),
        Entry::new("retry_mode", settings.retry_mode.value.as_str(), &settings.retry_mode.source),
        Entry::number("max_attempts", &settings.max_attempts),
        Entry::boolean("disable_clock_skew_correction", &settings.disable_clock_skew_correction),
        Entry::seconds("connect_timeout", Some(&settings.connect_timeout)),
        Entry::seconds("read_timeout", Some(&settings.read_timeout)),
        Entry::seconds("attempt_timeout", settings.attempt_timeout.as_ref()),
        Entry::seconds("operation_timeout", settings.operation_timeout.as_ref()),
        Entry::text("ca_bundle", &settings.ca_bundle),
        // Without the password.
        Entry::optional("proxy", proxy, |value| value.to_string().into()),
        Entry::text("sdk_ua_app_id", &settings.sdk_ua_app_id),
        Entry::boolean("ec2_metadata_disabled", &settings.ec2_metadata_disabled),
        Entry::new("ec2_metadata_service_endpoint", &*metadata.value, &metadata.source),
        Entry::seconds("metadata_service_timeout", Some(&settings.metadata_service_timeout)),
        Entry::number("metadata_service_num_attempts", &settings.metadata_service_num_attempts),
        Entry::text("config_file", &settings.config_file),
        Entry::text("shared_credentials_file", &settings.shared_credentials_file),
    ]
}

/// Where a setting was found, in the terms of the command line.
pub(crate) fn source_text(source: &SettingSource) -> String {
    if *source == SettingSource::Code { "command line".into() } else { source.to_string() }
}

/// Finds credentials, and puts an entry for them after the region's.
fn find_credentials(builder: &ClientBuilder, entries: &mut Vec<Entry>) -> Result<Credentials, BuildError> {
    let found = builder.find_credentials();
    let members = match &found {
        Ok(found) => show_credentials(&found.provider, &found.credentials),
        Err(_) => vec![("provider", Value::Null), ("access_key_id", Value::Null)],
    };
    entries.insert(2, Entry { name: "credentials", members });
    found.map(|found| found.credentials)
}

fn show_credentials(provider: &str, credentials: &Credentials) -> Vec<(&'static str, Value)> {
    let token = credentials.session_token.as_ref().map(|token| masked(token.expose()));
    let expiry = credentials.expires_at.map(|moment| IsoDate::new(moment).as_str().to_owned());
    vec![
        ("provider", provider.into()),
        ("access_key_id", credentials.access_key_id.as_str().into()),
        ("secret_access_key", masked(credentials.secret_access_key.expose()).into()),
        ("session_token", token.map_or(Value::Null, Value::from)),
        ("expires_at", expiry.map_or(Value::Null, Value::from)),
        ("account_id", credentials.account_id.as_deref().map_or(Value::Null, Value::from)),
    ]
}

/// The last characters of a secret, unless they are most of it.
fn masked(secret: &str) -> String {
    let count = secret.chars().count();
    let hidden = if count < 4 * SHOWN_CHARACTERS { count } else { count - SHOWN_CHARACTERS };
    format!("****{}", secret.chars().skip(hidden).collect::<String>())
}

fn json(entries: Vec<Entry>) -> String {
    let object = |members: Vec<(&'static str, Value)>| {
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>()
    };
    let all: Map<_, _> =
        entries.into_iter().map(|entry| (entry.name.to_owned(), object(entry.members).into())).collect();
    json!(all).to_string()
}

/// Three columns: name, value, source.
fn table(entries: &[Entry]) -> String {
    let shown = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => console::sanitize(text),
        other => other.to_string(),
    };
    let mut rows = Vec::new();
    for Entry { name, members } in entries {
        match &members[..] {
            [("value", value), ("source", source)] => rows.push(((*name).to_owned(), shown(value), shown(source))),
            [("provider", provider), rest @ ..] => {
                let row = |(member, value): &(&str, Value)| (format!("{name}.{member}"), shown(value), shown(provider));
                rows.extend(rest.iter().map(row));
            }
            _ => {}
        }
    }
    let width = |text: &dyn Fn(&(String, String, String)) -> usize| rows.iter().map(text).max().unwrap_or_default();
    let names = width(&|row| row.0.chars().count());
    let values = width(&|row| row.1.chars().count());
    let line = |(name, value, source): &(String, String, String)| format!("{name:names$}  {value:values$}  {source}");
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
