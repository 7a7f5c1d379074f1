//! The parser of the shared files. It reads line by line, as Python's `RawConfigParser` does for the AWS CLI.
//!
//! Where the CLI refuses the whole file, this parser skips the line, and remembers the error under the line's key.

use alloc::borrow::{Cow, ToOwned};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{
    Ignored, IgnoredReason, Part, ProfileFile, ProfileFileError, Profiles, Property, Section, SourceLocation,
    SyntaxRule, Value, words,
};
use crate::limits::MAX_PROFILE_FILE_BYTES;

/// The characters that begin a comment. A comment is always a line of its own.
const COMMENTS: [char; 2] = ['#', ';'];

/// The section whose keys apply to all others in its file.
const DEFAULTS: &str = "DEFAULT";

/// The keys whose values are paths.
const PATHS: [&str; 2] = ["ca_bundle", "web_identity_token_file"];

/// White space as Python knows it.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Reads both files, the configuration first. `expand` expands paths.
pub(super) fn read_files(
    config: &[u8],
    credentials: &[u8],
    expand: &dyn Fn(&str) -> String,
) -> Result<Profiles, ProfileFileError> {
    let mut profiles = Profiles::default();
    for (file, text) in [(ProfileFile::Config, config), (ProfileFile::Credentials, credentials)] {
        let mut reader = Reader::new(file);
        reader.read(text)?;
        reader.settle(&mut profiles, expand);
    }
    profiles.ignored.sort_by_key(|ignored| (ignored.place.file == ProfileFile::Credentials, ignored.place.line));
    Ok(profiles)
}

/// A section as written: everything below one header.
struct RawSection {
    place: SourceLocation,
    /// Whether its header has been reported as malformed.
    is_broken: bool,
    properties: BTreeMap<String, Property>,
}

struct Reader {
    file: ProfileFile,
    /// The sections by the text between their brackets.
    sections: BTreeMap<String, RawSection>,
    ignored: Vec<Ignored>,
    /// The section that properties belong to.
    header: Option<String>,
    /// Whether the last header is malformed, so that the section of the following lines is unknown.
    is_header_broken: bool,
    /// The indentation of the last line that began a property or section.
    indent: usize,
    /// The key of the current property. A line that is indented further continues its value.
    key: Option<String>,
    /// Empty lines since the last line of that property.
    empty_lines: usize,
}

impl Reader {
    const fn new(file: ProfileFile) -> Self {
        Self {
            file,
            sections: BTreeMap::new(),
            ignored: Vec::new(),
            header: None,
            is_header_broken: false,
            indent: 0,
            key: None,
            empty_lines: 0,
        }
    }

    fn read(&mut self, text: &[u8]) -> Result<(), ProfileFileError> {
        let error = |rule| ProfileFileError { place: SourceLocation { file: self.file, line: 1 }, rule };
        if text.len() > MAX_PROFILE_FILE_BYTES {
            return Err(error(SyntaxRule::TooLarge));
        }
        if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
            return Err(error(SyntaxRule::Utf16));
        }
        // Some editors write a byte order mark at the start.
        let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
        for (index, line) in lines(text).enumerate() {
            let text = String::from_utf8_lossy(line);
            // Only lines that are not UTF-8 are copied.
            self.line(&text, matches!(text, Cow::Borrowed(_)), SourceLocation { file: self.file, line: index + 1 });
        }
        Ok(())
    }

    fn line(&mut self, line: &str, is_utf8: bool, place: SourceLocation) {
        let trimmed = line.trim_matches(is_blank);
        if trimmed.starts_with(COMMENTS) {
            return;
        }
        if trimmed.is_empty() {
            self.empty_lines += 1;
            return;
        }
        let broken = (!is_utf8).then_some(Ignored { place, reason: IgnoredReason::Utf8 });
        self.ignored.extend(broken);
        let indent = line.chars().take_while(|&c| is_blank(c)).count();
        if indent > self.indent && self.key.is_some() {
            self.continue_value(trimmed, place, broken);
            return;
        }
        self.indent = indent;
        self.key = None;
        if let Some(header) = header(trimmed) {
            self.begin(header, place, broken.is_some());
        } else if let Some((key, value)) = trimmed.split_once(['=', ':']) {
            self.property(&key.trim_end_matches(is_blank).to_lowercase(), value.trim_matches(is_blank), place, broken);
        } else if let Some(header) = trimmed.strip_prefix('[') {
            self.ignore(place, IgnoredReason::SectionEnd);
            let header = header.split(COMMENTS).next().unwrap_or_default();
            self.begin(header.trim_end_matches(is_blank), place, true);
        } else if self.header.is_none() {
            self.ignore(place, IgnoredReason::OutsideSection);
        } else {
            let broken = broken.unwrap_or_else(|| self.ignore(place, IgnoredReason::EqualsSign));
            self.insert(first_word(trimmed), Property::broken(broken));
        }
    }

    fn ignore(&mut self, place: SourceLocation, reason: IgnoredReason) -> Ignored {
        let ignored = Ignored { place, reason };
        self.ignored.push(ignored);
        ignored
    }

    fn begin(&mut self, header: &str, place: SourceLocation, is_broken: bool) {
        self.is_header_broken = is_broken;
        let section = RawSection { place, is_broken, properties: BTreeMap::new() };
        self.sections.entry(header.to_owned()).or_insert(section);
        self.header = Some(header.to_owned());
    }

    fn property(&mut self, key: &str, value: &str, place: SourceLocation, broken: Option<Ignored>) {
        if self.header.is_none() {
            self.ignore(place, IgnoredReason::OutsideSection);
        } else if key.is_empty() {
            self.ignore(place, IgnoredReason::Key);
        } else {
            let in_broken_section = Ignored { place, reason: IgnoredReason::BrokenSection };
            let broken = broken.or_else(|| self.is_header_broken.then_some(in_broken_section));
            self.insert(key.to_owned(), broken.map_or_else(|| Property::new(value, place), Property::broken));
        }
    }

    /// Sets a property of the section, in place of an earlier one with the same key.
    fn insert(&mut self, key: String, property: Property) {
        let section = self.header.as_ref().and_then(|header| self.sections.get_mut(header));
        let old = section.and_then(|section| section.properties.insert(key.clone(), property));
        if let Some(Property { value: Ok(old), .. }) = old {
            self.ignore(old.place, IgnoredReason::Repeated);
        }
        self.key = Some(key);
        self.empty_lines = 0;
    }

    fn continue_value(&mut self, line: &str, place: SourceLocation, broken: Option<Ignored>) {
        let empty_lines = core::mem::take(&mut self.empty_lines);
        let section = self.header.as_ref().and_then(|header| self.sections.get_mut(header));
        let property = section.zip(self.key.as_ref()).and_then(|(section, key)| section.properties.get_mut(key));
        let Some(Property { value: text, nested }) = property else { return };
        // An error stays an error.
        let Ok(value) = text else { return };
        if let Some(broken) = broken {
            *text = Err(broken);
            return;
        }
        if value.begins_block() {
            if let Some((key, value)) = line.split_once('=') {
                nested
                    .insert(key.trim_matches(is_blank).to_owned(), Ok(Value::new(value.trim_matches(is_blank), place)));
            } else {
                let ignored = Ignored { place, reason: IgnoredReason::NestedEqualsSign };
                nested.insert(first_word(line), Err(ignored));
                self.ignored.push(ignored);
            }
        }
        value.push_line(empty_lines, line);
    }

    /// Determines the kind of each section.
    fn settle(mut self, profiles: &mut Profiles, expand: &dyn Fn(&str) -> String) {
        let written = self.sections.remove(DEFAULTS);
        let defaults_place = written.as_ref().map(|written| written.place);
        let defaults = Arc::new(expanded(written.map_or_else(BTreeMap::new, |written| written.properties), expand));
        let mut sections: Vec<_> = core::mem::take(&mut self.sections).into_iter().collect();
        sections.sort_by_key(|(_, section)| section.place.line);
        for (header, RawSection { place, is_broken, properties }) in sections {
            if self.file == ProfileFile::Credentials && has_more_than_a_name(&header) {
                self.ignore(place, IgnoredReason::LiteralName);
            }
            let (kind, name) = match kind(self.file, header) {
                Ok(found) => found,
                Err(_) if is_broken => continue,
                Err(reason) => {
                    self.ignore(place, reason);
                    continue;
                }
            };
            let sections = match kind {
                Kind::Profile => &mut profiles.profiles,
                Kind::SsoSession => &mut profiles.sso_sessions,
                Kind::Services => &mut profiles.services,
            };
            let part = Part { place, properties: expanded(properties, expand), defaults: Arc::clone(&defaults) };
            if let Some(old) = sections.entry(name).or_insert(Section::new(place)).put(self.file, part) {
                self.ignore(old.place, IgnoredReason::Replaced);
            }
        }
        if let Some(place) = defaults_place
            && profiles.profile("default").is_none_or(|section| section.part(self.file).is_none())
        {
            self.ignore(place, IgnoredReason::Defaults);
        }
        profiles.ignored.append(&mut self.ignored);
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Profile,
    SsoSession,
    Services,
}

/// The kind and name of a section. All sections of the credentials file are profiles.
fn kind(file: ProfileFile, header: String) -> Result<(Kind, String), IgnoredReason> {
    if file == ProfileFile::Credentials || header == "default" {
        return Ok((Kind::Profile, header));
    }
    let kinds = [("profile", Kind::Profile), ("sso-session", Kind::SsoSession), ("services", Kind::Services)];
    let kind = kinds.into_iter().find(|(prefix, _)| header.starts_with(prefix));
    let (_, kind) = kind.ok_or(IgnoredReason::SectionKind)?;
    let mut words = words::split(&header).ok_or(IgnoredReason::Quotation)?;
    match (words.len(), words.pop()) {
        (2, Some(name)) => Ok((kind, name)),
        (0 | 1, _) => Err(IgnoredReason::SectionKind),
        _ => Err(IgnoredReason::SectionName),
    }
}

/// Whether the header in the credentials file may have been meant for the configuration file.
fn has_more_than_a_name(header: &str) -> bool {
    header.starts_with("profile ") || header.contains([']', '"', '\'']) || header.trim_matches(is_blank) != header
}

/// The lines of a text, with any line ending.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let text = rest?;
        let end = text.iter().position(|byte| b"\r\n".contains(byte));
        let Some((line, after)) = end.and_then(|end| text.split_at_checked(end)) else { return rest.take() };
        rest = Some(after.strip_prefix(b"\r\n").or_else(|| after.get(1..)).unwrap_or_default());
        Some(line)
    })
}

/// The text between the first and the last bracket. Text after that is ignored.
fn header(line: &str) -> Option<&str> {
    let (header, _) = line.strip_prefix('[')?.rsplit_once(']')?;
    (!header.is_empty()).then_some(header)
}

/// The probable key of a line without an equals sign.
fn first_word(line: &str) -> String {
    line.split(is_blank).next().unwrap_or_default().to_lowercase()
}

/// The same properties with their paths expanded, as the user's shell does.
fn expanded(mut properties: BTreeMap<String, Property>, expand: &dyn Fn(&str) -> String) -> BTreeMap<String, Property> {
    for key in PATHS {
        if let Some(Property { value: Ok(value), .. }) = properties.get_mut(key) {
            *value = Value::new(&expand(value.text.expose()), value.place);
        }
    }
    properties
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;

    /// Writes all sections as `[kind name]{key=value}`, values like the `Debug` of strings, errors as `!`.
    fn shown(profiles: &Profiles) -> String {
        let mut out = String::new();
        for (kind, sections) in
            [("", &profiles.profiles), ("sso-session ", &profiles.sso_sessions), ("services ", &profiles.services)]
        {
            for (name, section) in sections {
                let value = |key: &str| match &section.property(key).unwrap().value {
                    Ok(value) => format!("{key}={:?}", value.as_str()),
                    Err(_) => format!("{key}!"),
                };
                let values: Vec<String> = section.keys().map(value).collect();
                out += &format!("[{kind}{name}]{{{}}}", values.join(" "));
            }
        }
        out
    }

    fn reasons(profiles: &Profiles) -> Vec<(usize, IgnoredReason)> {
        profiles.ignored().iter().map(|ignored| (ignored.place.line, ignored.reason)).collect()
    }

    #[test]
    fn reads_the_config_file() {
        for (config, expected) in [
            // Sections.
            ("", ""),
            (" \t\n\r\n", ""),
            ("[profile a]", "[a]{}"),
            ("[profile a]\n[profile b]", "[a]{}[b]{}"),
            ("[profile \ta \t]", "[a]{}"),
            ("[profile\ta]", "[a]{}"),
            ("  [profile a]\n  k = v", "[a]{k=\"v\"}"),
            ("[default]\nk = v", "[default]{k=\"v\"}"),
            ("[profile 'My MacBook Pro']\nk = v", "[My MacBook Pro]{k=\"v\"}"),
            ("[profile \"My MacBook Pro\"]\nk = v", "[My MacBook Pro]{k=\"v\"}"),
            (
                "[profile \"Ann's\"]\n[sso-session 'a b']\n[services c\\ d]",
                "[Ann's]{}[sso-session a b]{}[services c d]{}",
            ),
            ("[profile grün/ß🦀]", "[grün/ß🦀]{}"),
            ("[profile a!b]\nk = v", "[a!b]{k=\"v\"}"),
            ("[profiles a]", "[a]{}"),
            ("[profile a] text", "[a]{}"),
            ("[profile a];[b", "[a]{}"),
            ("[profile a]b]", "[a]b]{}"),
            ("[sso-session s]\nk = v\n[profile a]", "[a]{}[sso-session s]{k=\"v\"}"),
            ("[services s]\nfirehose =\n endpoint_url = u", "[services s]{firehose=\"\\nendpoint_url = u\"}"),
            // Repeated sections and keys.
            ("[profile a]\nk = v\n[profile b]\n[profile a]\nl = w", "[a]{k=\"v\" l=\"w\"}[b]{}"),
            ("[profile a]\nk = v\nk = w", "[a]{k=\"w\"}"),
            ("[profile a]\nK = v\n[profile a]\nk = w", "[a]{k=\"w\"}"),
            ("[profile default]\nk = v\n[default]\nl = w", "[default]{l=\"w\"}"),
            ("[default]\nl = w\n[profile default]\nk = v", "[default]{k=\"v\"}"),
            ("[profile a]\nk = v\n[profile 'a']\nl = w", "[a]{l=\"w\"}"),
            // A section that applies to all.
            ("[DEFAULT]\nk = v\nl = w\n[profile a]\nl = x\n[profile b]", "[a]{k=\"v\" l=\"x\"}[b]{k=\"v\" l=\"w\"}"),
            // Properties.
            ("[profile a]\r\nk = v\r\nl = w\r\n", "[a]{k=\"v\" l=\"w\"}"),
            ("[profile a]\rk = v\rl = w", "[a]{k=\"v\" l=\"w\"}"),
            ("\u{feff}[profile a]\nk = v", "[a]{k=\"v\"}"),
            ("[profile a]\nk=v", "[a]{k=\"v\"}"),
            ("[profile a]\nk: v", "[a]{k=\"v\"}"),
            ("[profile a]\nk : v = w", "[a]{k=\"v = w\"}"),
            ("[profile a]\nk \t=  \tv \t", "[a]{k=\"v\"}"),
            ("[profile a]\nk = \u{a0}v\u{85}\u{1f}", "[a]{k=\"v\"}"),
            ("[profile a]\nk = v=w", "[a]{k=\"v=w\"}"),
            ("[profile a]\nk = \u{1f602}", "[a]{k=\"\u{1f602}\"}"),
            ("[profile a]\nk =", "[a]{k=\"\"}"),
            ("[profile a]\nk = ''", "[a]{k=\"''\"}"),
            ("[profile a]\nodd key! = v\nÜ = w", "[a]{odd key!=\"v\" ü=\"w\"}"),
            ("[profile a]\n  k = v\n  l = w\nm = x", "[a]{k=\"v\" l=\"w\" m=\"x\"}"),
            ("[profile a]\n\tk = v\nl = w\n\tm", "[a]{k=\"v\" l=\"w\\nm\"}"),
            // Comments are lines of their own.
            ("# c\n; c\n[profile a]\n  # c\nk = v", "[a]{k=\"v\"}"),
            ("[profile a]\nk = p \"team #1\" ; c # d", "[a]{k=\"p \\\"team #1\\\" ; c # d\"}"),
            // Continued lines.
            ("[profile a]\nk = v\n -w", "[a]{k=\"v\\n-w\"}"),
            ("[profile a]\nk = v\n \t -w \t \r\nl = x", "[a]{k=\"v\\n-w\" l=\"x\"}"),
            ("[profile a]\nk = v\n\n \t\n -w\n\n", "[a]{k=\"v\\n\\n\\n-w\"}"),
            ("[profile a]\nk = v\n # c\n -w\nl = w", "[a]{k=\"v\\n-w\" l=\"w\"}"),
            ("[profile a]\nk = v\n [profile b]", "[a]{k=\"v\\n[profile b]\"}"),
            // Blocks.
            ("[profile a]\ns3 =\n k = v", "[a]{s3=\"\\nk = v\"}"),
            ("[profile a]\ns3 =\n\n k = v\n\t \n l = w", "[a]{s3=\"\\n\\nk = v\\n\\nl = w\"}"),
        ] {
            let profiles = Profiles::parse(config.as_bytes(), b"").unwrap();
            assert_eq!(shown(&profiles), expected, "{config:?}");
        }
    }

    #[test]
    fn passes_over_what_makes_no_sense_and_nothing_else() {
        use IgnoredReason::{
            Defaults, EqualsSign, Key, NestedEqualsSign, OutsideSection, Quotation, Repeated, Replaced, SectionEnd,
            SectionKind, SectionName, Utf8,
        };
        for (config, expected, ignored) in [
            ("[profile a\nk = v\n[profile b]\nl = w", "[a]{k!}[b]{l=\"w\"}", &[(1, SectionEnd)][..]),
            ("[profile a]\nl = w\n[profile a\nk = v", "[a]{k! l=\"w\"}", &[(3, SectionEnd)]),
            ("[]\nk = v", "", &[(1, SectionEnd)]),
            ("[default # c\nk = v\n[profile b", "[b]{}[default]{k!}", &[(1, SectionEnd), (3, SectionEnd)]),
            ("k = v\n -w\n\n[default]", "[default]{}", &[(1, OutsideSection), (2, OutsideSection)]),
            ("[default]\nregion eu-west-1\n more\nk = v", "[default]{k=\"v\" region!}", &[(2, EqualsSign)]),
            ("[default]\nk = v\nk\nl = w", "[default]{k! l=\"w\"}", &[(2, Repeated), (3, EqualsSign)]),
            ("[default]\n= v\nk = v", "[default]{k=\"v\"}", &[(2, Key)]),
            (
                "[default]\ns3 =\n a = b\n c d\nk = v",
                "[default]{k=\"v\" s3=\"\\na = b\\nc d\"}",
                &[(4, NestedEqualsSign)],
            ),
            ("[default]\nk = v\nK = w", "[default]{k=\"w\"}", &[(2, Repeated)]),
            ("[default]\nk = v\n[profile default]", "[default]{}", &[(1, Replaced)]),
            (
                "[ default ]\n[ profile a ]\n[DEFAULTS]\n[a]\n[profile]",
                "",
                &[(1, SectionKind), (2, SectionKind), (3, SectionKind), (4, SectionKind), (5, SectionKind)],
            ),
            ("[profile a b]\n[profile Ann's]\n[services]", "", &[(1, SectionName), (2, Quotation), (3, SectionKind)]),
            ("[DEFAULT]\nk = v", "", &[(1, Defaults)]),
            ("[DEFAULT]\n[default]", "[default]{}", &[]),
            ("[plugins]\ncli = x\n[default]", "[default]{}", &[(1, SectionKind)]),
        ] {
            let profiles = Profiles::parse(config.as_bytes(), b"").unwrap();
            assert_eq!((&*shown(&profiles), &*reasons(&profiles)), (expected, ignored), "{config:?}");
        }
        let config = b"# gr\xfcn\n[default]\nk = \xfc\nl = v\n m\xfc\nn = w\n[profile \xfc]\no = p";
        let profiles = Profiles::parse(config, b"").unwrap();
        assert_eq!(shown(&profiles), "[default]{k! l! n=\"w\"}[\u{fffd}]{o!}");
        assert_eq!(reasons(&profiles), [(3, Utf8), (5, Utf8), (7, Utf8)]);
    }

    #[test]
    fn refuses_a_file_that_is_no_text() {
        let utf16 = Profiles::parse(b"", b"\xff\xfe[\0a\0]\0").unwrap_err();
        let words = "line 1 of the credentials file: the file must be UTF-8, and is UTF-16: save it as UTF-8";
        assert_eq!(utf16.to_string(), words);
        let large = Profiles::parse(&alloc::vec![b'\n'; MAX_PROFILE_FILE_BYTES + 1], b"").unwrap_err();
        assert_eq!(large.rule, SyntaxRule::TooLarge);
        assert!(Profiles::parse(&alloc::vec![b'\n'; MAX_PROFILE_FILE_BYTES], b"").is_ok());
    }

    #[test]
    fn merges_the_files_key_by_key_and_prefers_the_credentials() {
        for (config, credentials, expected) in [
            ("[profile a]\nk = v", "[a]\nl = w", "[a]{k=\"v\" l=\"w\"}"),
            ("[profile a]\nk = v", "[a]\nK = w", "[a]{k=\"w\"}"),
            ("[profile a]\nk = v", "[a]\nk =", "[a]{k=\"\"}"),
            ("[DEFAULT]\nk = v\n[profile a]", "[a]", "[a]{k=\"v\"}"),
            ("[profile a]", "[DEFAULT]\nk = v\n[b]", "[a]{}[b]{k=\"v\"}"),
            // In the credentials file, the text between the brackets is the name.
            ("", "[My MacBook Pro]\n[profile a]\n[ b ]\n['c']", "[ b ]{}['c']{}[My MacBook Pro]{}[profile a]{}"),
            ("", "[sso-session s]\n[services s]\nk = v", "[services s]{k=\"v\"}[sso-session s]{}"),
        ] {
            let profiles = Profiles::parse(config.as_bytes(), credentials.as_bytes()).unwrap();
            assert_eq!(shown(&profiles), expected, "{config:?} {credentials:?}");
        }
        let odd = Profiles::parse(b"", b"[a b]\n[profile a]\n[ b ]\n['c']\n[d]e]").unwrap();
        assert_eq!(reasons(&odd), [2, 3, 4, 5].map(|line| (line, IgnoredReason::LiteralName)));
    }

    #[test]
    fn knows_the_place_of_every_value_and_gives_only_what_is_one() {
        let config = b"[profile a]\ns3 =\n\n  endpoint_url = u # c\n  l =\n  m n\nk = v\nbad\n[profile b]";
        let profiles = Profiles::parse(config, b"\n[a]\nk = w\n").unwrap();
        let a = profiles.profile("a").unwrap();
        let place = |file, line| SourceLocation { file, line };
        assert_eq!(a.place(), place(ProfileFile::Config, 1));
        assert_eq!(a.value("k").unwrap().unwrap().place(), place(ProfileFile::Credentials, 3));
        let in_config = a.value_in(ProfileFile::Config, "k").unwrap().unwrap();
        assert_eq!((in_config.as_str(), in_config.place().line), ("v", 7));
        let nested = a.nested("s3", "endpoint_url").unwrap().unwrap();
        assert_eq!((nested.as_str(), nested.place()), ("u # c", place(ProfileFile::Config, 4)));
        for (found, expected) in [
            (a.value("none"), Ok(None)),
            (a.nested("s3", "l"), Ok(None)),
            (a.nested("s3", "none"), Ok(None)),
            (a.nested("k", "l"), Ok(None)),
            (a.value("s3"), Err((2, IgnoredReason::Block))),
            (a.value("bad"), Err((8, IgnoredReason::EqualsSign))),
            (a.nested("bad", "l"), Err((8, IgnoredReason::EqualsSign))),
            (a.nested("s3", "m"), Err((6, IgnoredReason::NestedEqualsSign))),
        ] {
            assert_eq!(found.map(|found| found.map(Value::as_str)).map_err(|it| (it.place.line, it.reason)), expected);
        }
        assert_eq!(profiles.names().collect::<Vec<_>>(), ["a", "b"]);
        let words = "line 8 of the config file is ignored: it must be `key = value`";
        assert_eq!(profiles.ignored()[1].to_string(), words);
        let secret = Profiles::parse(b"", b"[a]\naws_secret_access_key = hunter2\n more").unwrap();
        assert!(!format!("{secret:?}").contains("hunter2"));
    }
}
