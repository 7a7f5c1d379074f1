//! [`Record`]: the unit that Firehose accepts, refuses and delivers.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::json::{self, Base64, Text};
use crate::limits;
use crate::pattern;
use crate::schema::{Document, Member, Shape, Structure};
use crate::validate::{Rule, Unit, Violation};

pub(crate) const DELIVERY_STREAM_NAME: Shape = Shape::text(1, 64).matching(pattern::DELIVERY_STREAM_NAME);
pub(crate) const PUT_RESPONSE_RECORD_ID: Shape = Shape::text(1, usize::MAX);

/// One record: at most 1,024,000 bytes of anything, or nothing.
///
/// `Debug` shows the size alone. Firehose joins records without a delimiter: include the newline that your
/// destination needs.
///
/// See [`Record`](https://docs.aws.amazon.com/firehose/latest/APIReference/API_Record.html).
///
/// ```
/// use firehose_proto::model::Record;
///
/// let record = Record::new(b"one line\n");
/// assert_eq!(format!("{record:?}"), "Record { data_bytes: 9 }");
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[non_exhaustive]
pub struct Record<'a> {
    /// The data, before base64.
    #[serde(serialize_with = "json::serialize_blob", deserialize_with = "json::deserialize_blob")]
    pub data: Cow<'a, [u8]>,
}

impl<'a> Record<'a> {
    /// A record of borrowed or owned bytes.
    pub fn new<D: AsRef<[u8]> + ?Sized>(data: &'a D) -> Self {
        Self { data: Cow::Borrowed(data.as_ref()) }
    }

    /// A record of bytes of its own.
    #[must_use]
    pub const fn from_vec(data: Vec<u8>) -> Self {
        Self { data: Cow::Owned(data) }
    }

    /// Checks the size; `path` is the record's path in its input.
    pub(crate) fn check(&self, path: impl FnOnce() -> String) -> Result<(), Violation> {
        let (actual, max) = (self.data.len(), limits::MAX_RECORD_BYTES);
        if actual <= max {
            return Ok(());
        }
        Err(Violation::new(path(), Rule::TooLong { actual, max, unit: Unit::Bytes }))
    }
}

impl Document for Record<'_> {
    const STRUCTURE: &'static Structure =
        &Structure::new("Record", &[Member::required("Data", Shape::Blob { max: limits::MAX_RECORD_BYTES })]);
}

impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("data_bytes", &self.data.len()).finish()
    }
}

json::document!(
    /// A record as it comes over the wire, its data still base64.
    RecordDocument<'a> { data: Text<'a> = "Data", }
);

impl RecordDocument<'_> {
    /// Decodes the data; `path` is the record's path in its input.
    pub(crate) fn read<'a>(self, base64: &Base64, path: impl FnOnce() -> String) -> Result<Record<'a>, Violation> {
        match self.data {
            None => Err(Violation::new(format!("{}.Data", path()), Rule::Missing)),
            Some(text) => match base64.decode(&text.0) {
                Some(data) => Ok(Record::from_vec(data)),
                None => Err(Violation::new(format!("{}.Data", path()), Rule::Base64)),
            },
        }
    }
}
