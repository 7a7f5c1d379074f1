//! [`SettingsError`]: a setting that is missing or invalid, and where it is.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::shared_files::ProfilesError;
use super::{Setting, SettingError, SettingSource};
use crate::credentials::CredentialsError;
use crate::endpoint::EndpointError;
use crate::error::WithCauses;

/// A setting that is missing or invalid.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SettingsError {
    /// A shared file cannot be read.
    Profiles(ProfilesError),
    /// Neither of the shared files has the profile that was asked for.
    NoSuchProfile {
        /// Its name, and where that was set.
        profile: Setting<String>,
        /// Possible causes, see [`Settings::warnings`](super::Settings::warnings).
        warnings: Vec<String>,
    },
    /// No region in code, environment or profile.
    MissingRegion {
        /// Why the instance metadata did not give it, if they were asked.
        metadata: Option<CredentialsError>,
    },
    /// Several invalid settings, each a [`Setting`](Self::Setting) or an [`Endpoint`](Self::Endpoint).
    Several {
        /// All errors, at least one.
        errors: Vec<SettingsError>,
        /// Possible causes, see [`Settings::warnings`](super::Settings::warnings).
        warnings: Vec<String>,
    },
    /// A value that the setting does not allow.
    Setting {
        /// The setting and the rule.
        error: SettingError,
        /// The path of the file, if it is in one.
        path: Option<String>,
    },
    /// The endpoint URL cannot be used.
    Endpoint {
        /// Where it was set.
        source: SettingSource,
        /// The setting that excludes any endpoint URL, if one does.
        conflicts_with: Option<SettingSource>,
        /// The rule that it breaks.
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
                    "{}; the instance metadata do not give it: {metadata}",
                    Self::MissingRegion { metadata: None }
                )
            }
            Self::Several { errors, .. } => errors.iter().enumerate().try_for_each(|(index, error)| {
                // This error has several causes, so it must show them itself.
                write!(f, "{}{}", if index == 0 { "" } else { "; " }, WithCauses(error))
            }),
            Self::Setting { error, path: None } => error.fmt(f),
            Self::Setting { error, path: Some(path) } => write!(f, "cannot use {path}: {error}"),
            Self::Endpoint { source, conflicts_with: None, .. } => {
                write!(f, "the endpoint URL cannot be used (from {source})")
            }
            Self::Endpoint { source, conflicts_with: Some(other), .. } => {
                write!(f, "the endpoint URL of {source} conflicts with {other}")
            }
        }
    }
}

impl core::error::Error for SettingsError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Endpoint { error, .. } => Some(error),
            // This error already shows their text.
            Self::Profiles(_)
            | Self::Several { .. }
            | Self::Setting { .. }
            | Self::NoSuchProfile { .. }
            | Self::MissingRegion { .. } => None,
        }
    }
}
