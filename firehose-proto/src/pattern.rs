//! [`Pattern`]: each pattern that AWS documents for a text, with the code that checks it.
//!
//! AWS writes its rules for names, ARNs and addresses as Java regular expressions. There are few distinct ones, so each
//! is checked by hand-written code, in one pass over the text and without a regex engine.
//!
//! A pattern applies to the whole text. `.` is any character except `\n`, `$` is the very end, and `\d`, `\w` and `\s`
//! are ASCII. Two kinds of text pass here that the service may refuse. Java's `.` also stops at `\r`, U+0085, U+2028
//! and U+2029. And `\p{L}` is checked by [`char::is_alphabetic`], which also accepts marks that are part of a word, and
//! letters in circles.
//! Length is a separate rule, unless the pattern itself limits it.

use core::fmt;

/// A text's pattern as AWS writes it, and the code that checks it.
///
/// ```
/// use firehose_proto::internal::pattern::BUCKET_ARN;
///
/// assert!(BUCKET_ARN.matches("arn:aws:s3:::app-logs"));
/// assert!(!BUCKET_ARN.matches("s3://app-logs"));
/// assert_eq!(BUCKET_ARN.source(), r"arn:.*:s3:::[\w\.\-]{1,255}");
/// ```
#[derive(Clone, Copy)]
pub struct Pattern {
    source: &'static str,
    matches: fn(&str) -> bool,
}

impl Pattern {
    /// The pattern, as AWS writes it.
    #[must_use]
    pub const fn source(&self) -> &'static str {
        self.source
    }

    /// Whether the whole text matches the pattern.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        (self.matches)(text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.source).finish()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Pattern {}

/// Defines the constants, and a list that contains all of them.
macro_rules! patterns {
    ($($(#[$doc:meta])* $name:ident = $source:literal, $matches:expr;)*) => {
        $(
            $(#[$doc])*
            #[doc = concat!("\n\n`", $source, "`")]
            pub const $name: Pattern = Pattern { source: $source, matches: $matches };
        )*

        /// Every distinct pattern of the API's
        /// [data types](https://docs.aws.amazon.com/firehose/latest/APIReference/API_Types.html).
        pub const ALL: &[Pattern] = &[$($name),*];
    };
}

patterns! {
    /// A text of one line: prefixes, names of indices, secrets.
    ANY = r".*", is_line;

    /// A key of AWS KMS, or an alias of one.
    KMS_KEY_OR_ALIAS_ARN = r"arn:.*:kms:[a-zA-Z0-9\-]+:\d{12}:(key|alias)/[a-zA-Z_0-9+=,.@\-_/]+",
    |text| arn(text, ":kms", [region, account, |it| after(it, "key/", path) || after(it, "alias/", path)]);

    /// A key of AWS KMS, for the encryption of a delivery stream.
    KMS_KEY_ARN = r"arn:.*:kms:[a-zA-Z0-9\-]+:\d{12}:key/[a-zA-Z_0-9+=,.@\-_/]+",
    |text| arn(text, ":kms", [region, account, |it| after(it, "key/", path)]);

    /// The endpoint of a search cluster or collection.
    HTTPS = r"https:.*", |text| after(text, "https:", is_line);

    /// A domain of OpenSearch or Elasticsearch.
    ES_DOMAIN_ARN = r"arn:.*:es:[a-zA-Z0-9\-]+:\d{12}:domain/[a-z][-0-9a-z]{2,27}",
    |text| arn(text, ":es", [region, account, |it| after(it, "domain/", search_domain)]);

    /// A bucket of S3.
    BUCKET_ARN = r"arn:.*:s3:::[\w\.\-]{1,255}",
    |text| arn(text, ":s3", [str::is_empty, str::is_empty, |it| it.len() <= 255 && word(it, "_.-")]);

    /// A cluster or workgroup of Redshift.
    CLUSTER_JDBC_URL = r"jdbc:(redshift|postgresql)://((?!-)[A-Za-z0-9-]{1,63}(?<!-)\.)+(redshift(-serverless)?)\.([a-zA-Z0-9\.\-]+):\d{1,5}/[a-zA-Z0-9_$-]+",
    |text| after(text, "jdbc:redshift://", redshift) || after(text, "jdbc:postgresql://", redshift);

    /// The name of a time zone; an empty one means UTC.
    CUSTOM_TIME_ZONE = r"^$|[a-zA-Z/_]+",
    |text| text.chars().all(|it| it.is_ascii_alphabetic() || "/_".contains(it));

    /// A database, table or column: any characters of the Basic Multilingual Plane except NUL.
    DATABASE_NAME = r"[\u0001-\uFFFF]*", |text| text.chars().all(|it| matches!(it, '\u{1}'..='\u{ffff}'));

    /// A text of one line that is not only white space.
    NOT_BLANK = r"^(?!\s*$).+", |text| is_line(text) && !text.chars().all(is_space);

    /// A delivery stream, as a full ARN.
    DELIVERY_STREAM_ARN = r"arn:.*:firehose:[a-zA-Z0-9\-]+:\d{12}:deliverystream/[a-zA-Z0-9._-]+",
    |text| arn(text, ":firehose", [region, account, |it| after(it, "deliverystream/", stream_name)]);

    /// A delivery stream, by its name.
    DELIVERY_STREAM_NAME = r"[a-zA-Z0-9_.-]+", stream_name;

    /// The version of a delivery stream's settings.
    VERSION_ID = r"[0-9]+", digits;

    /// A destination of a delivery stream.
    DESTINATION_ID = r"[a-zA-Z0-9-]+", |text| word(text, "-");

    /// The suffix of S3 object names; empty for the format's own.
    FILE_EXTENSION = r"^$|\.[0-9a-z!\-_.*'()]+",
    |text| text.is_empty() || after(text, ".", |it| lower(it, "!-_.*'()"));

    /// A catalog of AWS Glue.
    GLUE_CATALOG_ARN = r"arn:.*:glue:.*:\d{12}:catalog(?:(/[a-z0-9_-]+){1,2})?",
    |text| before(text, ':', [account, |it| after(it, "catalog", catalog)])
        .is_some_and(|head| after(head, "arn:", |it| is_line(it) && it.contains(":glue:")));

    /// The URL of an HTTP endpoint.
    HTTPS_URL = r"https://.*", |text| after(text, "https://", is_line);

    /// A stream of Kinesis Data Streams.
    KINESIS_STREAM_ARN = r"arn:.*:kinesis:[a-zA-Z0-9\-]+:\d{12}:stream/[a-zA-Z0-9_.-]+",
    |text| arn(text, ":kinesis", [region, account, |it| after(it, "stream/", stream_name)]);

    /// A log group of CloudWatch.
    LOG_GROUP_NAME = r"[\.\-_/#A-Za-z0-9]*", |text| text.is_empty() || word(text, ".-_/#");

    /// A log stream of CloudWatch.
    LOG_STREAM_NAME = r"[^:*]*", |text| !text.contains([':', '*']);

    /// A cluster of Amazon MSK.
    MSK_CLUSTER_ARN = r"arn:.*", |text| after(text, "arn:", is_line);

    /// A text without white space.
    NO_WHITESPACE = r"^\S+$", |text| !text.is_empty() && !text.contains(is_space);

    /// A role of IAM.
    ROLE_ARN = r"arn:.*:iam::\d{12}:role/[a-zA-Z_0-9+=,.@\-_/]+",
    |text| arn(text, ":iam", [str::is_empty, account, |it| after(it, "role/", path)]);

    /// A secret of Secrets Manager.
    SECRET_ARN = r"arn:.*:secretsmanager:[a-zA-Z0-9\-]+:\d{12}:secret:[a-zA-Z0-9\-/_+=.@!]+",
    |text| arn(text, ":secretsmanager", [region, account, |it| it == "secret", |it| word(it, "-/_+=.@!")]);

    /// An account of Snowflake.
    SNOWFLAKE_ACCOUNT_URL = r".+?\.snowflakecomputing\.com",
    |text| text.strip_suffix(".snowflakecomputing.com").is_some_and(|it| !it.is_empty() && is_line(it));

    /// Padded base64: the private key of a Snowflake user.
    BASE64 = r"^(?:[A-Za-z0-9+\/]{4})*(?:[A-Za-z0-9+\/]{2}==|[A-Za-z0-9+\/]{3}=)?$", base64;

    /// A VPC endpoint service, such as the private link to Snowflake.
    VPC_ENDPOINT_SERVICE_NAME = r"([a-zA-Z0-9\-\_]+\.){2,3}vpce\.[a-zA-Z0-9\-]*\.vpce-svc\-[a-zA-Z0-9\-]{17}$",
    |text| before(text, '.', [|it| it == "vpce", |it| it.is_empty() || region(it), service_id])
        .is_some_and(|head| matches!(head.split('.').count(), 2 | 3) && head.split('.').all(|it| word(it, "-_")));

    /// A database or table for Iceberg records.
    LETTERS_DIGITS_UNDERSCORES_DOTS = r"[a-zA-Z0-9\.\_]+", |text| word(text, "._");

    /// The key of a tag.
    TAG_KEY = r"^(?!aws:)[\p{L}\p{Z}\p{N}_.:\/=+\-@%]*$", |text| !text.starts_with("aws:") && tag(text);

    /// The value of a tag.
    TAG_VALUE = r"^[\p{L}\p{Z}\p{N}_.:\/=+\-@%]*$", tag;

    /// A topic of an MSK cluster. AWS doubles its backslashes, so they pass as well.
    TOPIC_NAME = r"[a-zA-Z0-9\\._\\-]+", |text| word(text, r"\._-");

    /// The location of Iceberg tables.
    WAREHOUSE_LOCATION = r"s3:\/\/.*", |text| after(text, "s3://", is_line);
}

/// What precedes the last fields of a text, if each field is valid.
///
/// Fields contain no separators. A text read from its end can therefore be split in only one way, even if the free part
/// before the fields repeats their words.
fn before<const N: usize>(text: &str, separator: char, fields: [fn(&str) -> bool; N]) -> Option<&str> {
    fields.into_iter().rev().try_fold(text, |text, is_field| {
        let (head, field) = text.rsplit_once(separator)?;
        is_field(field).then_some(head)
    })
}

/// `arn:.*<service>`, then the fields, each after a colon.
fn arn<const N: usize>(text: &str, service: &str, fields: [fn(&str) -> bool; N]) -> bool {
    before(text, ':', fields).and_then(|head| head.strip_prefix("arn:")?.strip_suffix(service)).is_some_and(is_line)
}

/// A prefix, followed by a valid tail.
fn after(text: &str, prefix: &str, is_tail: fn(&str) -> bool) -> bool {
    text.strip_prefix(prefix).is_some_and(is_tail)
}

/// One or more ASCII letters, digits and the given marks.
fn word(text: &str, marks: &str) -> bool {
    !text.is_empty() && text.chars().all(|it| it.is_ascii_alphanumeric() || marks.contains(it))
}

/// A [`word`] without capital letters.
fn lower(text: &str, marks: &str) -> bool {
    word(text, marks) && !text.bytes().any(|it| it.is_ascii_uppercase())
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit())
}

fn is_line(text: &str) -> bool {
    !text.contains('\n')
}

/// `\s`. It includes the vertical tab, unlike [`char::is_ascii_whitespace`].
fn is_space(it: char) -> bool {
    matches!(it, ' ' | '\t'..='\r')
}

fn region(text: &str) -> bool {
    word(text, "-")
}

fn account(text: &str) -> bool {
    text.len() == 12 && digits(text)
}

fn path(text: &str) -> bool {
    word(text, "_+=,.@-/")
}

fn stream_name(text: &str) -> bool {
    word(text, "_.-")
}

fn search_domain(text: &str) -> bool {
    (3..=28).contains(&text.len()) && text.starts_with(|it: char| it.is_ascii_lowercase()) && lower(text, "-")
}

/// Nothing, or one or two names, each after a slash.
fn catalog(text: &str) -> bool {
    let mut parts = text.split('/');
    parts.next() == Some("") && parts.clone().count() <= 2 && parts.all(|it| lower(it, "_-"))
}

/// Host, port and database.
fn redshift(text: &str) -> bool {
    let database: fn(&str) -> bool = |it| word(it, "_$-");
    before(text, '/', [database])
        .and_then(|address| before(address, ':', [|port| port.len() <= 5 && digits(port)]))
        .is_some_and(redshift_host)
}

/// One or more labels, the service's label, and the domain.
///
/// The first label that may be the service's is the one that counts: the domain may contain any others.
fn redshift_host(host: &str) -> bool {
    let mut next = host.split_once('.');
    while let Some((label, rest)) = next {
        if label.len() > 63 || !word(label, "-") || label.starts_with('-') || label.ends_with('-') {
            return false;
        }
        next = rest.split_once('.');
        if let Some(("redshift" | "redshift-serverless", domain)) = next {
            return word(domain, ".-");
        }
    }
    false
}

fn base64(text: &str) -> bool {
    let digits = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    text.is_empty() || text.len().is_multiple_of(4) && word(digits, "+/")
}

fn service_id(text: &str) -> bool {
    after(text, "vpce-svc-", |it| it.len() == 17 && word(it, "-"))
}

fn tag(text: &str) -> bool {
    // White space other than control characters is exactly `\p{Z}`.
    let is_allowed = |it: char| {
        it.is_alphabetic() || it.is_numeric() || it.is_whitespace() && !it.is_control() || "_.:/=+-@%".contains(it)
    };
    text.chars().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn is_known_by_its_source() {
        for (index, pattern) in ALL.iter().enumerate() {
            assert_eq!(ALL.iter().position(|other| other == pattern), Some(index), "{pattern:?} is there twice");
        }
        assert_eq!(ALL.len(), 32);
        assert_eq!(format!("{VERSION_ID:?}"), r#"Pattern("[0-9]+")"#);
    }
}
