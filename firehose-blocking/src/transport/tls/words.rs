//! Explains TLS errors and what to do about them.

use std::error::Error as _;
use std::io;

use firehose_proto::time::IsoDate;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error};
use time::OffsetDateTime;

use super::trust;

/// The TLS error within an I/O error, if it is one.
pub(crate) fn within(error: &io::Error) -> Option<&Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

/// Whether the two sides cannot agree. The peer has then acted on nothing, and a retry will not help. Any other error
/// may be damage in transit.
///
/// Before the request is sent, an answer that is not TLS means that the peer is the wrong one.
pub(crate) const fn is_final(error: &Error, is_begun: bool) -> bool {
    use AlertDescription as Alert;
    match error {
        Error::InvalidCertificate(_)
        | Error::NoCertificatesPresented
        | Error::PeerIncompatible(_)
        | Error::UnsupportedNameType => true,
        Error::AlertReceived(alert) => matches!(
            alert,
            Alert::AccessDenied
                | Alert::BadCertificate
                | Alert::CertificateExpired
                | Alert::CertificateRequired
                | Alert::CertificateRevoked
                | Alert::CertificateUnknown
                | Alert::HandshakeFailure
                | Alert::InsufficientSecurity
                | Alert::ProtocolVersion
                | Alert::UnknownCA
                | Alert::UnrecognisedName
                | Alert::UnsupportedCertificate
        ),
        Error::InvalidMessage(_) | Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
            !is_begun
        }
        _ => false,
    }
}

/// Describes the error, and what to do about it.
pub(crate) fn explain(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => certificate(error),
        // The name of the rule is rustls's.
        Error::InvalidMessage(rule) => {
            format!("the server does not speak TLS ({rule:?}); if it speaks plain HTTP, begin its URL with http://")
        }
        Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "the server requires a client certificate, and this client has none; use another endpoint".into()
        }
        Error::AlertReceived(alert) => format!("the server ended TLS with the alert {alert:?}"),
        other => other.to_string(),
    }
}

fn certificate(error: &CertificateError) -> String {
    const AUTHORITY: &str = "name the PEM file of its authority's certificates in AWS_CA_BUNDLE, or in `ca_bundle` of \
                             the profile, if you trust it";
    match error {
        CertificateError::UnknownIssuer => {
            format!("the server's certificate is from an authority that is not trusted; {AUTHORITY}")
        }
        CertificateError::BadSignature => {
            format!("the server's certificate is not signed by the authority that it names; {AUTHORITY}")
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            // OpenSSL's default certificates have only a subject, which clients no longer accept.
            let none = || "no name at all (it needs the extension subjectAltName)".into();
            let presented = if presented.is_empty() { none() } else { presented.join(", ") };
            let expected = expected.to_str();
            format!("the server's certificate is for {presented}, not for {expected}; check the URL of the endpoint")
        }
        error if trust::is_authority(error) => {
            "the server shows the certificate of an authority as its own; to trust exactly this one, name its PEM file \
             in AWS_CA_BUNDLE, or in `ca_bundle` of the profile"
                .into()
        }
        CertificateError::ExpiredContext { time, not_after } => of_time("has expired at", *not_after, *time),
        CertificateError::NotValidYetContext { time, not_before } => of_time("is not valid before", *not_before, *time),
        CertificateError::Other(error) => {
            let reason = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            format!("the server's certificate cannot be accepted: {reason}")
        }
        other => format!("the server's certificate cannot be accepted: {other}"),
    }
}

fn of_time(what: &str, limit: UnixTime, now: UnixTime) -> String {
    let date = |time: UnixTime| {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        OffsetDateTime::from_unix_timestamp(seconds)
            .map_or_else(|_| "a time out of range".into(), |time| IsoDate::new(time).as_str().to_owned())
    };
    let (limit, now) = (date(limit), date(now));
    format!("the server's certificate {what} {limit}, and the local clock says {now}: correct the one that is wrong")
}
