//! [`UserAgent`]: the value of the `User-Agent` header, in the form that AWS's own clients use.

use core::fmt;

/// The value of the `User-Agent` header.
///
/// ```
/// use firehose_proto::settings::UserAgent;
///
/// let mut user_agent = UserAgent::default();
/// (user_agent.os, user_agent.rust_version) = ("linux", "1.95.0");
/// user_agent.app_id = Some("log shipper");
/// assert_eq!(
///     user_agent.to_string(),
///     "firehose-rs/0.1.0 ua/2.1 api/firehose/2015-08-04 os/linux lang/rust/1.95.0 app/log-shipper"
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserAgent<'a> {
    /// The client's name and version.
    pub product: &'a str,
    /// The operating system, as Rust calls it.
    pub os: &'a str,
    /// The version of the compiler.
    pub rust_version: &'a str,
    /// `AWS_EXECUTION_ENV`
    pub execution_environment: Option<&'a str>,
    /// From `AWS_SDK_UA_APP_ID` or `sdk_ua_app_id`.
    pub app_id: Option<&'a str>,
}

/// This project, the system it was built for, and the compiler that built it.
impl Default for UserAgent<'_> {
    fn default() -> Self {
        Self {
            product: concat!("firehose-rs/", env!("CARGO_PKG_VERSION")),
            os: env!("FIREHOSE_TARGET_OS"),
            rust_version: env!("FIREHOSE_RUST_VERSION"),
            execution_environment: None,
            app_id: None,
        }
    }
}

impl fmt::Display for UserAgent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let os = match self.os {
            known @ ("windows" | "linux" | "macos" | "android" | "ios" | "watchos" | "tvos") => known,
            _ => "other",
        };
        let (product, rust_version) = (self.product, self.rust_version);
        write!(f, "{product} ua/2.1 api/firehose/2015-08-04 os/{os} lang/rust/{rust_version}")?;
        for (kind, value) in [("exec-env", self.execution_environment), ("app", self.app_id)] {
            if let Some(value) = value {
                write!(f, " {kind}/")?;
                // Characters that are not allowed in a token become hyphens.
                value.chars().try_for_each(|c| fmt::Write::write_char(f, if is_allowed(c) { c } else { '-' }))?;
            }
        }
        Ok(())
    }
}

const fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(c, '!' | '$' | '%' | '&' | '\'' | '*' | '+' | '-' | '.' | '^' | '_' | '`' | '|' | '~' | ',')
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn replaces_what_no_token_can_have() {
        let user_agent = UserAgent {
            execution_environment: Some("AWS_ECS FARGATE\r\n"),
            app_id: Some("a/b(c)#\u{e9}!"),
            product: "p/1",
            os: "haiku",
            rust_version: "1",
        };
        let expected =
            "p/1 ua/2.1 api/firehose/2015-08-04 os/other lang/rust/1 exec-env/AWS_ECS-FARGATE-- app/a-b-c---!";
        assert_eq!(user_agent.to_string(), expected);
    }
}
