//! Values on the command line: how each is read, and within which limits.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use firehose_blocking::Batch;
use firehose_blocking::firehose_proto::batch::Quotas;

/// The longest that a stream itself buffers.
const MAX_LINGER: Duration = Duration::from_secs(900);

/// How often figures may be told.
const MIN_INTERVAL: Duration = Duration::from_millis(100);
const MAX_INTERVAL: Duration = Duration::from_secs(86_400);

/// The bytes that end a record, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delimiter(pub(super) Vec<u8>);

impl Delimiter {
    /// Reads a delimiter as it is written on the command line.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut bytes = Vec::new();
        let mut rest = text.chars();
        while let Some(character) = rest.next() {
            if character != '\\' {
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            bytes.push(match rest.next() {
                Some('n') => b'\n',
                Some('r') => b'\r',
                Some('t') => b'\t',
                Some('0') => 0,
                Some('\\') => b'\\',
                Some('x') => {
                    let digits = [rest.next(), rest.next()].map(|digit| digit.and_then(|digit| digit.to_digit(16)));
                    let [Some(high), Some(low)] = digits else { return Err(r"\x needs two hexadecimal digits".into()) };
                    u8::try_from(high << 4 | low).map_err(|_| "out of range")?
                }
                _ => return Err(r"after a backslash comes one of n r t 0 \ or xHH".into()),
            });
        }
        if bytes.is_empty() { Err("a delimiter has at least one byte".into()) } else { Ok(Self(bytes)) }
    }
}

pub(super) fn stream_name(text: &str) -> Result<String, String> {
    match Batch::new(text) {
        Ok(_) => Ok(text.into()),
        Err(_) if text.starts_with("arn:") => Err("give the stream's name, which is the last part of its ARN".into()),
        Err(violation) => Err(violation.to_string()),
    }
}

pub(super) fn in_flight(text: &str) -> Result<NonZeroUsize, String> {
    let number = text.parse().ok().and_then(NonZeroUsize::new).filter(|number| number.get() <= 256);
    number.ok_or_else(|| "not a number from 1 to 256".into())
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|seconds| *seconds <= MAX_LINGER).ok_or_else(|| "not a number of seconds from 0 to 900".into())
}

pub(super) fn interval(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let seconds = seconds.filter(|seconds| (MIN_INTERVAL..=MAX_INTERVAL).contains(seconds));
    seconds.ok_or_else(|| "not a number of seconds from 0.1 to 86400".into())
}

pub(super) fn rate(text: &str) -> Result<Quotas, String> {
    let mut quotas = Quotas::default();
    for part in text.split(',') {
        let (key, number) = part.split_once('=').unwrap_or(("records", part));
        let number: NonZeroU32 =
            number.parse().map_err(|_| format!("{number:?} is not a number from 1 to {}", u32::MAX))?;
        let quota = match key {
            "records" => &mut quotas.records_per_second,
            "requests" => &mut quotas.requests_per_second,
            "bytes" => &mut quotas.bytes_per_second,
            _ => return Err(format!("{key:?} is not one of records, requests, bytes")),
        };
        if quota.replace(number).is_some() {
            return Err(format!("{key} is given twice"));
        }
    }
    Ok(quotas)
}

/// Reads an address to listen on. The name `localhost` stands for the address that it has on every machine.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let port = text.rsplit_once(':').filter(|(host, _)| host.eq_ignore_ascii_case("localhost"));
    let address = match port {
        Some((_, port)) => port.parse().ok().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        None => text.parse().ok(),
    };
    address.ok_or_else(|| "give an IP address and a port, such as 127.0.0.1:4573".into())
}

/// Reads a number of seconds without a limit.
pub(super) fn whole_seconds(text: &str) -> Result<Duration, String> {
    text.parse().map(Duration::from_secs).map_err(|_| "give a whole number of seconds, such as 30".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_delimiters() {
        for (text, bytes) in [
            (r"\n", Some(b"\n".as_slice())),
            (r"\r\n", Some(b"\r\n")),
            (r"\t\0\\", Some(b"\t\0\\")),
            (r"\xfF|", Some(b"\xff|")),
            ("é", Some("é".as_bytes())),
            ("", None),
            (r"\", None),
            (r"\q", None),
            (r"\x", None),
            (r"\x1", None),
            (r"\x+1", None),
        ] {
            assert_eq!(Delimiter::parse(text).ok(), bytes.map(|bytes| Delimiter(bytes.to_vec())), "{text}");
        }
    }

    #[test]
    fn reads_rates_and_times() {
        let read = |text: &str| {
            let Quotas { records_per_second, requests_per_second, bytes_per_second, .. } = rate(text).ok()?;
            Some(
                [records_per_second, requests_per_second, bytes_per_second].map(|rate| rate.map_or(0, NonZeroU32::get)),
            )
        };
        for (text, quotas) in [
            ("10", Some([10, 0, 0])),
            ("bytes=5,requests=4", Some([0, 4, 5])),
            ("records=1,requests=2,bytes=3", Some([1, 2, 3])),
            ("", None),
            ("0", None),
            ("bytes=", None),
            ("bytes=1,", None),
            ("bytes=1,bytes=2", None),
            ("2,records=2", None),
            ("lines=2", None),
        ] {
            assert_eq!(read(text), quotas, "{text}");
        }
        for (text, time) in
            [("0", Some(0)), ("0.25", Some(250)), ("900", Some(900_000)), ("901", None), ("-1", None), ("NaN", None)]
        {
            assert_eq!(seconds(text).ok(), time.map(Duration::from_millis), "{text}");
        }
        for (text, time) in
            [("0.1", Some(100)), ("86400", Some(86_400_000)), ("0", None), ("86401", None), ("-1", None), ("x", None)]
        {
            assert_eq!(interval(text).ok(), time.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn points_from_an_arn_to_the_name() {
        let error = stream_name("arn:aws:firehose:eu-west-1:123456789012:deliverystream/logs").unwrap_err();
        assert!(error.contains("name"), "{error}");
        assert_eq!(stream_name("logs"), Ok("logs".into()));
        assert!(stream_name("a b").is_err());
    }
}
