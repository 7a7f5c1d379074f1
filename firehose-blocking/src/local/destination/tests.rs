use firehose_proto::internal::json;

use super::*;

const ROLE: &str = "arn:aws:iam::123456789012:role/r";

/// Parses JSON in which `BUCKET` stands for the members that every bucket needs.
fn document(text: &str) -> Value {
    let bucket = format!(r#""RoleARN":"{ROLE}","BucketARN":"arn:aws:s3:::b""#);
    serde_json::from_str(&text.replace("BUCKET", &bucket)).unwrap()
}

fn created(configuration: &Value) -> DestinationDescription {
    let (name, value) = configuration.as_object().unwrap().iter().next().unwrap();
    let input = json!({ "DeliveryStreamName": "s", name.as_str(): value });
    create(&json::parse(input.to_string().as_bytes()).unwrap()).unwrap()
}

fn updated(current: &DestinationDescription, change: &str) -> Result<DestinationDescription, String> {
    let mut input = document(change);
    input["DeliveryStreamName"] = "s".into();
    input["CurrentDeliveryStreamVersionId"] = "1".into();
    input["DestinationId"] = DESTINATION_ID.into();
    let input = json::parse(input.to_string().as_bytes()).unwrap();
    update(current, &input).map_err(|error| format!("{}: {}", error.code.unwrap(), error.message))
}

/// A minimal configuration of each kind, with the secrets that it can have.
const CONFIGURATIONS: [&str; 10] = [
    r#"{"S3DestinationConfiguration":{BUCKET}}"#,
    r#"{"ExtendedS3DestinationConfiguration":{BUCKET}}"#,
    r#"{"RedshiftDestinationConfiguration":{"RoleARN":"arn:aws:iam::123456789012:role/r",
        "ClusterJDBCURL":"jdbc:redshift://c.x.redshift.amazonaws.com:5439/d","CopyCommand":{"DataTableName":"t"},
        "Username":"u","Password":"SECRET1","S3Configuration":{BUCKET}}}"#,
    r#"{"ElasticsearchDestinationConfiguration":{"RoleARN":"arn:aws:iam::123456789012:role/r","IndexName":"i",
        "S3Configuration":{BUCKET},"VpcConfiguration":{"SubnetIds":["s"],"SecurityGroupIds":["g"],
        "RoleARN":"arn:aws:iam::123456789012:role/r"}}}"#,
    r#"{"AmazonopensearchserviceDestinationConfiguration":{"RoleARN":"arn:aws:iam::123456789012:role/r",
        "IndexName":"i","S3Configuration":{BUCKET}}}"#,
    r#"{"SplunkDestinationConfiguration":{"HECEndpoint":"https://x","HECEndpointType":"Raw","HECToken":"t",
        "S3Configuration":{BUCKET}}}"#,
    r#"{"HttpEndpointDestinationConfiguration":{"EndpointConfiguration":{"Url":"https://x","AccessKey":"SECRET2"},
        "S3Configuration":{BUCKET}}}"#,
    r#"{"SnowflakeDestinationConfiguration":{"AccountUrl":"a.snowflakecomputing.com","Database":"d","Schema":"s",
        "Table":"t","RoleARN":"arn:aws:iam::123456789012:role/r","PrivateKey":"SECRET3","KeyPassphrase":"SECRET4",
        "S3Configuration":{BUCKET}}}"#,
    r#"{"AmazonOpenSearchServerlessDestinationConfiguration":{"RoleARN":"arn:aws:iam::123456789012:role/r",
        "IndexName":"i","S3Configuration":{BUCKET}}}"#,
    r#"{"IcebergDestinationConfiguration":{"RoleARN":"arn:aws:iam::123456789012:role/r","CatalogConfiguration":{},
        "S3Configuration":{BUCKET}}}"#,
];

#[test]
fn describes_what_was_given_without_secrets_and_with_defaults() {
    let hints = |size, interval| json!({ "SizeInMBs": size, "IntervalInSeconds": interval });
    for text in CONFIGURATIONS {
        let configuration = document(text);
        let description = tree(&created(&configuration));
        let (name, given) = configuration.as_object().unwrap().iter().next().unwrap();
        let shown = &description[name.replace("Configuration", "Description")];
        assert_eq!(description["DestinationId"], DESTINATION_ID);
        assert!(!description.to_string().contains("SECRET"), "{description}");
        assert_eq!(shown["CloudWatchLoggingOptions"], json!({ "Enabled": false }), "{name}");
        let expected = match name.as_str() {
            "RedshiftDestinationConfiguration" => Value::Null,
            "SplunkDestinationConfiguration" => hints(5, 60),
            "SnowflakeDestinationConfiguration" => hints(1, 0),
            _ => hints(5, 300),
        };
        assert_eq!(shown["BufferingHints"], expected, "{name}");
        let bucket = if given.get("S3Configuration").is_some() { &shown["S3DestinationDescription"] } else { shown };
        assert_eq!(bucket["RoleARN"], ROLE, "{name}");
        assert_eq!(bucket["BufferingHints"], hints(5, 300), "{name}");
        assert_eq!(bucket["CompressionFormat"], "UNCOMPRESSED", "{name}");
        assert_eq!(bucket["EncryptionConfiguration"], json!({ "NoEncryptionConfig": "NoEncryption" }), "{name}");
        let backup = shown.get("S3BackupMode").and_then(Value::as_str);
        assert_eq!(backup.is_some(), name != "S3DestinationConfiguration", "{name}");
        // Everything else that was given is there.
        for (member, value) in given.as_object().unwrap() {
            if value.is_string() && !value.as_str().unwrap().contains("SECRET") {
                assert_eq!(&shown[member.as_str()], value, "{name}.{member}");
            }
        }
    }
    let vpc = tree(&created(&document(CONFIGURATIONS[3])));
    let vpc = &vpc["ElasticsearchDestinationDescription"]["VpcConfigurationDescription"];
    assert_eq!(vpc["SubnetIds"], json!(["s"]));
    assert_eq!(tree(&created(&document(CONFIGURATIONS[5])))["SplunkDestinationDescription"]["HECToken"], "t");
}

#[test]
fn describes_a_bucket_in_full_and_in_the_old_form() {
    let configuration = document(
        r#"{"ExtendedS3DestinationConfiguration":{BUCKET,"Prefix":"p/","BufferingHints":{"SizeInMBs":64},
            "EncryptionConfiguration":{"KMSEncryptionConfig":{"AWSKMSKeyARN":"arn:aws:kms:us-east-1:1:key/k"}},
            "S3BackupMode":"Enabled","S3BackupConfiguration":{BUCKET,"CompressionFormat":"GZIP"}}}"#,
    );
    let description = tree(&created(&configuration));
    let extended = &description["ExtendedS3DestinationDescription"];
    assert_eq!(extended["BufferingHints"], json!({ "SizeInMBs": 64, "IntervalInSeconds": 300 }));
    assert_eq!(extended["EncryptionConfiguration"].as_object().unwrap().len(), 1);
    assert_eq!(extended["S3BackupDescription"]["CompressionFormat"], "GZIP");
    let plain = description["S3DestinationDescription"].as_object().unwrap();
    for (member, value) in plain {
        assert_eq!(&extended[member], value, "{member}");
    }
    assert!(plain.contains_key("Prefix") && !plain.contains_key("S3BackupMode"), "{plain:?}");
}

#[test]
fn merges_an_update_of_the_same_kind() {
    let current = created(&document(
        r#"{"RedshiftDestinationConfiguration":{"RoleARN":"arn:aws:iam::123456789012:role/r",
            "ClusterJDBCURL":"jdbc:redshift://c.x.redshift.amazonaws.com:5439/d",
            "CopyCommand":{"DataTableName":"t","CopyOptions":"gzip"},
            "S3Configuration":{BUCKET,"Prefix":"p/","BufferingHints":{"SizeInMBs":9,"IntervalInSeconds":9}}}}"#,
    ));
    let after = updated(
        &current,
        r#"{"RedshiftDestinationUpdate":{"CopyCommand":{"DataTableName":"u"},"Password":"SECRET",
            "S3Update":{"CompressionFormat":"GZIP","BufferingHints":{"SizeInMBs":8}}}}"#,
    );
    let after = tree(&after.unwrap());
    let mut expected = tree(&current);
    let redshift = &mut expected["RedshiftDestinationDescription"];
    // A structure is replaced, except for a bucket, which is merged.
    redshift["CopyCommand"] = json!({ "DataTableName": "u" });
    redshift["S3DestinationDescription"]["CompressionFormat"] = "GZIP".into();
    redshift["S3DestinationDescription"]["BufferingHints"] = json!({ "SizeInMBs": 8, "IntervalInSeconds": 300 });
    assert_eq!(after, expected);
}

#[test]
fn updates_both_forms_of_a_bucket_as_one() {
    let full = r#"{"ExtendedS3DestinationUpdate":{"Prefix":"q/","FileExtension":".gz"}}"#;
    let old = r#"{"S3DestinationUpdate":{"Prefix":"q/"}}"#;
    for (configuration, change, is_full) in [
        (CONFIGURATIONS[0], old, false),
        (CONFIGURATIONS[0], full, true),
        (CONFIGURATIONS[1], old, true),
        (CONFIGURATIONS[1], full, true),
    ] {
        let after = updated(&created(&document(configuration)), change).unwrap();
        let plain = after.s3_destination_description.unwrap();
        assert_eq!((plain.prefix.as_deref(), plain.role_arn.as_str()), (Some("q/"), ROLE), "{configuration} {change}");
        assert_eq!(after.extended_s3_destination_description.is_some(), is_full, "{configuration} {change}");
    }
}

#[test]
fn replaces_a_destination_by_another_that_is_complete() {
    let [_, bucket, redshift, elasticsearch, opensearch, ..] = CONFIGURATIONS;
    let invalid = |message: &str| Err(format!("InvalidArgumentException: {message}"));
    let switching = |kind: &str| invalid(&format!("Switching between {kind} and other destinations is not supported"));
    let (elastic, open) = ("ElasticsearchDestination", "AmazonopensearchserviceDestination");
    let splunk = "SplunkDestinationConfiguration";
    for (current, change, expected) in [
        (
            bucket,
            r#"{"SplunkDestinationUpdate":{"HECEndpoint":"https://x","HECEndpointType":"Raw","S3Update":{BUCKET}}}"#,
            Ok("SplunkDestinationDescription"),
        ),
        (redshift, r#"{"ExtendedS3DestinationUpdate":{BUCKET}}"#, Ok("ExtendedS3DestinationDescription")),
        (
            redshift,
            r#"{"HttpEndpointDestinationUpdate":{"EndpointConfiguration":{"Url":"https://x"},"S3Update":{BUCKET}}}"#,
            Ok("HttpEndpointDestinationDescription"),
        ),
        (
            bucket,
            r#"{"SplunkDestinationUpdate":{"HECEndpoint":"https://x","S3Update":{"Prefix":"p/"}}}"#,
            invalid(&format!(
                "{splunk}.HECEndpointType, {splunk}.S3Configuration.RoleARN, {splunk}.S3Configuration.BucketARN: \
                 required, but absent"
            )),
        ),
        (
            bucket,
            r#"{"SplunkDestinationUpdate":{"HECEndpoint":"https://x","HECEndpointType":"Raw"}}"#,
            invalid(&format!("{splunk}.S3Configuration: required, but absent")),
        ),
        (
            bucket,
            r#"{"ExtendedS3DestinationUpdate":{"S3BackupMode":"Enabled"}}"#,
            invalid("ExtendedS3DestinationConfiguration.S3BackupConfiguration: required, but absent"),
        ),
        (bucket, "{}", invalid("Exactly one destination configuration is supported for a Firehose")),
        (
            elasticsearch,
            r#"{"ElasticsearchDestinationUpdate":{"IndexName":"j"}}"#,
            Ok("ElasticsearchDestinationDescription"),
        ),
        (opensearch, r#"{"S3DestinationUpdate":{BUCKET}}"#, switching(open)),
        (bucket, r#"{"AmazonopensearchserviceDestinationUpdate":{"IndexName":"j"}}"#, switching(open)),
        (opensearch, r#"{"ElasticsearchDestinationUpdate":{"IndexName":"j"}}"#, switching(elastic)),
    ] {
        let found = updated(&created(&document(current)), change);
        match (found, expected) {
            (Ok(found), Ok(member)) => {
                let kinds = tree(&found);
                let kinds: Vec<_> = kinds.as_object().unwrap().keys().map(String::as_str).collect();
                assert!(kinds.contains(&member) && kinds.len() <= 3, "{change}: {kinds:?}");
            }
            (found, expected) => assert_eq!(found.map(|_| ""), expected.map(|_| ""), "{change}"),
        }
    }
}

#[test]
fn describes_each_source() {
    let role = format!(r#""RoleARN":"{ROLE}""#);
    let database = r#"{"Type":"MySQL","Endpoint":"e.x","Port":1,"Databases":{},"Tables":{},
        "SnapshotWatermarkTable":"d.t","DatabaseSourceAuthenticationConfiguration":{"SecretsManagerConfiguration":
        {"Enabled":false}},"DatabaseSourceVPCConfiguration":{"VpcEndpointServiceName":
        "com.amazonaws.vpce.us-east-1.vpce-svc-12345678901234567"}}"#;
    let msk = format!(
        r#"{{"MSKClusterARN":"arn:m","TopicName":"t","AuthenticationConfiguration":{{{role},"Connectivity":"PUBLIC"}}}}"#
    );
    for (kind, configuration, has_start) in [
        ("DirectPutSource", r#"{"ThroughputHintInMBs":5}"#, false),
        ("KinesisStreamSource", &format!(r#"{{"KinesisStreamARN":"arn:k",{role}}}"#), true),
        ("MSKSource", &msk, true),
        ("DatabaseSource", database, false),
    ] {
        let input = format!(r#"{{"DeliveryStreamName":"s","{kind}Configuration":{configuration}}}"#);
        let now = Timestamp::parse("2026-11-22T12:00:00Z").unwrap();
        let found = tree(&source(now, &json::parse(input.as_bytes()).unwrap()).unwrap());
        let mut expected: Value = serde_json::from_str(configuration).unwrap();
        if has_start {
            expected["DeliveryStartTimestamp"] = tree(&now);
        }
        assert_eq!(found, json!({ format!("{kind}Description"): expected }));
    }
    let input = CreateDeliveryStreamInput::new("s");
    assert_eq!(source(Timestamp::parse("2026-11-22T12:00:00Z").unwrap(), &input), None);
}
