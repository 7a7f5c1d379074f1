//! What the service makes of configurations: descriptions, with defaults filled in and secrets left out.
//!
//! ```text
//! …Configuration ──▶ project onto …Description ─┬─▶ complete? ──▶ fill in defaults ──▶ DestinationDescription
//! …Update ─────────▶ project, merge into it ────┘
//! ```
//!
//! The three documents of a destination have the same members but for a few that are [`RENAMED`], so the tables of
//! the API's structures say all that there is to know about them. What a description has no member for, which is
//! what nobody may read again, is not kept at all.

use firehose_proto::error::{ErrorCode, ServiceError};
use firehose_proto::internal::schema::{Document, Shape, Structure};
use firehose_proto::model::{DestinationDescription, SourceDescription};
use firehose_proto::op::{CreateDeliveryStreamInput, UpdateDestinationInput};
use firehose_proto::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// The id of a stream's one destination.
pub(super) const DESTINATION_ID: &str = "destinationId-000000000001";

/// Members of descriptions, and what they are called in configurations and updates.
const RENAMED: [(&str, &[&str]); 3] = [
    ("S3DestinationDescription", &["S3Configuration", "S3Update"]),
    ("S3BackupDescription", &["S3BackupConfiguration", "S3BackupUpdate"]),
    ("VpcConfigurationDescription", &["VpcConfiguration"]),
];

const S3: &str = "S3Destination";
const EXTENDED_S3: &str = "ExtendedS3Destination";

/// These change to nothing else, and nothing else to them.
const SEARCH: [&str; 2] = ["ElasticsearchDestination", "AmazonopensearchserviceDestination"];

/// Describes the destination of a new stream.
pub(super) fn create(input: &CreateDeliveryStreamInput) -> Result<DestinationDescription, ServiceError> {
    let input = tree(input);
    let (kind, configuration) = chosen(&input, "Configuration").ok_or_else(not_exactly_one)?;
    complete(kind, merged(kind, Map::new(), configuration))
}

/// Describes the destination after an update.
///
/// Members of an update of the same kind take the place of those that were there; another kind takes the place of
/// all of them, and has to be complete.
pub(super) fn update(
    current: &DestinationDescription,
    input: &UpdateDestinationInput,
) -> Result<DestinationDescription, ServiceError> {
    let (input, current) = (tree(input), tree(current));
    let (kind, change) = chosen(&input, "Update").ok_or_else(not_exactly_one)?;
    let (old_kind, old) = chosen(&current, "Description").unwrap_or((kind, &Value::Null));
    let old = || old.as_object().cloned().unwrap_or_default();
    match (old_kind, kind) {
        (S3 | EXTENDED_S3, S3 | EXTENDED_S3) if old_kind != kind => {
            complete(EXTENDED_S3, merged(EXTENDED_S3, old(), change))
        }
        _ if old_kind == kind => complete(kind, merged(kind, old(), change)),
        _ => match SEARCH.iter().find(|search| [old_kind, kind].contains(search)) {
            Some(search) => Err(invalid(format!("Switching between {search} and other destinations is not supported"))),
            None => complete(kind, merged(kind, Map::new(), change)),
        },
    }
}

/// Describes where a new stream's records come from, if that is more than callers of PutRecord and PutRecordBatch.
pub(super) fn source(now: Timestamp, input: &CreateDeliveryStreamInput) -> Option<SourceDescription> {
    let input = tree(input);
    let (member, structure, given) = SourceDescription::STRUCTURE.members.iter().find_map(|member| {
        let given = input.get(format!("{}Configuration", member.name.strip_suffix("Description")?))?;
        Some((member.name, structure_of(&member.shape)?, given))
    })?;
    let mut description = project(structure, given);
    if structure.member("DeliveryStartTimestamp").is_some() {
        description.insert("DeliveryStartTimestamp".into(), tree(&now));
    }
    read(json!({ member: description })).ok()
}

fn not_exactly_one() -> ServiceError {
    invalid("Exactly one destination configuration is supported for a Firehose".into())
}

fn invalid(message: String) -> ServiceError {
    ServiceError::new(400, ErrorCode::InvalidArgumentException, message)
}

fn tree<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn read<T: DeserializeOwned>(tree: Value) -> Result<T, ServiceError> {
    serde_json::from_value(tree).map_err(|_| {
        // The error might quote a secret.
        log::error!("cannot read a description that was made from a valid configuration");
        ServiceError::new(500, ErrorCode::InternalFailure, "")
    })
}

/// The destination that is given, with the name that its kind begins with, such as `SplunkDestination`.
///
/// The last if there are two: a bucket is described both as `S3Destination` and, in full, as `ExtendedS3Destination`.
fn chosen<'a>(document: &'a Value, suffix: &str) -> Option<(&'static str, &'a Value)> {
    let kinds = DestinationDescription::STRUCTURE.members.iter();
    let kinds = kinds.filter_map(|member| member.name.strip_suffix("Description"));
    kinds.filter_map(|kind| Some((kind, document.get(format!("{kind}{suffix}"))?))).next_back()
}

fn structure_of(shape: &Shape) -> Option<&'static Structure> {
    match shape {
        Shape::Structure(structure) => Some(structure),
        _ => None,
    }
}

/// The structure of a member of a destination's kind in one of the API's documents.
fn structure(document: &Structure, kind: &str, suffix: &str) -> Option<&'static Structure> {
    structure_of(&document.member(&format!("{kind}{suffix}"))?.shape)
}

/// The members of a structure that are given, be it under other names; no others.
fn project(structure: &Structure, given: &Value) -> Map<String, Value> {
    let members = structure.members.iter().filter_map(|member| {
        let value = names(member.name).find_map(|name| given.get(name))?;
        let value = match (structure_of(&member.shape), value) {
            (Some(inner), Value::Object(_)) => project(inner, value).into(),
            _ => value.clone(),
        };
        Some((member.name.to_string(), value))
    });
    members.collect()
}

/// What a member of a description may be called.
fn names(described: &str) -> impl Iterator<Item = &str> {
    let renamed = RENAMED.iter().filter(move |(name, _)| *name == described);
    std::iter::once(described).chain(renamed.flat_map(|(_, given)| given.iter().copied()))
}

/// A description after a change: its buckets, which have updates of their own, are merged likewise; other members
/// are replaced.
fn merged(kind: &str, mut description: Map<String, Value>, change: &Value) -> Map<String, Value> {
    let structure = structure(DestinationDescription::STRUCTURE, kind, "Description");
    for (name, value) in structure.map(|structure| project(structure, change)).unwrap_or_default() {
        match (description.get_mut(&name), value) {
            (Some(Value::Object(bucket)), Value::Object(change)) if names(&name).count() > 1 => bucket.extend(change),
            (_, value) => _ = description.insert(name, value),
        }
    }
    description
}

/// Makes sure that nothing is missing, and fills in what is optional.
fn complete(kind: &str, description: Map<String, Value>) -> Result<DestinationDescription, ServiceError> {
    let mut description = Value::Object(description);
    let mut absent = Vec::new();
    if let Some(structure) = structure(CreateDeliveryStreamInput::STRUCTURE, kind, "Configuration") {
        missing(structure, &description, structure.name, &mut absent);
        if description.get("S3BackupMode").is_some_and(|mode| mode == "Enabled")
            && description.get("S3BackupDescription").is_none()
        {
            absent.push(format!("{}.S3BackupConfiguration", structure.name));
        }
    }
    if !absent.is_empty() {
        return Err(invalid(format!("{}: required, but absent", absent.join(", "))));
    }
    if let Some(structure) = structure(DestinationDescription::STRUCTURE, kind, "Description") {
        fill(structure, &mut description);
    }
    let mut destination = Map::from_iter([("DestinationId".to_string(), DESTINATION_ID.into())]);
    if let (EXTENDED_S3, Some(plain)) = (kind, structure(DestinationDescription::STRUCTURE, S3, "Description")) {
        destination.insert("S3DestinationDescription".into(), project(plain, &description).into());
    }
    destination.insert(format!("{kind}Description"), description);
    read(destination.into())
}

/// Reports the members that a configuration requires and its description lacks.
fn missing(configuration: &Structure, description: &Value, path: &str, absent: &mut Vec<String>) {
    for member in configuration.members {
        let renamed = RENAMED.iter().find(|(_, given)| given.contains(&member.name));
        let described = renamed.map_or(member.name, |(described, _)| described);
        let path = format!("{path}.{}", member.name);
        match (description.get(described), structure_of(&member.shape)) {
            (None, _) if member.is_required => absent.push(path),
            (Some(value), Some(structure)) => missing(structure, value, &path, absent),
            _ => {}
        }
    }
}

/// Gives each absent member the value that it then has.
fn fill(structure: &Structure, description: &mut Value) {
    let (Value::Object(members), Value::Object(defaults)) = (description, defaults(structure.name)) else { return };
    for (name, value) in defaults {
        members.entry(name).or_insert(value);
    }
    for member in structure.members {
        if let (Some(structure), Some(value)) = (structure_of(&member.shape), members.get_mut(member.name)) {
            fill(structure, value);
        }
    }
}

/// What AWS's pages say of members that are not given.
fn defaults(structure: &str) -> Value {
    match structure {
        "SplunkBufferingHints" => json!({ "SizeInMBs": 5, "IntervalInSeconds": 60 }),
        "SnowflakeBufferingHints" => json!({ "SizeInMBs": 1, "IntervalInSeconds": 0 }),
        name if name.ends_with("BufferingHints") => json!({ "SizeInMBs": 5, "IntervalInSeconds": 300 }),
        "RedshiftRetryOptions" => json!({ "DurationInSeconds": 3600 }),
        "SnowflakeRetryOptions" => json!({ "DurationInSeconds": 60 }),
        name if name.ends_with("RetryOptions") => json!({ "DurationInSeconds": 300 }),
        "CloudWatchLoggingOptions" => json!({ "Enabled": false }),
        // No call tells which VPC the subnets are in.
        "VpcConfigurationDescription" => json!({ "VpcId": "vpc-00000000" }),
        "S3DestinationDescription" => json!({
            "BufferingHints": {},
            "CloudWatchLoggingOptions": {},
            "CompressionFormat": "UNCOMPRESSED",
            "EncryptionConfiguration": { "NoEncryptionConfig": "NoEncryption" },
        }),
        "ExtendedS3DestinationDescription" => json!({
            "BufferingHints": {},
            "CloudWatchLoggingOptions": {},
            "CompressionFormat": "UNCOMPRESSED",
            "EncryptionConfiguration": { "NoEncryptionConfig": "NoEncryption" },
            "S3BackupMode": "Disabled",
        }),
        "RedshiftDestinationDescription" => json!({
            "CloudWatchLoggingOptions": {},
            "RetryOptions": {},
            "S3BackupMode": "Disabled",
        }),
        "ElasticsearchDestinationDescription" | "AmazonopensearchserviceDestinationDescription" => json!({
            "BufferingHints": {},
            "CloudWatchLoggingOptions": {},
            "IndexRotationPeriod": "OneDay",
            "RetryOptions": {},
            "S3BackupMode": "FailedDocumentsOnly",
        }),
        "AmazonOpenSearchServerlessDestinationDescription" => json!({
            "BufferingHints": {},
            "CloudWatchLoggingOptions": {},
            "RetryOptions": {},
            "S3BackupMode": "FailedDocumentsOnly",
        }),
        "SplunkDestinationDescription" => json!({
            "BufferingHints": {},
            "CloudWatchLoggingOptions": {},
            "HECAcknowledgmentTimeoutInSeconds": 180,
            "RetryOptions": {},
            "S3BackupMode": "FailedEventsOnly",
        }),
        "HttpEndpointDestinationDescription" => json!({
            "BufferingHints": {},
            "CloudWatchLoggingOptions": {},
            "RequestConfiguration": {},
            "RetryOptions": {},
            "S3BackupMode": "FailedDataOnly",
        }),
        "HttpEndpointRequestConfiguration" => json!({ "ContentEncoding": "NONE" }),
        "SnowflakeDestinationDescription" => json!({
            "BufferingHints": {},
            "CloudWatchLoggingOptions": {},
            "DataLoadingOption": "JSON_MAPPING",
            "RetryOptions": {},
            "S3BackupMode": "FailedDataOnly",
        }),
        "IcebergDestinationDescription" => json!({
            "AppendOnly": false,
            "BufferingHints": {},
            "CloudWatchLoggingOptions": {},
            "RetryOptions": {},
            "S3BackupMode": "FailedDataOnly",
        }),
        _ => json!({}),
    }
}

#[cfg(test)]
mod tests;
