//! Whatever the environment and the shared files say, settings are found or what is wrong is named, and no secret is shown.
#![no_main]

use firehose_proto::settings::{Overrides, Settings, SettingsError};
use libfuzzer_sys::fuzz_target;

/// No setting's value is so long by itself, nor do messages have it.
const SECRET: &str = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY";

fuzz_target!(|text: &str| {
    // Variables, the config file and the credentials file, with a line of two hyphens between them.
    let mut parts = text.splitn(3, "\n--\n");
    let mut part = || parts.next().unwrap_or_default();
    let (variables, config, credentials) = (part(), part(), part());
    let credentials = format!("{credentials}\naws_secret_access_key = {SECRET}\n");
    let variable = |name: &str| {
        let value = variables.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
        Some(value.to_owned())
    };
    let read = |path: &str, _| {
        assert!(!path.is_empty());
        Ok(if path.ends_with("credentials") { credentials.clone() } else { config.to_owned() }.into_bytes())
    };
    match Settings::find(&Overrides::default(), &variable, text.len().is_multiple_of(2), read) {
        Ok(settings) => {
            assert!(!format!("{settings:?} {}", settings.warnings.join("")).contains(SECRET));
            let config = settings.config(&variable);
            let endpoint = settings.endpoint();
            assert!(config.is_err() || endpoint.is_ok(), "{endpoint:?}");
            if let Ok(endpoint) = endpoint {
                let _ = settings.proxy(&endpoint).map_err(|error| check(&error));
            }
            let _ = config.map_err(|error| check(&error));
        }
        Err(error) => check(&error),
    }
});

fn check(error: &SettingsError) {
    let shown = error.to_string();
    assert!(!shown.is_empty() && !format!("{shown} {error:?}").contains(SECRET), "{shown}");
    if let SettingsError::Several { errors, .. } = error {
        assert!(!errors.is_empty());
        errors.iter().for_each(check);
    }
}
