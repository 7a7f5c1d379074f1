//! Checks a document against its table: walks its tree and reports every breach, in the order of the members.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;

use super::{Shape, Structure};
use crate::json::{Base64, Value};
use crate::time::Timestamp;
use crate::validate::{Rule, Unit, Violation};

/// Reports everything wrong with a document.
pub(crate) fn check(structure: &Structure, document: &Value) -> Vec<Violation> {
    let mut walk = Walk { path: String::new(), found: Vec::new(), is_strict: true };
    walk.structure(structure, document);
    walk.found
}

/// The same, except for unknown members: they may belong to a later version of the API.
#[cfg(feature = "control")]
pub(crate) fn check_known(structure: &Structure, document: &Value) -> Vec<Violation> {
    let mut walk = Walk { path: String::new(), found: Vec::new(), is_strict: false };
    walk.structure(structure, document);
    walk.found
}

struct Walk {
    path: String,
    found: Vec<Violation>,
    is_strict: bool,
}

impl Walk {
    fn report(&mut self, rule: Rule) {
        self.found.push(Violation::new(self.path.clone(), rule));
    }

    fn report_value(&mut self, value: &str, rule: Rule) {
        self.found.push(Violation { value: Some(value.into()), ..Violation::new(self.path.clone(), rule) });
    }

    /// Runs `then` one level down the path.
    fn at(&mut self, step: impl Display, then: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push_str(&step.to_string());
        then(self);
        self.path.truncate(length);
    }

    fn member(&mut self, name: &str, then: impl FnOnce(&mut Self)) {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.at(format_args!("{dot}{name}"), then);
    }

    fn structure(&mut self, structure: &Structure, value: &Value) {
        let Value::Object(members) = value else {
            return self.report(Rule::Type { expected: "an object" });
        };
        for member in structure.members {
            match members.get(member.name) {
                Some(Value::Null) | None => {
                    if member.is_required {
                        self.member(member.name, |walk| walk.report(Rule::Missing));
                    }
                }
                Some(value) => self.member(member.name, |walk| walk.shape(&member.shape, value)),
            }
        }
        if self.is_strict {
            for name in members.keys().filter(|name| structure.member(name).is_none()) {
                let nearest = nearest(name, structure.members.iter().map(|member| member.name));
                self.member(name, |walk| walk.report(Rule::Unknown { nearest }));
            }
        }
    }

    fn shape(&mut self, shape: &Shape, value: &Value) {
        match (*shape, value) {
            (Shape::Boolean, Value::Bool(_)) => {}
            (Shape::Boolean, _) => self.report(Rule::Type { expected: "true or false" }),
            (Shape::Integer { min, max }, _) => match value.as_i64() {
                Some(number) => self.range(number, min.into(), max.into()),
                None if value.is_u64() => {
                    self.report(Rule::TooLarge { actual: value.to_string(), max: max.to_string() });
                }
                None => self.report(Rule::Type { expected: "a whole number" }),
            },
            (Shape::Double { min, max }, _) => match value.as_f64() {
                Some(number) => self.range(number, min, max),
                None => self.report(Rule::Type { expected: "a number" }),
            },
            (Shape::Structure(structure), _) => self.structure(structure, value),
            (Shape::List { member, min, max }, Value::Array(values)) => {
                self.length(values.len(), min, max, Unit::Members, None);
                for (index, value) in values.iter().enumerate() {
                    self.at(format_args!("[{index}]"), |walk| walk.shape(member, value));
                }
            }
            (Shape::List { .. }, _) => self.report(Rule::Type { expected: "a list" }),
            (Shape::Map { key, value: shape }, Value::Object(entries)) => {
                for (name, value) in entries {
                    self.at(format_args!("[{name:?}]"), |walk| {
                        walk.text(key, name);
                        walk.shape(shape, value);
                    });
                }
            }
            (Shape::Map { .. }, _) => self.report(Rule::Type { expected: "an object" }),
            (Shape::Timestamp, Value::String(text)) if Timestamp::parse(text).is_some() => {}
            (Shape::Timestamp, Value::Number(_)) => {}
            (Shape::Timestamp, _) => {
                self.report(Rule::Type { expected: "seconds since 1970 or a moment like 2026-11-22T12:00:00Z" });
            }
            (Shape::Text { .. } | Shape::Enum(_) | Shape::Blob { .. }, Value::String(text)) => self.text(shape, text),
            (Shape::Text { .. } | Shape::Enum(_) | Shape::Blob { .. }, _) => {
                self.report(Rule::Type { expected: "text" });
            }
        }
    }

    fn text(&mut self, shape: &Shape, text: &str) {
        match *shape {
            Shape::Text { min, max, pattern, is_sensitive } => {
                let shown = (!is_sensitive).then_some(text);
                let has_length = self.length(text.chars().count(), min, max, Unit::Characters, shown);
                // One breach for each text is enough.
                if let Some(pattern) = pattern.filter(|pattern| has_length && !pattern.matches(text)) {
                    let rule = Rule::Pattern { pattern: pattern.source() };
                    match shown {
                        Some(text) => self.report_value(text, rule),
                        None => self.report(rule),
                    }
                }
            }
            Shape::Enum(values) if !values.contains(&text) => self.report_value(text, Rule::Enum { values }),
            Shape::Blob { max } => match Base64::new().decode(text) {
                Some(data) => {
                    self.length(data.len(), 0, max, Unit::Bytes, None);
                }
                None => self.report(Rule::Base64),
            },
            _ => {}
        }
    }

    fn range<N: PartialOrd + Display + Copy>(&mut self, number: N, min: N, max: N) {
        if number < min {
            self.report(Rule::TooSmall { actual: number.to_string(), min: min.to_string() });
        } else if number > max {
            self.report(Rule::TooLarge { actual: number.to_string(), max: max.to_string() });
        }
    }

    /// Reports a count outside its range; returns whether it is inside.
    fn length(&mut self, actual: usize, min: usize, max: usize, unit: Unit, shown: Option<&str>) -> bool {
        let rule = match actual {
            _ if actual < min => Rule::TooShort { actual, min, unit },
            _ if actual > max => Rule::TooLong { actual, max, unit },
            _ => return true,
        };
        match shown {
            Some(text) => self.report_value(text, rule),
            None => self.report(rule),
        }
        false
    }
}

/// The known name with the fewest changed letters, ignoring case. A long common beginning counts as much as few
/// changes. Names that continue the whole of `name` come first.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_ascii_lowercase();
    let way = |known: &str| {
        let known = known.to_ascii_lowercase();
        let common = name.chars().zip(known.chars()).take_while(|(ours, theirs)| ours == theirs).count();
        (!known.starts_with(&*name), distance(&name, &known) + name.chars().count() - common)
    };
    known.into_iter().min_by_key(|known| way(known))
}

/// The number of letters to insert, drop or replace to turn one text into another.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (index, letter) in from.chars().enumerate() {
        let mut diagonal = index;
        let mut left = index + 1;
        for (cell, other) in row.iter_mut().zip(core::iter::once(None).chain(to.chars().map(Some))) {
            let above = *cell;
            *cell = match other {
                None => left,
                Some(other) => (diagonal + usize::from(letter != other)).min(above + 1).min(left + 1),
            };
            diagonal = above;
            left = *cell;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(all(test, feature = "control"))]
mod tests {
    use alloc::format;

    use super::*;
    use crate::json;
    use crate::op::Operation;
    use crate::op::create_delivery_stream::CreateDeliveryStream;
    use crate::op::put_record_batch::PutRecordBatch;
    use crate::schema::Document;
    use crate::validate::Violation;

    fn breaches<O: Operation>(document: &str) -> Vec<String> {
        match O::check_document(document.as_bytes()) {
            Ok(()) => Vec::new(),
            Err(crate::op::InputError::Invalid(found)) => found.iter().map(Violation::to_string).collect(),
            Err(error) => Vec::from([error.to_string()]),
        }
    }

    #[test]
    fn reports_every_breach_with_its_path() {
        let role = "arn:aws:iam::123456789012:role/r";
        let document = format!(
            r#"{{
                "DeliveryStreamName": "a b",
                "DeliveryStreamType": "Tape",
                "Tags": [{{"Key": "aws:x"}}, {{"Value": 5}}],
                "ExtendedS3DestinationConfiguration": {{
                    "RoleARN": "{role}",
                    "BufferingHints": {{"SizeInMBs": 0, "IntervalInSeconds": 901}},
                    "CompresionFormat": "GZIP",
                    "DataFormatConversionConfiguration": {{
                        "Enabled": "yes",
                        "OutputFormatConfiguration": {{"Serializer": {{"OrcSerDe": {{
                            "PaddingTolerance": 1.5, "StripeSizeBytes": 99999999999, "BloomFilterColumns": ["a", "b c"]
                        }}}}}},
                        "InputFormatConfiguration": {{"Deserializer": {{"OpenXJsonSerDe": {{
                            "ColumnToJsonKeyMappings": {{"a b": ""}}
                        }}}}}}
                    }}
                }}
            }}"#
        );
        let s3 = "ExtendedS3DestinationConfiguration";
        let conversion = format!("{s3}.DataFormatConversionConfiguration");
        let orc = format!("{conversion}.OutputFormatConfiguration.Serializer.OrcSerDe");
        let mappings = format!(
            "{conversion}.InputFormatConfiguration.Deserializer.OpenXJsonSerDe.ColumnToJsonKeyMappings[\"a b\"]"
        );
        let mut found = breaches::<CreateDeliveryStream>(&document);
        let mut expected = Vec::from([
            "DeliveryStreamName: \"a b\" does not match [a-zA-Z0-9_.-]+".into(),
            "DeliveryStreamType: \"Tape\" is none of DirectPut, KinesisStreamAsSource, MSKAsSource, DatabaseAsSource"
                .into(),
            r#"Tags[0].Key: "aws:x" does not match ^(?!aws:)[\p{L}\p{Z}\p{N}_.:\/=+\-@%]*$"#.into(),
            "Tags[1].Key: required, but absent".into(),
            "Tags[1].Value: not text".into(),
            format!("{s3}.BucketARN: required, but absent"),
            format!("{s3}.BufferingHints.SizeInMBs: 0 is below 1"),
            format!("{s3}.BufferingHints.IntervalInSeconds: 901 is above 900"),
            format!("{s3}.CompresionFormat: unknown member; the nearest known one is CompressionFormat"),
            format!("{conversion}.Enabled: not true or false"),
            format!("{orc}.PaddingTolerance: 1.5 is above 1"),
            format!("{orc}.StripeSizeBytes: 99999999999 is above 2147483647"),
            format!("{orc}.BloomFilterColumns[1]: \"b c\" does not match ^\\S+$"),
            format!("{mappings}: \"a b\" does not match ^\\S+$"),
            format!("{mappings}: must not be empty"),
        ]);
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn holds_members_to_the_rules_between_them() {
        let s3 = r#""RoleARN":"arn:aws:iam::123456789012:role/r","BucketARN":"arn:aws:s3:::b""#;
        for (members, expected) in [
            (
                format!(r#""S3DestinationConfiguration":{{{s3}}},"ExtendedS3DestinationConfiguration":{{{s3}}}"#),
                "S3DestinationConfiguration: cannot be combined with ExtendedS3DestinationConfiguration: a stream has one destination",
            ),
            (
                r#""DeliveryStreamType":"KinesisStreamAsSource""#.into(),
                "KinesisStreamSourceConfiguration: required with DeliveryStreamType KinesisStreamAsSource, but absent",
            ),
            (
                r#""MSKSourceConfiguration":{"MSKClusterARN":"arn:m","TopicName":"t","AuthenticationConfiguration":
                {"RoleARN":"arn:aws:iam::123456789012:role/r","Connectivity":"PUBLIC"}}"#
                    .into(),
                "MSKSourceConfiguration: needs DeliveryStreamType MSKAsSource, not DirectPut",
            ),
            (
                format!(r#""ExtendedS3DestinationConfiguration":{{{s3},"S3BackupMode":"Enabled"}}"#),
                "ExtendedS3DestinationConfiguration.S3BackupConfiguration: required with S3BackupMode Enabled, but absent",
            ),
            (
                format!(
                    r#""ExtendedS3DestinationConfiguration":{{{s3},"EncryptionConfiguration":{{"NoEncryptionConfig":
                "NoEncryption","KMSEncryptionConfig":{{"AWSKMSKeyARN":"arn:aws:kms:us-east-1:123456789012:key/k"}}}}}}"#
                ),
                "ExtendedS3DestinationConfiguration.EncryptionConfiguration.KMSEncryptionConfig: cannot be combined with \
              NoEncryptionConfig",
            ),
            (
                r#""DeliveryStreamEncryptionConfigurationInput":{"KeyType":"CUSTOMER_MANAGED_CMK"}"#.into(),
                "DeliveryStreamEncryptionConfigurationInput.KeyARN: required with KeyType CUSTOMER_MANAGED_CMK, but absent",
            ),
            (
                r#""DeliveryStreamEncryptionConfigurationInput":{"KeyType":"AWS_OWNED_CMK",
                "KeyARN":"arn:aws:kms:us-east-1:123456789012:key/k"}"#
                    .into(),
                "DeliveryStreamEncryptionConfigurationInput.KeyARN: cannot be combined with KeyType AWS_OWNED_CMK",
            ),
            (
                format!(
                    r#""RedshiftDestinationConfiguration":{{"RoleARN":"arn:aws:iam::123456789012:role/r","ClusterJDBCURL":
                "jdbc:redshift://c.x.redshift.amazonaws.com:5439/d","CopyCommand":{{"DataTableName":"t"}},
                "S3Configuration":{{{s3},"CompressionFormat":"ZIP"}}}}"#
                ),
                "RedshiftDestinationConfiguration.S3Configuration.CompressionFormat: ZIP cannot be read by Redshift's COPY: \
              UNCOMPRESSED or GZIP",
            ),
        ] {
            let document = format!(r#"{{"DeliveryStreamName":"demo",{members}}}"#);
            assert_eq!(breaches::<CreateDeliveryStream>(&document), [expected], "{document}");
        }
    }

    #[test]
    fn measures_records_by_what_their_base64_holds() {
        let full = "AAAA".repeat(1_024_000 / 3 + 1);
        let one = r#"{"Data":"AAA="}"#;
        for (records, expected) in [
            (format!(r#"{{"Data":"{full}"}}"#), &["Records[0].Data: 1024002 bytes is above 1024000"][..]),
            (one.into(), &[]),
            (r#"{"Data":"A"}"#.into(), &["Records[0].Data: not base64"]),
            (
                [&*format!(r#"{{"Data":"{}"}}"#, &full[..1_365_332]); 5].join(","),
                &["Records: 5119995 bytes in all is above the 4194304 of one request"],
            ),
            ([one; 501].join(","), &["Records: 501 members is above 500"]),
            (String::new(), &["Records: must not be empty"]),
        ] {
            let document = format!(r#"{{"DeliveryStreamName":"demo","Records":[{records}]}}"#);
            assert_eq!(breaches::<PutRecordBatch>(&document), expected, "{document:.99}");
        }
    }

    #[test]
    fn finds_the_name_that_was_meant() {
        let known =
            ["CreateDeliveryStream", "ListDeliveryStreams", "ListTagsForDeliveryStream", "PutRecord", "PutRecordBatch"];
        for (name, expected) in [
            ("creatdeliverystreem", "CreateDeliveryStream"),
            ("list", "ListDeliveryStreams"),
            ("listtags", "ListTagsForDeliveryStream"),
            ("ListStreams", "ListDeliveryStreams"),
            ("PutRecords", "PutRecord"),
            ("utRecordBatch", "PutRecordBatch"),
        ] {
            assert_eq!(nearest(name, known), Some(expected), "{name}");
        }
        assert_eq!(nearest("any", []), None);
    }

    #[test]
    fn keeps_members_of_tomorrow_and_lets_them_pass_in_typed_inputs() {
        let text = r#"{"SizeInMBs":1,"Secret":{"a":[1,null]},"New":null}"#;
        let hints: crate::model::s3::BufferingHints = json::parse(text.as_bytes()).unwrap();
        assert_eq!(json::tree(&hints), json::parse::<Value>(text.as_bytes()).unwrap());
        let shown = format!("{hints:?}");
        assert!(shown.contains(r#"unknown: ["Secret", "New"]"#) && !shown.contains("null"), "{shown}");
        let structure = crate::model::s3::BufferingHints::STRUCTURE;
        assert_eq!(check_known(structure, &json::tree(&hints)), []);
        assert_eq!(check(structure, &json::tree(&hints)).len(), 2);
    }
}
