//! [`Locations`]: where the shared files and the caches of sign-ins are
//! ([location of the shared files](https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html)).

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use core::fmt;

use super::{Setting, first_variable};
use crate::credentials::profile::ProfileFile;

/// Finds the files by the environment variables that move them, below the user's home unless they do.
///
/// ```
/// use firehose_proto::credentials::profile::ProfileFile;
/// use firehose_proto::settings::location::Locations;
///
/// let variable = |name: &str| (name == "HOME").then(|| "/home/me".to_owned());
/// let locations = Locations::new(&variable, false);
/// assert_eq!(locations.profile_file(ProfileFile::Config).unwrap().value, "/home/me/.aws/config");
/// assert_eq!(locations.sso_cache().unwrap(), "/home/me/.aws/sso/cache");
/// ```
#[derive(Clone, Copy)]
pub struct Locations<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    is_windows: bool,
}

impl fmt::Debug for Locations<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locations").field("is_windows", &self.is_windows).finish_non_exhaustive()
    }
}

impl<'a> Locations<'a> {
    /// Locations on Windows or another system.
    #[must_use]
    pub const fn new(variable: &'a dyn Fn(&str) -> Option<String>, is_windows: bool) -> Self {
        Self { variable, is_windows }
    }

    /// The value of a variable.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        (self.variable)(name)
    }

    /// The configuration or credentials file; `None` when no variable names it and the home is unknown.
    #[must_use]
    pub fn profile_file(&self, file: ProfileFile) -> Option<Setting<String>> {
        let (variable, name) = match file {
            ProfileFile::Config => ("AWS_CONFIG_FILE", "config"),
            ProfileFile::Credentials => ("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
        };
        if let Some(found) = first_variable(self.variable, &[variable]) {
            return Some(Setting { value: self.expanded(&found.value), source: found.source });
        }
        self.below_home(&[".aws", name]).map(Setting::default)
    }

    /// The directory of single sign-on tokens, see [`sso::cache_file_name`](crate::credentials::sso::cache_file_name).
    #[must_use]
    pub fn sso_cache(&self) -> Option<String> {
        self.below_home(&[".aws", "sso", "cache"])
    }

    /// The directory of sign-ins to the console, see
    /// [`login::cache_file_name`](crate::credentials::login::cache_file_name).
    #[must_use]
    pub fn login_cache(&self) -> Option<String> {
        let found = first_variable(self.variable, &["AWS_LOGIN_CACHE_DIRECTORY"]);
        found.map(|found| self.expanded(&found.value)).or_else(|| self.below_home(&[".aws", "login", "cache"]))
    }

    /// The user's home: `HOME`, and on Windows `USERPROFILE`, then `HOMEDRIVE` and `HOMEPATH`.
    fn home(&self) -> Option<String> {
        let set = |name| first_variable(self.variable, &[name]).map(|found| found.value);
        let on_windows = || Some(format!("{}{}", set("HOMEDRIVE")?, set("HOMEPATH")?));
        set("HOME").or_else(|| if self.is_windows { set("USERPROFILE").or_else(on_windows) } else { None })
    }

    fn below_home(&self, names: &[&str]) -> Option<String> {
        let separator = if self.is_windows { "\\" } else { "/" };
        let mut path = self.home()?;
        path.truncate(path.trim_end_matches(|c| self.is_separator(c)).len());
        for name in names {
            path.extend([separator, name]);
        }
        Some(path)
    }

    /// The home in place of a tilde that is all of the path's first part.
    fn expanded(&self, path: &str) -> String {
        let rest = path.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with(|c| self.is_separator(c)));
        match (rest, self.home()) {
            (Some(rest), Some(home)) => format!("{}{rest}", home.trim_end_matches(|c| self.is_separator(c))),
            _ => path.to_owned(),
        }
    }

    const fn is_separator(&self, c: char) -> bool {
        c == '/' || (self.is_windows && c == '\\')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Source;

    #[test]
    fn finds_the_files_by_variables_and_home() {
        for (is_windows, variables, expected) in [
            (false, &[("HOME", "/home/me")][..], Some("/home/me/.aws/config")),
            (false, &[("HOME", "/")], Some("/.aws/config")),
            (false, &[("HOME", " "), ("USERPROFILE", "/u")], None),
            (false, &[("HOME", "/home/me"), ("USERPROFILE", "/u")], Some("/home/me/.aws/config")),
            (false, &[("HOME", "/home/me"), ("AWS_CONFIG_FILE", "/x/y")], Some("/x/y")),
            (false, &[("HOME", "/home/me"), ("AWS_CONFIG_FILE", "~/x")], Some("/home/me/x")),
            (false, &[("HOME", "/home/me"), ("AWS_CONFIG_FILE", "~")], Some("/home/me")),
            (false, &[("HOME", "/home/me"), ("AWS_CONFIG_FILE", "~other/x")], Some("~other/x")),
            (false, &[("HOME", "/home/me"), ("AWS_CONFIG_FILE", "~\\x")], Some("~\\x")),
            (false, &[("HOME", "/home/me"), ("AWS_CONFIG_FILE", "/~/x")], Some("/~/x")),
            (false, &[("AWS_CONFIG_FILE", "~/x")], Some("~/x")),
            (true, &[("HOME", "C:\\h"), ("USERPROFILE", "C:\\u")], Some("C:\\h\\.aws\\config")),
            (true, &[("USERPROFILE", "C:\\u"), ("HOMEDRIVE", "D:"), ("HOMEPATH", "\\p")], Some("C:\\u\\.aws\\config")),
            (true, &[("HOMEDRIVE", "D:"), ("HOMEPATH", "\\p")], Some("D:\\p\\.aws\\config")),
            (true, &[("HOMEDRIVE", "D:")], None),
            (true, &[("USERPROFILE", "C:\\u"), ("AWS_CONFIG_FILE", "~\\x")], Some("C:\\u\\x")),
            (true, &[("USERPROFILE", "C:\\u"), ("AWS_CONFIG_FILE", "~/x")], Some("C:\\u/x")),
        ] {
            let variable =
                |name: &str| variables.iter().find(|(found, _)| *found == name).map(|(_, value)| (*value).to_owned());
            let found = Locations::new(&variable, is_windows).profile_file(ProfileFile::Config);
            assert_eq!(found.as_ref().map(|found| found.value.as_str()), expected, "{variables:?}");
            let is_named = variables.iter().any(|(name, _)| *name == "AWS_CONFIG_FILE");
            assert!(found.is_none_or(|found| (found.source == Source::Default) != is_named), "{variables:?}");
        }
    }

    #[test]
    fn finds_the_caches_and_the_credentials() {
        let variable = |name: &str| match name {
            "HOME" => Some("/h".to_owned()),
            "AWS_LOGIN_CACHE_DIRECTORY" => Some("~/cache".to_owned()),
            "AWS_SHARED_CREDENTIALS_FILE" => Some("~/c".to_owned()),
            _ => None,
        };
        let locations = Locations::new(&variable, false);
        assert_eq!(locations.login_cache().unwrap(), "/h/cache");
        assert_eq!(locations.sso_cache().unwrap(), "/h/.aws/sso/cache");
        assert_eq!(locations.profile_file(ProfileFile::Credentials).unwrap().value, "/h/c");
        let home = |name: &str| (name == "HOME").then(|| "/h".to_owned());
        assert_eq!(Locations::new(&home, false).login_cache().unwrap(), "/h/.aws/login/cache");
    }
}
