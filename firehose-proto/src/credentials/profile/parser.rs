//! The reader of the shared files, line by line.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::{
    Ignored, IgnoredReason, Place, ProfileFile, ProfileFileError, Profiles, Property, Section, SyntaxRule, Value,
};
use crate::limits::MAX_PROFILE_FILE_BYTES;

/// White space that counts; the carriage return is the first half of a line's end.
const BLANKS: [char; 3] = [' ', '\t', '\r'];

/// What begins a comment.
const COMMENTS: [char; 2] = ['#', ';'];

/// Reads both files, the configuration first.
pub(super) fn read_files(config: &[u8], credentials: &[u8]) -> Result<Profiles, ProfileFileError> {
    let mut profiles = Profiles::default();
    let mut default = PlainDefault::default();
    for (file, text) in [(ProfileFile::Config, config), (ProfileFile::Credentials, credentials)] {
        Parser { file, profiles: &mut profiles, default: &mut default, current: Current::None, key: None }
            .read(text)?;
        if file == ProfileFile::Config {
            default.settle(&mut profiles);
        }
    }
    // Kept so far because lines that continue them are to be checked too.
    let sections = [&mut profiles.profiles, &mut profiles.sso_sessions, &mut profiles.services];
    for section in sections.into_iter().flat_map(BTreeMap::values_mut) {
        section.properties.retain(|key, _| is_identifier(key));
    }
    Ok(profiles)
}

/// `[default]` sections of the configuration file, until it is known whether there is a `[profile default]`.
#[derive(Default)]
struct PlainDefault {
    section: Option<Section>,
    places: Vec<Place>,
}

impl PlainDefault {
    fn settle(&mut self, profiles: &mut Profiles) {
        let Some(section) = self.section.take() else { return };
        if profiles.profiles.contains_key("default") {
            let ignored = self.places.iter().map(|&place| Ignored { place, reason: IgnoredReason::PlainDefault });
            profiles.ignored.extend(ignored);
            // Only the configuration file has been read so far.
            profiles.ignored.sort_by_key(|ignored| ignored.place.line);
        } else {
            profiles.profiles.insert("default".to_owned(), section);
        }
    }
}

/// The section that properties go to.
enum Current {
    /// None has begun.
    None,
    /// One without effect; what stands in it is checked all the same.
    Ignored(Section),
    PlainDefault,
    Profile(String),
    SsoSession(String),
    Services(String),
}

struct Parser<'p> {
    file: ProfileFile,
    profiles: &'p mut Profiles,
    default: &'p mut PlainDefault,
    current: Current,
    /// The key of the property that an indented line continues.
    key: Option<String>,
}

impl Parser<'_> {
    fn read(mut self, text: &[u8]) -> Result<(), ProfileFileError> {
        let error = |line, rule| ProfileFileError { place: Place { file: self.file, line }, rule };
        if text.len() > MAX_PROFILE_FILE_BYTES {
            return Err(error(1, SyntaxRule::TooLarge));
        }
        let text = core::str::from_utf8(text).map_err(|invalid| {
            let lines = text.iter().take(invalid.valid_up_to()).filter(|&&byte| byte == b'\n').count();
            error(lines + 1, SyntaxRule::Utf8)
        })?;
        // Some editors begin a file with a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (index, line) in text.split('\n').enumerate() {
            let place = Place { file: self.file, line: index + 1 };
            self.line(line, place).map_err(|rule| ProfileFileError { place, rule })?;
        }
        Ok(())
    }

    fn line(&mut self, line: &str, place: Place) -> Result<(), SyntaxRule> {
        let trimmed = line.trim_matches(BLANKS);
        if trimmed.is_empty() || trimmed.starts_with(COMMENTS) {
            return Ok(());
        }
        if line.starts_with(BLANKS) {
            return self.indented(trimmed, place);
        }
        self.key = None;
        if let Some(header) = line.strip_prefix('[') {
            let header = header.split_once(COMMENTS).map_or(header, |(header, _)| header);
            let header = header.trim_end_matches(BLANKS).strip_suffix(']').ok_or(SyntaxRule::SectionEnd)?;
            self.begin(header.trim_matches(BLANKS), place);
            return Ok(());
        }
        self.property(trimmed, place)
    }

    fn begin(&mut self, header: &str, place: Place) {
        self.current = match (self.file, header.split_once([' ', '\t'])) {
            (ProfileFile::Credentials, _) => Current::Profile(header.to_owned()),
            (ProfileFile::Config, None) if header == "default" => Current::PlainDefault,
            (ProfileFile::Config, Some((kind, name))) => {
                let name = name.trim_matches(BLANKS).to_owned();
                match kind {
                    "profile" => Current::Profile(name),
                    "sso-session" => Current::SsoSession(name),
                    "services" => Current::Services(name),
                    _ => Current::Ignored(Section::new(place)),
                }
            }
            (ProfileFile::Config, None) => Current::Ignored(Section::new(place)),
        };
        if matches!(self.current, Current::Ignored(_)) {
            self.profiles.ignored.push(Ignored { place, reason: IgnoredReason::SectionKind });
        }
        if let Current::Profile(name) | Current::SsoSession(name) | Current::Services(name) = &self.current
            && !is_identifier(name)
        {
            self.current = Current::Ignored(Section::new(place));
            self.profiles.ignored.push(Ignored { place, reason: IgnoredReason::SectionName });
        }
        if matches!(self.current, Current::PlainDefault) {
            self.default.places.push(place);
        }
        // An empty section is a section too.
        self.section(place);
    }

    /// The section that properties go to, made if it is not there yet.
    fn section(&mut self, place: Place) -> Option<&mut Section> {
        let (sections, name) = match &mut self.current {
            Current::None => return None,
            Current::Ignored(section) => return Some(section),
            Current::PlainDefault => return Some(self.default.section.get_or_insert(Section::new(place))),
            Current::Profile(name) => (&mut self.profiles.profiles, name),
            Current::SsoSession(name) => (&mut self.profiles.sso_sessions, name),
            Current::Services(name) => (&mut self.profiles.services, name),
        };
        Some(sections.entry(name.clone()).or_insert(Section::new(place)))
    }

    fn property(&mut self, line: &str, place: Place) -> Result<(), SyntaxRule> {
        let section = self.section(place).ok_or(SyntaxRule::OutsideSection)?;
        let (key, value) = without_comment(line).split_once('=').ok_or(SyntaxRule::EqualsSign)?;
        let key = key.trim_matches(BLANKS).to_ascii_lowercase();
        if key.is_empty() {
            return Err(SyntaxRule::Key);
        }
        let property = Property { value: Value::new(value.trim_matches(BLANKS), place), nested: BTreeMap::new() };
        section.properties.insert(key.clone(), property);
        if !is_identifier(&key) {
            self.profiles.ignored.push(Ignored { place, reason: IgnoredReason::Key });
        }
        self.key = Some(key);
        Ok(())
    }

    fn indented(&mut self, line: &str, place: Place) -> Result<(), SyntaxRule> {
        let key = self.key.take();
        let section = self.section(place).ok_or(SyntaxRule::OutsideSection)?;
        let key = key.ok_or(SyntaxRule::Continuation)?;
        let property = section.properties.get_mut(&key).ok_or(SyntaxRule::Continuation)?;
        // A nested block leaves the value empty, or with the line feed that every line of it begins with.
        if property.value.as_str().is_empty() || property.value.as_str().starts_with('\n') {
            let (nested_key, value) = without_comment(line).split_once('=').ok_or(SyntaxRule::NestedEqualsSign)?;
            let nested_key = nested_key.trim_matches(BLANKS).to_ascii_lowercase();
            if nested_key.is_empty() {
                return Err(SyntaxRule::NestedKey);
            }
            property.nested.insert(nested_key, Value::new(value.trim_matches(BLANKS), place));
        }
        property.value.push_line(line);
        self.key = Some(key);
        Ok(())
    }
}

/// Whether a text can name a section or a key.
fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-/.%@:+".contains(&byte))
}

/// Cuts off a comment, which a blank must come before.
fn without_comment(line: &str) -> &str {
    let comment =
        line.match_indices(COMMENTS).find(|&(at, _)| line.get(..at).is_some_and(|text| text.ends_with(BLANKS)));
    comment.and_then(|(at, _)| line.get(..at)).unwrap_or(line).trim_end_matches(BLANKS)
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;

    /// Writes all sections as `[kind name]{key=value}`, values as `Debug` shows strings.
    fn shown(profiles: &Profiles) -> String {
        let mut out = String::new();
        for (kind, sections) in
            [("", &profiles.profiles), ("sso-session ", &profiles.sso_sessions), ("services ", &profiles.services)]
        {
            for (name, section) in sections {
                let values: Vec<String> =
                    section.keys().map(|key| format!("{key}={:?}", section.value(key).unwrap().as_str())).collect();
                out += &format!("[{kind}{name}]{{{}}}", values.join(" "));
            }
        }
        out
    }

    #[test]
    fn reads_the_config_file() {
        let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-/.%@:+";
        let long_name = format!("[profile {letters}]\n{letters} = v");
        let long_shown = format!("[{letters}]{{{}=\"v\"}}", letters.to_ascii_lowercase());
        for (config, expected) in [
            // Sections.
            ("", ""),
            (" \t\n\r\n", ""),
            ("[profile a]", "[a]{}"),
            ("[profile a]\n[profile b]", "[a]{}[b]{}"),
            (long_name.as_str(), long_shown.as_str()),
            ("[profile \ta \t]", "[a]{}"),
            ("[profile\ta]", "[a]{}"),
            ("[  profile a  ]\nk = v", "[a]{k=\"v\"}"),
            ("[default]\nk = v", "[default]{k=\"v\"}"),
            ("[DEFAULT]\nk = v", ""),
            ("[a]\nk = v", ""),
            ("[profilea]\nk = v\n[profile b]", "[b]{}"),
            ("[profile]\nk = v", ""),
            ("[]\nk = v", ""),
            ("[profile a!b]\nk = v", ""),
            ("[profile a b]\nk = v\n[profile c]\nk = w", "[c]{k=\"w\"}"),
            ("[profile \"a b\"]\nk = v", ""),
            ("[sso-session s]\nk = v\n[profile a]", "[a]{}[sso-session s]{k=\"v\"}"),
            ("[services s]\nfirehose =\n endpoint_url = u", "[services s]{firehose=\"\\nendpoint_url = u\"}"),
            ("[sso-sessions]\nk = v", ""),
            ("[plugins]\ncli = x\n[default]", "[default]{}"),
            // Those that come twice.
            ("[profile a]\nk = v\n[profile b]\n[profile a]\nl = w", "[a]{k=\"v\" l=\"w\"}[b]{}"),
            ("[profile a]\nk = v\nk = w", "[a]{k=\"w\"}"),
            ("[profile a]\nK = v\n[profile a]\nk = w", "[a]{k=\"w\"}"),
            ("[profile default]\nk = v\n[default]\nl = w", "[default]{k=\"v\"}"),
            ("[default]\nl = w\n[profile default]\nk = v", "[default]{k=\"v\"}"),
            ("[profile default]\nk = v\n[default]\nl = w\n[profile default]\nm = x", "[default]{k=\"v\" m=\"x\"}"),
            ("[default]\nk = v\n[default]\nl = w", "[default]{k=\"v\" l=\"w\"}"),
            // Properties.
            ("[profile a]\r\nk = v\r\nl = w\r\n", "[a]{k=\"v\" l=\"w\"}"),
            ("\u{feff}[profile a]\nk = v", "[a]{k=\"v\"}"),
            ("[profile a]\nk=v", "[a]{k=\"v\"}"),
            ("[profile a]\nk \t=  \tv \t", "[a]{k=\"v\"}"),
            ("[profile a]\nk = v=w", "[a]{k=\"v=w\"}"),
            ("[profile a]\nk = x:y", "[a]{k=\"x:y\"}"),
            ("[profile a]\nk = \u{1f602}", "[a]{k=\"\u{1f602}\"}"),
            ("[profile a]\nk =", "[a]{k=\"\"}"),
            ("[profile a]\nk = ''", "[a]{k=\"''\"}"),
            ("[profile a]\nin valid = v\n more\nk = w", "[a]{k=\"w\"}"),
            // Comments.
            ("# c\n; c\n[profile a] # c\nk = v # c with # and ;", "[a]{k=\"v\"}"),
            ("[profile a] ; c\nk = v ; c", "[a]{k=\"v\"}"),
            (";\n[profile a];\nk = v ;\n", "[a]{k=\"v\"}"),
            ("[profile a]; c\n[profile b]# c", "[a]{}[b]{}"),
            ("[profile a]\nk = v;c\nl = w# c", "[a]{k=\"v;c\" l=\"w# c\"}"),
            ("[profile a]\nk = v#w # c", "[a]{k=\"v#w\"}"),
            ("[profile a]\nk = # c", "[a]{k=\"\"}"),
            // Lines that continue a value.
            ("[profile a]\nk = v\n -w", "[a]{k=\"v\\n-w\"}"),
            ("[profile a]\nk = v\n -w\n\t-x", "[a]{k=\"v\\n-w\\n-x\"}"),
            ("[profile a]\nk = v\n \t -w \t \r\nl = x", "[a]{k=\"v\\n-w\" l=\"x\"}"),
            ("[profile a]\nk = v\n -w # c\n -x ; c", "[a]{k=\"v\\n-w # c\\n-x ; c\"}"),
            ("[profile a]\nk = v\n\n \t\n -w", "[a]{k=\"v\\n-w\"}"),
            ("[profile a]\nk = v\n # c\nl = w", "[a]{k=\"v\" l=\"w\"}"),
            ("[profile a]\nk = v\n [profile b]", "[a]{k=\"v\\n[profile b]\"}"),
            // Nested properties.
            ("[profile a]\ns3 =\n k = v", "[a]{s3=\"\\nk = v\"}"),
            ("[profile a]\ns3 =\n k = v\n\t \n l = w", "[a]{s3=\"\\nk = v\\nl = w\"}"),
            ("[profile a]\ns3 =\n k =", "[a]{s3=\"\\nk =\"}"),
            ("[profile a]\ns3 =\n in valid = v", "[a]{s3=\"\\nin valid = v\"}"),
        ] {
            let profiles = Profiles::parse(config.as_bytes(), b"");
            assert_eq!(profiles.as_ref().map(shown), Ok(expected.to_string()), "{config:?}");
        }
    }

    #[test]
    fn names_the_line_and_the_rule_that_it_breaks() {
        for (config, line, rule) in [
            ("[profile a", 1, SyntaxRule::SectionEnd),
            ("[profile a # ]", 1, SyntaxRule::SectionEnd),
            ("[profile a] b", 1, SyntaxRule::SectionEnd),
            ("k = v", 1, SyntaxRule::OutsideSection),
            ("\n# c\n -continued", 3, SyntaxRule::OutsideSection),
            (" [profile a]", 1, SyntaxRule::OutsideSection),
            ("[profile a]\n= v", 2, SyntaxRule::Key),
            ("[profile a]\nk : v", 2, SyntaxRule::EqualsSign),
            ("[profile a]\nk # = v", 2, SyntaxRule::EqualsSign),
            ("[in valid]\nk : v", 2, SyntaxRule::EqualsSign),
            ("[profile a]\n -w", 2, SyntaxRule::Continuation),
            ("[profile a]\nk = v\n[profile a]\n -w", 4, SyntaxRule::Continuation),
            ("[profile a]\r\ns3 =\r\n invalid", 3, SyntaxRule::NestedEqualsSign),
            ("[profile a]\ns3 =\n k = v\n invalid", 4, SyntaxRule::NestedEqualsSign),
            ("[profile a]\ns3 =\n = v", 3, SyntaxRule::NestedKey),
        ] {
            let error = Profiles::parse(config.as_bytes(), b"").unwrap_err();
            let place = Place { file: ProfileFile::Config, line };
            assert_eq!(error, ProfileFileError { place, rule }, "{config:?}");
            assert!(error.to_string().starts_with(&format!("line {line} of the config file: ")), "{error}");
        }
        let utf8 = Profiles::parse(b"", b"[a]\n\xff").unwrap_err();
        assert_eq!(utf8.to_string(), "line 2 of the credentials file: the file must be UTF-8");
        let large = Profiles::parse(&alloc::vec![b'\n'; MAX_PROFILE_FILE_BYTES + 1], b"").unwrap_err();
        assert_eq!(large.rule, SyntaxRule::TooLarge);
        assert!(Profiles::parse(&alloc::vec![b'\n'; MAX_PROFILE_FILE_BYTES], b"").is_ok());
    }

    #[test]
    fn merges_the_files_key_by_key_and_prefers_the_credentials() {
        for (config, credentials, expected) in [
            ("[profile a]\nk = v", "[a]\nl = w", "[a]{k=\"v\" l=\"w\"}"),
            ("[profile a]\nk = v", "[a]\nK = w", "[a]{k=\"w\"}"),
            ("[default]\nk = v", "[default]\nl = w", "[default]{k=\"v\" l=\"w\"}"),
            ("[profile default]\nk = v\n[default]\nl = w", "[default]\nm = x", "[default]{k=\"v\" m=\"x\"}"),
            ("", "[profile a]\nk = v", ""),
            ("", "[  a  ]\nk = v\n[profile b]", "[a]{k=\"v\"}"),
            ("", "[in valid]\nk = v", ""),
            ("", "[sso-sessions]\nk = v", "[sso-sessions]{k=\"v\"}"),
            ("", "[sso-session s]\n[services s]\nk = v", ""),
            ("", "[profile]\nk = v", "[profile]{k=\"v\"}"),
        ] {
            let profiles = Profiles::parse(config.as_bytes(), credentials.as_bytes()).unwrap();
            assert_eq!(shown(&profiles), expected, "{config:?} {credentials:?}");
        }
    }

    #[test]
    fn knows_the_place_of_every_value_and_of_all_it_passed_over() {
        let config = b"[default]\nx = 1\n[foo]\n[profile a]\ns3 =\n\n  Endpoint_URL = u # c\n  l =\nb!d = v\n[profile default]\n[profile x y]";
        let profiles = Profiles::parse(config, b"\n[a]\nk = v\n").unwrap();
        let a = profiles.profile("a").unwrap();
        let place = |file, line| Place { file, line };
        assert_eq!(a.place(), place(ProfileFile::Config, 4));
        assert_eq!(a.value("k").unwrap().place(), place(ProfileFile::Credentials, 3));
        let nested = a.nested("s3", "endpoint_url").unwrap();
        assert_eq!((nested.as_str(), nested.place()), ("u", place(ProfileFile::Config, 7)));
        assert_eq!(a.nested("s3", "l").unwrap().as_str(), "");
        assert!(a.nested("s3", "none").is_none() && a.nested("k", "l").is_none());
        let found: Vec<_> = profiles.ignored().iter().map(|ignored| (ignored.place.line, ignored.reason)).collect();
        assert_eq!(
            found,
            [
                (1, IgnoredReason::PlainDefault),
                (3, IgnoredReason::SectionKind),
                (9, IgnoredReason::Key),
                (11, IgnoredReason::SectionName),
            ]
        );
        assert_eq!(profiles.names().collect::<Vec<_>>(), ["a", "default"]);
        assert!(profiles.ignored()[1].to_string().starts_with("line 3 of the config file is ignored: "));
        let secret = Profiles::parse(b"", b"[a]\naws_secret_access_key = hunter2\n more").unwrap();
        assert!(!format!("{secret:?}").contains("hunter2"));
    }
}
