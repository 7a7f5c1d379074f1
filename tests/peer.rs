//! A server that is called with documents: the core writes and signs, the default transport sends, the core reads.

use std::fmt::Display;

use firehose_blocking::{Clock, Credentials, SystemClock, Timeouts, Transport, Ureq};
use firehose_proto::sigv4::{Scope, Signer, SigningKey};
use firehose_proto::{Endpoint, Region};
use serde_json::Value;

use crate::operations;

const REGION: &str = "eu-central-1";

/// A server that speaks Firehose's protocol.
#[derive(Debug)]
pub struct Peer {
    endpoint: Endpoint,
    transport: Ureq,
}

impl Peer {
    /// A server at an address.
    ///
    /// # Errors
    /// Says what is wrong with the address.
    pub fn new(url: &str) -> Result<Self, String> {
        let region = Region::parse(REGION).map_err(text)?;
        Ok(Self { endpoint: Endpoint::custom(url, region).map_err(text)?, transport: Ureq::new() })
    }

    /// Calls an operation with a valid input; the output's document.
    ///
    /// # Errors
    /// Says what is wrong with the input, or why there is no output.
    pub fn call(&self, operation: &str, input: &Value) -> Result<Value, String> {
        let operation = operations::ALL.iter().find(|known| known.name == operation).ok_or("no such operation")?;
        let input = input.to_string();
        let mut request = (operation.encode)(input.as_bytes(), &self.endpoint)?;

        let now = SystemClock.now();
        let credentials = Credentials::new("test", "test");
        let scope = Scope::new(now, REGION, "firehose").map_err(text)?;
        let key = SigningKey::derive(&credentials, scope).map_err(text)?;
        Signer::new(&credentials, &key).sign(now, &mut request).map_err(text)?;
        let response = self.transport.send(&request, &Timeouts::default()).map_err(text)?;
        let output = (operation.decode)(input.as_bytes(), &response)?;
        serde_json::from_slice(&output).map_err(text)
    }
}

fn text(error: impl Display) -> String {
    error.to_string()
}
