//! Credentials of the role of the ECS task or EKS pod that the program runs in.

use alloc::format;
use alloc::string::String;

use time::OffsetDateTime;

use super::exchange::{Question, ask};
use super::policy::Policy;
use super::step::{Cx, Step};
use crate::credentials::{Credentials, CredentialsError, DocumentError, container};
use crate::http::{Request, Response};
use crate::sensitive::Sensitive;

const RELATIVE_URI: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";

/// Asks the container's agent, if the environment names one.
pub(super) fn credentials(cx: &mut Cx<'_>) -> Step<Result<Credentials, CredentialsError>> {
    let variable = |name| cx.shared.variable(name);
    let url = match container::url(variable(RELATIVE_URI).as_deref(), variable(FULL_URI).as_deref()) {
        Ok(Some(url)) => url,
        Ok(None) => {
            let message = format!("neither {RELATIVE_URI} nor {FULL_URI} is set");
            return Step::Done(Err(CredentialsError::absent(message)));
        }
        Err(error) => return Step::Done(Err(CredentialsError::failed("invalid setting").with_source(error))),
    };
    let set = |name| variable(name).filter(|value| !value.trim().is_empty());
    let token_file = set(TOKEN_FILE);
    let token = if token_file.is_none() { set(TOKEN).map(Sensitive::new) } else { None };
    let agent = Agent { url, token_file, token };
    ask(cx, Policy::AGENT, agent)
        .map(cx, |result| result.map_err(|error| error.while_doing("cannot get the credentials of the container")))
}

struct Agent {
    url: String,
    token_file: Option<String>,
    /// The token from the environment, used when there is no file.
    token: Option<Sensitive<String>>,
}

impl Question for Agent {
    type Answer = Credentials;

    fn token_file(&self) -> Option<&str> {
        self.token_file.as_deref()
    }

    fn request(&self, _: OffsetDateTime, token: Option<&str>) -> Result<Request<'static>, CredentialsError> {
        let authorization = token.or_else(|| self.token.as_ref().map(|token| token.expose().as_str()));
        container::request(&self.url, authorization).map_err(|error| {
            let origin = self.token_file.as_deref().unwrap_or(TOKEN);
            let message = format!("the authorization in {origin} has a line break or another control character");
            CredentialsError::failed(message).with_source(error)
        })
    }

    fn read(&self, _: OffsetDateTime, response: &Response) -> Result<Credentials, DocumentError> {
        container::read(response)
    }
}
