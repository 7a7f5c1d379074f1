//! Signatures of Firehose requests from an independent implementation, compared step by step.
//!
//! Each directory under `data/sigv4` is a case. `context.txt` and `request.txt` are the inputs.
//! `canonical-request.txt`, `string-to-sign.txt` and `authorization.txt` are the steps, compared byte by byte.
#![expect(clippy::unwrap_used, reason = "a test that unwraps fails with the line that did")]

use std::fs;
use std::path::Path;

use firehose_proto::credentials::Credentials;
use firehose_proto::http::{Method, Request};
use firehose_proto::sigv4::{self, Authorization, Scope, Signer, SigningKey, Verifier};
use firehose_proto::time::AmzDate;

struct Case {
    name: String,
    context: String,
    request: String,
    canonical_request: String,
    string_to_sign: String,
    authorization: String,
}

impl Case {
    fn all() -> Vec<Self> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sigv4");
        let cases: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| Self::read(&entry.unwrap().path())).collect();
        assert!(cases.len() >= 4, "only {} cases", cases.len());
        cases
    }

    fn read(directory: &Path) -> Self {
        let file = |name| fs::read_to_string(directory.join(name)).unwrap();
        Self {
            name: directory.file_name().unwrap().to_string_lossy().into_owned(),
            context: file("context.txt"),
            request: file("request.txt"),
            canonical_request: file("canonical-request.txt"),
            string_to_sign: file("string-to-sign.txt"),
            authorization: file("authorization.txt"),
        }
    }

    fn setting(&self, name: &str) -> Option<&str> {
        self.context.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn credentials(&self) -> Credentials {
        let setting = |name| self.setting(name).unwrap();
        let credentials = Credentials::new(setting("access-key-id"), setting("secret-access-key"));
        match self.setting("session-token") {
            Some(token) => credentials.with_session_token(token),
            None => credentials,
        }
    }

    fn request(&self) -> Request<'_> {
        let (head, body) = self.request.split_once("\n\n").unwrap();
        let (line, fields) = head.split_once('\n').unwrap();
        let (method, url) = line.split_once(' ').unwrap();
        let mut request = Request::new(Method::parse(method).unwrap(), url);
        for field in fields.lines() {
            let (name, value) = field.split_once(": ").unwrap();
            request.headers.append(name, value).unwrap();
        }
        request.set_body(body.as_bytes());
        request
    }
}

#[test]
fn reproduces_every_step() {
    for case in Case::all() {
        let credentials = case.credentials();
        let now = AmzDate::parse(case.setting("now").unwrap()).unwrap();
        let scope = Scope::new(now, case.setting("region").unwrap(), case.setting("service").unwrap()).unwrap();
        let key = SigningKey::derive(&credentials, scope.clone()).unwrap();
        let mut request = case.request();
        Signer::new(&credentials, &key).sign(now, &mut request).unwrap();

        let authorization = request.headers.value("authorization").unwrap();
        let signed_headers = Authorization::parse(authorization).unwrap().signed_headers();
        let canonical = sigv4::canonical_request(&request, signed_headers);
        assert_eq!(canonical, case.canonical_request, "canonical request of {}", case.name);
        let string_to_sign = sigv4::string_to_sign(now, &scope, &canonical);
        assert_eq!(string_to_sign, case.string_to_sign, "string to sign of {}", case.name);
        assert_eq!(authorization, case.authorization, "authorization of {}", case.name);
    }
}

#[test]
fn accepts_what_the_other_implementation_signed() {
    for case in Case::all() {
        let credentials = case.credentials();
        let date = case.setting("now").unwrap();
        let mut request = case.request();
        let host = request.authority().unwrap().to_owned();
        request.headers.append("Host", &host).unwrap();
        request.headers.append("X-Amz-Date", date).unwrap();
        request.headers.append("Authorization", &case.authorization).unwrap();
        if let Some(token) = case.setting("session-token") {
            request.headers.append("X-Amz-Security-Token", token).unwrap();
        }
        let verifier = Verifier::new(case.setting("service").unwrap());
        let verdict = verifier.verify(AmzDate::parse(date).unwrap(), &request, &credentials);
        assert_eq!(verdict, Ok(()), "{}", case.name);
    }
}
