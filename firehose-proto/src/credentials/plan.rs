//! [`CredentialPlan`]: the source of a profile's credentials, and the roles to assume with them.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::profile::{Ignored, ProfileFile, Profiles, Section, SourceLocation, Value};
use super::{Credentials, environment};
use crate::region::Region;
use crate::sensitive::Sensitive;

/// Shortest and longest session that STS grants, in seconds
/// ([AssumeRole](https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html)).
const SESSION_SECONDS: core::ops::RangeInclusive<u32> = 900..=43_200;

/// The key for the duration of a role's session.
const DURATION: &str = "duration_seconds";

/// What a profile asks for: credentials from a first source, then roles, each assumed with the credentials before.
///
/// ```
/// use firehose_proto::internal::plan::{CredentialPlan, CredentialSource};
/// use firehose_proto::internal::profile::Profiles;
///
/// let config = b"[profile ship]\nrole_arn = arn:aws:iam::123456789012:role/Ship\ncredential_source = EcsContainer\n";
/// let plan = CredentialPlan::resolve(&Profiles::parse(config, b"")?, "ship")?;
/// assert_eq!(plan.source, CredentialSource::Container);
/// assert_eq!(plan.roles[0].arn, "arn:aws:iam::123456789012:role/Ship");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CredentialPlan {
    /// The source of the first credentials.
    pub source: CredentialSource,
    /// The roles in the order in which they are assumed, each with the credentials of the one before.
    pub roles: Vec<Role>,
}

/// The source of the first credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialSource {
    /// Keys in the profile.
    Static(Credentials),
    /// The environment variables, see [`environment::read`].
    Environment,
    /// The machine's instance metadata, version 2 of its service.
    InstanceMetadata,
    /// The container's agent, on ECS, EKS or Greengrass.
    Container,
    /// A role that is assumed with a token from a file.
    WebIdentity(WebIdentity),
    /// A sign-in with AWS IAM Identity Center.
    Sso(Sso),
    /// A program that prints them.
    Process(Process),
    /// A sign-in to the console.
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
    /// `mfa_serial`: the device whose code is required.
    pub mfa_serial: Option<String>,
}

/// A role that is assumed with another identity provider's token, stored in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebIdentity {
    /// `role_arn`
    pub role_arn: String,
    /// `web_identity_token_file`: read again for every call.
    pub token_file: String,
    /// `role_session_name`
    pub session_name: Option<String>,
    /// `duration_seconds`
    pub duration_seconds: Option<u32>,
}

/// An account's role, for a user signed in with AWS IAM Identity Center.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sso {
    /// `sso_session`. Without it, the token cannot be refreshed.
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
    /// `credential_process`. Secret, because people put passwords on command lines.
    pub command: Sensitive<String>,
    /// `aws_account_id`, used when the program prints none.
    pub account_id: Option<String>,
}

impl CredentialPlan {
    /// Follows a profile to the first source of its credentials, in the order of the AWS CLI.
    ///
    /// If a profile sets several of these, the first one counts:
    ///
    /// 1. a role assumed with other credentials: `role_arn` without `web_identity_token_file`
    /// 2. a web identity: `role_arn` and `web_identity_token_file`
    /// 3. a sign-in with IAM Identity Center: `sso_account_id` and `sso_role_name`
    /// 4. keys in the credentials file
    /// 5. a sign-in to the console: `login_session`
    /// 6. a program: `credential_process`
    /// 7. keys in the configuration file
    ///
    /// If a profile is named as the source of another and has keys, in either file, it skips the first of these. Role
    /// settings have no effect without `role_arn`. A key without a value counts as absent.
    ///
    /// # Errors
    ///
    /// [`PlanError`]. Call [`is_absence`](PlanError::is_absence) to see whether to try another provider.
    pub fn resolve(profiles: &Profiles, profile: &str) -> Result<Self, PlanError> {
        Self::resolve_in(|_| None, profiles, profile)
    }

    /// The same for a profile for which environment variables count.
    ///
    /// The variables of a web identity replace the profile's `web_identity_token_file`, `role_arn` and
    /// `role_session_name`, each one by itself. They therefore come before all but the first entry in the list of
    /// [`resolve`](Self::resolve).
    ///
    /// # Errors
    ///
    /// As [`resolve`](Self::resolve).
    pub fn resolve_in(
        variable: impl Fn(&str) -> Option<String>,
        profiles: &Profiles,
        profile: &str,
    ) -> Result<Self, PlanError> {
        let mut seen = Vec::from([profile]);
        let mut roles = Vec::new();
        let mut members = Members { name: profile, section: profiles.profile(profile), profiles, named_by: None };
        let source = loop {
            // In any profile but the first, keys end the chain, whatever the profile says of roles.
            let is_last = seen.len() > 1 && members.contains_keys();
            let role = if is_last { None } else { members.role()? };
            let Some((role, source_profile)) = role else {
                let in_environment = |name: &str| variable(name).filter(|_| seen.len() == 1);
                break members.source(&in_environment)?;
            };
            roles.push(role);
            let Some(next) = source_profile else { break members.credential_source()? };
            let names_itself = next == members.name;
            members = members.source_profile(next)?;
            // A profile that names itself means its own keys.
            if names_itself && members.contains_keys() {
                break members.source(&|_| None)?;
            }
            if seen.contains(&next) {
                let profiles = seen.iter().chain([&next]).map(ToString::to_string).collect();
                return Err(PlanError::Loop { profiles });
            }
            seen.push(next);
        };
        roles.reverse();
        Ok(Self { source, roles })
    }
}

/// The keys of an access key in a profile.
const ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";
/// The token's names, the old one first: it counts where both are set.
const TOKENS: [&str; 2] = ["aws_security_token", "aws_session_token"];

/// One profile's keys that concern credentials.
struct Members<'a> {
    name: &'a str,
    section: Option<&'a Section>,
    profiles: &'a Profiles,
    named_by: Option<String>,
}

impl<'a> Members<'a> {
    /// The profile that this one names as its source.
    fn source_profile(&self, name: &'a str) -> Result<Self, PlanError> {
        let named_by = Some(self.name.to_owned());
        let no_such_profile = || PlanError::NoSuchProfile { profile: name.to_owned(), named_by: named_by.clone() };
        let section = self.profiles.profile(name).ok_or_else(no_such_profile)?;
        Ok(Self { name, section: Some(section), profiles: self.profiles, named_by })
    }

    fn value(&self, key: &'static str) -> Result<Option<&'a Value>, PlanError> {
        let value = self.section.map_or(Ok(None), |section| section.value(key));
        value.map_err(|Ignored { place, reason }| self.invalid(key, place, reason.rule()))
    }

    fn value_in(&self, file: ProfileFile, key: &'static str) -> Result<Option<&'a Value>, PlanError> {
        let value = self.section.map_or(Ok(None), |section| section.value_in(file, key));
        value.map_err(|Ignored { place, reason }| self.invalid(key, place, reason.rule()))
    }

    fn text(&self, key: &'static str) -> Result<Option<&'a str>, PlanError> {
        Ok(self.value(key)?.map(Value::as_str))
    }

    fn owned(&self, key: &'static str) -> Result<Option<String>, PlanError> {
        Ok(self.text(key)?.map(ToOwned::to_owned))
    }

    fn contains(&self, key: &str) -> bool {
        self.section.is_some_and(|section| section.contains(key))
    }

    fn contains_keys(&self) -> bool {
        self.contains(ID) || self.contains(SECRET)
    }

    fn invalid(&self, key: &'static str, place: SourceLocation, rule: &'static str) -> PlanError {
        PlanError::Invalid { profile: self.name.to_owned(), key, place, rule }
    }

    fn missing(&self, key: &'static str, because_of: &'static str) -> PlanError {
        PlanError::Missing { profile: self.name.to_owned(), key, because_of }
    }

    /// The role that the profile assumes, and the profile whose credentials do that, if it names one.
    fn role(&self) -> Result<Option<(Role, Option<&'a str>)>, PlanError> {
        if self.contains("web_identity_token_file") {
            return Ok(None);
        }
        let Some(arn) = self.owned("role_arn")? else { return Ok(None) };
        let source_profile = self.text("source_profile")?;
        match (source_profile, self.value("credential_source")?) {
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
            session_name: self.owned("role_session_name")?,
            external_id: self.owned("external_id")?,
            duration_seconds: self.duration_seconds()?,
            mfa_serial: self.owned("mfa_serial")?,
        };
        Ok(Some((role, source_profile)))
    }

    /// The duration of the role's session. A value that is not a number has no effect.
    fn duration_seconds(&self) -> Result<Option<u32>, PlanError> {
        let Some(value) = self.value(DURATION)? else { return Ok(None) };
        let Ok(seconds) = value.as_str().parse::<i64>() else { return Ok(None) };
        let seconds = u32::try_from(seconds).ok().filter(|seconds| SESSION_SECONDS.contains(seconds));
        let invalid = || self.invalid(DURATION, value.place(), "must be a whole number from 900 to 43200");
        seconds.ok_or_else(invalid).map(Some)
    }

    /// The source that this profile itself has.
    fn source(&self, variable: &dyn Fn(&str) -> Option<String>) -> Result<CredentialSource, PlanError> {
        let token_file = self.owned("web_identity_token_file")?;
        let arn = self.owned("role_arn")?;
        let environment = environment::WebIdentityVariables::read(variable);
        let has_token_file = token_file.is_some();
        if let Some(token_file) = environment.token_file.or(token_file)
            && let Some(role_arn) = environment.role_arn.or(arn)
        {
            let session_name = self.owned("role_session_name")?;
            let session_name = environment.session_name.or(session_name);
            let duration_seconds = self.duration_seconds()?;
            return Ok(CredentialSource::WebIdentity(WebIdentity {
                role_arn,
                token_file,
                session_name,
                duration_seconds,
            }));
        }
        if let Some(sso) = self.sso()? {
            return Ok(CredentialSource::Sso(sso));
        }
        if let Some(credentials) = self.keys(ProfileFile::Credentials)? {
            return Ok(CredentialSource::Static(credentials));
        }
        if let Some(session) = self.owned("login_session")? {
            return Ok(CredentialSource::Login { session });
        }
        if let Some(command) = self.owned("credential_process")? {
            let command = Sensitive::new(command);
            return Ok(CredentialSource::Process(Process { command, account_id: self.owned("aws_account_id")? }));
        }
        if let Some(credentials) = self.keys(ProfileFile::Config)? {
            return Ok(CredentialSource::Static(credentials));
        }
        if has_token_file {
            return Err(self.missing("role_arn", "web_identity_token_file"));
        }
        if self.section.is_none() {
            return Err(PlanError::NoSuchProfile { profile: self.name.to_owned(), named_by: None });
        }
        let lone_key = [SECRET].into_iter().chain(TOKENS).find(|key| self.contains(key));
        Err(PlanError::NoCredentials { profile: self.name.to_owned(), named_by: self.named_by.clone(), lone_key })
    }

    fn credential_source(&self) -> Result<CredentialSource, PlanError> {
        const KEY: &str = "credential_source";
        let Some(value) = self.value(KEY)? else {
            return Err(PlanError::NoSource { profile: self.name.to_owned() });
        };
        let sources = [
            ("Environment", CredentialSource::Environment),
            ("Ec2InstanceMetadata", CredentialSource::InstanceMetadata),
            ("EcsContainer", CredentialSource::Container),
        ];
        let found = sources.into_iter().find(|(name, _)| value.as_str().eq_ignore_ascii_case(name));
        let rule = "must be `Environment`, `Ec2InstanceMetadata` or `EcsContainer`";
        found.map(|(_, source)| source).ok_or_else(|| self.invalid(KEY, value.place(), rule))
    }

    fn sso(&self) -> Result<Option<Sso>, PlanError> {
        const ACCOUNT_ID: &str = "sso_account_id";
        const ROLE_NAME: &str = "sso_role_name";
        const START_URL: &str = "sso_start_url";
        const REGION: &str = "sso_region";
        let because_of = match (self.value(ACCOUNT_ID)?, self.value(ROLE_NAME)?) {
            (None, None) => return Ok(None),
            (Some(_), _) => ACCOUNT_ID,
            (None, Some(_)) => ROLE_NAME,
        };
        let session = self.value("sso_session")?.map(|value| self.session(value)).transpose()?;
        // A key may be in the session or in the profile. If it is in both, the values must be equal.
        let value = |key| -> Result<&Value, PlanError> {
            let own = self.value(key)?;
            let of_session = session.as_ref().map_or(Ok(None), |session| session.value(key))?;
            match (own, of_session) {
                (Some(own), Some(other)) if own.as_str() != other.as_str() => {
                    let rule = "must be absent or the same as in the section that `sso_session` names";
                    Err(self.invalid(key, own.place(), rule))
                }
                (own, of_session) => own.or(of_session).ok_or_else(|| match &session {
                    Some(session) if key == START_URL || key == REGION => {
                        PlanError::SessionMissing { session: session.name.to_owned(), key }
                    }
                    _ => self.missing(key, because_of),
                }),
            }
        };
        let owned = |key| value(key).map(|value| value.as_str().to_owned());
        let (account_id, role_name) = (owned(ACCOUNT_ID)?, owned(ROLE_NAME)?);
        let (start_url, region) = (owned(START_URL)?, value(REGION)?);
        let invalid = |_| self.invalid(REGION, region.place(), "must be the name of a region, such as `us-east-1`");
        let region = Region::parse(region.as_str()).map_err(invalid)?;
        let session = session.map(|session| session.name.to_owned());
        Ok(Some(Sso { session, start_url, region, account_id, role_name }))
    }

    /// The section that `sso_session` names.
    fn session(&self, value: &'a Value) -> Result<Self, PlanError> {
        let name = value.as_str();
        let rule = "must be the name of a section `[sso-session …]` of the config file";
        let section = self.profiles.sso_session(name);
        let section = section.ok_or_else(|| self.invalid("sso_session", value.place(), rule))?;
        Ok(Self { name, section: Some(section), profiles: self.profiles, named_by: None })
    }

    /// The access key in one of the files, and the keys beside it there.
    fn keys(&self, file: ProfileFile) -> Result<Option<Credentials>, PlanError> {
        let Some(id) = self.value_in(file, ID)? else { return Ok(None) };
        let text = |key| Ok(self.value_in(file, key)?.map(|value| value.as_str().to_owned()));
        let rule = "must have `aws_secret_access_key` beside it, in the same section and file";
        let secret = text(SECRET)?.ok_or_else(|| self.invalid(ID, id.place(), rule))?;
        let mut credentials = Credentials::new(id.as_str(), secret);
        for key in TOKENS {
            if credentials.session_token.is_none() {
                credentials.session_token = text(key)?.map(Sensitive::new);
            }
        }
        credentials.account_id = text("aws_account_id")?;
        Ok(Some(credentials))
    }
}

/// Settings of a profile that look as if they concern its credentials, but have no effect.
#[must_use]
pub fn without_effect(profiles: &Profiles, profile: &str) -> Vec<WithoutEffect> {
    let Some(section) = profiles.profile(profile) else { return Vec::new() };
    let value = |key| section.value(key).ok().flatten();
    let is_absent = |key| section.value(key) == Ok(None);
    let mut found = Vec::new();
    let mut report = |key, rule| {
        let place = value(key).map(Value::place);
        found.extend(place.map(|place| WithoutEffect { profile: profile.to_owned(), key, place, rule }));
    };
    if is_absent("role_arn") {
        for key in ["source_profile", "credential_source", "web_identity_token_file"] {
            report(key, "needs `role_arn`");
        }
    }
    if value(DURATION).is_some_and(|value| value.as_str().parse::<i64>().is_err()) {
        report(DURATION, "must be a whole number");
    }
    if is_absent(ID) {
        for key in [SECRET].into_iter().chain(TOKENS) {
            report(key, "needs `aws_access_key_id`");
        }
    }
    found
}

/// A setting that has no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WithoutEffect {
    /// The profile.
    pub profile: String,
    /// The key.
    pub key: &'static str,
    /// Where it is.
    pub place: SourceLocation,
    /// What is missing.
    pub rule: &'static str,
}

impl fmt::Display for WithoutEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { profile, key, place, rule } = self;
        write!(f, "{place} has no effect: `{key}` of profile `{profile}` {rule}")
    }
}

/// Why a profile leads to no plan. Names the profile and the key, never a secret value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanError {
    /// Neither file has the profile.
    NoSuchProfile {
        /// The profile.
        profile: String,
        /// The profile that names it as its `source_profile`, if any.
        named_by: Option<String>,
    },
    /// The profile says nothing about credentials.
    NoCredentials {
        /// The profile.
        profile: String,
        /// The profile that names it as its `source_profile`, if any.
        named_by: Option<String>,
        /// A key that has no effect because `aws_access_key_id` is missing.
        lone_key: Option<&'static str>,
    },
    /// Profiles take their credentials from each other.
    Loop {
        /// The profiles in order; the last one is a repetition.
        profiles: Vec<String>,
    },
    /// A key that another key needs is absent or blank.
    Missing {
        /// The profile.
        profile: String,
        /// The absent key.
        key: &'static str,
        /// The key that needs it.
        because_of: &'static str,
    },
    /// A role without a source of credentials to assume it.
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
    /// Two keys that must not be combined.
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
        /// Where it is.
        place: SourceLocation,
        /// What the value must be.
        rule: &'static str,
    },
}

impl PlanError {
    /// The place of the error: the key's line, or else the section's.
    #[must_use]
    pub fn place(&self, profiles: &Profiles) -> Option<SourceLocation> {
        let (section, key) = match self {
            Self::Invalid { place, .. } => return Some(*place),
            Self::SessionMissing { session, .. } => (profiles.sso_session(session), None),
            Self::NoSuchProfile { named_by, .. } => (profiles.profile(named_by.as_deref()?), Some("source_profile")),
            Self::Loop { profiles: names } => (profiles.profile(names.first()?), Some("source_profile")),
            Self::Missing { profile, because_of, .. } => (profiles.profile(profile), Some(*because_of)),
            Self::NoSource { profile } => (profiles.profile(profile), Some("role_arn")),
            Self::NoCredentials { profile, lone_key, .. } => (profiles.profile(profile), *lone_key),
            Self::Conflict { profile, .. } => (profiles.profile(profile), None),
        };
        let value = key.and_then(|key| section?.value(key).ok()?);
        value.map(Value::place).or_else(|| section.map(Section::place))
    }

    /// Whether this only means that the profile sets no credentials, so that another provider may be tried.
    ///
    /// `is_named` says that the profile was asked for by its name: then it must exist. The one called `default` need
    /// not.
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
            Self::NoCredentials { profile, named_by, lone_key } => {
                match named_by {
                    None => write!(f, "profile `{profile}` has no credentials")?,
                    Some(by) => {
                        write!(f, "profile `{by}` names the source profile `{profile}`, which has no credentials")?;
                    }
                }
                lone_key.map_or(Ok(()), |key| write!(f, "; its `{key}` needs `{ID}` beside it"))
            }
            Self::Loop { profiles } => {
                write!(f, "source profiles form a loop: {}", profiles.join(" → "))
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
