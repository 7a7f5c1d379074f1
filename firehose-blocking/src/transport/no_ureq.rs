//! Replaces [`Ureq`](super::ureq) where the feature `ureq` is off: a client then needs a transport of its own.

use std::sync::Arc;

use firehose_proto::settings::Settings;

use super::Transport;
use crate::builder::BuildError;

pub(crate) fn default_transport(_: &Settings, _: usize) -> Result<Arc<dyn Transport>, BuildError> {
    Err(BuildError::NoTransport)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Client, Credentials};

    #[test]
    fn a_client_wants_a_transport() {
        let builder =
            Client::builder().environment(|_| None).region("eu-west-1").credentials(Credentials::new("a", "b"));
        let error = builder.build().unwrap_err();
        assert!(matches!(error, BuildError::NoTransport), "{error:?}");
        assert!(error.to_string().contains("the feature `ureq`"), "{error}");
    }
}
