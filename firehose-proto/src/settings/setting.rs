//! [`Setting`]: a value, and where it was set.

use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;
use core::fmt;

use crate::credentials::profile::SourceLocation;

/// A setting's value, and where it was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it was set.
    pub source: SettingSource,
}

impl<T> Setting<T> {
    /// A value that the program sets itself.
    pub const fn code(value: T) -> Self {
        Self { value, source: SettingSource::Code }
    }

    pub(super) const fn default(value: T) -> Self {
        Self { value, source: SettingSource::Default }
    }
}

impl Setting<String> {
    pub(super) fn parse<T>(
        self,
        rule: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Setting<T>, SettingError> {
        match parse(&self.value) {
            Some(value) => Ok(Setting { value, source: self.source }),
            None => {
                let looks_commented =
                    self.source.place().is_some() && [" #", " ;"].iter().any(|it| self.value.contains(it));
                let hint = looks_commented
                    .then_some("a comment after a value is part of the value: put it on a line of its own");
                Err(SettingError { source: self.source, rule, hint })
            }
        }
    }
}

/// Where a setting was set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingSource {
    /// The program itself.
    Code,
    /// An environment variable.
    Variable(Cow<'static, str>),
    /// A key of the profile.
    Profile {
        /// The profile's name.
        profile: String,
        /// The key.
        key: &'static str,
        /// The place of the key.
        place: SourceLocation,
    },
    /// `endpoint_url` of a service in the `services` section that the profile names.
    Services {
        /// The section's name.
        services: String,
        /// The place of the key.
        place: SourceLocation,
    },
    /// The machine's instance metadata.
    InstanceMetadata,
    /// It is not set; this is the default.
    Default,
}

impl SettingSource {
    /// The place in the shared files, if it was set there.
    #[must_use]
    pub const fn place(&self) -> Option<SourceLocation> {
        match self {
            Self::Profile { place, .. } | Self::Services { place, .. } => Some(*place),
            _ => None,
        }
    }
}

impl fmt::Display for SettingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code => f.write_str("code"),
            Self::Variable(name) => write!(f, "environment variable `{name}`"),
            Self::Profile { profile, key, place } => write!(f, "`{key}` of profile `{profile}` ({place})"),
            Self::Services { services, place } => {
                write!(f, "`endpoint_url` of section `[services {services}]` ({place})")
            }
            Self::InstanceMetadata => f.write_str("instance metadata"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value that the setting does not allow. Never repeats the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    /// Where the value was set.
    pub source: SettingSource,
    /// What it must be.
    pub rule: &'static str,
    /// A possible cause.
    pub hint: Option<&'static str>,
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.source, self.rule)?;
        self.hint.map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

impl core::error::Error for SettingError {}

/// The first of these variables that is not blank.
pub(super) fn first_variable(
    variable: &dyn Fn(&str) -> Option<String>,
    names: &[&'static str],
) -> Option<Setting<String>> {
    names.iter().find_map(|&name| set_variable(variable, name.into()))
}

pub(super) fn set_variable(
    variable: &dyn Fn(&str) -> Option<String>,
    name: Cow<'static, str>,
) -> Option<Setting<String>> {
    let value = variable(&name)?;
    let value = value.trim();
    (!value.is_empty()).then(|| Setting { value: value.to_owned(), source: SettingSource::Variable(name) })
}
