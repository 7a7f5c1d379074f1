//! [`Plan`]: where a profile's credentials come from, and the roles to assume with them.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::Credentials;
use super::profile::{Place, Profiles, Section, Value};
use crate::region::Region;
use crate::sensitive::Sensitive;

/// Shortest and longest session that STS gives out, in seconds
/// ([AssumeRole](https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html)).
const SESSION_SECONDS: core::ops::RangeInclusive<u32> = 900..=43_200;

/// What a profile asks for: credentials from a first source, then one role after the other assumed with them.
///
/// ```
/// use firehose_proto::credentials::plan::{Plan, Source};
/// use firehose_proto::credentials::profile::Profiles;
///
/// let config = b"[profile ship]\nrole_arn = arn:aws:iam::123456789012:role/Ship\ncredential_source = EcsContainer\n";
/// let plan = Plan::resolve(&Profiles::parse(config, b"")?, "ship")?;
/// assert_eq!(plan.source, Source::Container);
/// assert_eq!(plan.roles[0].arn, "arn:aws:iam::123456789012:role/Ship");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// Where the first credentials come from.
    pub source: Source,
    /// The roles in the order in which they are assumed, each with the credentials of the one before.
    pub roles: Vec<Role>,
}

/// Where the first credentials come from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The profile holds them.
    Static(Credentials),
    /// The environment variables, see [`environment::read`](super::environment::read).
    Environment,
    /// The machine's instance metadata, see [`imds`](super::imds).
    InstanceMetadata,
    /// The container's agent, see [`container`](super::container).
    Container,
    /// A role that a token from a file gives access to.
    WebIdentity(WebIdentity),
    /// A sign-in with AWS IAM Identity Center.
    Sso(Sso),
    /// A program that prints them.
    Process(Process),
    /// A sign-in to the console, see [`login`](super::login).
    Login {
        /// The name of the session, an ARN.
        session: String,
    },
}

/// A role to assume with credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Role {
    /// The profile that names it.
    pub profile: String,
    /// `role_arn`
    pub arn: String,
    /// `role_session_name`
    pub session_name: Option<String>,
    /// `external_id`
    pub external_id: Option<String>,
    /// `duration_seconds`
    pub duration_seconds: Option<u32>,
    /// `mfa_serial`: the device whose code the call needs.
    pub mfa_serial: Option<String>,
}

/// A role to assume with a token that another identity provider keeps in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebIdentity {
    /// `role_arn`
    pub role_arn: String,
    /// `web_identity_token_file`: read anew for every call.
    pub token_file: String,
    /// `role_session_name`
    pub session_name: Option<String>,
    /// `duration_seconds`
    pub duration_seconds: Option<u32>,
}

/// An account's role that a sign-in with AWS IAM Identity Center gives access to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sso {
    /// `sso_session`: without one the token cannot be refreshed.
    pub session: Option<String>,
    /// `sso_start_url`
    pub start_url: String,
    /// `sso_region`
    pub region: Region,
    /// `sso_account_id`
    pub account_id: String,
    /// `sso_role_name`
    pub role_name: String,
}

/// A program that prints credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Process {
    /// `credential_process`: a secret, for people put passwords on command lines.
    pub command: Sensitive<String>,
    /// `aws_account_id`, for credentials that are printed without one.
    pub account_id: Option<String>,
}

impl Plan {
    /// Follows a profile to the first source of its credentials.
    ///
    /// A key without a value is as good as absent.
    ///
    /// # Errors
    ///
    /// [`PlanError`]; ask [`is_absence`](PlanError::is_absence) whether to try another provider.
    pub fn resolve(profiles: &Profiles, profile: &str) -> Result<Self, PlanError> {
        let mut seen: Vec<&str> = Vec::new();
        let mut roles = Vec::new();
        let mut name = profile;
        let source = loop {
            let named_by = seen.last().map(ToString::to_string);
            let section = profiles
                .profile(name)
                .ok_or_else(|| PlanError::NoSuchProfile { profile: name.to_owned(), named_by: named_by.clone() })?;
            if seen.contains(&name) {
                let profiles = seen.iter().chain([&name]).map(ToString::to_string).collect();
                return Err(PlanError::Loop { profiles });
            }
            seen.push(name);
            let members = Members { name, section, named_by };
            // Keys in a source profile are what its user meant, even where it names a role too.
            if seen.len() > 1
                && let Ok(Some(credentials)) = members.static_keys()
            {
                break Source::Static(credentials);
            }
            let Some((role, source_profile)) = members.role()? else {
                break members.source(profiles)?;
            };
            roles.push(role);
            match source_profile {
                Some(next) if next != name => name = next,
                _ => break members.source(profiles)?,
            }
        };
        roles.reverse();
        Ok(Self { source, roles })
    }
}

/// One profile's keys, as far as they are about credentials.
struct Members<'a> {
    name: &'a str,
    section: &'a Section,
    named_by: Option<String>,
}

impl<'a> Members<'a> {
    fn value(&self, key: &str) -> Option<&'a Value> {
        self.section.value(key).filter(|value| !value.as_str().is_empty())
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        self.value(key).map(Value::as_str)
    }

    fn owned(&self, key: &str) -> Option<String> {
        self.text(key).map(ToOwned::to_owned)
    }

    fn required(&self, key: &'static str, because_of: &'static str) -> Result<&'a str, PlanError> {
        let missing = || PlanError::Missing { profile: self.name.to_owned(), key, because_of };
        self.text(key).ok_or_else(missing)
    }

    fn invalid(&self, key: &'static str, place: Place, rule: &'static str) -> PlanError {
        PlanError::Invalid { profile: self.name.to_owned(), key, place, rule }
    }

    /// The role that the profile has assumed, and the profile whose credentials do that, if it is one.
    fn role(&self) -> Result<Option<(Role, Option<&'a str>)>, PlanError> {
        let Some(arn) = self.owned("role_arn") else { return Ok(None) };
        if self.value("web_identity_token_file").is_some() {
            return Ok(None);
        }
        let source_profile = self.text("source_profile");
        match (source_profile, self.value("credential_source")) {
            (Some(_), Some(_)) => {
                let keys = ["source_profile", "credential_source"];
                return Err(PlanError::Conflict { profile: self.name.to_owned(), keys });
            }
            (None, None) => return Err(PlanError::NoSource { profile: self.name.to_owned() }),
            _ => {}
        }
        let role = Role {
            profile: self.name.to_owned(),
            arn,
            session_name: self.owned("role_session_name"),
            external_id: self.owned("external_id"),
            duration_seconds: self.duration_seconds()?,
            mfa_serial: self.owned("mfa_serial"),
        };
        Ok(Some((role, source_profile)))
    }

    fn duration_seconds(&self) -> Result<Option<u32>, PlanError> {
        const KEY: &str = "duration_seconds";
        let Some(value) = self.value(KEY) else { return Ok(None) };
        let seconds = value.as_str().parse().ok().filter(|seconds| SESSION_SECONDS.contains(seconds));
        let invalid = || self.invalid(KEY, value.place(), "must be a whole number from 900 to 43200");
        seconds.ok_or_else(invalid).map(Some)
    }

    /// Credentials from this very profile.
    fn source(&self, profiles: &'a Profiles) -> Result<Source, PlanError> {
        if let Some(value) = self.value("credential_source") {
            return self.credential_source(value);
        }
        if let Some(token_file) = self.owned("web_identity_token_file") {
            return Ok(Source::WebIdentity(WebIdentity {
                role_arn: self.required("role_arn", "web_identity_token_file")?.to_owned(),
                token_file,
                session_name: self.owned("role_session_name"),
                duration_seconds: self.duration_seconds()?,
            }));
        }
        if self.value("sso_account_id").is_some() || self.value("sso_role_name").is_some() {
            return self.sso(profiles).map(Source::Sso);
        }
        if let Some(session) = self.owned("login_session") {
            return Ok(Source::Login { session });
        }
        if let Some(command) = self.owned("credential_process") {
            let command = Sensitive::new(command);
            return Ok(Source::Process(Process { command, account_id: self.owned("aws_account_id") }));
        }
        let absent = || PlanError::NoCredentials { profile: self.name.to_owned(), named_by: self.named_by.clone() };
        self.static_keys()?.map(Source::Static).ok_or_else(absent)
    }

    fn credential_source(&self, value: &Value) -> Result<Source, PlanError> {
        let sources = [
            ("Environment", Source::Environment),
            ("Ec2InstanceMetadata", Source::InstanceMetadata),
            ("EcsContainer", Source::Container),
        ];
        let found = sources.into_iter().find(|(name, _)| value.as_str().eq_ignore_ascii_case(name));
        let rule = "must be `Environment`, `Ec2InstanceMetadata` or `EcsContainer`";
        found.map(|(_, source)| source).ok_or_else(|| self.invalid("credential_source", value.place(), rule))
    }

    fn sso(&self, profiles: &'a Profiles) -> Result<Sso, PlanError> {
        let account_id = self.required("sso_account_id", "sso_role_name")?.to_owned();
        let role_name = self.required("sso_role_name", "sso_account_id")?.to_owned();
        let (members, session) = match self.value("sso_session") {
            Some(value) => (self.session(profiles, value)?, Some(value.as_str().to_owned())),
            None => (Members { name: self.name, section: self.section, named_by: None }, None),
        };
        // A session's section is named like a profile in errors, but for what is before its name.
        let required = |key: &'static str| match (&session, members.value(key)) {
            (_, Some(value)) => Ok(value),
            (None, None) => {
                Err(PlanError::Missing { profile: self.name.to_owned(), key, because_of: "sso_account_id" })
            }
            (Some(session), None) => Err(PlanError::SessionMissing { session: session.clone(), key }),
        };
        let start_url = required("sso_start_url")?.as_str().to_owned();
        let region = required("sso_region")?;
        let invalid =
            |_| self.invalid("sso_region", region.place(), "must be the name of a region, such as `us-east-1`");
        let region = Region::parse(region.as_str()).map_err(invalid)?;
        Ok(Sso { session, start_url, region, account_id, role_name })
    }

    /// The section that `sso_session` names, which the profile's own keys must not contradict.
    fn session(&self, profiles: &'a Profiles, session: &'a Value) -> Result<Self, PlanError> {
        let name = session.as_str();
        let rule = "must be the name of a section `[sso-session …]` of the config file";
        let section = profiles.sso_session(name).ok_or_else(|| self.invalid("sso_session", session.place(), rule))?;
        let members = Self { name, section, named_by: None };
        for key in ["sso_start_url", "sso_region"] {
            if let Some(value) = self.value(key)
                && members.text(key).is_some_and(|other| other != value.as_str())
            {
                let rule = "must be absent or the same as in the section that `sso_session` names";
                return Err(self.invalid(key, value.place(), rule));
            }
        }
        Ok(members)
    }

    fn static_keys(&self) -> Result<Option<Credentials>, PlanError> {
        const ID: &str = "aws_access_key_id";
        const SECRET: &str = "aws_secret_access_key";
        const TOKEN: &str = "aws_session_token";
        if [ID, SECRET, TOKEN].iter().all(|key| self.value(key).is_none()) {
            return Ok(None);
        }
        let because_of = [ID, SECRET].into_iter().find(|key| self.value(key).is_some()).unwrap_or(TOKEN);
        let mut credentials = Credentials::new(self.required(ID, because_of)?, self.required(SECRET, because_of)?);
        credentials.session_token = self.owned(TOKEN).map(Sensitive::new);
        credentials.account_id = self.owned("aws_account_id");
        Ok(Some(credentials))
    }
}

/// A profile that leads to no plan. Names the profile and the key, never a secret value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanError {
    /// Neither file has the profile.
    NoSuchProfile {
        /// The profile.
        profile: String,
        /// The profile whose `source_profile` it is, if any.
        named_by: Option<String>,
    },
    /// The profile says nothing about credentials.
    NoCredentials {
        /// The profile.
        profile: String,
        /// The profile whose `source_profile` it is, if any.
        named_by: Option<String>,
    },
    /// Profiles take their credentials from each other.
    Loop {
        /// The profiles in order, the last of which comes twice.
        profiles: Vec<String>,
    },
    /// A key that another one needs is absent or blank.
    Missing {
        /// The profile.
        profile: String,
        /// The absent key.
        key: &'static str,
        /// The key that needs it.
        because_of: &'static str,
    },
    /// A role without anything to assume it with.
    NoSource {
        /// The profile.
        profile: String,
    },
    /// A key of an `sso-session` section is absent or blank.
    SessionMissing {
        /// The section's name.
        session: String,
        /// The absent key.
        key: &'static str,
    },
    /// Two keys exclude each other.
    Conflict {
        /// The profile.
        profile: String,
        /// The keys.
        keys: [&'static str; 2],
    },
    /// A key's value breaks a rule.
    Invalid {
        /// The profile.
        profile: String,
        /// The key.
        key: &'static str,
        /// Where it stands.
        place: Place,
        /// What the value must be.
        rule: &'static str,
    },
}

impl PlanError {
    /// Where that stands which is wrong: the key, or else the section.
    #[must_use]
    pub fn place(&self, profiles: &Profiles) -> Option<Place> {
        let (section, key) = match self {
            Self::Invalid { place, .. } => return Some(*place),
            Self::SessionMissing { session, .. } => (profiles.sso_session(session), None),
            Self::NoSuchProfile { named_by, .. } => (profiles.profile(named_by.as_deref()?), Some("source_profile")),
            Self::Loop { profiles: names } => (profiles.profile(names.first()?), Some("source_profile")),
            Self::Missing { profile, because_of, .. } => (profiles.profile(profile), Some(*because_of)),
            Self::NoSource { profile } => (profiles.profile(profile), Some("role_arn")),
            Self::NoCredentials { profile, .. } | Self::Conflict { profile, .. } => (profiles.profile(profile), None),
        };
        let value = key.and_then(|key| section?.value(key));
        value.map(Value::place).or_else(|| section.map(Section::place))
    }

    /// Whether this only means that the profile has nothing to offer, so that another provider may.
    ///
    /// A profile that was asked for by its name must exist, `is_named` says; the one called `default` need not.
    #[must_use]
    pub const fn is_absence(&self, is_named: bool) -> bool {
        match self {
            Self::NoSuchProfile { named_by: None, .. } => !is_named,
            Self::NoCredentials { named_by: None, .. } => true,
            _ => false,
        }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchProfile { profile, named_by: None } => {
                write!(f, "profile `{profile}` is in neither the config file nor the credentials file")
            }
            Self::NoSuchProfile { profile, named_by: Some(by) } => {
                write!(f, "profile `{by}` names the source profile `{profile}`, which is in neither file")
            }
            Self::NoCredentials { profile, named_by: None } => write!(f, "profile `{profile}` has no credentials"),
            Self::NoCredentials { profile, named_by: Some(by) } => {
                write!(f, "profile `{by}` names the source profile `{profile}`, which has no credentials")
            }
            Self::Loop { profiles } => {
                write!(f, "source profiles lead back to where they began: {}", profiles.join(" → "))
            }
            Self::Missing { profile, key, because_of } => {
                write!(f, "profile `{profile}` has `{because_of}` and so needs `{key}`")
            }
            Self::NoSource { profile } => {
                write!(f, "profile `{profile}` has `role_arn` and so needs `source_profile` or `credential_source`")
            }
            Self::SessionMissing { session, key } => write!(f, "section `[sso-session {session}]` needs `{key}`"),
            Self::Conflict { profile, keys: [one, other] } => {
                write!(f, "profile `{profile}` must have `{one}` or `{other}`, not both")
            }
            Self::Invalid { profile, key, place, rule } => {
                write!(f, "`{key}` of profile `{profile}` {rule} ({place})")
            }
        }
    }
}

impl core::error::Error for PlanError {}
