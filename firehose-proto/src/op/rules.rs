//! The rules that concern several members of an input, which the schema tables cannot express.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::json::Value;
use crate::validate::{Rule, Violation};

fn report(found: &mut Vec<Violation>, path: impl Into<String>, reason: impl Into<Cow<'static, str>>) {
    found.push(Violation::new(path, Rule::Combination { reason: reason.into() }));
}

/// A member that is present; `null` counts as absent.
pub(super) fn member<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}

fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    member(object, name).and_then(Value::as_str)
}

/// Reports each of these members that is present, except the first.
pub(super) fn at_most_one(object: &Value, names: &[&str], what: &str, found: &mut Vec<Violation>) {
    let mut present = names.iter().filter(|name| member(object, name).is_some());
    if let Some(first) = present.next() {
        present.for_each(|name| report(found, *name, format!("cannot be combined with {first}: {what}")));
    }
}

/// Requires the source that belongs to the type of the stream.
pub(super) fn source(input: &Value, found: &mut Vec<Violation>) {
    const SOURCES: [(&str, &str); 4] = [
        ("DirectPut", "DirectPutSourceConfiguration"),
        ("KinesisStreamAsSource", "KinesisStreamSourceConfiguration"),
        ("MSKAsSource", "MSKSourceConfiguration"),
        ("DatabaseAsSource", "DatabaseSourceConfiguration"),
    ];
    let stream_type = text(input, "DeliveryStreamType").unwrap_or("DirectPut");
    // A type that this version does not know has its own rules.
    if !SOURCES.iter().any(|(known, _)| *known == stream_type) {
        return;
    }
    for (known, configuration) in SOURCES {
        let is_there = member(input, configuration).is_some();
        if known != stream_type && is_there {
            report(found, configuration, format!("needs DeliveryStreamType {known}, not {stream_type}"));
        }
        if known == stream_type && !is_there && known != "DirectPut" {
            report(found, configuration, format!("required with DeliveryStreamType {stream_type}, but absent"));
        }
    }
}

/// Requires a key if it is the account's own, and forbids it otherwise.
pub(super) fn key(input: &Value, found: &mut Vec<Violation>) {
    const NAME: &str = "DeliveryStreamEncryptionConfigurationInput";
    let Some(configuration) = member(input, NAME) else { return };
    match (text(configuration, "KeyType"), member(configuration, "KeyARN")) {
        (Some("CUSTOMER_MANAGED_CMK"), None) => {
            report(found, format!("{NAME}.KeyARN"), "required with KeyType CUSTOMER_MANAGED_CMK, but absent");
        }
        (Some("AWS_OWNED_CMK"), Some(_)) => {
            report(found, format!("{NAME}.KeyARN"), "cannot be combined with KeyType AWS_OWNED_CMK");
        }
        _ => {}
    }
}

/// Requires a bucket where a backup is enabled.
pub(super) fn backup(input: &Value, destinations: &[&str], found: &mut Vec<Violation>) {
    for name in destinations {
        let Some(destination) = member(input, name) else { continue };
        if text(destination, "S3BackupMode") == Some("Enabled")
            && member(destination, "S3BackupConfiguration").is_none()
        {
            report(found, format!("{name}.S3BackupConfiguration"), "required with S3BackupMode Enabled, but absent");
        }
    }
}

/// Requires a compression that Redshift's `COPY` can read.
pub(super) fn copy_compression(input: &Value, destination: &str, bucket: &str, found: &mut Vec<Violation>) {
    let bucket_value = member(input, destination).and_then(|destination| member(destination, bucket));
    let format = bucket_value.and_then(|bucket| text(bucket, "CompressionFormat"));
    if let Some(format) = format.filter(|format| matches!(*format, "Snappy" | "ZIP" | "HADOOP_SNAPPY")) {
        let reason = format!("{format} cannot be read by Redshift's COPY: UNCOMPRESSED or GZIP");
        report(found, format!("{destination}.{bucket}.CompressionFormat"), reason);
    }
}

/// Allows one kind of encryption for each bucket, at any depth.
pub(super) fn bucket_encryption(value: &Value, path: &str, found: &mut Vec<Violation>) {
    let Value::Object(members) = value else { return };
    for (name, value) in members {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let both = ["NoEncryptionConfig", "KMSEncryptionConfig"].iter().all(|kind| member(value, kind).is_some());
        if name == "EncryptionConfiguration" && both {
            report(found, format!("{path}.KMSEncryptionConfig"), "cannot be combined with NoEncryptionConfig");
        }
        bucket_encryption(value, &path, found);
    }
}
