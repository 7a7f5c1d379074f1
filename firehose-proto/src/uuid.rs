//! UUIDs of versions 4 and 7 ([RFC 9562](https://www.rfc-editor.org/rfc/rfc9562)) from numbers that the caller
//! supplies.

use alloc::format;
use alloc::string::String;

/// Writes a random UUID, version 4.
#[must_use]
pub fn v4(random: u128) -> String {
    write(random, 4)
}

/// Writes a UUID, version 7. It sorts by time, and within a millisecond by the low 12 bits of `sequence`.
#[must_use]
pub fn v7(unix_millis: u64, sequence: u16, random: u64) -> String {
    write(u128::from(unix_millis) << 80 | u128::from(sequence & 0xfff) << 64 | u128::from(random), 7)
}

/// Sets the bits of version and variant, and inserts the hyphens.
fn write(bits: u128, version: u128) -> String {
    let bits = bits & !(0xf << 76) & !(0b11 << 62) | version << 76 | 0b10 << 62;
    let digits = format!("{bits:032x}");
    let mut text = String::with_capacity(36);
    for (position, digit) in digits.chars().enumerate() {
        if matches!(position, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_version_and_variant_in_their_places() {
        assert_eq!(v4(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(v4(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        // The example of RFC 9562, appendix A.6.
        assert_eq!(v7(0x017f_22e2_79b0, 0xcc3, 0x18c4_dc0c_0c07_398f), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    }

    #[test]
    fn version_7_sorts_by_time_then_sequence() {
        let ordered = [v7(1, 0, u64::MAX), v7(1, 1, 0), v7(1, 0xfff, 0), v7(2, 0, 0)];
        assert!(ordered.is_sorted(), "{ordered:?}");
    }
}
