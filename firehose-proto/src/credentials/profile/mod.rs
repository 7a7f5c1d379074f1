//! [`Profiles`]: the content of the shared configuration and credentials files, with line numbers.
//!
//! They are read as the AWS CLI reads them, see
//! [configuration and credential file settings](https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html),
//! with one difference. The CLI refuses a whole file for a malformed or repeated line. This reader skips the line and
//! reports it ([`Profiles::ignored`]); it is an error only when the key on that line is asked for.
//!
//! A comment is a line of its own: ` # text` after a value is part of the value.

mod parser;
mod words;

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::limits::MAX_PROFILE_FILE_BYTES;
use crate::sensitive::Sensitive;
use crate::settings::location::Locations;

/// The profiles and other sections of the two shared files, merged.
///
/// ```
/// use firehose_proto::internal::profile::Profiles;
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
/// assert_eq!(dev.value("region")?.unwrap().as_str(), "eu-west-1");
/// assert_eq!(dev.value("aws_access_key_id")?.unwrap().place().to_string(), "line 2 of the credentials file");
/// let url = profiles.services("local").unwrap().nested("firehose", "endpoint_url")?.unwrap();
/// assert_eq!((url.as_str(), url.place().line), ("http://localhost:4566", 8));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profiles {
    profiles: BTreeMap<String, Section>,
    sso_sessions: BTreeMap<String, Section>,
    services: BTreeMap<String, Section>,
    ignored: Vec<Ignored>,
}

impl Profiles {
    /// Reads both files. One that does not exist counts as empty.
    ///
    /// If both have a key of the same profile, the credentials file's value counts.
    ///
    /// # Errors
    ///
    /// [`ProfileFileError`] when a file is not text. A malformed line is not an error.
    pub fn parse(config: &[u8], credentials: &[u8]) -> Result<Self, ProfileFileError> {
        parser::read_files(config, credentials, &ToOwned::to_owned)
    }

    /// Reads both files, and expands the paths in them like [`Locations::expanded`].
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_at(locations: &Locations<'_>, config: &[u8], credentials: &[u8]) -> Result<Self, ProfileFileError> {
        parser::read_files(config, credentials, &|path| locations.expanded(path))
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

    /// The names of all profiles, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }

    /// The lines that were skipped, the configuration file's first. Show them as a warning when something is missing.
    #[must_use]
    pub fn ignored(&self) -> &[Ignored] {
        &self.ignored
    }
}

/// The properties of one section, from both files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    place: SourceLocation,
    config: Option<Part>,
    credentials: Option<Part>,
}

impl Section {
    const fn new(place: SourceLocation) -> Self {
        Self { place, config: None, credentials: None }
    }

    /// Replaces what the section had from this file.
    fn put(&mut self, file: ProfileFile, part: Part) -> Option<Part> {
        if self.place.file == file {
            self.place = part.place;
        }
        match file {
            ProfileFile::Config => self.config.replace(part),
            ProfileFile::Credentials => self.credentials.replace(part),
        }
    }

    const fn part(&self, file: ProfileFile) -> Option<&Part> {
        match file {
            ProfileFile::Config => self.config.as_ref(),
            ProfileFile::Credentials => self.credentials.as_ref(),
        }
    }

    /// The parts from both files, the credentials file first: its values count where both have a key.
    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.credentials.iter().chain(&self.config)
    }

    /// Where the section begins. In the configuration file, if it is there.
    #[must_use]
    pub const fn place(&self) -> SourceLocation {
        self.place
    }

    /// Whether a key is present, with or without a value.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.parts().any(|part| part.property(key).is_some())
    }

    /// The value of a key, given in lower case. A blank value counts as absent.
    ///
    /// # Errors
    ///
    /// [`Ignored`] when the key's line is malformed.
    pub fn value(&self, key: &str) -> Result<Option<&Value>, Ignored> {
        self.property(key).map_or(Ok(None), Property::text)
    }

    /// The value that one of the files has for a key.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn value_in(&self, file: ProfileFile, key: &str) -> Result<Option<&Value>, Ignored> {
        self.part(file).and_then(|part| part.property(key)).map_or(Ok(None), Property::text)
    }

    /// The value of a key inside the indented block under another key. Give the latter in lower case.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn nested(&self, key: &str, nested_key: &str) -> Result<Option<&Value>, Ignored> {
        let Some(property) = self.property(key) else { return Ok(None) };
        property.value.as_ref().map_err(|broken| *broken)?;
        let value =
            property.nested.get(nested_key).map(|value| value.as_ref().map_err(|broken| *broken)).transpose()?;
        Ok(value.filter(|value| !value.is_blank()))
    }

    /// The keys, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let keys = self.parts().flat_map(|part| part.properties.keys().chain(part.defaults.keys()));
        keys.map(String::as_str).collect::<BTreeSet<_>>().into_iter()
    }

    fn property(&self, key: &str) -> Option<&Property> {
        self.parts().find_map(|part| part.property(key))
    }
}

/// The properties that one file sets in a section.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    place: SourceLocation,
    properties: BTreeMap<String, Property>,
    /// The properties of the file's section `[DEFAULT]`.
    defaults: Arc<BTreeMap<String, Property>>,
}

impl Part {
    fn property(&self, key: &str) -> Option<&Property> {
        self.properties.get(key).or_else(|| self.defaults.get(key))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Property {
    value: Result<Value, Ignored>,
    nested: BTreeMap<String, Result<Value, Ignored>>,
}

impl Property {
    fn new(value: &str, place: SourceLocation) -> Self {
        Self { value: Ok(Value::new(value, place)), nested: BTreeMap::new() }
    }

    const fn broken(line: Ignored) -> Self {
        Self { value: Err(line), nested: BTreeMap::new() }
    }

    /// The value, unless it is a block.
    fn text(&self) -> Result<Option<&Value>, Ignored> {
        match &self.value {
            Err(broken) => Err(*broken),
            Ok(value) if value.is_blank() => Ok(None),
            Ok(value) if value.begins_block() => Err(Ignored { place: value.place, reason: IgnoredReason::Block }),
            Ok(value) => Ok(Some(value)),
        }
    }
}

/// A value and its place. `Debug` shows only the place: any value may be or contain a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    text: Sensitive<String>,
    place: SourceLocation,
}

impl Value {
    fn new(text: &str, place: SourceLocation) -> Self {
        Self { text: Sensitive::new(text.to_owned()), place }
    }

    /// The value, without surrounding blanks. The lines of a continued value are separated by line feeds.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.expose()
    }

    /// The place of its key.
    #[must_use]
    pub const fn place(&self) -> SourceLocation {
        self.place
    }

    fn is_blank(&self) -> bool {
        self.text.expose().is_empty()
    }

    /// Whether its continuation lines are a block of keys.
    fn begins_block(&self) -> bool {
        self.is_blank() || self.text.expose().starts_with('\n')
    }

    /// Adds a line after some empty ones.
    fn push_line(&mut self, empty_lines: usize, line: &str) {
        let old = self.text.expose();
        let bytes = old.len() + empty_lines + 1 + line.len();
        if old.capacity() < bytes {
            // Growing in place would leave the old text in memory.
            let mut grown = String::with_capacity(2 * bytes);
            grown.push_str(old);
            self.text = Sensitive::new(grown);
        }
        self.text.expose_mut().extend(core::iter::repeat_n("\n", empty_lines + 1).chain([line]));
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
pub struct SourceLocation {
    /// The file.
    pub file: ProfileFile,
    /// The line's number, from 1.
    pub line: usize,
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} of the {}", self.line, self.file)
    }
}

/// A line that was skipped, with its continuation lines. It is an error when its key is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ignored {
    /// The line.
    pub place: SourceLocation,
    /// Why it has no effect.
    pub reason: IgnoredReason,
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, reason } = self;
        match reason {
            // These have an effect, but perhaps not the intended one.
            IgnoredReason::Defaults | IgnoredReason::LiteralName => write!(f, "{place} {}", reason.rule()),
            _ => write!(f, "{place} is ignored: it {}", reason.rule()),
        }
    }
}

impl core::error::Error for Ignored {}

/// Why a line has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IgnoredReason {
    /// The line is not UTF-8.
    Utf8,
    /// A section's line has no `]`, or no name before it.
    SectionEnd,
    /// The line is below a malformed section header, so its section is unknown.
    BrokenSection,
    /// The section's kind is unknown in this file.
    SectionKind,
    /// The section's name contains blanks and is not quoted.
    SectionName,
    /// A quotation mark in the section's name is not closed.
    Quotation,
    /// A later section has the same name, spelled differently.
    Replaced,
    /// The section is called `DEFAULT`, which is not a profile.
    Defaults,
    /// The section's name contains characters that have a meaning only in the configuration file.
    LiteralName,
    /// The line precedes the first section.
    OutsideSection,
    /// A property has no equals sign.
    EqualsSign,
    /// A property has no key.
    Key,
    /// The section repeats the key later.
    Repeated,
    /// A line under a property without a value is not a property itself.
    NestedEqualsSign,
    /// The value is a block of indented lines, but must be text.
    Block,
}

impl IgnoredReason {
    /// The rule that the line breaks.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Utf8 => "must be UTF-8",
            Self::SectionEnd => "must have a name between `[` and `]`",
            Self::BrokenSection => "must be below a section that has its name between `[` and `]`",
            Self::SectionKind => {
                "must be `[default]`, `[profile name]`, `[sso-session name]` or `[services name]`, without blanks after `[`"
            }
            Self::SectionName => "must have quotation marks around a name with blanks, as in `[profile 'my name']`",
            Self::Quotation => "must have a closing quotation mark",
            Self::Replaced => "must not have the name of a later section, which replaces it",
            Self::Defaults => "is not the profile `default`: `[DEFAULT]` applies to all sections of the file",
            Self::LiteralName => {
                "names a profile by the whole text between the brackets: the credentials file has no `profile` before a \
                 name, and no quotation marks or blanks around it"
            }
            Self::OutsideSection => "must be below a section such as `[default]`",
            Self::EqualsSign => "must be `key = value`",
            Self::Key => "must have a key before `=`",
            Self::Repeated => "must not have a key that the section repeats later, where it counts",
            Self::NestedEqualsSign => "must be `key = value`, because the line above it has no value",
            Self::Block => "must be on the line of its key, not on indented lines below it",
        }
    }
}

/// Why a file cannot be read. Says where and which rule, never the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProfileFileError {
    /// The line that breaks the rule.
    pub place: SourceLocation,
    /// The rule.
    pub rule: SyntaxRule,
}

impl fmt::Display for ProfileFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        match self.rule {
            SyntaxRule::TooLarge => write!(f, "the file must not have more than {MAX_PROFILE_FILE_BYTES} bytes"),
            SyntaxRule::Utf16 => f.write_str("the file must be UTF-8, and is UTF-16: save it as UTF-8"),
        }
    }
}

impl core::error::Error for ProfileFileError {}

/// A rule for a file as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyntaxRule {
    /// A file has at most [`MAX_PROFILE_FILE_BYTES`].
    TooLarge,
    /// A file is UTF-8, not UTF-16 as some programs on Windows write it.
    Utf16,
}
