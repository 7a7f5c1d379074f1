//! Where to cut a record above the limit.

use core::ops::ControlFlow;

/// The longest prefix of at most `max_bytes` that ends between UTF-8 characters; in other data, anywhere.
pub(super) fn truncated(data: &[u8], max_bytes: usize) -> &[u8] {
    let Some((head, rest)) = data.split_at_checked(max_bytes) else { return data };
    let is_inside = |byte: Option<&u8>| byte.is_some_and(|byte| byte & 0xc0 == 0x80);
    if !is_inside(rest.first()) {
        return head;
    }
    // A character has at most four bytes: its first is among the last three.
    let back = head.iter().rev().take(3).position(|byte| byte & 0xc0 == 0xc0);
    back.and_then(|back| head.get(..head.len() - back - 1)).unwrap_or(head)
}

/// Calls `take` with pieces of at most `max_bytes`, each as long as possible and each but the last ending with the
/// delimiter. Returns whether it reached the end.
pub(super) fn split<'a>(
    mut data: &'a [u8],
    delimiter: &[u8],
    max_bytes: usize,
    mut take: impl FnMut(&'a [u8]) -> ControlFlow<()>,
) -> ControlFlow<()> {
    while data.len() > max_bytes {
        let window = data.get(..max_bytes).unwrap_or(data);
        let last = window.windows(delimiter.len().max(1)).rposition(|bytes| bytes == delimiter);
        let Some((piece, rest)) = last.and_then(|at| data.split_at_checked(at + delimiter.len())) else {
            return ControlFlow::Break(());
        };
        take(piece)?;
        data = rest;
    }
    if data.is_empty() { ControlFlow::Continue(()) } else { take(data) }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn truncates_between_characters() {
        for (data, max_bytes, kept) in [
            ("abc".as_bytes(), 3, 3),
            (b"abc", 2, 2),
            (b"abc", 0, 0),
            ("aé".as_bytes(), 2, 1),
            ("aéb".as_bytes(), 3, 3),
            ("a€".as_bytes(), 3, 1),
            ("a€".as_bytes(), 2, 1),
            ("a🦀b".as_bytes(), 5, 5),
            ("a🦀b".as_bytes(), 4, 1),
            ("🦀".as_bytes(), 3, 0),
            // Not UTF-8: to cut off more would gain nothing.
            (&[0x80; 9], 7, 7),
            (&[0xff, 0x80, 0x80, 0x80, 0x80, 0x80], 5, 5),
        ] {
            assert_eq!(truncated(data, max_bytes), &data[..kept], "{data:?} {max_bytes}");
        }
    }

    #[test]
    fn splits_after_the_last_delimiter_that_fits() {
        for (data, delimiter, max_bytes, expected) in [
            ("ab\ncd\nef", "\n", 6, Some(vec!["ab\ncd\n", "ef"])),
            ("ab\ncd\n", "\n", 3, Some(vec!["ab\n", "cd\n"])),
            ("ab\ncd\n", "\n", 5, Some(vec!["ab\n", "cd\n"])),
            ("abcd", "\n", 3, None),
            ("ab\ncdef", "\n", 3, None),
            ("a--b--c", "--", 4, Some(vec!["a--", "b--c"])),
            ("abc", "", 2, None),
            ("abc", "abcd", 2, None),
        ] {
            let mut pieces = Vec::new();
            let end = split(data.as_bytes(), delimiter.as_bytes(), max_bytes, |piece| {
                pieces.push(core::str::from_utf8(piece).unwrap());
                ControlFlow::Continue(())
            });
            assert_eq!(end.is_continue().then_some(pieces), expected, "{data:?} {delimiter:?} {max_bytes}");
        }
    }
}
