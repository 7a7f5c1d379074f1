//! Makes descriptions of configurations as the service does: fills in defaults and leaves out secrets.
//!
//! ```text
//! …Configuration ──▶ project onto …Description ─┬─▶ complete? ──▶ fill in defaults ──▶ DestinationDescription
//! …Update ─────────▶ project, merge into it ────┘
//! ```
//!
//! A destination's three documents have the same members except for a few that are [`RENAMED`], so the tables of the
//! API's structures describe them fully. Members that descriptions lack, which nobody may read again, are not stored.

use firehose_proto::error::{ErrorCode, ServiceError};
use firehose_proto::internal::schema::{Document, Shape, Structure};
use firehose_proto::model::{DestinationDescription, SourceDescription};
use firehose_proto::op::{CreateDeliveryStreamInput, UpdateDestinationInput};
use firehose_proto::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// The id of a stream's single destination.
pub(super) const DESTINATION_ID: &str = "destinationId-000000000001";

/// Members of descriptions, and their names in configurations and updates.
const RENAMED: [(&str, &[&str]); 3] = [
    ("S3DestinationDescription", &["S3Configuration", "S3Update"]),
    ("S3BackupDescription", &["S3BackupConfiguration", "S3BackupUpdate"]),
    ("VpcConfigurationDescription", &["VpcConfiguration"]),
];

const S3: &str = "S3Destination";
const EXTENDED_S3: &str = "ExtendedS3Destination";

/// Destinations of these kinds change only into each other.
const SEARCH: [&str; 2] = ["ElasticsearchDestination", "AmazonopensearchserviceDestination"];

/// Describes the destination of a new stream.
pub(super) fn create(input: &CreateDeliveryStreamInput) -> Result<DestinationDescription, ServiceError> {
    let input = tree(input);
    let (kind, configuration) = chosen(&input, "Configuration").ok_or_else(not_exactly_one)?;
    complete(kind, merged(kind, Map::new(), configuration))
}

/// Describes the destination after an update.
///
/// An update of the same kind replaces the members that it has. An update of another kind replaces all, and must be
/// complete.
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

/// Describes the source of a new stream, unless it is only callers of PutRecord and PutRecordBatch.
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

/// The given destination and the name of its kind, such as `SplunkDestination`.
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

/// The structure of a destination's kind in one of the API's documents.
fn structure(document: &Structure, kind: &str, suffix: &str) -> Option<&'static Structure> {
    structure_of(&document.member(&format!("{kind}{suffix}"))?.shape)
}

/// The given members that belong to a structure, under its own names for them.
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

/// The names that a description's member may have.
fn names(described: &str) -> impl Iterator<Item = &str> {
    let renamed = RENAMED.iter().filter(move |(name, _)| *name == described);
    std::iter::once(described).chain(renamed.flat_map(|(_, given)| given.iter().copied()))
}

/// The description after a change. Buckets, which have updates of their own, are merged the same way; other members are
/// replaced.
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

/// Checks that no required member is missing, and fills in optional ones.
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

/// Collects the members that a configuration requires and its description lacks.
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

/// Gives each absent member its default.
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

/// The defaults on AWS's pages for absent members.
fn defaults(structure: &str) -> Value {
    match structure {
        "SplunkBufferingHints" => json!({ "SizeInMBs": 5, "IntervalInSeconds": 60 }),
        "SnowflakeBufferingHints" => json!({ "SizeInMBs": 1, "IntervalInSeconds": 0 }),
        name if name.ends_with("BufferingHints") => json!({ "SizeInMBs": 5, "IntervalInSeconds": 300 }),
        "RedshiftRetryOptions" => json!({ "DurationInSeconds": 3600 }),
        "SnowflakeRetryOptions" => json!({ "DurationInSeconds": 60 }),
        name if name.ends_with("RetryOptions") => json!({ "DurationInSeconds": 300 }),
        "CloudWatchLoggingOptions" => json!({ "Enabled": false }),
        // No call reveals which VPC the subnets are in.
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
