//! Splits a section's header into words as a POSIX shell would: the AWS CLI reads names that way.

use alloc::string::String;
use alloc::vec::Vec;

/// What separates words.
const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// Splits a text into words; `None` when a quotation mark is not closed, or when a backslash ends the text.
///
/// Inside `"…"` a backslash escapes only `"` and itself, inside `'…'` nothing.
pub(super) fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            blank if BLANKS.contains(&blank) => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(characters.next()?),
            quote @ ('"' | '\'') => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        end if end == quote => break,
                        '\\' if quote == '"' => match characters.next()? {
                            escaped @ ('"' | '\\') => word.push(escaped),
                            other => word.extend(['\\', other]),
                        },
                        other => word.push(other),
                    }
                }
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_words_apart_like_a_shell() {
        for (text, expected) in [
            ("", Some(&[][..])),
            (" \t", Some(&[])),
            ("profile dev", Some(&["profile", "dev"])),
            ("profile \t dev ", Some(&["profile", "dev"])),
            ("profile 'My MacBook Pro'", Some(&["profile", "My MacBook Pro"])),
            ("profile \"My MacBook Pro\"", Some(&["profile", "My MacBook Pro"])),
            ("profile 'Ann'\"'\"'s Mac'", Some(&["profile", "Ann's Mac"])),
            ("profile My\\ Mac", Some(&["profile", "My Mac"])),
            ("profile \"a\\\"b\\\\c\\d\"", Some(&["profile", "a\"b\\c\\d"])),
            ("profile 'a\\b'", Some(&["profile", "a\\b"])),
            ("profile ''", Some(&["profile", ""])),
            ("profile grün#1", Some(&["profile", "grün#1"])),
            ("profile a\u{a0}b", Some(&["profile", "a\u{a0}b"])),
            ("profile a b", Some(&["profile", "a", "b"])),
            ("profile Ann's", None),
            ("profile \"a\\", None),
            ("profile a\\", None),
        ] {
            assert_eq!(
                split(text).as_deref(),
                expected.map(|words| words.iter().map(|&w| String::from(w)).collect::<Vec<_>>()).as_deref(),
                "{text:?}"
            );
        }
    }
}
