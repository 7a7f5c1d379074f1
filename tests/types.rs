//! Every structure that inputs and outputs are made of, as values to be gone through in a loop.

use firehose_proto::json::{self, ParseError};
use firehose_proto::schema::{Document, Structure};

/// What became of a document that was read and written again.
#[derive(Debug, Clone)]
pub struct Rewritten {
    /// The document that was written.
    pub text: Vec<u8>,
    /// What the value in between showed of itself as `Debug`.
    pub debug: String,
}

/// A type of the API.
#[derive(Debug, Clone, Copy)]
pub struct Type {
    /// What its documents look like.
    pub structure: &'static Structure,
    /// Reads a document by serde alone and writes it again.
    pub rewrite: fn(&[u8]) -> Result<Rewritten, ParseError>,
}

macro_rules! types {
    ($($parent:ident::$module:ident: $($name:ident $(<$lifetime:lifetime>)?),+;)+) => {
        /// All of them; a test holds the list against AWS's.
        pub const ALL: &[Type] = &[$($(Type {
            structure: <firehose_proto::$parent::$module::$name as Document>::STRUCTURE,
            rewrite: |document| {
                let value: firehose_proto::$parent::$module::$name $(<$lifetime>)? = json::parse(document)?;
                let text = serde_json::to_vec(&value).expect("shapes serialize: their maps have string keys");
                assert_eq!(json::parse(&text), Ok(value.clone()), "what was written is read as the same");
                Ok(Rewritten { text, debug: format!("{value:?}") })
            },
        },)+)+];
    };
}

types! {
    model::common: CloudWatchLoggingOptions, DocumentIdOptions, RetryOptions, SecretsManagerConfiguration,
        VpcConfiguration, VpcConfigurationDescription;
    model::conversion: DataFormatConversionConfiguration, Deserializer, HiveJsonSerDe, InputFormatConfiguration,
        OpenXJsonSerDe, OrcSerDe, OutputFormatConfiguration, ParquetSerDe, SchemaConfiguration, Serializer;
    model::database: DatabaseColumnList, DatabaseList, DatabaseSnapshotInfo, DatabaseSourceAuthenticationConfiguration,
        DatabaseSourceConfiguration, DatabaseSourceDescription, DatabaseSourceVPCConfiguration, DatabaseTableList;
    model::elasticsearch: ElasticsearchDestinationConfiguration, ElasticsearchDestinationDescription,
        ElasticsearchDestinationUpdate, ElasticsearchBufferingHints, ElasticsearchRetryOptions;
    model::encryption: DeliveryStreamEncryptionConfiguration, DeliveryStreamEncryptionConfigurationInput;
    model::extended_s3: ExtendedS3DestinationConfiguration, ExtendedS3DestinationDescription,
        ExtendedS3DestinationUpdate, DynamicPartitioningConfiguration;
    model::http_endpoint: HttpEndpointDestinationConfiguration, HttpEndpointDestinationDescription,
        HttpEndpointDestinationUpdate, HttpEndpointBufferingHints, HttpEndpointCommonAttribute,
        HttpEndpointConfiguration, HttpEndpointDescription, HttpEndpointRequestConfiguration, HttpEndpointRetryOptions;
    model::iceberg: IcebergDestinationConfiguration, IcebergDestinationDescription, IcebergDestinationUpdate,
        CatalogConfiguration, DestinationTableConfiguration, PartitionField, PartitionSpec,
        SchemaEvolutionConfiguration, TableCreationConfiguration;
    model::opensearch: AmazonopensearchserviceDestinationConfiguration,
        AmazonopensearchserviceDestinationDescription, AmazonopensearchserviceDestinationUpdate,
        AmazonopensearchserviceBufferingHints, AmazonopensearchserviceRetryOptions;
    model::opensearch_serverless: AmazonOpenSearchServerlessDestinationConfiguration,
        AmazonOpenSearchServerlessDestinationDescription, AmazonOpenSearchServerlessDestinationUpdate,
        AmazonOpenSearchServerlessBufferingHints, AmazonOpenSearchServerlessRetryOptions;
    model::processing: ProcessingConfiguration, Processor, ProcessorParameter;
    model::record: Record<'_>;
    model::redshift: RedshiftDestinationConfiguration, RedshiftDestinationDescription, RedshiftDestinationUpdate,
        CopyCommand, RedshiftRetryOptions;
    model::s3: S3DestinationConfiguration, S3DestinationDescription, S3DestinationUpdate, BufferingHints,
        EncryptionConfiguration, KMSEncryptionConfig;
    model::snowflake: SnowflakeDestinationConfiguration, SnowflakeDestinationDescription,
        SnowflakeDestinationUpdate, SnowflakeBufferingHints, SnowflakeRetryOptions, SnowflakeRoleConfiguration,
        SnowflakeVpcConfiguration;
    model::source: AuthenticationConfiguration, DirectPutSourceConfiguration, DirectPutSourceDescription,
        KinesisStreamSourceConfiguration, KinesisStreamSourceDescription, MSKSourceConfiguration,
        MSKSourceDescription, SourceDescription;
    model::splunk: SplunkDestinationConfiguration, SplunkDestinationDescription, SplunkDestinationUpdate,
        SplunkBufferingHints, SplunkRetryOptions;
    model::stream: DeliveryStreamDescription, DestinationDescription, FailureDescription;
    model::tag: Tag;
    op::create_delivery_stream: CreateDeliveryStreamInput, CreateDeliveryStreamOutput;
    op::delete_delivery_stream: DeleteDeliveryStreamInput, DeleteDeliveryStreamOutput;
    op::describe_delivery_stream: DescribeDeliveryStreamInput, DescribeDeliveryStreamOutput;
    op::list_delivery_streams: ListDeliveryStreamsInput, ListDeliveryStreamsOutput;
    op::list_tags_for_delivery_stream: ListTagsForDeliveryStreamInput, ListTagsForDeliveryStreamOutput;
    op::put_record: PutRecordInput<'_>, PutRecordOutput<'_>;
    op::put_record_batch: PutRecordBatchInput<'_>, PutRecordBatchOutput<'_>, PutRecordBatchResponseEntry<'_>;
    op::start_delivery_stream_encryption: StartDeliveryStreamEncryptionInput, StartDeliveryStreamEncryptionOutput;
    op::stop_delivery_stream_encryption: StopDeliveryStreamEncryptionInput, StopDeliveryStreamEncryptionOutput;
    op::tag_delivery_stream: TagDeliveryStreamInput, TagDeliveryStreamOutput;
    op::untag_delivery_stream: UntagDeliveryStreamInput, UntagDeliveryStreamOutput;
    op::update_destination: UpdateDestinationInput, UpdateDestinationOutput;
}
