//! What decides a pattern by AWS's own source of it: a regex engine. The fuzz target has it too.

use fancy_regex::Regex;
use firehose_proto::internal::pattern::Pattern;

/// What the engine makes of AWS's source, once the escapes that Java limits to ASCII say so themselves.
pub(crate) fn regex(pattern: Pattern) -> Regex {
    const SPACE: &str = r" \t\n\x0B\f\r";
    let source = pattern.source();
    let source = source.replace(r"\u0001-\uFFFF", r"\x{1}-\x{FFFF}").replace(r"[\w", "[a-zA-Z0-9_");
    let source = source.replace(r"\d", "[0-9]").replace(r"\s", &format!("[{SPACE}]"));
    let source = source.replace(r"\S", &format!("[^{SPACE}]"));
    Regex::new(&format!(r"\A(?:{source})\z")).unwrap()
}
