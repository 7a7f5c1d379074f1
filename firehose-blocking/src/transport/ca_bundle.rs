//! [`InvalidCaBundle`]: why a certificate file cannot be used.

use std::fmt;
use std::io;

/// Why a certificate file cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidCaBundle {
    /// The file cannot be read.
    Io(io::ErrorKind),
    /// The text is not PEM.
    Pem,
    /// It has no certificate.
    Empty,
    /// No certificate in it can be a trust anchor.
    Unusable,
}

impl fmt::Display for InvalidCaBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(kind) => write!(f, "cannot read it: {kind}"),
            Self::Pem => f.write_str("must be PEM, with lines such as `-----BEGIN CERTIFICATE-----`"),
            Self::Empty => f.write_str("must have at least one certificate in PEM"),
            Self::Unusable => f.write_str("has no certificate that can serve as a trust anchor"),
        }
    }
}

impl std::error::Error for InvalidCaBundle {}
