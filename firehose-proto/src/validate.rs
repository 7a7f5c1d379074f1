//! [`Violation`]: one breach of one documented rule, with the path of the member that breaks it.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::limits;
use crate::pattern::DELIVERY_STREAM_NAME;

/// One breach of one rule.
///
/// ```
/// use firehose_proto::internal::check_stream_name;
///
/// let violation = check_stream_name("app logs").unwrap_err();
/// assert_eq!(violation.to_string(), "DeliveryStreamName: \"app logs\" does not match [a-zA-Z0-9_.-]+");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The member, such as `Records[96].Data`. List indices start at 0.
    pub path: String,
    /// The text that breaks the rule. Only set for names and addresses, which are never secret.
    pub value: Option<String>,
    /// The rule, with the value or size that breaks it.
    pub rule: Rule,
}

/// A rule, and what was found instead.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// A required member is absent.
    Missing,
    /// A length below the minimum.
    TooShort {
        /// What was found.
        actual: usize,
        /// The minimum.
        min: usize,
        /// What is counted.
        unit: Unit,
    },
    /// A length above the maximum.
    TooLong {
        /// What was found.
        actual: usize,
        /// The maximum.
        max: usize,
        /// What is counted.
        unit: Unit,
    },
    /// A text that does not match its pattern.
    Pattern {
        /// The pattern, as AWS writes it.
        pattern: &'static str,
    },
    /// A number less than the minimum.
    TooSmall {
        /// What was found.
        actual: String,
        /// The minimum.
        min: String,
    },
    /// A number greater than the maximum.
    TooLarge {
        /// What was found.
        actual: String,
        /// The maximum.
        max: String,
    },
    /// A text that is not among the values that this version knows.
    Enum {
        /// The values.
        values: &'static [&'static str],
    },
    /// A value of another type.
    Type {
        /// The type that is expected.
        expected: &'static str,
    },
    /// Text that is not base64 where bytes are expected.
    Base64,
    /// A member that this version does not know.
    Unknown {
        /// The known member with the most similar name.
        nearest: Option<&'static str>,
    },
    /// Members that cannot be combined.
    Combination {
        /// The rule that they break.
        reason: Cow<'static, str>,
    },
    /// All records together exceed the limit of a request.
    RequestTooLarge {
        /// Bytes of data in all records.
        bytes: usize,
        /// The maximum.
        max_bytes: usize,
    },
}

/// What a length rule counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// Bytes of a blob, before base64.
    Bytes,
    /// Characters of a string.
    Characters,
    /// Members of a list.
    Members,
}

impl Rule {
    /// Whether the document has the wrong shape, limits aside: reading it would lose something.
    #[must_use]
    pub const fn is_of_shape(&self) -> bool {
        matches!(self, Self::Missing | Self::Type { .. } | Self::Base64 | Self::Unknown { .. })
    }
}

impl Violation {
    /// A breach at a path.
    pub fn new(path: impl Into<String>, rule: Rule) -> Self {
        Self { path: path.into(), value: None, rule }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The document as a whole has no path.
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        match &self.rule {
            Rule::Missing => f.write_str("required, but absent"),
            Rule::TooShort { actual: 0, min: 1, .. } => f.write_str("must not be empty"),
            Rule::TooShort { actual, min, unit } => write!(f, "{actual} {unit} is below {min}"),
            Rule::TooLong { actual, max, unit } => write!(f, "{actual} {unit} is above {max}"),
            Rule::Pattern { pattern } => {
                self.show_value(f)?;
                write!(f, "does not match {pattern}")
            }
            Rule::TooSmall { actual, min } => write!(f, "{actual} is below {min}"),
            Rule::TooLarge { actual, max } => write!(f, "{actual} is above {max}"),
            Rule::Enum { values } => {
                self.show_value(f)?;
                f.write_str("is none of ")?;
                join(f, values)
            }
            Rule::Type { expected } => write!(f, "not {expected}"),
            Rule::Base64 => f.write_str("not base64"),
            Rule::Unknown { nearest: None } => f.write_str("unknown member; none is allowed here"),
            Rule::Unknown { nearest: Some(nearest) } => write!(f, "unknown member; the nearest known one is {nearest}"),
            Rule::Combination { reason } => f.write_str(reason),
            Rule::RequestTooLarge { bytes, max_bytes } => {
                write!(f, "{bytes} bytes in all is above the {max_bytes} of one request")
            }
        }
    }
}

impl Violation {
    /// Shows the beginning of a text that is not secret.
    fn show_value(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_CHARACTERS: usize = 80;
        let Some(value) = &self.value else { return Ok(()) };
        match value.char_indices().nth(SHOWN_CHARACTERS) {
            None => write!(f, "{value:?} "),
            Some((end, _)) => write!(f, "{:?}… ", value.get(..end).unwrap_or_default()),
        }
    }
}

fn join(f: &mut fmt::Formatter<'_>, values: &[&str]) -> fmt::Result {
    values.iter().enumerate().try_for_each(|(index, value)| {
        f.write_str(if index == 0 { "" } else { ", " })?;
        f.write_str(value)
    })
}

impl core::error::Error for Violation {}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes => "bytes",
            Self::Characters => "characters",
            Self::Members => "members",
        })
    }
}

/// Every breach found in one input, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// Turns what a check collected into its result.
    ///
    /// # Errors
    ///
    /// The collected breaches, when there are any.
    pub fn check(found: Vec<Violation>) -> Result<(), Self> {
        if found.is_empty() { Ok(()) } else { Err(Self(found)) }
    }

    /// The breaches in the order of the input's members.
    pub fn iter(&self) -> core::slice::Iter<'_, Violation> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Violations {
    type Item = &'a Violation;
    type IntoIter = core::slice::Iter<'a, Violation>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<Violation> for Violations {
    fn from(violation: Violation) -> Self {
        Self(Vec::from([violation]))
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            violation.fmt(f)?;
        }
        Ok(())
    }
}

impl core::error::Error for Violations {}

/// Checks a delivery stream's name: 1 to 64 of `[a-zA-Z0-9_.-]`.
///
/// An ARN instead of a name fails here. The service would answer it with a confusing `AccessDeniedException`.
///
/// # Errors
///
/// The first rule it breaks.
pub fn check_stream_name(name: &str) -> Result<(), Violation> {
    let characters = name.chars().count();
    let (min, max, unit) = (1, limits::MAX_STREAM_NAME_CHARACTERS, Unit::Characters);
    let rule = if characters < min {
        Rule::TooShort { actual: characters, min, unit }
    } else if characters > max {
        Rule::TooLong { actual: characters, max, unit }
    } else if !DELIVERY_STREAM_NAME.matches(name) {
        Rule::Pattern { pattern: DELIVERY_STREAM_NAME.source() }
    } else {
        return Ok(());
    };
    Err(Violation { value: Some(name.into()), ..Violation::new("DeliveryStreamName", rule) })
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn stream_name_limits() {
        for (name, ok) in [
            ("a", true),
            ("", false),
            ("a b", false),
            ("Logs_2.x-eu", true),
            ("é", false),
            ("arn:aws:firehose:us-east-1:123456789012:deliverystream/x", false),
            (&"n".repeat(64), true),
            (&"n".repeat(65), false),
        ] {
            assert_eq!(check_stream_name(name).is_ok(), ok, "{name:?}");
        }
    }

    #[test]
    fn lists_every_breach_with_its_path() {
        let found = Vec::from([
            Violation::new("Records", Rule::TooLong { actual: 501, max: 500, unit: Unit::Members }),
            Violation::new("Records[96].Data", Rule::TooLong { actual: 1_024_001, max: 1_024_000, unit: Unit::Bytes }),
            Violation::new("Records", Rule::RequestTooLarge { bytes: 5, max_bytes: 4 }),
            Violation::new("Record", Rule::Missing),
            Violation::new("Records", Rule::TooShort { actual: 0, min: 1, unit: Unit::Members }),
            Violation::new("Password", Rule::TooShort { actual: 5, min: 6, unit: Unit::Characters }),
        ]);
        let text = Violations::check(found).unwrap_err().to_string();
        assert_eq!(
            text,
            "Records: 501 members is above 500; Records[96].Data: 1024001 bytes is above 1024000; \
             Records: 5 bytes in all is above the 4 of one request; Record: required, but absent; \
             Records: must not be empty; Password: 5 characters is below 6"
        );
    }
}
