//! A reader for XML texts, enough for STS: elements, entities and CDATA. It skips attributes.

use alloc::string::String;
use alloc::vec::Vec;

use super::document::DocumentError;

/// Deepest nesting that is read. STS needs five.
const MAX_DEPTH: usize = 16;

/// The texts of all elements without child elements.
pub(super) struct Texts(Vec<(String, String)>);

impl Texts {
    /// Reads a document.
    pub(super) fn read(document: &str) -> Result<Self, DocumentError> {
        let mut reader = Reader { document, at: 0, open: Vec::new(), texts: Vec::new(), is_leaf: false };
        reader.read().map_err(|Malformed| DocumentError::Xml { offset: reader.at })?;
        Ok(Self(reader.texts))
    }

    /// The text at a path such as `Response/Result/Name`. A path that begins with a slash matches the end of a longer
    /// one.
    pub(super) fn at(&self, path: &str) -> Option<&str> {
        let is_there = |found: &str| if path.starts_with('/') { found.ends_with(path) } else { found == path };
        let text = self.0.iter().find(|(found, _)| is_there(found)).map(|(_, text)| text.trim());
        text.filter(|text| !text.is_empty())
    }
}

/// The document is malformed.
struct Malformed;

struct Reader<'a> {
    document: &'a str,
    at: usize,
    /// The names of the open elements, and the text of each so far.
    open: Vec<(&'a str, String)>,
    texts: Vec<(String, String)>,
    /// Whether no element was closed since the innermost one was opened.
    is_leaf: bool,
}

impl<'a> Reader<'a> {
    fn read(&mut self) -> Result<(), Malformed> {
        let mut has_root = false;
        self.at = if self.document.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        while self.at < self.document.len() {
            let text = self.until("<").unwrap_or_else(|| self.rest());
            self.text(text)?;
            if self.rest().is_empty() {
                break;
            }
            if self.skip("<?") {
                self.past("?>")?;
            } else if self.skip("<!--") {
                self.past("-->")?;
            } else if self.skip("<![CDATA[") {
                let text = self.past("]]>")?;
                self.open.last_mut().ok_or(Malformed)?.1.push_str(text);
            } else if self.skip("</") {
                let name = self.past(">")?.trim_end();
                self.close(name)?;
            } else if self.rest().starts_with("<!") {
                // A document type could declare entities. AWS sends none.
                return Err(Malformed);
            } else {
                let is_root = self.open.is_empty();
                if is_root && has_root {
                    return Err(Malformed);
                }
                has_root = true;
                self.open()?;
            }
        }
        if has_root && self.open.is_empty() { Ok(()) } else { Err(Malformed) }
    }

    fn rest(&self) -> &'a str {
        self.document.get(self.at..).unwrap_or_default()
    }

    /// The text before a mark, if the mark follows.
    fn until(&self, mark: &str) -> Option<&'a str> {
        self.rest().split_once(mark).map(|(before, _)| before)
    }

    /// Moves past a mark, and returns the text before it.
    fn past(&mut self, mark: &str) -> Result<&'a str, Malformed> {
        let before = self.until(mark).ok_or(Malformed)?;
        self.at += before.len() + mark.len();
        Ok(before)
    }

    fn skip(&mut self, mark: &str) -> bool {
        let is_there = self.rest().starts_with(mark);
        self.at += if is_there { mark.len() } else { 0 };
        is_there
    }

    /// Reads text and resolves its entities.
    fn text(&mut self, text: &'a str) -> Result<(), Malformed> {
        let Some((_, content)) = self.open.last_mut() else {
            // Between prolog and root, and after the root, only white space is allowed.
            self.at += text.len() - text.trim_start().len();
            return if text.trim().is_empty() { Ok(()) } else { Err(Malformed) };
        };
        let mut pieces = text.split('&');
        let first = pieces.next().unwrap_or_default();
        content.push_str(first);
        self.at += first.len();
        for piece in pieces {
            let (entity, after) = piece.split_once(';').ok_or(Malformed)?;
            content.push(character(entity).ok_or(Malformed)?);
            content.push_str(after);
            self.at += 1 + piece.len();
        }
        Ok(())
    }

    fn open(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        self.at += 1;
        let (name, is_closed) = self.tag().ok_or(Malformed).inspect_err(|_| self.at = start)?;
        if self.open.len() == MAX_DEPTH {
            return Err(Malformed);
        }
        self.open.push((name, String::new()));
        self.is_leaf = true;
        if is_closed { self.close(name) } else { Ok(()) }
    }

    /// Moves past a start tag: the element's name, and whether the tag is empty.
    fn tag(&mut self) -> Option<(&'a str, bool)> {
        let rest = self.rest();
        let mut quote = None;
        let end = rest.bytes().position(|byte| {
            match quote {
                Some(mark) if byte == mark => quote = None,
                None if matches!(byte, b'"' | b'\'') => quote = Some(byte),
                _ => {}
            }
            quote.is_none() && byte == b'>'
        })?;
        let tag = rest.get(..end)?;
        self.at += end + 1;
        let (tag, is_closed) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let name = tag.split(|c: char| c.is_ascii_whitespace()).next()?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
        (name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(is_name))
            .then_some((name, is_closed))
    }

    fn close(&mut self, name: &str) -> Result<(), Malformed> {
        if self.open.last().is_none_or(|(open, _)| *open != name) {
            return Err(Malformed);
        }
        let mut path = String::new();
        for (name, _) in &self.open {
            path.push_str(if path.is_empty() { "" } else { "/" });
            // The writer chooses the prefix of a namespace, so it is ignored.
            path.push_str(name.rsplit_once(':').map_or(name, |(_, local)| local));
        }
        if let Some((_, text)) = self.open.pop()
            && self.is_leaf
        {
            self.texts.push((path, text));
        }
        self.is_leaf = false;
        Ok(())
    }
}

/// The character that an entity represents.
fn character(entity: &str) -> Option<char> {
    match entity {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#')?;
            let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
            let is_number = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
            is_number.then(|| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32))?
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn finds_texts_by_their_path() {
        for (document, path, expected) in [
            ("<a>x</a>", "a", Some("x")),
            ("<?xml version='1.0'?>\n<!-- c --><a xmlns=\"u\">\n<b>x</b>\n</a>\n", "a/b", Some("x")),
            ("\u{feff}<a/>", "a", None),
            ("<p:a xmlns:p='u>v'><p:b k=\"/>\">x</p:b ></p:a>", "a/b", Some("x")),
            ("<a><b/><b>y</b></a>", "a/b", None),
            ("<a><c/><b>y</b></a>", "a/b", Some("y")),
            ("<a><b>x &lt;&amp;&gt;&quot;&apos;&#65;&#x42;</b></a>", "a/b", Some("x <&>\"'AB")),
            ("<a><b>x<![CDATA[<&]]>y<!-- c -->z</b></a>", "a/b", Some("x<&yz")),
            ("<a><b><c>x</c></b></a>", "/c", Some("x")),
            ("<a><b><c>x</c></b></a>", "/b/c", Some("x")),
            ("<a><b><c>x</c></b></a>", "b/c", None),
            ("<a>x<b>y</b></a>", "a", None),
        ] {
            let texts = Texts::read(document).unwrap_or_else(|error| panic!("{document:?}: {error}"));
            assert_eq!(texts.at(path), expected, "{document:?} {path}");
        }
    }

    #[test]
    fn says_where_a_document_ends_to_make_sense() {
        let deep = |depth| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(Texts::read(&deep(MAX_DEPTH)).is_ok());
        for (document, offset) in [
            ("", 0),
            (" ", 1),
            ("x", 0),
            (" x<a/>", 1),
            ("<a>", 3),
            ("<a", 0),
            ("<a><b></a></b>", 10),
            ("<a/><b/>", 4),
            ("<a/>x", 4),
            ("</a>", 4),
            ("<>", 0),
            ("<1/>", 0),
            ("<a>&unknown;</a>", 3),
            ("<a>x&lt</a>", 4),
            ("<a>&#xD800;</a>", 3),
            ("<a>&#;</a>", 3),
            ("<a>&#+65;</a>", 3),
            ("<!DOCTYPE a><a/>", 0),
            ("<a><!-- </a>", 7),
            ("<a><![CDATA[</a>", 12),
            ("<![CDATA[x]]>", 13),
            (&deep(MAX_DEPTH + 1), 3 * (MAX_DEPTH + 1)),
        ] {
            assert_eq!(Texts::read(document).err(), Some(DocumentError::Xml { offset }), "{document:?}");
        }
    }
}
