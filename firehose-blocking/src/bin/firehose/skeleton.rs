//! `firehose call OPERATION --skeleton`: an input to begin with, written from the tables of what documents look like.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firehose_blocking::firehose_proto::internal::pattern;
use firehose_blocking::firehose_proto::internal::schema::{Member, Shape, Structure};

/// Which members an input is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Those without which the service refuses it.
    Minimal,
    /// All that there are, also those that exclude each other.
    Whole,
}

/// Members that no table requires, but of whose kind the service wants one.
const NEEDED: [&str; 2] = ["ExtendedS3DestinationConfiguration", "ExtendedS3DestinationUpdate"];

/// Texts that have the patterns which not any text has.
const EXAMPLES: &[(pattern::Pattern, &str)] = &[
    (pattern::BASE64, "AAAA"),
    (pattern::BUCKET_ARN, "arn:aws:s3:::my-bucket"),
    (pattern::CLUSTER_JDBC_URL, "jdbc:redshift://my-cluster.eu-west-1.redshift.amazonaws.com:5439/my_database"),
    (pattern::CUSTOM_TIME_ZONE, "Europe/Berlin"),
    (pattern::DELIVERY_STREAM_ARN, "arn:aws:firehose:eu-west-1:123456789012:deliverystream/my-stream"),
    (pattern::DELIVERY_STREAM_NAME, "my-stream"),
    (pattern::DESTINATION_ID, "destinationId-000000000001"),
    (pattern::ES_DOMAIN_ARN, "arn:aws:es:eu-west-1:123456789012:domain/my-domain"),
    (pattern::FILE_EXTENSION, ".json"),
    (pattern::GLUE_CATALOG_ARN, "arn:aws:glue:eu-west-1:123456789012:catalog"),
    (pattern::HTTPS, "https://search.example.com"),
    (pattern::HTTPS_URL, "https://logs.example.com/firehose"),
    (pattern::KINESIS_STREAM_ARN, "arn:aws:kinesis:eu-west-1:123456789012:stream/my-data-stream"),
    (pattern::KMS_KEY_ARN, "arn:aws:kms:eu-west-1:123456789012:key/my-key"),
    (pattern::KMS_KEY_OR_ALIAS_ARN, "arn:aws:kms:eu-west-1:123456789012:alias/my-key"),
    (pattern::LOG_GROUP_NAME, "/aws/kinesisfirehose/my-stream"),
    (pattern::MSK_CLUSTER_ARN, "arn:aws:kafka:eu-west-1:123456789012:cluster/my-cluster/id"),
    (pattern::ROLE_ARN, "arn:aws:iam::123456789012:role/my-role"),
    (pattern::SECRET_ARN, "arn:aws:secretsmanager:eu-west-1:123456789012:secret:my-secret"),
    (pattern::SNOWFLAKE_ACCOUNT_URL, "https://my-account.snowflakecomputing.com"),
    (pattern::VERSION_ID, "1"),
    (pattern::VPC_ENDPOINT_SERVICE_NAME, "com.amazonaws.vpce.eu-west-1.vpce-svc-0123456789abcdef0"),
    (pattern::WAREHOUSE_LOCATION, "s3://my-bucket/my-warehouse"),
];

/// Writes an input as JSON, its members in the order of AWS's pages.
pub(crate) fn write(input: &Structure, extent: Extent) -> String {
    let mut writer = Writer { text: String::new(), extent };
    writer.structure(input, 0);
    writer.text
}

struct Writer {
    text: String,
    extent: Extent,
}

impl Writer {
    fn structure(&mut self, structure: &Structure, depth: usize) {
        let is_wanted =
            |member: &&Member| self.extent == Extent::Whole || member.is_required || NEEDED.contains(&member.name);
        let members: Vec<&Member> = structure.members.iter().filter(is_wanted).collect();
        self.enclose(['{', '}'], &members, depth, |writer, member| {
            writer.string(member.name);
            writer.text.push_str(": ");
            writer.value(&member.shape, member.name, depth + 1);
        });
    }

    /// Writes a value that its member's name explains where its shape does not.
    fn value(&mut self, shape: &Shape, name: &str, depth: usize) {
        match *shape {
            Shape::Boolean => self.text.push_str("false"),
            Shape::Integer { min, max } => self.plain(1.clamp(min, max)),
            Shape::Double { min, max } => self.plain(1_f64.clamp(min, max)),
            Shape::Text { min, max, pattern, .. } => self.string(&example(name, min, max, pattern)),
            Shape::Enum(values) => self.string(values.first().copied().unwrap_or_default()),
            Shape::Blob { .. } => self.string(&STANDARD.encode("one line\n")),
            Shape::Timestamp => self.string("2026-01-31T12:00:00Z"),
            Shape::Structure(structure) => self.structure(structure, depth),
            Shape::List { member, min, .. } => {
                let count = if self.extent == Extent::Whole { min.max(1) } else { min };
                self.enclose(['[', ']'], &vec![(); count], depth, |writer, ()| writer.value(member, name, depth + 1));
            }
            Shape::Map { key, value } => {
                let entries: &[()] = if self.extent == Extent::Whole { &[()] } else { &[] };
                self.enclose(['{', '}'], entries, depth, |writer, ()| {
                    writer.value(key, "key", depth + 1);
                    writer.text.push_str(": ");
                    writer.value(value, "value", depth + 1);
                });
            }
            // Of a shape of tomorrow there is no example.
            _ => self.text.push_str("null"),
        }
    }

    /// Writes what an object or a list consists of, a line each.
    fn enclose<T>(
        &mut self,
        [open, close]: [char; 2],
        parts: &[T],
        depth: usize,
        mut write: impl FnMut(&mut Self, &T),
    ) {
        self.text.push(open);
        for (index, part) in parts.iter().enumerate() {
            self.text.push_str(if index == 0 { "\n" } else { ",\n" });
            self.text.push_str(&"  ".repeat(depth + 1));
            write(self, part);
        }
        if !parts.is_empty() {
            self.text.push('\n');
            self.text.push_str(&"  ".repeat(depth));
        }
        self.text.push(close);
    }

    fn plain(&mut self, number: impl std::fmt::Display) {
        write!(self.text, "{number}").expect("a string takes all text");
    }

    fn string(&mut self, text: &str) {
        self.text.push_str(&serde_json::Value::from(text).to_string());
    }
}

/// A text that keeps the rules of its shape.
fn example(name: &str, min: usize, max: usize, pattern: Option<pattern::Pattern>) -> String {
    let known = EXAMPLES.iter().find(|(known, _)| Some(*known) == pattern);
    let text = known.map_or(name, |(_, example)| example);
    let padding = min.saturating_sub(text.chars().count());
    text.chars().chain(std::iter::repeat_n('A', padding)).take(max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_an_example_of_every_pattern() {
        for pattern in pattern::ALL {
            let text = example("SomeMember", 0, usize::MAX, Some(*pattern));
            assert!(pattern.matches(&text), "{text:?} does not match {}", pattern.source());
        }
    }
}
