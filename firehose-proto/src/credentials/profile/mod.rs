//! [`Profiles`]: what the shared configuration and credentials files say, with the line that says it.
//!
//! The format is AWS's, see [shared config and credentials files](https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html).
//! Where the CLI's own reader differs, this one does as most SDKs do: sections and keys that come twice are merged, the
//! last value counts, and ` # text` behind a value is a comment.

mod parser;

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::limits::MAX_PROFILE_FILE_BYTES;
use crate::sensitive::Sensitive;

/// The profiles and other sections of the two shared files, merged.
///
/// ```
/// use firehose_proto::credentials::profile::Profiles;
///
/// let config = b"
/// [profile dev]
/// region = eu-west-1
/// services = local
///
/// [services local]
/// firehose =
///   endpoint_url = http://localhost:4566
/// ";
/// let credentials = b"[dev]\naws_access_key_id = AKIDEXAMPLE\n";
/// let profiles = Profiles::parse(config, credentials)?;
///
/// let dev = profiles.profile("dev").unwrap();
/// assert_eq!(dev.value("region").unwrap().as_str(), "eu-west-1");
/// assert_eq!(dev.value("aws_access_key_id").unwrap().place().to_string(), "line 2 of the credentials file");
/// let url = profiles.services("local").unwrap().nested("firehose", "endpoint_url").unwrap();
/// assert_eq!((url.as_str(), url.place().line), ("http://localhost:4566", 8));
/// # Ok::<(), firehose_proto::credentials::profile::ProfileFileError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profiles {
    profiles: BTreeMap<String, Section>,
    sso_sessions: BTreeMap<String, Section>,
    services: BTreeMap<String, Section>,
    ignored: Vec<Ignored>,
}

impl Profiles {
    /// Reads both files; one that does not exist is as good as an empty one.
    ///
    /// Where both have a key of the same profile, the credentials file's value counts.
    ///
    /// # Errors
    ///
    /// The first line that breaks a rule of the format.
    pub fn parse(config: &[u8], credentials: &[u8]) -> Result<Self, ProfileFileError> {
        parser::read_files(config, credentials)
    }

    /// The profile of a name.
    #[must_use]
    pub fn profile(&self, name: &str) -> Option<&Section> {
        self.profiles.get(name)
    }

    /// The section `[sso-session name]` of the configuration file.
    #[must_use]
    pub fn sso_session(&self, name: &str) -> Option<&Section> {
        self.sso_sessions.get(name)
    }

    /// The section `[services name]` of the configuration file.
    #[must_use]
    pub fn services(&self, name: &str) -> Option<&Section> {
        self.services.get(name)
    }

    /// The names of all profiles, in the order of their letters.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }

    /// Lines that were passed over, in the order of the files; worth a warning when something is missing.
    #[must_use]
    pub fn ignored(&self) -> &[Ignored] {
        &self.ignored
    }
}

/// The properties of one section, merged from wherever it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    place: Place,
    properties: BTreeMap<String, Property>,
}

impl Section {
    const fn new(place: Place) -> Self {
        Self { place, properties: BTreeMap::new() }
    }

    /// Where the section first begins.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.place
    }

    /// The value of a key in lower case; blank ones too.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.properties.get(key).map(|property| &property.value)
    }

    /// The value of a key inside the indented block under another one, both in lower case.
    #[must_use]
    pub fn nested(&self, key: &str, nested_key: &str) -> Option<&Value> {
        self.properties.get(key)?.nested.get(nested_key)
    }

    /// The keys, in the order of their letters.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.properties.keys().map(String::as_str)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Property {
    value: Value,
    nested: BTreeMap<String, Value>,
}

/// A value and where it stands. `Debug` shows the place alone: any value may be a secret or hold one.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    text: Sensitive<String>,
    place: Place,
}

impl Value {
    fn new(text: &str, place: Place) -> Self {
        Self { text: Sensitive::new(text.to_owned()), place }
    }

    /// The value, without the blanks around it; the lines of one that was continued are separated by line feeds.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.reveal()
    }

    /// Where its key stands.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.place
    }

    fn push_line(&mut self, line: &str) {
        let old = self.text.reveal();
        let bytes = old.len() + 1 + line.len();
        if old.capacity() < bytes {
            // Growing in place would leave the old text behind in memory.
            let mut roomy = String::with_capacity(2 * bytes);
            roomy.push_str(old);
            self.text = Sensitive::new(roomy);
        }
        self.text.reveal_mut().extend(["\n", line]);
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({})", self.place)
    }
}

/// One of the two shared files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProfileFile {
    /// `~/.aws/config`, or what `AWS_CONFIG_FILE` names.
    Config,
    /// `~/.aws/credentials`, or what `AWS_SHARED_CREDENTIALS_FILE` names.
    Credentials,
}

impl fmt::Display for ProfileFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Config => "config file",
            Self::Credentials => "credentials file",
        })
    }
}

/// A line of one of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// The file.
    pub file: ProfileFile,
    /// The line's number, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} of the {}", self.line, self.file)
    }
}

/// A line that was passed over, with what belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ignored {
    /// The line.
    pub place: Place,
    /// Why it has no effect.
    pub reason: IgnoredReason,
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is ignored: {}",
            self.place,
            match self.reason {
                IgnoredReason::SectionName => {
                    "a section's name may have only letters, digits and the characters _ - / . % @ : +"
                }
                IgnoredReason::SectionKind => {
                    "a section of the config file must be `[default]`, `[profile name]`, `[sso-session name]` or \
                 `[services name]`"
                }
                IgnoredReason::PlainDefault => "`[profile default]` takes the place of `[default]`",
                IgnoredReason::Key => "a key may have only letters, digits and the characters _ - / . % @ : +",
            }
        )
    }
}

/// Why a line has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IgnoredReason {
    /// The section's name has a character that names cannot have.
    SectionName,
    /// The section is of no kind that this file has.
    SectionKind,
    /// A `[default]` section beside a `[profile default]`.
    PlainDefault,
    /// The key has a character that keys cannot have.
    Key,
}

/// A file that cannot be read. Says where and which rule, never what stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProfileFileError {
    /// The line that breaks the rule.
    pub place: Place,
    /// The rule.
    pub rule: SyntaxRule,
}

impl fmt::Display for ProfileFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        match self.rule {
            SyntaxRule::TooLarge => write!(f, "the file must not have more than {MAX_PROFILE_FILE_BYTES} bytes"),
            SyntaxRule::Utf8 => f.write_str("the file must be UTF-8"),
            SyntaxRule::SectionEnd => f.write_str("a section must end with `]`"),
            SyntaxRule::OutsideSection => f.write_str("expected a section such as `[default]` before any property"),
            SyntaxRule::EqualsSign => f.write_str("expected `key = value`"),
            SyntaxRule::Key => f.write_str("the key before `=` is missing"),
            SyntaxRule::Continuation => f.write_str("indented line must follow a property that it continues"),
            SyntaxRule::NestedEqualsSign => {
                f.write_str("expected an indented `key = value`, as the line above has no value")
            }
            SyntaxRule::NestedKey => f.write_str("the indented key before `=` is missing"),
        }
    }
}

impl core::error::Error for ProfileFileError {}

/// A rule of the files' format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyntaxRule {
    /// A file has at most [`MAX_PROFILE_FILE_BYTES`].
    TooLarge,
    /// A file is UTF-8.
    Utf8,
    /// `]` ends the line of a section, but for a comment.
    SectionEnd,
    /// A property stands in a section.
    OutsideSection,
    /// A property has an equals sign.
    EqualsSign,
    /// A property has a key.
    Key,
    /// An indented line continues a property.
    Continuation,
    /// A line under a property without a value is a property itself.
    NestedEqualsSign,
    /// A nested property has a key.
    NestedKey,
}
