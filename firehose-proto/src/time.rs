//! Wall time as AWS and HTTP write it ([`AmzDate`], [`HttpDate`], [`IsoDate`], [`Timestamp`]), and [`Tick`], the
//! monotonic time of the machines. All forms are read and written here, because the crate `time` needs `std` to write
//! them.
//!
//! Nothing here reads a clock: the driver passes each time in. No form has years before 0 or after 9999; such times are
//! written as the nearest possible one.

use core::fmt;
use core::ops::{Add, Range};
use core::time::Duration;

/// The crate `time`'s point in time, in which the core gets the current time. With the feature `std` it converts from
/// and to `std::time::SystemTime`.
pub use ::time::OffsetDateTime;
/// The crate `time`'s signed duration, used for clock skew.
pub use ::time::SignedDuration;
use serde::de::{self, Deserialize, Deserializer, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};
use time::{Date, Month, Time};

/// A point on the driver's monotonic clock, for waits and measurements.
///
/// The driver chooses the origin, for example its start. Only differences have a meaning.
///
/// ```
/// use core::time::Duration;
/// use firehose_proto::time::Tick;
///
/// let start = Tick::from_duration(Duration::from_secs(5));
/// let later = start + Duration::from_secs(2);
/// assert_eq!(later.since(start), Duration::from_secs(2));
/// assert_eq!(start.since(later), Duration::ZERO);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tick(Duration);

impl Tick {
    /// A point in time that never comes.
    pub const MAX: Self = Self(Duration::MAX);

    /// The time this long after the origin.
    #[must_use]
    pub const fn from_duration(since_origin: Duration) -> Self {
        Self(since_origin)
    }

    /// The time since the origin.
    #[must_use]
    pub const fn as_duration(self) -> Duration {
        self.0
    }

    /// The time since an earlier point; zero when that one is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// Moves later, up to the maximum.
impl Add<Duration> for Tick {
    type Output = Self;

    fn add(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(wait))
    }
}

/// The current time by both of the driver's clocks. Machines that sign get it with each event.
///
/// ```
/// use firehose_proto::time::{AmzDate, Now, Tick};
///
/// let now = Now::new(Tick::default(), AmzDate::parse("20261122T120000Z").unwrap());
/// assert_eq!(now.tick, Tick::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// By the monotonic clock, for waits and timeouts.
    pub tick: Tick,
    /// By the uncorrected wall clock, for signatures and expiries. The core corrects it where needed.
    pub utc: OffsetDateTime,
}

impl Now {
    /// The current time.
    #[must_use]
    pub const fn new(tick: Tick, utc: OffsetDateTime) -> Self {
        Self { tick, utc }
    }
}

/// A time in a document: seconds since 1970, to the [millisecond].
///
/// It also reads text as in RFC 3339, the form that people write.
///
/// [millisecond]: https://smithy.io/2.0/spec/protocol-traits.html#timestampformat-trait
///
/// ```
/// use firehose_proto::time::Timestamp;
///
/// let timestamp: Timestamp = serde_json::from_str("1795348800.25")?;
/// assert_eq!(serde_json::to_string(&timestamp)?, "1795348800.25");
/// assert_eq!(timestamp, serde_json::from_str("\"2026-11-22T12:00:00.25Z\"")?);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    // With finer units, a JSON number could not represent every time exactly.
    milliseconds: i64,
}

impl Timestamp {
    /// The range of years that a time may have, 0 to 9999.
    const POSSIBLE: Range<i64> = -62_167_219_200_000..253_402_300_800_000;

    /// Reads a text, as [`IsoDate`] does.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        IsoDate::parse(text).map(Self::from)
    }

    fn from_seconds(seconds: f64) -> Option<Self> {
        #[expect(clippy::cast_possible_truncation, reason = "the last digit is rounded, and the range is checked")]
        let milliseconds = (seconds * 1e3 + 0.5f64.copysign(seconds)) as i64;
        (!seconds.is_nan() && Self::POSSIBLE.contains(&milliseconds)).then_some(Self { milliseconds })
    }
}

impl From<OffsetDateTime> for Timestamp {
    fn from(moment: OffsetDateTime) -> Self {
        Self { milliseconds: moment.unix_timestamp() * 1000 + i64::from(moment.millisecond()) }
    }
}

impl From<Timestamp> for OffsetDateTime {
    fn from(timestamp: Timestamp) -> Self {
        let since_1970 = SignedDuration::milliseconds(timestamp.milliseconds);
        Self::UNIX_EPOCH.checked_add(since_1970).unwrap_or(Self::UNIX_EPOCH)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.milliseconds % 1000 == 0 {
            return serializer.serialize_i64(self.milliseconds / 1000);
        }
        #[expect(clippy::cast_precision_loss, reason = "no year that a moment may have has so many milliseconds")]
        serializer.serialize_f64(self.milliseconds as f64 / 1e3)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("seconds since 1970, or a moment as in RFC 3339")
            }

            fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Timestamp, E> {
                Timestamp::from_seconds(seconds).ok_or_else(|| E::invalid_value(Unexpected::Float(seconds), &self))
            }

            #[expect(clippy::cast_precision_loss, reason = "what does not fit exactly is out of range")]
            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Timestamp, E> {
                self.visit_f64(seconds as f64)
            }

            #[expect(clippy::cast_precision_loss, reason = "what does not fit exactly is out of range")]
            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Timestamp, E> {
                self.visit_f64(seconds as f64)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                Timestamp::parse(text).ok_or_else(|| E::invalid_value(Unexpected::Other("other text"), &self))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// A time in the form of `X-Amz-Date`, `20150830T123600Z`.
///
/// See [the elements of an AWS request signature](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html).
///
/// ```
/// use firehose_proto::time::AmzDate;
///
/// let moment = AmzDate::parse("20150830T123600Z").unwrap();
/// let text = AmzDate::new(moment);
/// assert_eq!(text.as_str(), "20150830T123600Z");
/// assert_eq!(text.date_str(), "20150830");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AmzDate([u8; 16]);

impl AmzDate {
    /// Writes a time in UTC, truncated to whole seconds.
    #[must_use]
    pub fn new(moment: OffsetDateTime) -> Self {
        let moment = writable(moment);
        let [y1, y2, y3, y4] = four_digits(moment);
        let [m1, m2] = two_digits(moment.month().into());
        let [d1, d2] = two_digits(moment.day());
        let (hour, minute, second) = moment.to_hms();
        let [h1, h2] = two_digits(hour);
        let [n1, n2] = two_digits(minute);
        let [s1, s2] = two_digits(second);
        Self([y1, y2, y3, y4, m1, m2, d1, d2, b'T', h1, h2, n1, n2, s1, s2, b'Z'])
    }

    /// All 16 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        ascii(&self.0)
    }

    /// The first eight characters, the date of a credential scope.
    #[must_use]
    pub fn date_str(&self) -> &str {
        self.as_str().split_at(8).0
    }

    /// Reads exactly this form; `None` for any other text and for impossible dates.
    #[must_use]
    pub fn parse(text: &str) -> Option<OffsetDateTime> {
        let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
        if date.len() != 8 || time.len() != 6 {
            return None;
        }
        let year = digits::<4>(date.get(..4)?)?;
        let month = digits::<2>(date.get(4..6)?)?;
        let day = digits::<2>(date.get(6..)?)?;
        let hour = digits::<2>(time.get(..2)?)?;
        let minute = digits::<2>(time.get(2..4)?)?;
        let second = digits::<2>(time.get(4..)?)?;
        utc(year, Month::try_from(u8::try_from(month).ok()?).ok()?, day, [hour, minute, second])
    }
}

impl fmt::Debug for AmzDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A time in the form of HTTP's `Date` header, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
///
/// ```
/// use firehose_proto::time::HttpDate;
///
/// let moment = HttpDate::parse("Sunday, 06-Nov-94 08:49:37 GMT").unwrap();
/// assert_eq!(HttpDate::new(moment).as_str(), "Sun, 06 Nov 1994 08:49:37 GMT");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HttpDate([u8; 29]);

impl HttpDate {
    /// Writes a time in UTC, truncated to whole seconds, in the preferred form.
    #[must_use]
    pub fn new(moment: OffsetDateTime) -> Self {
        let moment = writable(moment);
        let [w1, w2, w3] = WEEKDAYS
            .get(usize::from(moment.weekday().number_days_from_monday()))
            .and_then(|name| name.as_bytes().first_chunk())
            .copied()
            .expect("a week has seven days, of three letters and more");
        let [m1, m2, m3] = MONTHS
            .get(usize::from(u8::from(moment.month()) - 1))
            .and_then(|name| name.as_bytes().first_chunk())
            .copied()
            .expect("a year has twelve months, each abbreviated to three letters");
        let [y1, y2, y3, y4] = four_digits(moment);
        let [d1, d2] = two_digits(moment.day());
        let (hour, minute, second) = moment.to_hms();
        let [h1, h2] = two_digits(hour);
        let [n1, n2] = two_digits(minute);
        let [s1, s2] = two_digits(second);
        Self([
            w1, w2, w3, b',', b' ', d1, d2, b' ', m1, m2, m3, b' ', y1, y2, y3, y4, b' ', h1, h2, b':', n1, n2, b':',
            s1, s2, b' ', b'G', b'M', b'T',
        ])
    }

    /// All 29 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        ascii(&self.0)
    }

    /// Reads the preferred form, and the two obsolete ones of RFC 850 and C's `asctime`.
    ///
    /// The weekday must be valid, but is not compared with the date. Two-digit years mean 1969 to 2068, as in POSIX.
    /// The RFC's "at most 50 years ahead" is not used: the local clock may be the one that is wrong.
    #[must_use]
    pub fn parse(text: &str) -> Option<OffsetDateTime> {
        let Some((weekday, rest)) = text.split_once(", ") else {
            return parse_asctime(text);
        };
        let (date, time) = rest.strip_suffix(" GMT")?.rsplit_once(' ')?;
        if let Some((day, rest)) = date.split_once('-') {
            let (month, year) = rest.split_once('-')?;
            let year = digits::<2>(year)?;
            let century = if year < 69 { 2000 } else { 1900 };
            WEEKDAYS.contains(&weekday).then_some(())?;
            return utc(century + year, month_named(month)?, digits::<2>(day)?, clock(time)?);
        }
        let (day, rest) = date.split_once(' ')?;
        let (month, year) = rest.split_once(' ')?;
        is_short_weekday(weekday).then_some(())?;
        utc(digits::<4>(year)?, month_named(month)?, digits::<2>(day)?, clock(time)?)
    }
}

impl fmt::Debug for HttpDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A time in the form of credential documents, `2015-08-30T12:36:00Z`.
///
/// ```
/// use firehose_proto::time::IsoDate;
///
/// let moment = IsoDate::parse("2015-08-30T14:36:00.5+02:00").unwrap();
/// assert_eq!(IsoDate::new(moment).as_str(), "2015-08-30T12:36:00Z");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct IsoDate([u8; 20]);

impl IsoDate {
    /// Writes a time in UTC, truncated to whole seconds.
    #[must_use]
    pub fn new(moment: OffsetDateTime) -> Self {
        let AmzDate([y1, y2, y3, y4, m1, m2, d1, d2, t, h1, h2, n1, n2, s1, s2, z]) = AmzDate::new(moment);
        Self([y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, t, h1, h2, b':', n1, n2, b':', s1, s2, z])
    }

    /// All 20 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        ascii(&self.0)
    }

    /// Reads the form of RFC 3339, and the variants of some tools: an offset without a colon, or `UTC` for `Z`.
    #[must_use]
    pub fn parse(text: &str) -> Option<OffsetDateTime> {
        let (date, rest) = text.split_at_checked(10)?;
        let (separator, rest) = rest.split_at_checked(1)?;
        let (time, rest) = rest.split_at_checked(8)?;
        let (year, month_and_day) = date.split_once('-')?;
        let (month, day) = month_and_day.split_once('-')?;
        matches!(separator, "T" | "t" | " ").then_some(())?;
        let month = Month::try_from(u8::try_from(digits::<2>(month)?).ok()?).ok()?;
        let local = utc(digits::<4>(year)?, month, digits::<2>(day)?, clock(time)?)?;
        let (nanoseconds, zone) = match rest.strip_prefix('.') {
            Some(rest) => {
                let end = rest.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
                let (fraction, zone) = rest.split_at(end);
                (fraction_nanoseconds(fraction)?, zone)
            }
            None => (0, rest),
        };
        let moment = local.replace_nanosecond(nanoseconds).ok()?.checked_sub(zone_offset(zone)?)?;
        // An offset may lead out of the years that can be written.
        (moment.year() >= 0).then_some(moment)
    }
}

impl fmt::Debug for IsoDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reads the digits after a decimal point, truncated to nanoseconds.
fn fraction_nanoseconds(digits: &str) -> Option<u32> {
    let kept = digits.get(..digits.len().min(9))?;
    let scale = 10_u32.pow(9 - u32::try_from(kept.len()).ok()?);
    kept.parse::<u32>().ok()?.checked_mul(scale)
}

/// Reads `Z`, `UTC`, `+01:00` or `+0100`: how far local time is ahead.
fn zone_offset(zone: &str) -> Option<time::Duration> {
    if matches!(zone, "Z" | "z" | "UTC") {
        return Some(time::Duration::ZERO);
    }
    let (sign, rest) = zone.split_at_checked(1)?;
    let (hours, minutes) = rest.split_at_checked(2)?;
    let (hours, minutes) = (digits::<2>(hours)?, digits::<2>(minutes.strip_prefix(':').unwrap_or(minutes))?);
    let offset = time::Duration::minutes(i64::from(hours) * 60 + i64::from(minutes));
    match sign {
        _ if hours > 23 || minutes > 59 => None,
        "+" => Some(offset),
        "-" => Some(-offset),
        _ => None,
    }
}

const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Reads `Sun Nov  6 08:49:37 1994`.
fn parse_asctime(text: &str) -> Option<OffsetDateTime> {
    let (weekday, rest) = text.split_once(' ')?;
    let (month, rest) = rest.split_once(' ')?;
    let (day, rest) = rest.split_at_checked(2)?;
    let (time, year) = rest.strip_prefix(' ')?.split_once(' ')?;
    is_short_weekday(weekday).then_some(())?;
    let day = day.strip_prefix(' ').map_or_else(|| digits::<2>(day), digits::<1>)?;
    utc(digits::<4>(year)?, month_named(month)?, day, clock(time)?)
}

fn is_short_weekday(text: &str) -> bool {
    WEEKDAYS.iter().any(|name| name.get(..3) == Some(text))
}

fn month_named(text: &str) -> Option<Month> {
    let index = MONTHS.iter().position(|name| *name == text)?;
    Month::try_from(u8::try_from(index + 1).ok()?).ok()
}

/// Reads `08:49:37`. A leap second counts as the second before it.
fn clock(text: &str) -> Option<[u16; 3]> {
    let (hour, rest) = text.split_once(':')?;
    let (minute, second) = rest.split_once(':')?;
    let second = digits::<2>(second)?;
    Some([digits::<2>(hour)?, digits::<2>(minute)?, if second == 60 { 59 } else { second }])
}

fn utc(year: u16, month: Month, day: u16, [hour, minute, second]: [u16; 3]) -> Option<OffsetDateTime> {
    let narrow = |number| u8::try_from(number).ok();
    let date = Date::from_calendar_date(year.into(), month, narrow(day)?).ok()?;
    let time = Time::from_hms(narrow(hour)?, narrow(minute)?, narrow(second)?).ok()?;
    Some(date.with_time(time).assume_utc())
}

/// Reads a number of exactly this many digits, at most four.
fn digits<const COUNT: usize>(text: &str) -> Option<u16> {
    (text.len() == COUNT && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// The same time in UTC, or the nearest one whose year has four digits.
fn writable(moment: OffsetDateTime) -> OffsetDateTime {
    const YEAR_0: i64 = -62_167_219_200;
    const END_OF_YEAR_9999: i64 = 253_402_300_799;
    OffsetDateTime::from_unix_timestamp(moment.unix_timestamp().clamp(YEAR_0, END_OF_YEAR_9999))
        .expect("the years 0 to 9999 are in range")
}

fn four_digits(moment: OffsetDateTime) -> [u8; 4] {
    let year = u16::try_from(moment.year()).unwrap_or_default();
    let [y1, y2] = two_digits((year / 100) as u8);
    let [y3, y4] = two_digits((year % 100) as u8);
    [y1, y2, y3, y4]
}

/// Writes a number below 100.
const fn two_digits(number: u8) -> [u8; 2] {
    [b'0' + number / 10, b'0' + number % 10]
}

fn ascii(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).expect("digits, letters and punctuation are ASCII")
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use time::UtcOffset;

    use super::*;
    use crate::json;

    fn at(unix_timestamp: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(unix_timestamp).unwrap()
    }

    #[test]
    fn writes_both_forms_in_utc_and_reads_them_back() {
        for (unix_timestamp, amz, http) in [
            (0, "19700101T000000Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "19941106T084937Z", "Sun, 06 Nov 1994 08:49:37 GMT"),
            (1_440_938_160, "20150830T123600Z", "Sun, 30 Aug 2015 12:36:00 GMT"),
            (1_709_251_199, "20240229T235959Z", "Thu, 29 Feb 2024 23:59:59 GMT"),
            (-62_167_219_200, "00000101T000000Z", "Sat, 01 Jan 0000 00:00:00 GMT"),
            (253_402_300_799, "99991231T235959Z", "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            let moment = at(unix_timestamp);
            assert_eq!(AmzDate::new(moment).as_str(), amz);
            assert_eq!(AmzDate::parse(amz), Some(moment), "{amz}");
            assert_eq!(HttpDate::new(moment).as_str(), http);
            assert_eq!(HttpDate::parse(http), Some(moment), "{http}");
        }
        let elsewhere = at(1_440_938_160).to_offset(UtcOffset::from_hms(-9, 30, 0).unwrap());
        assert_eq!(AmzDate::new(elsewhere).as_str(), "20150830T123600Z");
        assert_eq!(AmzDate::new(elsewhere).date_str(), "20150830");
    }

    #[test]
    fn every_moment_of_a_document_is_read_as_it_was_written() {
        let moments = [
            ("0000-01-01T00:00:00Z", "-62167219200"),
            ("0000-01-01T00:00:00.001Z", "-62167219199.999"),
            ("1969-12-31T23:59:59.999Z", "-0.001"),
            ("1970-01-01T00:00:00Z", "0"),
            ("2026-11-22T12:00:00.123456Z", "1795348800.123"),
            ("2150-01-01T00:00:00.003Z", "5680281600.003"),
            ("9999-12-31T23:59:59.999999Z", "253402300799.999"),
        ];
        for (text, document) in moments {
            let timestamp = Timestamp::parse(text).unwrap();
            assert_eq!(json::tree(&timestamp).to_string(), document, "{text}");
            assert_eq!(json::parse(document.as_bytes()), Ok(timestamp), "{text}");
        }
        for text in ["0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "2026-11-22", "1795348800", ""] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
        for document in ["253402300800", "253402300799.9999", "-62167219200.001", "1e300"] {
            assert!(json::parse::<Timestamp>(document.as_bytes()).is_err(), "{document}");
        }
    }

    #[test]
    fn cuts_fractions_of_a_second() {
        for (nanoseconds, amz) in [(1_999_999_999, "19700101T000001Z"), (-1, "19691231T235959Z")] {
            let moment = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).unwrap();
            assert_eq!(AmzDate::new(moment).as_str(), amz);
        }
    }

    #[test]
    fn writes_years_without_four_digits_as_the_nearest_moment() {
        let (early, late) = (Date::MIN.midnight().assume_utc(), Date::MAX.with_time(Time::MAX).assume_utc());
        let east = UtcOffset::from_hms(23, 59, 59).unwrap();
        let west = UtcOffset::from_hms(-23, 59, 59).unwrap();
        for (moment, amz, http) in [
            (early, "00000101T000000Z", "Sat, 01 Jan 0000 00:00:00 GMT"),
            (early.replace_offset(east), "00000101T000000Z", "Sat, 01 Jan 0000 00:00:00 GMT"),
            (late, "99991231T235959Z", "Fri, 31 Dec 9999 23:59:59 GMT"),
            (late.replace_offset(west), "99991231T235959Z", "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(AmzDate::new(moment).as_str(), amz);
            assert_eq!(HttpDate::new(moment).as_str(), http);
        }
    }

    #[test]
    fn reads_only_the_amz_form() {
        for text in [
            "",
            "20150830",
            "2015083OT123600Z",
            "20150830T123600",
            "20150830T123600z",
            "20150830 123600Z",
            "20150830T1236000Z",
            "2015-8-30T12:360Z",
            "+0150830T123600Z",
            "20150229T000000Z",
            "20151301T000000Z",
            "20150001T000000Z",
            "20150830T240000Z",
            "20150830T126000Z",
            "20150830T123660Z",
            "20150830T1236é0Z",
            "2015083éT123600Z",
        ] {
            assert_eq!(AmzDate::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn reads_the_time_of_documents_in_any_zone() {
        for (text, nanoseconds) in [
            ("1970-01-01T00:00:01Z", 1_000_000_000),
            ("1970-01-01t00:00:01z", 1_000_000_000),
            ("1970-01-01 00:00:01UTC", 1_000_000_000),
            ("1970-01-01T01:00:01+01:00", 1_000_000_000),
            ("1969-12-31T18:30:01-0530", 1_000_000_000),
            ("1970-01-01T00:00:01.25Z", 1_250_000_000),
            ("1970-01-01T00:00:01.0000000019+00:00", 1_000_000_001),
        ] {
            assert_eq!(IsoDate::parse(text).map(OffsetDateTime::unix_timestamp_nanos), Some(nanoseconds), "{text}");
        }
        let moment = at(1_440_938_160);
        assert_eq!(IsoDate::new(moment).as_str(), "2015-08-30T12:36:00Z");
        assert_eq!(IsoDate::parse("2015-08-30T12:36:00Z"), Some(moment));
        for text in [
            "",
            "2015-08-30",
            "2015-08-30T12:36:00",
            "2015-08-30T12:36:00X",
            "2015-08-30X12:36:00Z",
            "2015-08-30T12:36:00.Z",
            "2015-08-30T12:36:00+1:00",
            "2015-08-30T12:36:00+24:00",
            "2015-08-30T12:36:00+00:60",
            "2015-08-30T12:36:00+00:00x",
            "2015-13-30T12:36:00Z",
            "2015-02-30T12:36:00Z",
            "20150830T123600Z",
            "2015-08-30T12:36:0\u{e9}Z",
            "\u{e9}015-08-30T12:36:00Z",
        ] {
            assert_eq!(IsoDate::parse(text), None, "{text:?}");
        }
        // Beyond the end of the calendar without the feature `large-dates`.
        assert_eq!(IsoDate::parse("9999-12-31T23:59:59-23:59"), None);
        assert_eq!(IsoDate::parse("0000-01-01T00:00:00+0100"), None);
    }

    #[test]
    fn reads_the_obsolete_http_forms() {
        for (text, unix_timestamp) in [
            ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
            ("Sun Nov  6 08:49:37 1994", 784_111_777),
            ("Wed Nov 16 08:49:37 1994", 784_975_777),
            ("Wednesday, 01-Jan-69 00:00:00 GMT", -31_536_000),
            ("Monday, 31-Dec-68 23:59:59 GMT", 3_124_223_999),
            ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_799),
        ] {
            assert_eq!(HttpDate::parse(text), Some(at(unix_timestamp)), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_http_date() {
        for text in [
            "",
            ", ",
            "0",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sunday, 06 Nov 1994 08:49:37 GMT",
            "Son, 06 Nov 1994 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 06-Nov-94 08:49:37 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Sunday, 06-Nov 08:49:37 GMT",
            "Sun Nov 6 08:49:37 1994",
            "Sun Nov é 08:49:37 1994",
            "Sun Nov  6 08:49:37 94",
            "2015-08-30T12:36:00Z",
        ] {
            assert_eq!(HttpDate::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn ticks_stop_at_their_end() {
        let last = Tick::from_duration(Duration::MAX);
        assert_eq!(last + Duration::from_secs(1), last);
        assert_eq!(Tick::default().since(last), Duration::ZERO);
        assert_eq!((Tick::default() + Duration::from_millis(7)).as_duration(), Duration::from_millis(7));
    }
}
