//! [`Streams`]: which streams exist, and the calls that change them.
//!
//! A stream exists if a call created or changed it, which its definition records, or if it has a directory, which a put
//! creates. Changes are made one at a time: on a copy, which is written to its file before anyone sees it. A put only
//! reads memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use firehose_proto::error::{ErrorCode, ServiceError};
use firehose_proto::model::{DeliveryStreamDescription, DeliveryStreamType};
use firehose_proto::op::{
    CreateDeliveryStreamInput, DeleteDeliveryStreamInput, DescribeDeliveryStreamInput, ListDeliveryStreamsInput,
    ListDeliveryStreamsOutput, ListTagsForDeliveryStreamInput, ListTagsForDeliveryStreamOutput,
    StartDeliveryStreamEncryptionInput, StopDeliveryStreamEncryptionInput, TagDeliveryStreamInput,
    UntagDeliveryStreamInput, UpdateDestinationInput,
};
use time::OffsetDateTime;

use super::definitions::{Definitions, Known};
use super::files::{FileError, dir_name, stream_name};
use super::store::Store;
use super::stream::{ACCOUNT, Stream, not_found, refusal};

/// The default page size of ListDeliveryStreams.
const PAGE: usize = 10;

/// All streams below one directory.
#[derive(Debug)]
pub(super) struct Streams {
    store: Arc<Store>,
    creates_streams: bool,
    /// How long it takes to create or delete a stream, and to turn its encryption on or off.
    transition: Duration,
    /// Locked during each change.
    definitions: Mutex<Definitions>,
    known: RwLock<BTreeMap<String, Known>>,
}

impl Streams {
    pub(super) fn open(store: Arc<Store>, creates_streams: bool, transition: Duration) -> Result<Self, FileError> {
        let definitions = Definitions::new(store.dir(), store.syncs());
        let known = definitions.load()?.into_iter().map(|known| (known.name().to_string(), known)).collect();
        let (definitions, known) = (Mutex::new(definitions), RwLock::new(known));
        Ok(Self { store, creates_streams, transition, definitions, known })
    }

    /// Whether the first put to a stream creates it.
    pub(super) const fn creates_streams(&self) -> bool {
        self.creates_streams
    }

    /// Accepts a put, which may create the stream; returns whether the stream encrypts its records.
    pub(super) fn admit(&self, now: OffsetDateTime, name: &str) -> Result<bool, ServiceError> {
        let is_known = match self.known().get(name) {
            Some(Known::Stream(stream)) if stream.status(now).is_some() => return stream.admit(now),
            known => known.is_some(),
        };
        match (is_known, self.creates_streams) {
            (false, true) => return Ok(false),
            (false, false) if self.directory(name).is_dir() => return Ok(false),
            (_, false) => return Err(not_found(name)),
            // The stream was deleted; this put creates it again.
            (true, true) => {}
        }
        let definitions = self.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been faster.
        if self.find(now, name).is_err() {
            self.store.with_descriptors(|| definitions.remove(name)).map_err(unwritable)?;
            self.known.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        }
        drop(definitions);
        self.admit(now, name)
    }

    /// Creates a stream and returns its ARN.
    pub(super) fn create(
        &self,
        now: OffsetDateTime,
        region: &str,
        input: &CreateDeliveryStreamInput,
    ) -> Result<String, ServiceError> {
        let definitions = self.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        let name = &input.delivery_stream_name;
        if self.find(now, name).is_ok() {
            let message = format!("Firehose {name} under accountId {ACCOUNT} already exists");
            return Err(refusal(ErrorCode::ResourceInUseException, message));
        }
        let stream = Stream::create(now, self.transition, region, input)?;
        let arn = stream.arn(region);
        self.keep(&definitions, now, stream)?;
        Ok(arn)
    }

    pub(super) fn delete(&self, now: OffsetDateTime, input: &DeleteDeliveryStreamInput) -> Result<(), ServiceError> {
        self.change(now, &input.delivery_stream_name, |stream| stream.delete(now, self.transition))
    }

    pub(super) fn describe(
        &self,
        now: OffsetDateTime,
        region: &str,
        input: &DescribeDeliveryStreamInput,
    ) -> Result<DeliveryStreamDescription, ServiceError> {
        Ok(self.find(now, &input.delivery_stream_name)?.describe(now, region, input))
    }

    pub(super) fn list_tags(
        &self,
        now: OffsetDateTime,
        input: &ListTagsForDeliveryStreamInput,
    ) -> Result<ListTagsForDeliveryStreamOutput, ServiceError> {
        Ok(self.find(now, &input.delivery_stream_name)?.list_tags(input))
    }

    pub(super) fn list(
        &self,
        now: OffsetDateTime,
        input: &ListDeliveryStreamsInput,
    ) -> Result<ListDeliveryStreamsOutput, ServiceError> {
        let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE);
        let start = input.exclusive_start_delivery_stream_name.as_deref();
        let wanted = input.delivery_stream_type.as_ref();
        let names = self.names(now, wanted)?;
        let mut rest = names.into_iter().filter(|name| start.is_none_or(|start| name.as_str() > start));
        let page: Vec<String> = rest.by_ref().take(limit).collect();
        Ok(ListDeliveryStreamsOutput::new(page, rest.next().is_some()))
    }

    pub(super) fn tag(&self, now: OffsetDateTime, input: &TagDeliveryStreamInput) -> Result<(), ServiceError> {
        self.change(now, &input.delivery_stream_name, |stream| stream.tag(now, &input.tags))
    }

    pub(super) fn untag(&self, now: OffsetDateTime, input: &UntagDeliveryStreamInput) -> Result<(), ServiceError> {
        self.change(now, &input.delivery_stream_name, |stream| stream.untag(now, &input.tag_keys))
    }

    pub(super) fn start_encryption(
        &self,
        now: OffsetDateTime,
        input: &StartDeliveryStreamEncryptionInput,
    ) -> Result<(), ServiceError> {
        let key = input.delivery_stream_encryption_configuration_input.as_ref();
        self.change(now, &input.delivery_stream_name, |stream| stream.start_encryption(now, self.transition, key))
    }

    pub(super) fn stop_encryption(
        &self,
        now: OffsetDateTime,
        input: &StopDeliveryStreamEncryptionInput,
    ) -> Result<(), ServiceError> {
        self.change(now, &input.delivery_stream_name, |stream| stream.stop_encryption(now, self.transition))
    }

    pub(super) fn update_destination(
        &self,
        now: OffsetDateTime,
        input: &UpdateDestinationInput,
    ) -> Result<(), ServiceError> {
        self.change(now, &input.delivery_stream_name, |stream| stream.update_destination(now, input))
    }

    /// Changes a stream: on a copy that replaces it if the change is allowed and has been written.
    fn change(
        &self,
        now: OffsetDateTime,
        name: &str,
        change: impl FnOnce(&mut Stream) -> Result<(), ServiceError>,
    ) -> Result<(), ServiceError> {
        let definitions = self.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stream = self.find(now, name)?;
        change(&mut stream)?;
        self.keep(&definitions, now, stream)
    }

    fn keep(&self, definitions: &Definitions, now: OffsetDateTime, stream: Stream) -> Result<(), ServiceError> {
        let name = stream.name().to_string();
        let (is_deleted, is_gone) = (stream.is_deleted(), stream.status(now).is_none());
        let (stream, deleted) = (Known::Stream(stream.into()), Known::Deleted { name: name.clone() });
        let kept = if is_deleted { &deleted } else { &stream };
        self.store.with_descriptors(|| definitions.save(kept)).map_err(unwritable)?;
        let known = if is_gone { deleted } else { stream };
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(name, known);
        Ok(())
    }

    fn find(&self, now: OffsetDateTime, name: &str) -> Result<Stream, ServiceError> {
        match self.known().get(name) {
            Some(Known::Stream(stream)) if stream.status(now).is_some() => return Ok(Stream::clone(stream)),
            Some(_) => return Err(not_found(name)),
            None => {}
        }
        let metadata = fs::metadata(self.directory(name)).ok().filter(fs::Metadata::is_dir);
        let metadata = metadata.ok_or_else(|| not_found(name))?;
        let made = metadata.created().or_else(|_| metadata.modified()).map_or(now, OffsetDateTime::from);
        Stream::of_directory(name, made)
    }

    /// The names of all streams of a type, in order.
    fn names(
        &self,
        now: OffsetDateTime,
        wanted: Option<&DeliveryStreamType>,
    ) -> Result<BTreeSet<String>, ServiceError> {
        let is_wanted = |found: &DeliveryStreamType| wanted.is_none_or(|wanted| wanted == found);
        let mut names = BTreeSet::new();
        if is_wanted(&DeliveryStreamType::DirectPut) {
            let unreadable = |error| FileError { path: self.store.dir().into(), error };
            let read = || match fs::read_dir(self.store.dir()) {
                // Somebody has removed the directory; the next put creates it again.
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                entries => entries.map(Some).map_err(unreadable),
            };
            for entry in self.store.with_descriptors(read).map_err(unwritable)?.into_iter().flatten() {
                let entry = entry.map_err(unreadable).map_err(unwritable)?;
                let name = entry.file_name().to_str().and_then(stream_name);
                names.extend(name.filter(|_| entry.path().is_dir()));
            }
        }
        let known = self.known();
        names.retain(|name| !known.contains_key(name));
        let defined = known.values().filter_map(|known| match known {
            Known::Stream(stream) => Some(&**stream),
            Known::Deleted { .. } => None,
        });
        let defined = defined.filter(|stream| stream.status(now).is_some() && is_wanted(stream.stream_type()));
        names.extend(defined.map(|stream| stream.name().to_string()));
        Ok(names)
    }

    fn directory(&self, name: &str) -> PathBuf {
        self.store.dir().join(dir_name(name))
    }

    fn known(&self) -> RwLockReadGuard<'_, BTreeMap<String, Known>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unwritable(FileError { path, error }: FileError) -> ServiceError {
    log::error!("cannot read or write {}: {error}", path.display());
    let message = format!("The local endpoint cannot use its directory: {error}");
    ServiceError::new(503, ErrorCode::ServiceUnavailableException, message)
}

#[cfg(test)]
mod tests;
