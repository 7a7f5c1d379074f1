//! [`Stream`]: one stream, and its state at any time.
//!
//! ```text
//! create ─▶ CREATING ─(transition)─▶ ACTIVE ─ delete ─▶ DELETING ─(transition)─▶ gone
//! start  ─▶ ENABLING ─(transition)─▶ ENABLED      stop ─▶ DISABLING ─(transition)─▶ DISABLED
//! ```
//!
//! No timer runs: the state is computed from the time of each call, so it is also right after a restart.

use std::collections::BTreeMap;
use std::time::Duration;

use firehose_proto::Region;
use firehose_proto::error::{ErrorCode, ServiceError};
use firehose_proto::model::{
    DeliveryStreamDescription, DeliveryStreamEncryptionConfiguration, DeliveryStreamEncryptionConfigurationInput,
    DeliveryStreamEncryptionStatus, DeliveryStreamStatus, DeliveryStreamType, DestinationDescription,
    ExtendedS3DestinationConfiguration, KeyType, SourceDescription, Tag,
};
use firehose_proto::op::{
    CreateDeliveryStreamInput, DescribeDeliveryStreamInput, ListTagsForDeliveryStreamInput,
    ListTagsForDeliveryStreamOutput, UpdateDestinationInput,
};
use firehose_proto::time::Timestamp;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::destination;

/// The account of all streams.
pub(super) const ACCOUNT: &str = "000000000000";

/// The most tags of a stream; see
/// [TagDeliveryStream](https://docs.aws.amazon.com/firehose/latest/APIReference/API_TagDeliveryStream.html).
const MAX_TAGS: usize = 50;

/// All data of a stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Stream {
    name: String,
    /// The region of its creation. `None` for a stream that a put created: it is in every region.
    region: Option<String>,
    stream_type: DeliveryStreamType,
    source: Option<SourceDescription>,
    destination: DestinationDescription,
    version: u64,
    created: Timestamp,
    updated: Option<Timestamp>,
    creation: Span,
    /// Not stored: after a restart the stream is gone.
    #[serde(skip)]
    deletion: Option<Span>,
    encryption: Encryption,
    tags: BTreeMap<String, Option<String>>,
}

/// The time that a state transition takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Span {
    from: Timestamp,
    until: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Encryption {
    is_on: bool,
    /// Whether it was on before the last change.
    was_on: bool,
    change: Span,
    key: Option<DeliveryStreamEncryptionConfigurationInput>,
}

impl Span {
    fn new(now: OffsetDateTime, length: Duration) -> Self {
        let length = time::Duration::try_from(length).unwrap_or(time::Duration::MAX);
        Self { from: now.into(), until: now.saturating_add(length).into() }
    }

    /// False before the start too: a clock that was set back must not block the stream.
    fn is_under_way(self, now: OffsetDateTime) -> bool {
        (self.from..self.until).contains(&now.into())
    }
}

impl Stream {
    /// Creates a stream for a call.
    pub(super) fn create(
        now: OffsetDateTime,
        transition: Duration,
        region: &str,
        input: &CreateDeliveryStreamInput,
    ) -> Result<Self, ServiceError> {
        let stream_type = input.delivery_stream_type.clone().unwrap_or(DeliveryStreamType::DirectPut);
        let key = input.delivery_stream_encryption_configuration_input.clone();
        if key.is_some() {
            check_encryptable(&stream_type)?;
        }
        let tags = input.tags.iter().flatten().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
        let is_on = key.is_some();
        Ok(Self {
            name: input.delivery_stream_name.clone(),
            region: Some(region.into()),
            source: destination::source(now.into(), input),
            stream_type,
            destination: destination::create(input)?,
            version: 1,
            created: now.into(),
            updated: None,
            creation: Span::new(now, transition),
            deletion: None,
            encryption: Encryption { is_on, was_on: is_on, change: Span::new(now, Duration::ZERO), key },
            tags,
        })
    }

    /// A stream of which only the directory exists: its destination is like a bucket.
    pub(super) fn of_directory(name: &str, created: OffsetDateTime) -> Result<Self, ServiceError> {
        let role = format!("arn:aws:iam::{ACCOUNT}:role/firehose-local");
        let bucket = ExtendedS3DestinationConfiguration::new(role, "arn:aws:s3:::firehose-local");
        let input = CreateDeliveryStreamInput::new(name).destination(bucket);
        let stream = Self::create(created, Duration::ZERO, "", &input)?;
        Ok(Self { region: None, ..stream })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn stream_type(&self) -> &DeliveryStreamType {
        &self.stream_type
    }

    /// The state of the stream. `None` if it is gone.
    pub(super) fn status(&self, now: OffsetDateTime) -> Option<DeliveryStreamStatus> {
        match self.deletion {
            Some(deletion) => deletion.is_under_way(now).then_some(DeliveryStreamStatus::Deleting),
            None if self.creation.is_under_way(now) => Some(DeliveryStreamStatus::Creating),
            None => Some(DeliveryStreamStatus::Active),
        }
    }

    /// Accepts a put; returns whether its records are encrypted.
    pub(super) fn admit(&self, now: OffsetDateTime) -> Result<bool, ServiceError> {
        if !matches!(self.status(now), Some(DeliveryStreamStatus::Active | DeliveryStreamStatus::Deleting)) {
            return Err(not_found(&self.name));
        }
        if self.stream_type != DeliveryStreamType::DirectPut {
            let message = format!("This operation is not permitted on {} delivery stream type.", self.stream_type);
            return Err(refusal(ErrorCode::InvalidArgumentException, message));
        }
        Ok(self.encryption.is_in_effect(now))
    }

    /// Its ARN for callers in a region.
    pub(super) fn arn(&self, region: &str) -> String {
        let region = self.region.as_deref().unwrap_or(region);
        let partition = Region::parse(region).map_or("aws", |region| region.partition().id);
        format!("arn:{partition}:firehose:{region}:{ACCOUNT}:deliverystream/{}", self.name)
    }

    pub(super) fn describe(
        &self,
        now: OffsetDateTime,
        region: &str,
        input: &DescribeDeliveryStreamInput,
    ) -> DeliveryStreamDescription {
        let is_after = |start: &String| destination::DESTINATION_ID > start.as_str();
        let has_destination = input.exclusive_start_destination_id.as_ref().is_none_or(is_after);
        let mut description = DeliveryStreamDescription::new(
            self.name.as_str(),
            self.arn(region),
            self.status(now).unwrap_or(DeliveryStreamStatus::Deleting),
            self.stream_type.clone(),
            self.version.to_string(),
            if has_destination { vec![self.destination.clone()] } else { Vec::new() },
            false,
        );
        description.delivery_stream_encryption_configuration = Some(self.encryption.describe(now));
        description.create_timestamp = Some(self.created);
        description.last_update_timestamp = self.updated;
        description.source.clone_from(&self.source);
        description
    }

    pub(super) fn update_destination(
        &mut self,
        now: OffsetDateTime,
        input: &UpdateDestinationInput,
    ) -> Result<(), ServiceError> {
        self.check_active(now)?;
        let given = &input.current_delivery_stream_version_id;
        if *given != self.version.to_string() {
            let message = format!(
                "Cannot update firehose: {} since the current version id: {} and specified version id: {given} do not \
                 match",
                self.name, self.version
            );
            return Err(refusal(ErrorCode::ConcurrentModificationException, message));
        }
        if input.destination_id != destination::DESTINATION_ID {
            let message = format!("Destination Id {} not found", input.destination_id);
            return Err(refusal(ErrorCode::InvalidArgumentException, message));
        }
        self.destination = destination::update(&self.destination, input)?;
        self.version += 1;
        self.updated = Some(now.into());
        Ok(())
    }

    pub(super) fn tag(&mut self, now: OffsetDateTime, tags: &[Tag]) -> Result<(), ServiceError> {
        self.check_active(now)?;
        self.tags.extend(tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())));
        if self.tags.len() > MAX_TAGS {
            let message = format!("Firehose {} cannot have more than {MAX_TAGS} tags", self.name);
            return Err(refusal(ErrorCode::LimitExceededException, message));
        }
        Ok(())
    }

    pub(super) fn untag(&mut self, now: OffsetDateTime, keys: &[String]) -> Result<(), ServiceError> {
        self.check_active(now)?;
        self.tags.retain(|key, _| !keys.contains(key));
        Ok(())
    }

    pub(super) fn list_tags(&self, input: &ListTagsForDeliveryStreamInput) -> ListTagsForDeliveryStreamOutput {
        let start = input.exclusive_start_tag_key.as_deref();
        let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(MAX_TAGS);
        let mut rest = self.tags.iter().filter(|(key, _)| start.is_none_or(|start| key.as_str() > start));
        let tag = |(key, value): (&String, &Option<String>)| {
            let mut tag = Tag::new(key.as_str());
            tag.value.clone_from(value);
            tag
        };
        let page: Vec<Tag> = rest.by_ref().take(limit).map(tag).collect();
        ListTagsForDeliveryStreamOutput::new(page, rest.next().is_some())
    }

    /// Turns encryption on, or changes its key.
    pub(super) fn start_encryption(
        &mut self,
        now: OffsetDateTime,
        transition: Duration,
        key: Option<&DeliveryStreamEncryptionConfigurationInput>,
    ) -> Result<(), ServiceError> {
        let own = || DeliveryStreamEncryptionConfigurationInput::new(KeyType::AwsOwnedCmk);
        let key = key.cloned().unwrap_or_else(own);
        self.change_encryption(now, transition, Some(key))
    }

    pub(super) fn stop_encryption(&mut self, now: OffsetDateTime, transition: Duration) -> Result<(), ServiceError> {
        self.change_encryption(now, transition, None)
    }

    fn change_encryption(
        &mut self,
        now: OffsetDateTime,
        transition: Duration,
        key: Option<DeliveryStreamEncryptionConfigurationInput>,
    ) -> Result<(), ServiceError> {
        check_encryptable(&self.stream_type)?;
        self.check_active(now)?;
        let (is_on, was_on) = (key.is_some(), self.encryption.is_in_effect(now));
        // The old key is shown until it is out of use.
        let key = key.or_else(|| self.encryption.key.take());
        self.encryption = Encryption { is_on, was_on, change: Span::new(now, transition), key };
        self.updated = Some(now.into());
        Ok(())
    }

    pub(super) fn delete(&mut self, now: OffsetDateTime, transition: Duration) -> Result<(), ServiceError> {
        if self.status(now) == Some(DeliveryStreamStatus::Creating) {
            self.check_active(now)?;
        }
        self.deletion.get_or_insert(Span::new(now, transition));
        Ok(())
    }

    pub(super) fn is_deleted(&self) -> bool {
        self.deletion.is_some()
    }

    fn check_active(&self, now: OffsetDateTime) -> Result<(), ServiceError> {
        match self.status(now) {
            Some(DeliveryStreamStatus::Active) => Ok(()),
            Some(status) => {
                let message = format!("Firehose {} under accountId {ACCOUNT} is {status}, not ACTIVE", self.name);
                Err(refusal(ErrorCode::ResourceInUseException, message))
            }
            None => Err(not_found(&self.name)),
        }
    }
}

impl Encryption {
    /// Whether new records are encrypted.
    fn is_in_effect(&self, now: OffsetDateTime) -> bool {
        if self.change.is_under_way(now) { self.was_on } else { self.is_on }
    }

    fn describe(&self, now: OffsetDateTime) -> DeliveryStreamEncryptionConfiguration {
        let is_under_way = self.change.is_under_way(now);
        let status = match (self.is_on, is_under_way) {
            (true, true) => DeliveryStreamEncryptionStatus::Enabling,
            (true, false) => DeliveryStreamEncryptionStatus::Enabled,
            (false, true) => DeliveryStreamEncryptionStatus::Disabling,
            (false, false) => DeliveryStreamEncryptionStatus::Disabled,
        };
        let mut description = DeliveryStreamEncryptionConfiguration::new().status(status);
        if let Some(key) = self.key.as_ref().filter(|_| self.is_on || is_under_way) {
            description.key_type = Some(key.key_type.clone());
            description.key_arn.clone_from(&key.key_arn);
        }
        description
    }
}

fn check_encryptable(stream_type: &DeliveryStreamType) -> Result<(), ServiceError> {
    if *stream_type == DeliveryStreamType::DirectPut {
        return Ok(());
    }
    let message = format!("Server-side encryption is for DirectPut streams, not for {stream_type}");
    Err(refusal(ErrorCode::InvalidArgumentException, message))
}

pub(super) fn not_found(name: &str) -> ServiceError {
    let message = format!("Firehose {name} not found under account {ACCOUNT}.");
    refusal(ErrorCode::ResourceNotFoundException, message)
}

pub(super) fn refusal(code: ErrorCode, message: String) -> ServiceError {
    ServiceError::new(400, code, message)
}
