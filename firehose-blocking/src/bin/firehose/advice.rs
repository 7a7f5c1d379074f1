//! Explains what went wrong between the program and the service, and what to do, in the terms of the command line.

/// What to do without an account or a network.
pub(crate) const LOCAL_HINT: &str = "to try it without an account or a network: firehose put demo --local DIR";

/// What was called, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    /// The action that a policy allows, such as `firehose:PutRecordBatch`.
    pub(crate) action: &'a str,
    /// The name of the stream, if it was about one.
    pub(crate) stream: Option<&'a str>,
    pub(crate) region: &'a str,
    pub(crate) url: &'a str,
}

impl Target<'_> {
    /// Explains a refusal: what it means, the service's own words, and what to do.
    pub(crate) fn refused(&self, code: &str, words: &str) -> Vec<String> {
        let hints = [self.hint(code, words), self.check_hint()].into_iter().flatten();
        [self.meaning(code, words), format!("  the service said: {words}")].into_iter().chain(hints).collect()
    }

    /// What a refusal means.
    pub(crate) fn meaning(&self, code: &str, words: &str) -> String {
        let (stream, region) = (self.named(), self.region);
        match code {
            "ResourceNotFoundException" => {
                format!("there is no {stream} in {region}, in the account of these credentials")
            }
            "AccessDeniedException" | "AccessDenied" => {
                format!("these credentials do not allow {} on the {stream} in {region}", self.action)
            }
            "InvalidSignatureException" | "SignatureDoesNotMatch" if is_about_scope(words) => {
                format!(
                    "the signature is for Firehose in {region}, but {} belongs to another region or service",
                    self.url
                )
            }
            _ if is_about_clock(words) => "the clocks of this machine and of the service are too far apart".into(),
            "InvalidSignatureException" | "SignatureDoesNotMatch" => "the service does not accept the signature".into(),
            "UnrecognizedClientException" | "InvalidClientTokenId" => "the service does not know the access key".into(),
            "ExpiredTokenException" | "ExpiredToken" => "the temporary credentials have expired".into(),
            _ => "the service refused the call".into(),
        }
    }

    /// What to do about a refusal, if that is known.
    pub(crate) fn hint(&self, code: &str, words: &str) -> Option<String> {
        let (stream, region, url) = (self.named(), self.region, self.url);
        Some(match code {
            "ResourceNotFoundException" => {
                let elsewhere = if self.is_of_region() { String::new() } else { format!(" --endpoint-url {url}") };
                format!(
                    "check the name, the region and the account; to list the streams: firehose call ListDeliveryStreams \
                     --region {region}{elsewhere}"
                )
            }
            "AccessDeniedException" | "AccessDenied" => {
                format!("allow {} on the {stream}, or choose other credentials with --profile", self.action)
            }
            "InvalidSignatureException" | "SignatureDoesNotMatch" if is_about_scope(words) => {
                format!("is {url} a Firehose endpoint in {region}?")
            }
            _ if is_about_clock(words) => {
                "set the clock, or allow signatures to be corrected (disable_clock_skew_correction turns that off)"
                    .into()
            }
            "InvalidSignatureException" | "SignatureDoesNotMatch" => {
                "does AWS_SECRET_ACCESS_KEY belong to AWS_ACCESS_KEY_ID, and is the clock right?".into()
            }
            "UnrecognizedClientException" | "InvalidClientTokenId" => format!(
                "is AWS_ACCESS_KEY_ID active, and valid in {region}? Temporary credentials need AWS_SESSION_TOKEN"
            ),
            "ExpiredTokenException" | "ExpiredToken" => "get new temporary credentials".into(),
            "UnknownOperationException" => format!("is {url} a Firehose endpoint?"),
            status if status.starts_with('3') => format!("redirects are not followed; is {url} a Firehose endpoint?"),
            _ => return None,
        })
    }

    /// Explains that no answer comes that could be the service's.
    pub(crate) fn unreachable(&self, words: &str) -> Vec<String> {
        let hints = [Some(self.reachability_hint()), self.check_hint(), Some(LOCAL_HINT.into())].into_iter().flatten();
        [format!("cannot reach the service: {words}")].into_iter().chain(hints).collect()
    }

    /// What to look at when no answer comes.
    pub(crate) fn reachability_hint(&self) -> String {
        let Self { url, region, .. } = self;
        if self.is_of_region() {
            return format!(
                "is the network up, and is {region} a region with Firehose? Its endpoint there would be {url}"
            );
        }
        format!("is {url} a Firehose endpoint, and can it be reached from here?")
    }

    /// The command that looks at everything that a put depends on.
    pub(crate) fn check_hint(&self) -> Option<String> {
        let stream = self.stream?;
        Some(format!(
            "to see what is used, where it comes from and what is wrong: firehose check {stream}, with the same options"
        ))
    }

    /// Whether the endpoint is the region's own.
    fn is_of_region(&self) -> bool {
        self.url.contains(&format!(".{}.", self.region))
    }

    fn named(&self) -> String {
        self.stream.map_or_else(|| "stream".into(), |name| format!("stream {name}"))
    }
}

/// Whether the service says that the credential should be scoped to another region, or service, than the signature is for.
fn is_about_scope(words: &str) -> bool {
    words.contains("scoped to")
}

/// Whether the service says that the signature is of another time than its own.
fn is_about_clock(words: &str) -> bool {
    ["Signature expired", "Signature not yet current"].iter().any(|known| words.contains(known))
}
