//! Every structure that inputs and outputs are made of, as values to be gone through in a loop.

use firehose_proto::error::ParseError;
use firehose_proto::internal::json;
use firehose_proto::internal::schema::{Document, Structure};

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
    ($($module:ident: $($name:ident $(<$lifetime:lifetime>)?),+;)+) => {
        /// All of them; a test holds the list against AWS's.
        pub const ALL: &[Type] = &[$($(Type {
            structure: <firehose_proto::$module::$name as Document>::STRUCTURE,
            rewrite: |document| {
                let value: firehose_proto::$module::$name $(<$lifetime>)? = json::parse(document)?;
                let text = serde_json::to_vec(&value).expect("shapes serialize: their maps have string keys");
                assert_eq!(json::parse(&text), Ok(value.clone()), "what was written is read as the same");
                Ok(Rewritten { text, debug: format!("{value:?}") })
            },
        },)+)+];
    };
}

types! {
    model: CloudWatchLoggingOptions, DocumentIdOptions, RetryOptions, SecretsManagerConfiguration,
        VpcConfiguration, VpcConfigurationDescription;
    model: DataFormatConversionConfiguration, Deserializer, HiveJsonSerDe, InputFormatConfiguration,
        OpenXJsonSerDe, OrcSerDe, OutputFormatConfiguration, ParquetSerDe, SchemaConfiguration, Serializer;
    model: DatabaseColumnList, DatabaseList, DatabaseSnapshotInfo, DatabaseSourceAuthenticationConfiguration,
        DatabaseSourceConfiguration, DatabaseSourceDescription, DatabaseSourceVPCConfiguration, DatabaseTableList;
    model: ElasticsearchDestinationConfiguration, ElasticsearchDestinationDescription,
        ElasticsearchDestinationUpdate, ElasticsearchBufferingHints, ElasticsearchRetryOptions;
    model: DeliveryStreamEncryptionConfiguration, DeliveryStreamEncryptionConfigurationInput;
    model: ExtendedS3DestinationConfiguration, ExtendedS3DestinationDescription,
        ExtendedS3DestinationUpdate, DynamicPartitioningConfiguration;
    model: HttpEndpointDestinationConfiguration, HttpEndpointDestinationDescription,
        HttpEndpointDestinationUpdate, HttpEndpointBufferingHints, HttpEndpointCommonAttribute,
        HttpEndpointConfiguration, HttpEndpointDescription, HttpEndpointRequestConfiguration, HttpEndpointRetryOptions;
    model: IcebergDestinationConfiguration, IcebergDestinationDescription, IcebergDestinationUpdate,
        CatalogConfiguration, DestinationTableConfiguration, PartitionField, PartitionSpec,
        SchemaEvolutionConfiguration, TableCreationConfiguration;
    model: AmazonopensearchserviceDestinationConfiguration,
        AmazonopensearchserviceDestinationDescription, AmazonopensearchserviceDestinationUpdate,
        AmazonopensearchserviceBufferingHints, AmazonopensearchserviceRetryOptions;
    model: AmazonOpenSearchServerlessDestinationConfiguration,
        AmazonOpenSearchServerlessDestinationDescription, AmazonOpenSearchServerlessDestinationUpdate,
        AmazonOpenSearchServerlessBufferingHints, AmazonOpenSearchServerlessRetryOptions;
    model: ProcessingConfiguration, Processor, ProcessorParameter;
    model: Record<'_>;
    model: RedshiftDestinationConfiguration, RedshiftDestinationDescription, RedshiftDestinationUpdate,
        CopyCommand, RedshiftRetryOptions;
    model: S3DestinationConfiguration, S3DestinationDescription, S3DestinationUpdate, BufferingHints,
        EncryptionConfiguration, KMSEncryptionConfig;
    model: SnowflakeDestinationConfiguration, SnowflakeDestinationDescription,
        SnowflakeDestinationUpdate, SnowflakeBufferingHints, SnowflakeRetryOptions, SnowflakeRoleConfiguration,
        SnowflakeVpcConfiguration;
    model: AuthenticationConfiguration, DirectPutSourceConfiguration, DirectPutSourceDescription,
        KinesisStreamSourceConfiguration, KinesisStreamSourceDescription, MSKSourceConfiguration,
        MSKSourceDescription, SourceDescription;
    model: SplunkDestinationConfiguration, SplunkDestinationDescription, SplunkDestinationUpdate,
        SplunkBufferingHints, SplunkRetryOptions;
    model: DeliveryStreamDescription, DestinationDescription, FailureDescription;
    model: Tag;
    op: CreateDeliveryStreamInput, CreateDeliveryStreamOutput;
    op: DeleteDeliveryStreamInput, DeleteDeliveryStreamOutput;
    op: DescribeDeliveryStreamInput, DescribeDeliveryStreamOutput;
    op: ListDeliveryStreamsInput, ListDeliveryStreamsOutput;
    op: ListTagsForDeliveryStreamInput, ListTagsForDeliveryStreamOutput;
    op: PutRecordInput<'_>, PutRecordOutput<'_>;
    op: PutRecordBatchInput<'_>, PutRecordBatchOutput<'_>, PutRecordBatchResponseEntry<'_>;
    op: StartDeliveryStreamEncryptionInput, StartDeliveryStreamEncryptionOutput;
    op: StopDeliveryStreamEncryptionInput, StopDeliveryStreamEncryptionOutput;
    op: TagDeliveryStreamInput, TagDeliveryStreamOutput;
    op: UntagDeliveryStreamInput, UntagDeliveryStreamOutput;
    op: UpdateDestinationInput, UpdateDestinationOutput;
}
