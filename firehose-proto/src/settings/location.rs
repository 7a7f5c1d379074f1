//! [`Locations`]: the paths of the shared files and sign-in caches
//! ([location of the shared files](https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html)), and the
//! expansion of paths in settings.

use alloc::format;
use alloc::string::String;
use core::fmt;

use super::{Setting, first_variable};
use crate::credentials::profile::ProfileFile;

/// Finds the files by their environment variables, or else in the user's home.
///
/// ```
/// use firehose_proto::internal::profile::ProfileFile;
/// use firehose_proto::settings::Locations;
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

/// The variables that contain a path.
const PATHS: [&str; 7] = [
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_LOGIN_CACHE_DIRECTORY",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "REQUESTS_CA_BUNDLE",
];

impl<'a> Locations<'a> {
    /// Locations on Windows, or on another system.
    #[must_use]
    pub const fn new(variable: &'a dyn Fn(&str) -> Option<String>, is_windows: bool) -> Self {
        Self { variable, is_windows }
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

    /// The value of a variable, expanded if it contains a path.
    ///
    /// Callers that look up all variables through this need not know which are paths.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<String> {
        let value = (self.variable)(name)?;
        Some(if PATHS.contains(&name) { self.expanded(value.trim()) } else { value })
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

    /// The user's home: `HOME`. On Windows, as for the AWS CLI, `USERPROFILE`, else `HOMEDRIVE` and `HOMEPATH`, else
    /// `HOME`.
    fn home(&self) -> Option<String> {
        let set = |name| first_variable(self.variable, &[name]).map(|found| found.value);
        let on_windows = || {
            let drive_and_path = || Some(format!("{}{}", set("HOMEDRIVE")?, set("HOMEPATH")?));
            set("USERPROFILE").or_else(drive_and_path)
        };
        if self.is_windows { on_windows() } else { None }.or_else(|| set("HOME"))
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

    /// Expands a path in a setting: variables for `$NAME`, `${NAME}` and, on Windows, `%NAME%`; the home for a leading
    /// `~` that is a whole path component. Unknown names stay unchanged.
    #[must_use]
    pub fn expanded(&self, path: &str) -> String {
        let path = self.with_variables(path);
        let rest = path.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with(|c| self.is_separator(c)));
        match (rest, self.home()) {
            (Some(rest), Some(home)) => format!("{}{rest}", home.trim_end_matches(|c| self.is_separator(c))),
            _ => path,
        }
    }

    fn with_variables(&self, path: &str) -> String {
        let mut expanded = String::with_capacity(path.len());
        let mut rest = path;
        while let Some(at) = rest.find(['$', '%']) {
            let (before, from) = rest.split_at(at);
            expanded.push_str(before);
            let reference = self.reference(from);
            let value = reference.and_then(|(name, length)| Some(((self.variable)(name)?, length)));
            let (text, length) = value.unwrap_or_else(|| (from.chars().take(1).collect(), 1));
            expanded.push_str(&text);
            rest = from.get(length..).unwrap_or_default();
        }
        expanded + rest
    }

    /// The name in the variable reference at the start of a text, and the length of the reference.
    fn reference<'t>(&self, text: &'t str) -> Option<(&'t str, usize)> {
        let enclosed = |open: &str, close: char| {
            let (name, _) = text.strip_prefix(open)?.split_once(close)?;
            Some((name, open.len() + name.len() + close.len_utf8()))
        };
        let bare = || {
            let text = text.strip_prefix('$')?;
            let end = text.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(text.len());
            text.get(..end).map(|name| (name, 1 + end))
        };
        let found = if self.is_windows { enclosed("%", '%') } else { None };
        found.or_else(|| enclosed("${", '}')).or_else(bare).filter(|(name, _)| !name.is_empty())
    }

    const fn is_separator(&self, c: char) -> bool {
        c == '/' || (self.is_windows && c == '\\')
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;

    use super::*;
    use crate::settings::SettingSource;

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
            (true, &[("HOME", "C:\\h"), ("USERPROFILE", "C:\\u")], Some("C:\\u\\.aws\\config")),
            (true, &[("HOME", "C:\\h"), ("HOMEDRIVE", "D:")], Some("C:\\h\\.aws\\config")),
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
            assert!(found.is_none_or(|found| (found.source == SettingSource::Default) != is_named), "{variables:?}");
        }
    }

    #[test]
    fn expands_what_a_path_refers_to() {
        let variable = |name: &str| match name {
            "HOME" | "USERPROFILE" => Some("/h".to_owned()),
            "A" => Some("a$B".to_owned()),
            "B" => Some("b".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        for (path, elsewhere, windows) in [
            ("", "", ""),
            ("/x", "/x", "/x"),
            ("~/x", "/h/x", "/h/x"),
            ("~\\x", "~\\x", "/h\\x"),
            ("$HOME/x", "/h/x", "/h/x"),
            ("${HOME}/x", "/h/x", "/h/x"),
            ("%USERPROFILE%\\x", "%USERPROFILE%\\x", "/h\\x"),
            ("$A-$B$EMPTY.$", "a$B-b.$", "a$B-b.$"),
            ("$NONE/${NONE}/%NONE%", "$NONE/${NONE}/%NONE%", "$NONE/${NONE}/%NONE%"),
            ("100%/$/${/%", "100%/$/${/%", "100%/$/${/%"),
            ("/é/$é", "/é/$é", "/é/$é"),
            ("x/~", "x/~", "x/~"),
        ] {
            assert_eq!(Locations::new(&variable, false).expanded(path), elsewhere, "{path}");
            assert_eq!(Locations::new(&variable, true).expanded(path), windows, "{path} on Windows");
        }
    }

    #[test]
    fn expands_the_variables_that_are_paths_alone() {
        let variable = |name: &str| Some(if name == "HOME" { "/h" } else { " ~/x " }.to_owned());
        let locations = Locations::new(&variable, false);
        for name in PATHS {
            assert_eq!(locations.variable(name).unwrap(), "/h/x", "{name}");
        }
        assert_eq!(locations.variable("AWS_SECRET_ACCESS_KEY").unwrap(), " ~/x ");
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
