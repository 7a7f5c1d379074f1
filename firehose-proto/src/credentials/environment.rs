//! Credentials from environment variables. The caller looks the variables up.

use alloc::string::String;
use core::fmt;

use super::Credentials;
use super::plan::WebIdentity;
use crate::sensitive::Sensitive;
use crate::time::IsoDate;

const ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";
const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";
const SECURITY_TOKEN: &str = "AWS_SECURITY_TOKEN";
const EXPIRATION: &str = "AWS_CREDENTIAL_EXPIRATION";
const ROLE_ARN: &str = "AWS_ROLE_ARN";
const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";

/// Reads the variables that contain credentials; `None` without an access key id.
///
/// A blank variable counts as not set. As in the AWS CLI, a secret key without an id has no effect.
///
/// # Errors
///
/// [`EnvironmentError`].
///
/// ```
/// use firehose_proto::internal::environment;
///
/// let credentials = environment::read(|name| match name {
///     "AWS_ACCESS_KEY_ID" => Some("AKIDEXAMPLE".to_owned()),
///     "AWS_SECRET_ACCESS_KEY" => Some("secret".to_owned()),
///     _ => None,
/// })?;
/// assert_eq!(credentials.unwrap().access_key_id, "AKIDEXAMPLE");
/// # Ok::<(), environment::EnvironmentError>(())
/// ```
pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Credentials>, EnvironmentError> {
    let variable = |name| set(&variable, name);
    let Some(id) = variable(ACCESS_KEY_ID) else { return Ok(None) };
    let missing = EnvironmentError::Missing { variable: SECRET_ACCESS_KEY, because_of: ACCESS_KEY_ID };
    let secret = variable(SECRET_ACCESS_KEY).ok_or(missing)?;
    let mut credentials = Credentials::new(id, secret);
    // The old name comes first, as in the AWS CLI.
    let token = variable(SECURITY_TOKEN).or_else(|| variable(SESSION_TOKEN));
    credentials.session_token = token.map(Sensitive::new);
    credentials.account_id = variable("AWS_ACCOUNT_ID");
    if let Some(text) = variable(EXPIRATION) {
        let moment = IsoDate::parse(&text);
        credentials.expires_at = Some(moment.ok_or(EnvironmentError::Expiration)?);
    }
    Ok(Some(credentials))
}

/// Reads the variables that name a role and the file of its token; `None` when they are not set.
///
/// # Errors
///
/// [`EnvironmentError::Missing`].
pub fn read_web_identity(variable: impl Fn(&str) -> Option<String>) -> Result<Option<WebIdentity>, EnvironmentError> {
    let WebIdentityVariables { token_file: Some(token_file), role_arn, session_name } =
        WebIdentityVariables::read(variable)
    else {
        return Ok(None);
    };
    let missing = EnvironmentError::Missing { variable: ROLE_ARN, because_of: TOKEN_FILE };
    let role_arn = role_arn.ok_or(missing)?;
    Ok(Some(WebIdentity { role_arn, token_file, session_name, duration_seconds: None }))
}

/// The variables of a web identity. Some may be missing.
pub(super) struct WebIdentityVariables {
    pub(super) token_file: Option<String>,
    pub(super) role_arn: Option<String>,
    pub(super) session_name: Option<String>,
}

impl WebIdentityVariables {
    pub(super) fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name| set(&variable, name);
        Self {
            token_file: variable(TOKEN_FILE),
            role_arn: variable(ROLE_ARN),
            session_name: variable("AWS_ROLE_SESSION_NAME"),
        }
    }
}

/// The value without surrounding blanks; `None` when nothing is left.
fn set(variable: impl Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    let mut value = variable(name)?;
    value.truncate(value.trim_end().len());
    value.drain(..value.len() - value.trim_start().len());
    (!value.is_empty()).then_some(value)
}

/// Environment variables that are invalid, alone or together. Never repeats a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnvironmentError {
    /// A variable that another one needs is not set, or blank.
    Missing {
        /// The variable.
        variable: &'static str,
        /// The variable that needs it.
        because_of: &'static str,
    },
    /// `AWS_CREDENTIAL_EXPIRATION` is not a time.
    Expiration,
}

impl fmt::Display for EnvironmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { variable, because_of } => {
                write!(f, "environment variable `{because_of}` is set and so needs `{variable}`")
            }
            Self::Expiration => {
                write!(f, "environment variable `{EXPIRATION}` must be a time such as `2015-08-30T12:36:00Z`")
            }
        }
    }
}

impl core::error::Error for EnvironmentError {}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn lookup<'v>(variables: &'v [(&'v str, &'v str)]) -> impl Fn(&str) -> Option<String> + 'v {
        move |name| variables.iter().find(|(found, _)| *found == name).map(|(_, value)| (*value).to_string())
    }

    #[test]
    fn reads_credentials() {
        let all = [
            (ACCESS_KEY_ID, " AKID\n"),
            (SECRET_ACCESS_KEY, "hunter2"),
            ("AWS_SESSION_TOKEN", "hunter2\n"),
            ("AWS_ACCOUNT_ID", "1"),
            (EXPIRATION, "2030-01-01T00:00:00+00:00"),
        ];
        let credentials = read(lookup(&all)).unwrap().unwrap();
        assert_eq!((&*credentials.access_key_id, credentials.secret_access_key.expose().as_str()), ("AKID", "hunter2"));
        assert_eq!(credentials.session_token.unwrap().expose(), "hunter2");
        assert_eq!(
            (credentials.account_id.as_deref(), credentials.expires_at),
            (Some("1"), IsoDate::parse("2030-01-01T00:00:00Z"))
        );
        let two =
            [(ACCESS_KEY_ID, "A"), (SECRET_ACCESS_KEY, "s"), ("AWS_SESSION_TOKEN", "  "), ("AWS_SECURITY_TOKEN", "t")];
        assert_eq!(read(lookup(&two)), Ok(Some(Credentials::new("A", "s").with_session_token("t"))));
        let both = [two[0], two[1], ("AWS_SESSION_TOKEN", "new"), ("AWS_SECURITY_TOKEN", "old")];
        assert_eq!(read(lookup(&both)), Ok(Some(Credentials::new("A", "s").with_session_token("old"))));
        assert_eq!(read(lookup(&[(ACCESS_KEY_ID, " "), (SECRET_ACCESS_KEY, "s")])), Ok(None));
        assert_eq!(read(lookup(&[("AWS_SESSION_TOKEN", "t"), ("SECRET_ACCESS_KEY", "s")])), Ok(None));
    }

    #[test]
    fn names_the_variable_that_is_missing() {
        let missing = |variable, because_of| EnvironmentError::Missing { variable, because_of };
        for (variables, expected) in [
            (vec_of(&[(ACCESS_KEY_ID, "A")]), missing(SECRET_ACCESS_KEY, ACCESS_KEY_ID)),
            (vec_of(&[(ACCESS_KEY_ID, "A"), (SECRET_ACCESS_KEY, " ")]), missing(SECRET_ACCESS_KEY, ACCESS_KEY_ID)),
            (
                vec_of(&[(ACCESS_KEY_ID, "A"), (SECRET_ACCESS_KEY, "s"), (EXPIRATION, "x")]),
                EnvironmentError::Expiration,
            ),
        ] {
            assert_eq!(read(lookup(&variables)), Err(expected), "{variables:?}");
            assert!(expected.to_string().contains("environment variable `AWS_"));
        }
    }

    fn vec_of<'v>(variables: &[(&'v str, &'v str)]) -> alloc::vec::Vec<(&'v str, &'v str)> {
        variables.to_vec()
    }

    #[test]
    fn reads_a_web_identity() {
        let identity =
            read_web_identity(lookup(&[(TOKEN_FILE, "/f"), (ROLE_ARN, "r"), ("AWS_ROLE_SESSION_NAME", "n")]));
        let identity = identity.unwrap().unwrap();
        assert_eq!(
            (&*identity.role_arn, &*identity.token_file, identity.session_name.as_deref()),
            ("r", "/f", Some("n"))
        );
        assert_eq!(read_web_identity(lookup(&[(ROLE_ARN, "r")])), Ok(None));
        let missing = EnvironmentError::Missing { variable: ROLE_ARN, because_of: TOKEN_FILE };
        assert_eq!(read_web_identity(lookup(&[(TOKEN_FILE, "/f")])), Err(missing));
    }
}
