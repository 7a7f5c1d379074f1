//! Signatures compared with two independent implementations, one that signs (`aws-sigv4`) and one that verifies
//! (`scratchstack-aws-signature`), over arbitrary requests; and the properties that hold for every signature.
#![expect(clippy::unwrap_used, reason = "a test that unwraps fails with the line that did")]

use std::future::ready;
use std::pin::pin;
use std::str::FromStr;
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings};
use aws_sigv4::sign::v4;
use firehose_proto::credentials::Credentials;
use firehose_proto::http::{Headers, Method, Request};
use firehose_proto::sigv4::{Authorization, KeyCache, Signer, Verifier};
use firehose_proto::time::AmzDate;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use scratchstack_aws_signature::principal::User;
use scratchstack_aws_signature::{
    GetSigningKeyRequest, GetSigningKeyResponse, KSecretKey, NO_ADDITIONAL_SIGNED_HEADERS, SignatureOptions,
    service_for_signing_key_fn, sigv4_validate_request,
};
use time::OffsetDateTime;

/// What our signer leaves out, told to the peer, which leaves out less.
const NEVER_SIGNED: [&str; 17] = [
    "amz-sdk-invocation-id",
    "amz-sdk-request",
    "authorization",
    "baggage",
    "connection",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-amzn-trace-id",
];

#[derive(Debug, Clone)]
struct Exchange {
    method: Method,
    uri: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    secret: String,
    token: Option<String>,
    region: String,
    service: String,
    now: OffsetDateTime,
}

impl Exchange {
    fn request(&self) -> Request<'_> {
        let mut request = Request::new(self.method, self.uri.as_str());
        request.headers = headers(&self.headers);
        request.set_body(self.body.as_slice());
        request
    }

    fn credentials(&self) -> Credentials {
        let credentials = Credentials::new("AKIDEXAMPLE", &self.secret);
        match &self.token {
            Some(token) => credentials.with_session_token(token),
            None => credentials,
        }
    }

    fn signed(&self) -> Request<'_> {
        let credentials = self.credentials();
        let mut keys = KeyCache::new();
        let key = keys.key(self.now, &credentials, &self.region, &self.service).unwrap();
        let mut request = self.request();
        Signer::new(&credentials, key).sign(self.now, &mut request).unwrap();
        request
    }

    fn verdict(&self, request: &Request<'_>) -> Result<(), impl std::error::Error + PartialEq + use<>> {
        Verifier::new(&self.service).verify(self.now, request, &self.credentials())
    }

    /// The headers that the peer adds.
    fn peer_signature(&self) -> Vec<(String, String)> {
        let identity =
            aws_credential_types::Credentials::new("AKIDEXAMPLE", &self.secret, self.token.clone(), None, "test")
                .into();
        let mut peer = SigningSettings::default();
        peer.excluded_headers = Some(NEVER_SIGNED.map(Into::into).to_vec());
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(&self.service)
            .time(SystemTime::from(self.now))
            .settings(peer)
            .build()
            .unwrap()
            .into();
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let request =
            SignableRequest::new(self.method.as_str(), &self.uri, headers, SignableBody::Bytes(&self.body)).unwrap();
        let (instructions, _) = aws_sigv4::http_request::sign(request, &params).unwrap().into_parts();
        instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

fn headers(fields: &[(String, String)]) -> Headers {
    let mut headers = Headers::new();
    fields.iter().for_each(|(name, value)| headers.append(name, value).unwrap());
    headers
}

fn method() -> impl Strategy<Value = Method> {
    select(vec![Method::Delete, Method::Get, Method::Head, Method::Options, Method::Patch, Method::Post, Method::Put])
}

fn authority() -> impl Strategy<Value = String> {
    (select(vec!["http", "https"]), "[a-z][a-z0-9.-]{0,20}[a-z]", select(vec!["", ":80", ":443", ":4566"]))
        .prop_map(|(scheme, host, port)| format!("{scheme}://{host}{port}"))
}

/// Segments that are dots, empty, encoded, not ASCII, or punctuation that a URI may have.
fn odd_path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        select(vec!["", ".", "..", "...", "%20", "%2F", "%2f", "%E1%88%B4", "%", "\u{1234}", "a%2Eb", ".a"])
            .prop_map(str::to_owned),
        "[A-Za-z0-9._~@:!$&'()*+,;=-]{1,8}",
    ];
    vec(segment, 0..6).prop_map(|segments| segments.iter().map(|segment| format!("/{segment}")).collect())
}

/// A path that reads the same in every implementation's idea of encoding.
fn plain_path() -> impl Strategy<Value = String> {
    vec("[A-Za-z0-9_~-]{1,8}", 0..4).prop_map(|segments| format!("/{}", segments.join("/")))
}

/// Parameters of any order, repeated, without name or value, encoded needlessly or not enough; but without `+`,
/// which the peers read as a space and AWS does not.
fn odd_query() -> impl Strategy<Value = String> {
    let text = || {
        vec(
            prop_oneof![
                select(vec![
                    "%41",
                    "%2f",
                    "%2F",
                    "%E1%88%B4",
                    "%-",
                    "%4-",
                    "%zz",
                    "%26",
                    "\u{1234}",
                    "=",
                    "%20",
                    "%2B"
                ])
                .prop_map(str::to_owned),
                "[A-Za-z0-9._~!$'()*,;:@/?-]{1,4}",
            ],
            0..3,
        )
        .prop_map(|parts| parts.concat())
    };
    let parameter = (text(), option::of(text())).prop_map(|(name, value)| match value {
        Some(value) => format!("{name}={value}"),
        None => name,
    });
    vec(parameter, 0..6)
        .prop_map(|parameters| if parameters.is_empty() { String::new() } else { format!("?{}", parameters.join("&")) })
}

/// Names without what sorts before `=`, since the verifying peer sorts `name=value` as one text.
fn plain_query() -> impl Strategy<Value = String> {
    vec("[A-Za-z_~]{1,6}=[A-Za-z0-9._~-]{0,6}", 0..4)
        .prop_map(|parameters| if parameters.is_empty() { String::new() } else { format!("?{}", parameters.join("&")) })
}

/// Few names, so that some repeat; values with runs of spaces at the ends and within.
fn fields() -> impl Strategy<Value = Vec<(String, String)>> {
    let names = select(vec!["My-Header", "my-header", "A", "X-Amz-Target", "x-amz-meta-b", "Content-Length", "Zz"]);
    let unsigned = select(NEVER_SIGNED.iter().filter(|name| **name != "authorization").copied().collect::<Vec<_>>());
    let name = prop_oneof![4 => names, 1 => unsigned];
    let value = prop_oneof!["[!-~]{0,12}", "[ -~]{0,12}", " {0,3}[!-~]{0,4} {1,3}[!-~]{0,4} {0,3}"];
    let fields = vec((name.prop_map(str::to_owned), value), 0..20);
    let host = option::weighted(0.2, "[a-z]{1,10}".prop_map(|host| ("Host".to_owned(), host)));
    (fields, host).prop_map(|(mut fields, host)| {
        fields.extend(host);
        fields
    })
}

fn exchange(
    path: impl Strategy<Value = String>,
    query: impl Strategy<Value = String>,
) -> impl Strategy<Value = Exchange> {
    let uri = (authority(), path, query).prop_map(|(authority, path, query)| format!("{authority}{path}{query}"));
    let body = vec(any::<u8>(), 0..300);
    let keys = ("[A-Za-z0-9/+]{40}", option::of("[!-~]{1,400}"));
    let scope = ("[a-z]{2}-[a-z]{1,9}-[1-9]", "[a-z][a-z0-9-]{0,15}");
    // From 1970 to 2199.
    let now = (0_i64..7_258_118_400).prop_map(|seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap());
    (method(), uri, fields(), body, keys, scope, now).prop_map(
        |(method, uri, headers, body, (secret, token), (region, service), now)| Exchange {
            method,
            uri,
            headers,
            body,
            secret,
            token,
            region,
            service,
            now,
        },
    )
}

/// Drives a future that never waits for anything.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nothing here waits"),
    }
}

/// Asks the verifying peer, and checks that it saw the credentials as they are.
fn peer_verdict(exchange: &Exchange, request: &Request<'_>) -> Result<(), String> {
    let mut received = http::Request::builder().method(request.method.as_str()).uri(&*request.uri);
    for (name, value) in request.headers.iter() {
        received = received.header(name, value);
    }
    let received = received.body(request.body().to_vec()).unwrap();
    let (secret, token) = (exchange.secret.clone(), exchange.token.clone());
    let key = move |request: GetSigningKeyRequest| {
        assert_eq!((request.access_key(), request.session_token()), ("AKIDEXAMPLE", token.as_deref()));
        let secret: KSecretKey = KSecretKey::from_str(&secret).unwrap();
        let key = secret.to_ksigning(request.request_date(), request.region(), request.service());
        let user = User::new("aws", "123456789012", "/", "user").unwrap();
        ready(Ok(GetSigningKeyResponse::builder().principal(user).signing_key(key).build().unwrap()))
    };
    let mut keys = service_for_signing_key_fn(key);
    let verdict = sigv4_validate_request(
        received,
        &exchange.region,
        &exchange.service,
        &mut keys,
        chrono::DateTime::from_timestamp(exchange.now.unix_timestamp(), 0).unwrap(),
        &NO_ADDITIONAL_SIGNED_HEADERS,
        SignatureOptions::default(),
    );
    block_on(verdict).map(drop).map_err(|error| error.to_string())
}

/// Flips one bit of a text, where the result is still a text that a header or a URI can hold.
fn flip(text: &str, index: Index, bit: u8) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    *bytes.get_mut(index.index(text.len()))? ^= 1 << bit;
    String::from_utf8(bytes).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, max_global_rejects: u32::MAX, ..ProptestConfig::default() })]

    #[test]
    fn signs_headers_as_the_peer_does(exchange in exchange(odd_path(), odd_query())) {
        let request = exchange.signed();
        for (name, value) in exchange.peer_signature() {
            prop_assert_eq!(request.headers.value(&name), Some(value.as_str()), "{}", name);
        }
    }

    #[test]
    fn convinces_the_verifying_peer(exchange in exchange(plain_path(), plain_query())) {
        prop_assert_eq!(peer_verdict(&exchange, &exchange.signed()), Ok(()));
    }

    #[test]
    fn covers_what_it_was_asked_to(exchange in exchange(odd_path(), odd_query())) {
        let request = exchange.signed();
        let authorization = Authorization::parse(request.headers.value("authorization").unwrap()).unwrap();
        prop_assert_eq!(authorization.region(), &exchange.region);
        prop_assert_eq!(authorization.service(), &exchange.service);
        let date = AmzDate::new(exchange.now);
        prop_assert_eq!(authorization.date(), date.date_str());
        let signed: Vec<_> = authorization.signed_headers().split(';').collect();
        for (name, _) in request.headers.iter() {
            prop_assert_eq!(signed.contains(&name), !NEVER_SIGNED.contains(&name), "{}", name);
        }
        prop_assert!(signed.contains(&"host"));
    }

    #[test]
    fn accepts_its_own_signature_and_that_of_a_retry(exchange in exchange(odd_path(), odd_query())) {
        let mut request = exchange.signed();
        prop_assert_eq!(exchange.verdict(&request), Ok(()));
        let first = request.clone();
        let credentials = exchange.credentials();
        let mut keys = KeyCache::new();
        let key = keys.key(exchange.now, &credentials, &exchange.region, &exchange.service).unwrap();
        Signer::new(&credentials, key).sign(exchange.now, &mut request).unwrap();
        prop_assert_eq!(request.headers.value("authorization"), first.headers.value("authorization"));
        prop_assert_eq!(exchange.verdict(&request), Ok(()));
    }

    #[test]
    fn rejects_a_flipped_bit_in_the_body(exchange in exchange(plain_path(), plain_query()), index: Index, bit in 0..8_u8) {
        prop_assume!(!exchange.body.is_empty());
        let mut request = exchange.signed();
        let mut body = exchange.body.clone();
        body[index.index(exchange.body.len())] ^= 1 << bit;
        request.set_body(body);
        prop_assert!(exchange.verdict(&request).is_err());
    }

    #[test]
    fn rejects_a_flipped_bit_in_the_path_or_query(
        exchange in exchange("(/[a-z0-9]{1,5}){1,3}", "\\?[a-z0-9]{1,4}=[a-z0-9]{1,4}"),
        index: Index,
        bit in 0..7_u8,
    ) {
        let mut request = exchange.signed();
        let start = exchange.uri.find("://").unwrap() + 3;
        let (authority, target) = exchange.uri.split_at(start + exchange.uri[start..].find('/').unwrap());
        let flipped = flip(target, index, bit);
        prop_assume!(flipped.is_some());
        request.uri = format!("{authority}{}", flipped.unwrap()).into();
        prop_assert!(exchange.verdict(&request).is_err(), "{}", request.uri);
    }

    #[test]
    fn rejects_a_flipped_bit_in_any_signed_header(
        exchange in exchange(plain_path(), plain_query()),
        header: Index,
        index: Index,
        bit in 0..7_u8,
    ) {
        let mut request = exchange.signed();
        let fields: Vec<_> = request.headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let chosen = header.index(fields.len());
        let (name, value) = &fields[chosen];
        prop_assume!(!NEVER_SIGNED.contains(&name.as_str()) || name == "authorization");
        // Blanks at the ends and in runs are not part of what is signed.
        prop_assume!(!value.is_empty() && !value.contains(' ') || name == "authorization");
        let flipped = flip(value, index, bit);
        prop_assume!(flipped.as_ref().is_some_and(|flipped| flipped.trim() == flipped));
        let mut changed = fields.clone();
        changed[chosen].1 = flipped.unwrap();
        request.headers = headers(&changed);
        prop_assert!(exchange.verdict(&request).is_err(), "{} {}", name, changed[chosen].1);
    }

    #[test]
    fn rejects_another_method_service_secret_or_token(
        exchange in exchange(plain_path(), plain_query()),
        method in method(),
    ) {
        let mut request = exchange.signed();
        let other = |change: &dyn Fn(&mut Exchange)| {
            let mut other = exchange.clone();
            change(&mut other);
            other
        };
        prop_assert!(other(&|it| it.service.push('x')).verdict(&request).is_err());
        prop_assert!(other(&|it| it.secret.push('x')).verdict(&request).is_err());
        prop_assert!(other(&|it| it.token.get_or_insert_default().push('x')).verdict(&request).is_err());
        prop_assume!(method != exchange.method);
        request.method = method;
        prop_assert!(exchange.verdict(&request).is_err());
    }
}
