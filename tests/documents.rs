//! Documents made from the facts: with all members or only the required ones, their values at the limits.

use serde_json::{Map, Value, json};

use crate::facts::Facts;

/// Rounds that it takes until every enum has had each of its values.
pub const ROUNDS: usize = 18;

/// For each pattern a text that matches and can be made longer: its beginning, what may be repeated, its end.
const TEXTS: &[(&str, [&str; 3])] = &[
    (r".*", ["", "\"", ""]),
    (r"https:.*", ["https:", "\\", ""]),
    (r"https://.*", ["https://", "é", ""]),
    (r"s3:\/\/.*", ["s3://", "\u{1f525}", ""]),
    (r"arn:.*", ["arn:", " ", ""]),
    (r"arn:.*:es:[a-zA-Z0-9\-]+:\d{12}:domain/[a-z][-0-9a-z]{2,27}", ["arn:", ":", ":es:eu-1:123456789012:domain/a-0"]),
    (
        r"arn:.*:firehose:[a-zA-Z0-9\-]+:\d{12}:deliverystream/[a-zA-Z0-9._-]+",
        ["arn:aws:firehose:eu-1:123456789012:deliverystream/a", ".", ""],
    ),
    (r"arn:.*:glue:.*:\d{12}:catalog(?:(/[a-z0-9_-]+){1,2})?", ["arn:", "g", ":glue:eu-1:123456789012:catalog/a/b"]),
    (r"arn:.*:iam::\d{12}:role/[a-zA-Z_0-9+=,.@\-_/]+", ["arn:aws:iam::123456789012:role/firehose", "/", ""]),
    (
        r"arn:.*:kinesis:[a-zA-Z0-9\-]+:\d{12}:stream/[a-zA-Z0-9_.-]+",
        ["arn:aws:kinesis:eu-1:123456789012:stream/a", "-", ""],
    ),
    (
        r"arn:.*:kms:[a-zA-Z0-9\-]+:\d{12}:(key|alias)/[a-zA-Z_0-9+=,.@\-_/]+",
        ["arn:aws:kms:eu-1:123456789012:alias/a", "+", ""],
    ),
    (r"arn:.*:kms:[a-zA-Z0-9\-]+:\d{12}:key/[a-zA-Z_0-9+=,.@\-_/]+", ["arn:aws:kms:eu-1:123456789012:key/a", "=", ""]),
    (r"arn:.*:s3:::[\w\.\-]{1,255}", ["arn:", "a", ":s3:::logs"]),
    (
        r"arn:.*:secretsmanager:[a-zA-Z0-9\-]+:\d{12}:secret:[a-zA-Z0-9\-/_+=.@!]+",
        ["arn:aws:secretsmanager:eu-1:123456789012:secret:a", "!", ""],
    ),
    (
        r"jdbc:(redshift|postgresql)://((?!-)[A-Za-z0-9-]{1,63}(?<!-)\.)+(redshift(-serverless)?)\.([a-zA-Z0-9\.\-]+):\d{1,5}/[a-zA-Z0-9_$-]+",
        ["jdbc:redshift://c.x.redshift.eu-1.amazonaws.com:5439/d", "$", ""],
    ),
    (r"^$|[a-zA-Z/_]+", ["", "/", ""]),
    (r"^$|\.[0-9a-z!\-_.*'()]+", [".x", "'", ""]),
    (r"[\u0001-\uFFFF]*", ["", "\u{1}", ""]),
    (r"^(?!\s*$).+", ["", " ", "x"]),
    (r"^\S+$", ["", "§", ""]),
    (r"[a-zA-Z0-9_.-]+", ["", "a", ""]),
    (r"[a-zA-Z0-9-]+", ["", "d", ""]),
    (r"[0-9]+", ["", "7", ""]),
    (r"[\.\-_/#A-Za-z0-9]*", ["", "#", ""]),
    (r"[^:*]*", ["", "\n", ""]),
    (r"[a-zA-Z0-9\.\_]+", ["", "_", ""]),
    (r"[a-zA-Z0-9\\._\\-]+", ["", "t", ""]),
    (r"^(?!aws:)[\p{L}\p{Z}\p{N}_.:\/=+\-@%]*$", ["", "日", ""]),
    (r"^[\p{L}\p{Z}\p{N}_.:\/=+\-@%]*$", ["", "@", ""]),
    (r".+?\.snowflakecomputing\.com", ["", "s", "s.snowflakecomputing.com"]),
    (r"^(?:[A-Za-z0-9+\/]{4})*(?:[A-Za-z0-9+\/]{2}==|[A-Za-z0-9+\/]{3}=)?$", ["", "+/aZ", "QQ=="]),
    (
        r"([a-zA-Z0-9\-\_]+\.){2,3}vpce\.[a-zA-Z0-9\-]*\.vpce-svc\-[a-zA-Z0-9\-]{17}$",
        ["com.a", "_", ".vpce.eu-1.vpce-svc-0123456789abcdef0"],
    ),
];

/// What a document is made for.
///
/// In even rounds values are the least and texts the shortest that are allowed, in odd rounds the most and the longest;
/// enums have another value in each.
#[derive(Debug, Clone, Copy)]
pub struct Documents<'a> {
    facts: &'a Facts,
    round: usize,
    is_full: bool,
}

impl<'a> Documents<'a> {
    /// Documents with every member.
    #[must_use]
    pub const fn full(facts: &'a Facts, round: usize) -> Self {
        Self { facts, round, is_full: true }
    }

    /// Documents with the required members alone.
    #[must_use]
    pub const fn minimal(facts: &'a Facts, round: usize) -> Self {
        Self { facts, round, is_full: false }
    }

    /// A document of a structure.
    #[must_use]
    pub fn structure(&self, name: &str) -> Value {
        let members = self.facts.members(name).filter(|member| self.is_full || member.is_required);
        let mut document: Map<_, _> =
            members.map(|member| (member.name.to_owned(), self.value(member.shape))).collect();
        if name == "PutRecordBatchOutput" {
            add_up(&mut document);
        }
        if name == "PutRecordBatchResponseEntry" && document.get("ErrorCode") == Some(&json!("")) {
            // Of an accepted record an empty code is none.
            document.retain(|member, _| member == "RecordId");
        }
        document.into()
    }

    /// A value of a structure or a shape.
    ///
    /// # Panics
    /// If the shape has a type of which this knows nothing.
    #[must_use]
    pub fn value(&self, shape: &str) -> Value {
        if self.facts.is_structure(shape) {
            return self.structure(shape);
        }
        let name = |fact| self.facts.text("shapes", shape, fact);
        let limit = |fact, otherwise| {
            self.facts.entry("shapes", shape).get(fact).map_or(otherwise, |value| value.as_i64().unwrap_or(otherwise))
        };
        match name("type") {
            "boolean" => json!(self.is_least()),
            "integer" if self.is_least() => json!(limit("min", i32::MIN.into())),
            "integer" => json!(limit("max", i32::MAX.into())),
            "double" => json!(if self.is_least() { 0.0 } else { 1.0 }),
            "timestamp" => json!(1_795_348_800 + self.round),
            "blob" => json!(if self.is_least() { "" } else { "AP9oaQ==" }),
            "list" => {
                let values = if self.is_least() { limit("min", 0).max(1) } else { limit("max", 3).min(16) };
                (0..values).map(|_| self.value(name("member"))).collect()
            }
            "map" => {
                let Value::String(key) = self.value(name("key")) else { panic!("the key of {shape} is no text") };
                json!({ key: self.value(name("value")) })
            }
            "string" => self.text(shape),
            other => panic!("no value is known for the type {other} of {shape}"),
        }
    }

    fn is_least(&self) -> bool {
        self.round.is_multiple_of(2)
    }

    fn text(&self, shape: &str) -> Value {
        let values = self.facts.texts("shapes", shape, "enum");
        if let Some(value) = values.iter().cycle().nth(self.round) {
            return json!(value);
        }
        let facts = self.facts.entry("shapes", shape);
        let limit =
            |fact| facts.get(fact).and_then(Value::as_u64).map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let [start, more, end] = match facts.get("pattern").and_then(Value::as_str) {
            None => ["", "x", ""],
            Some(pattern) => {
                let known = TEXTS.iter().find(|(known, _)| *known == pattern);
                known.unwrap_or_else(|| panic!("no text is known for the pattern {pattern} of {shape}")).1
            }
        };
        let count = |text: &str| text.chars().count();
        let shortest = count(start) + count(end);
        let repeat = if self.is_least() {
            limit("min").unwrap_or_default().saturating_sub(shortest).div_ceil(count(more))
        } else {
            (limit("max").unwrap_or(100) - shortest) / count(more)
        };
        json!(format!("{start}{}{end}", more.repeat(repeat)))
    }
}

/// Gives each entry either an id or an error, as the service does, and counts the errors.
fn add_up(output: &mut Map<String, Value>) {
    let entries = output.get_mut("RequestResponses").and_then(Value::as_array_mut).expect("the list is required");
    for (index, entry) in entries.iter_mut().enumerate() {
        *entry = if index.is_multiple_of(2) {
            json!({"RecordId": "r"})
        } else {
            json!({"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."})
        };
    }
    let failed = entries.len() / 2;
    output.insert("FailedPutCount".into(), failed.into());
}

/// Inputs that have as many members as the service takes at once: one for each kind of destination, of source, and so on.
#[must_use]
pub fn valid_inputs(facts: &Facts, structure: &str, round: usize) -> Vec<Value> {
    let documents = Documents::full(facts, round);
    let Value::Object(all) = documents.structure(structure) else { return Vec::new() };
    let is_destination = |name: &str| name.ends_with("DestinationConfiguration") || name.ends_with("DestinationUpdate");
    let is_source = |name: &str| name.ends_with("SourceConfiguration");
    let destinations: Vec<_> = all.keys().filter(|name| is_destination(name)).cloned().collect();
    let mut inputs = Vec::new();
    for choice in 0..destinations.len().max(1) {
        let mut input = all.clone();
        input.retain(|name, _| !is_destination(name) || destinations.get(choice) == Some(name));
        let sources = ["DirectPut", "KinesisStreamAsSource", "MSKAsSource", "DatabaseAsSource"];
        if let (true, Some(source)) = (structure == "CreateDeliveryStreamInput", sources.get(choice % sources.len())) {
            let prefix = source.trim_end_matches("AsSource");
            input.retain(|name, _| !is_source(name) || name.starts_with(prefix));
            input.insert("DeliveryStreamType".into(), json!(source));
        }
        let mut input = Value::Object(input);
        reconcile(&mut input, round);
        inputs.push(input);
    }
    inputs
}

/// Resolves what AWS does not take together, wherever it is in a document.
fn reconcile(value: &mut Value, round: usize) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| reconcile(value, round)),
        Value::Object(members) => {
            if members.contains_key("NoEncryptionConfig") && members.contains_key("KMSEncryptionConfig") {
                members.remove(if round.is_multiple_of(2) { "NoEncryptionConfig" } else { "KMSEncryptionConfig" });
            }
            if members.get("KeyType").is_some_and(|key| key == "AWS_OWNED_CMK") {
                members.remove("KeyARN");
            }
            for (name, member) in members.iter_mut() {
                if name.starts_with("RedshiftDestination") {
                    for bucket in ["S3Configuration", "S3Update"] {
                        if let Some(bucket) = member.get_mut(bucket) {
                            bucket["CompressionFormat"] = json!("GZIP");
                        }
                    }
                }
                reconcile(member, round);
            }
        }
        _ => {}
    }
}
