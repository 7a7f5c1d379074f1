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
use crate::connect::{check, described, failure};
use crate::console::{self, Exit, Failure};

/// How much of a secret is shown.
const SHOWN_CHARACTERS: usize = 4;

/// Prints the settings that `put` would go by, with the credentials it would use now.
pub(crate) fn run(args: &ConfigArgs) -> Result<ExitCode, Failure> {
    let builder = Client::builder();
    let builder = described(builder, &args.service);
    let broken = |error: BuildError| failure(&error);
    let settings = builder.settings();
    if let Ok(Settings { warnings, .. }) | Err(BuildError::Settings(SettingsError::Several { warnings, .. })) =
        &settings
    {
        warnings.iter().for_each(|warning| console::complain(warning));
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
    // What there is has been shown; now all that is missing.
    match (endpoint.map_err(|error| broken(error.into())), credentials) {
        (Err(first), Err(second)) => {
            first.tell();
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

fn list(settings: &Settings, endpoint: Option<&Endpoint>) -> Vec<Entry> {
    let Settings { profile, region, endpoint_url, .. } = settings;
    let default = SettingSource::Default;
    let of = |name, value: Value, source: &SettingSource| Entry {
        name,
        members: vec![("value", value), ("source", shown(source).into())],
    };
    let text = |name, setting: &Option<Setting<String>>| match setting {
        Some(Setting { value, source }) => of(name, value.as_str().into(), source),
        None => of(name, Value::Null, &default),
    };
    let boolean = |name, setting: &Setting<bool>| of(name, setting.value.into(), &setting.source);
    let number = |name, setting: &Setting<NonZeroU32>| of(name, setting.value.get().into(), &setting.source);
    let seconds = |name, setting: &Setting<Duration>| of(name, setting.value.as_secs_f64().into(), &setting.source);
    let seconds_if_any = |name, setting: &Option<Setting<Duration>>| match setting {
        Some(setting) => seconds(name, setting),
        None => of(name, Value::Null, &default),
    };
    let proxy = match endpoint.and_then(|endpoint| settings.proxy(endpoint).ok().flatten()) {
        // Without the password.
        Some(Setting { value, source }) => of("proxy", value.to_string().into(), source),
        None => of("proxy", Value::Null, &default),
    };
    let metadata = &settings.ec2_metadata_service_endpoint;
    let url_source = endpoint_url.as_ref().map_or(&default, |url| &url.source);
    vec![
        of("profile", profile.value.as_str().into(), &profile.source),
        match region {
            Some(Setting { value, source }) => of("region", value.as_str().into(), source),
            None => of("region", Value::Null, &default),
        },
        of("endpoint_url", endpoint.map_or(Value::Null, |endpoint| endpoint.url().into()), url_source),
        text("sts_endpoint_url", &settings.sts_endpoint_url),
        boolean("ignore_configured_endpoint_urls", &settings.ignore_configured_endpoint_urls),
        boolean("use_fips_endpoint", &settings.use_fips_endpoint),
        boolean("use_dualstack_endpoint", &settings.use_dualstack_endpoint),
        of("retry_mode", settings.retry_mode.value.as_str().into(), &settings.retry_mode.source),
        number("max_attempts", &settings.max_attempts),
        boolean("disable_clock_skew_correction", &settings.disable_clock_skew_correction),
        seconds("connect_timeout", &settings.connect_timeout),
        seconds("read_timeout", &settings.read_timeout),
        seconds_if_any("attempt_timeout", &settings.attempt_timeout),
        seconds_if_any("operation_timeout", &settings.operation_timeout),
        text("ca_bundle", &settings.ca_bundle),
        proxy,
        text("sdk_ua_app_id", &settings.sdk_ua_app_id),
        boolean("ec2_metadata_disabled", &settings.ec2_metadata_disabled),
        of("ec2_metadata_service_endpoint", (&*metadata.value).into(), &metadata.source),
        seconds("metadata_service_timeout", &settings.metadata_service_timeout),
        number("metadata_service_num_attempts", &settings.metadata_service_num_attempts),
        text("config_file", &settings.config_file),
        text("shared_credentials_file", &settings.shared_credentials_file),
    ]
}

/// Where a setting was found, as the user of a program says it.
pub(crate) fn shown(source: &SettingSource) -> String {
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
        Value::String(text) => console::shown(text),
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
