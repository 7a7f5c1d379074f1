//! [`SettingsError`]: a setting that is missing or wrong, and where it stands.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::shared_files::ProfilesError;
use super::{Setting, SettingError, SettingSource};
use crate::credentials::CredentialsError;
use crate::endpoint::EndpointError;
use crate::error::WithCauses;

/// A setting that is missing or wrong.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SettingsError {
    /// A shared file cannot be read.
    Profiles(ProfilesError),
    /// Neither of the shared files has the profile that was asked for.
    NoSuchProfile {
        /// Its name, and where that comes from.
        profile: Setting<String>,
        /// What may explain it, see [`Settings::warnings`](super::Settings::warnings).
        warnings: Vec<String>,
    },
    /// No region, neither in code, nor in the environment, nor in the profile.
    MissingRegion {
        /// Why the instance metadata did not tell it, if they were asked.
        metadata: Option<CredentialsError>,
    },
    /// Settings that are wrong: all of them, each a [`Setting`](Self::Setting) or an [`Endpoint`](Self::Endpoint).
    Several {
        /// What is wrong, at least one.
        errors: Vec<SettingsError>,
        /// What was passed over, see [`Settings::warnings`](super::Settings::warnings).
        warnings: Vec<String>,
    },
    /// A value that its setting cannot have.
    Setting {
        /// The setting and the rule.
        error: SettingError,
        /// The file that it stands in, if it does.
        path: Option<String>,
    },
    /// The endpoint URL cannot be used.
    Endpoint {
        /// Where it comes from.
        source: SettingSource,
        /// Where the wish comes from that excludes any endpoint URL.
        conflicts_with: Option<SettingSource>,
        /// The rule it breaks.
        error: EndpointError,
    },
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profiles(error) => error.fmt(f),
            Self::NoSuchProfile { profile: Setting { value, source }, warnings } => {
                let neither = "is in neither the config file nor the credentials file";
                write!(f, "profile `{value}`, named by {source}, {neither}")?;
                warnings.iter().try_for_each(|warning| write!(f, "; {warning}"))
            }
            Self::MissingRegion { metadata: None } => {
                f.write_str("no region: set one in code, in AWS_REGION, or in the profile")
            }
            Self::MissingRegion { metadata: Some(error) } => {
                let metadata = WithCauses(error);
                write!(
                    f,
                    "{}; the instance metadata do not tell it: {metadata}",
                    Self::MissingRegion { metadata: None }
                )
            }
            Self::Several { errors, .. } => errors.iter().enumerate().try_for_each(|(index, error)| {
                // Nobody else can tell the causes of more than one.
                write!(f, "{}{}", if index == 0 { "" } else { "; " }, WithCauses(error))
            }),
            Self::Setting { error, path: None } => error.fmt(f),
            Self::Setting { error, path: Some(path) } => write!(f, "cannot use {path}: {error}"),
            Self::Endpoint { source, conflicts_with: None, .. } => {
                write!(f, "the endpoint URL cannot be used (from {source})")
            }
            Self::Endpoint { source, conflicts_with: Some(other), .. } => {
                write!(f, "the endpoint URL of {source} goes against the wish of {other}")
            }
        }
    }
}

impl core::error::Error for SettingsError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Endpoint { error, .. } => Some(error),
            // Their words are this error's own.
            Self::Profiles(_)
            | Self::Several { .. }
            | Self::Setting { .. }
            | Self::NoSuchProfile { .. }
            | Self::MissingRegion { .. } => None,
        }
    }
}
