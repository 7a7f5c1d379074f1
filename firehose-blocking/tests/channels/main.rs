//! The ways to the service that lead through other people's machines: TLS and proxies, good and bad.
#![expect(clippy::unwrap_used, reason = "a test fails at the line that is wrong")]

#[cfg(feature = "cli")]
mod program;
mod proxies;
mod proxy;
mod server;
mod tls;

use std::fs;

use firehose_blocking::{Client, ClientBuilder, Credentials, Error, PutRecordInput, Record};
use tempfile::{TempDir, tempdir};

/// What must show in no message.
pub(crate) const SECRET: &str = "HushHushHushHushHush";

/// A directory with a file of certificates, and that file.
pub(crate) fn bundle(text: impl AsRef<[u8]>) -> (TempDir, String) {
    let dir = tempdir().unwrap();
    let path = dir.path().join("authorities.pem");
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (dir, path)
}

/// A client of an endpoint, with these variables and no others.
fn builder(url: &str, variables: &[(&str, &str)]) -> ClientBuilder {
    let variables: Vec<_> = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    let variable =
        move |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.to_owned());
    let credentials = Credentials::new("AKIDEXAMPLE", SECRET).with_session_token(SECRET);
    Client::builder().environment(variable).region("eu-west-1").endpoint_url(url).credentials(credentials)
}

fn put(client: &Client) -> Result<String, Error> {
    client.put_record(&PutRecordInput::new("s", Record::new(b"data"))).map(|output| output.record_id.into_owned())
}

/// The whole story of an error.
fn story(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
