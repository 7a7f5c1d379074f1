//! [`SpoolTarget`]: the stream that a spool's records are for, and the file that names it.
//!
//! ```text
//! #firehose-spool CRC-32 of the rest, eight hexadecimal digits
//! stream=…
//! region=…
//! endpoint=… up to the end of the file
//! ```
//!
//! A spool of an earlier version has only the stream's name in that file. No stream's name contains `#`, so no part of
//! a file in this format is taken for one of that version.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use firehose_proto::Endpoint;

use super::disk;
use super::error::SpoolError;
use super::files::{self, bytes_in, io_error};

const NAME: &str = "stream";

const MARK: &str = "#firehose-spool ";

/// The stream that a spool's records are for, with its region and endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpoolTarget {
    /// The name of the stream.
    pub stream: String,
    /// The region. Empty if an earlier version, which did not store it, wrote the spool.
    pub region: String,
    /// The endpoint's URL, or [its name](super::SpoolOptions::endpoint_name). Empty if the region is.
    pub endpoint: String,
}

/// The contents of the file.
enum Known {
    Target(SpoolTarget),
    Damaged(Vec<u8>),
    Nothing,
}

impl SpoolTarget {
    /// A stream at an endpoint, with an optional name for the endpoint. The service's own endpoints of a region lead to
    /// the same streams, so they count as one.
    pub(crate) fn at(stream: &str, endpoint: &Endpoint, name: Option<&str>) -> Self {
        let region = endpoint.region();
        let own = |fips, dual_stack| Endpoint::resolve(region.clone(), fips, dual_stack);
        let is_own =
            [(true, false), (false, true), (true, true)].iter().any(|(fips, dual)| own(*fips, *dual) == *endpoint);
        let url = if is_own { own(false, false) } else { endpoint.clone() };
        Self::new(stream, region.as_str(), name.unwrap_or(url.url()))
    }

    pub(crate) fn new(stream: &str, region: &str, endpoint: &str) -> Self {
        Self { stream: stream.into(), region: region.into(), endpoint: endpoint.into() }
    }

    /// The target as an earlier version stored it.
    fn without_place(stream: &str) -> Self {
        Self::new(stream, "", "")
    }

    /// Whether records for another target are for this one too. An earlier version stored only the stream, so only the
    /// stream is compared.
    fn includes(&self, other: &Self) -> bool {
        self == other || *other == Self::without_place(&self.stream)
    }

    /// The start of a checkpoint's key. Stream and region contain no byte 0.
    pub(super) fn key(&self) -> Vec<u8> {
        let place =
            if self.region.is_empty() { String::new() } else { format!("{}\0{}\0", self.region, self.endpoint) };
        format!("{}\0{place}", self.stream).into_bytes()
    }

    fn encode(&self) -> String {
        let Self { stream, region, endpoint } = self;
        let rest = format!("stream={stream}\nregion={region}\nendpoint={endpoint}");
        format!("{MARK}{:08x}\n{rest}", crc32fast::hash(rest.as_bytes()))
    }

    fn parse(text: &str) -> Option<Self> {
        let Some(marked) = text.strip_prefix(MARK) else {
            let is_name =
                !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
            return is_name.then(|| Self::without_place(text));
        };
        let (sum, rest) = marked.split_once('\n')?;
        if sum != format!("{:08x}", crc32fast::hash(rest.as_bytes())) {
            return None;
        }
        let (stream, rest) = rest.strip_prefix("stream=")?.split_once("\nregion=")?;
        let (region, endpoint) = rest.split_once("\nendpoint=")?;
        Some(Self::new(stream, region, endpoint))
    }
}

impl fmt::Display for SpoolTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, region, endpoint } = self;
        write!(f, "the stream {stream}")?;
        if region.is_empty() { Ok(()) } else { write!(f, " in {region} at {endpoint}") }
    }
}

/// Stores the target of the spool's records. Returns the previous target, if it was another.
///
/// A spool with records for another target is left unchanged, unless redirected. If the file is missing or damaged, the
/// target is unknown: the records are delivered rather than lost, and that is logged.
pub(super) fn claim(
    dir: &Path,
    wanted: &SpoolTarget,
    has_records: bool,
    redirect: bool,
) -> Result<Option<SpoolTarget>, SpoolError> {
    let path = dir.join(NAME);
    let before = match read(&path)? {
        Known::Target(known) if known == *wanted => return Ok(None),
        Known::Target(known) if has_records && !redirect && !wanted.includes(&known) => {
            return Err(SpoolError::OtherTarget { dir: dir.into(), known, wanted: wanted.clone() });
        }
        Known::Target(known) if has_records && !wanted.includes(&known) => {
            log::warn!("the records in spool {} for {known} go to {wanted}", dir.display());
            Some(known)
        }
        Known::Target(known) => Some(known).filter(|known| redirect || wanted.includes(known)),
        Known::Damaged(bytes) => {
            let kept = path.with_extension("corrupt");
            disk::change(|| fs::rename(&path, &kept)).map_err(io_error("set aside", &path))?;
            let error =
                SpoolError::Corrupt { path: path.clone(), offset: 0, bytes: bytes_in(bytes.len()), kept: Some(kept) };
            log::error!("the spool no longer knows the target of its records: {error}; they go to {wanted}");
            None
        }
        Known::Nothing => {
            if has_records {
                let dir = dir.display();
                log::error!("spool {dir} does not say which stream its records are for; they go to {wanted}");
            }
            None
        }
    };
    // Synced whatever the policy: otherwise a loss of power may leave a name without its bytes.
    files::replace(&path, wanted.encode().as_bytes(), true)?;
    Ok(before)
}

fn read(path: &Path) -> Result<Known, SpoolError> {
    match fs::read(path) {
        Ok(bytes) => Ok(match std::str::from_utf8(&bytes).ok().and_then(SpoolTarget::parse) {
            Some(target) => Known::Target(target),
            None => Known::Damaged(bytes),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Known::Nothing),
        Err(error) => Err(io_error("read", path)(error)),
    }
}
