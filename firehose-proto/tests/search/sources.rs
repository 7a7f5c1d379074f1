//! What each source asks for, in which order, and with which result.

use std::error::Error;
use std::time::Duration;

use firehose_proto::credentials::{Found, Provider, Search};

use crate::world::{Fault, World};

pub(crate) const JWT: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl";

const CONFIG: &str = "
[profile keys]
aws_access_key_id = AKIDKEYS
aws_secret_access_key = s
[profile role]
role_arn = one
source_profile = keys
[profile roles]
role_arn = two
source_profile = role
mfa_serial = phone
[profile web]
role_arn = three
web_identity_token_file = /home/me/token
[profile process]
credential_process = print --them
[profile task]
role_arn = four
credential_source = EcsContainer
[profile instance]
role_arn = five
credential_source = Ec2InstanceMetadata
[profile sso]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Ship
[sso-session corp]
sso_start_url = https://example.awsapps.com/start
sso_region = us-east-1
[profile login]
login_session = arn:aws:iam::123456789012:user/me
";

/// SHA-1 of `corp`, and SHA-256 of the session's ARN.
const SSO_FILE: &str = ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json";

const SSO: &str = r#"{"accessToken":"old","expiresAt":"2026-11-22T11:59:00Z","refreshToken":"r","clientId":"c",
    "clientSecret":"h","registrationExpiresAt":"2027-01-01T00:00:00Z"}"#;

const LOGIN: &str = r#"{"accessToken":{"accessKeyId":"AKIDLOGIN","secretAccessKey":"s","sessionToken":"t",
    "expiresAt":"2026-11-23T12:00:00Z"}}"#;

const CONFIG_READ: [&str; 2] = ["read /home/me/.aws/config", "read /home/me/.aws/credentials"];

const STS: &str = "POST https://sts.eu-west-1.amazonaws.com/ Action=";

const METADATA: [&str; 3] = [
    "PUT http://169.254.169.254/latest/api/token",
    "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/",
    "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ship",
];

/// One source: its configuration, and the result.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) provider: fn() -> Provider,
    pub(crate) profile: Option<&'static str>,
    variables: &'static [(&'static str, &'static str)],
    /// What is asked for after the shared files, if they are.
    asked: fn() -> Vec<String>,
    reads_profiles: bool,
    /// Key id and provider.
    found: (&'static str, &'static str),
}

impl Case {
    pub(crate) fn world(&self) -> World {
        let login = firehose_proto::internal::login::cache_file_name("arn:aws:iam::123456789012:user/me");
        let login = format!(".aws/login/cache/{login}");
        let files = [(".aws/config", CONFIG), ("token", JWT), (SSO_FILE, SSO), (&*login, LOGIN)];
        World::new(&files, self.variables)
    }

    fn asked(&self) -> Vec<String> {
        let profiles = CONFIG_READ.iter().filter(|_| self.reads_profiles).map(ToString::to_string);
        profiles.chain((self.asked)()).collect()
    }
}

fn profile() -> Provider {
    Provider::Profile(None)
}

fn metadata() -> Vec<String> {
    METADATA.map(str::to_owned).to_vec()
}

fn sts(action: &str, more: &str) -> String {
    format!("{STS}{action} {more}")
}

const fn case(name: &'static str, found: (&'static str, &'static str), asked: fn() -> Vec<String>) -> Case {
    Case { name, provider: profile, profile: Some(name), variables: &[], asked, reads_profiles: true, found }
}

pub(crate) fn cases() -> Vec<Case> {
    let of_environment = |name, provider, variables, asked, reads_profiles, found| Case {
        name,
        provider,
        profile: None,
        variables,
        asked,
        reads_profiles,
        found,
    };
    vec![
        of_environment(
            "variables",
            || Provider::Environment,
            &[("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "s")],
            Vec::new,
            false,
            ("AKIDENV", "environment variables"),
        ),
        of_environment(
            "web identity of the environment",
            || Provider::WebIdentity,
            &[("AWS_ROLE_ARN", "r"), ("AWS_WEB_IDENTITY_TOKEN_FILE", "/home/me/token")],
            || {
                vec![
                    "read /home/me/token".into(),
                    sts("AssumeRoleWithWebIdentity", &format!("RoleArn=r WebIdentityToken={JWT}")),
                ]
            },
            true,
            ("AKIDROLE", "web identity"),
        ),
        of_environment(
            "task",
            || Provider::Container,
            &[
                ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/role"),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/home/me/token"),
            ],
            || vec!["read /home/me/token".into(), "GET http://169.254.170.2/role".into()],
            false,
            ("AKIDTASK", "container"),
        ),
        of_environment(
            "instance",
            || Provider::InstanceMetadata,
            &[],
            metadata,
            false,
            ("AKIDINSTANCE", "instance metadata"),
        ),
        of_environment("all", Provider::standard, &[], metadata, true, ("AKIDINSTANCE", "instance metadata")),
        case("keys", ("AKIDKEYS", "profile `keys` (keys)"), Vec::new),
        case("role", ("AKIDROLE", "profile `role` (role)"), || vec![sts("AssumeRole", "RoleArn=one")]),
        case("roles", ("AKIDROLE", "profile `roles` (role)"), || {
            vec![
                sts("AssumeRole", "RoleArn=one"),
                "ask for the code of phone".into(),
                sts("AssumeRole", "RoleArn=two TokenCode=123456"),
            ]
        }),
        case("web", ("AKIDROLE", "profile `web` (web identity)"), || {
            vec![
                "read /home/me/token".into(),
                sts("AssumeRoleWithWebIdentity", &format!("RoleArn=three WebIdentityToken={JWT}")),
            ]
        }),
        case("process", ("AKIDPROCESS", "profile `process` (credential process)"), || vec!["run print --them".into()]),
        Case {
            variables: &[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/role")],
            ..case("task", ("AKIDROLE", "profile `task` (role)"), || {
                vec!["GET http://169.254.170.2/role".into(), sts("AssumeRole", "RoleArn=four")]
            })
        },
        case("instance", ("AKIDROLE", "profile `instance` (role)"), || {
            [metadata(), vec![sts("AssumeRole", "RoleArn=five")]].concat()
        }),
        case("sso", ("AKIDSSO", "profile `sso` (single sign-on)"), || {
            let url = "https://portal.sso.us-east-1.amazonaws.com/federation/credentials";
            vec![
                format!("read /home/me/{SSO_FILE}"),
                "POST https://oidc.us-east-1.amazonaws.com/token".into(),
                format!("write /home/me/{SSO_FILE}"),
                format!("GET {url}?account_id=123456789012&role_name=Ship"),
            ]
        }),
        case("login", ("AKIDLOGIN", "profile `login` (login)"), || {
            let name = firehose_proto::internal::login::cache_file_name("arn:aws:iam::123456789012:user/me");
            vec![format!("read /home/me/.aws/login/cache/{name}")]
        }),
    ]
}

#[test]
fn each_source_asks_for_what_it_needs_and_no_more() {
    for case in cases() {
        let mut world = case.world();
        let mut shared = world.shared(case.profile);
        let found = world.find(&mut shared, (case.provider)()).unwrap();
        let (id, provider) = case.found;
        assert_eq!((&*found.credentials.access_key_id, &*found.provider), (id, provider), "{}", case.name);
        assert_eq!(world.asked, case.asked(), "{}", case.name);
    }
}

#[test]
fn whoever_is_signed_out_is_told_to_sign_in_and_nobody_else() {
    for (status, words) in [(401, "not signed in"), (403, "cannot get the credentials of role Ship")] {
        let case = cases().into_iter().find(|case| case.name == "sso").unwrap();
        let mut world = case.world();
        world.faults = [Fault::Portal(status)].into();
        let mut shared = world.shared(case.profile);
        let error = world.find(&mut shared, (case.provider)()).unwrap_err();
        assert!(story(&error).contains(words), "{status}: {}", story(&error));
    }
}

#[test]
fn a_search_and_what_it_shares_say_what_they_are() {
    let world = World::new(&[], &[]);
    let search = Search::<Found>::new(Provider::standard());
    for shown in [format!("{search:?}"), format!("{:?}", world.shared(None))] {
        assert!(!shown.is_empty());
    }
}

#[test]
fn keeps_the_token_for_the_metadata_from_one_search_to_the_next() {
    let mut world = World::new(&[], &[]);
    let mut shared = world.shared(None);
    for _ in 0..2 {
        world.find(&mut shared, Provider::InstanceMetadata).unwrap();
    }
    assert_eq!(world.asked, [&METADATA[..], &METADATA[1..]].concat());
}

#[test]
fn a_provider_of_the_drivers_own_has_its_place_in_the_chain() {
    let mut world = World::new(&[], &[("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "s")]);
    let custom = Provider::Custom { id: 5, name: "vault".into() };
    let mut shared = world.shared(None);
    let chain = Provider::Chain(vec![custom.clone(), Provider::Environment]);
    assert_eq!(world.find(&mut shared, chain).unwrap().provider, "environment variables");
    assert_eq!(world.asked, ["custom 5"]);
    let error = world.find(&mut shared, Provider::Chain(vec![custom])).unwrap_err();
    assert_eq!(error.to_string(), "no credentials, tried vault: nothing here");
}

fn story(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {}", story(cause)))
}

#[test]
fn a_token_that_is_being_written_is_not_sent_but_looked_at_again() {
    for (file, token, words) in [
        (Fault::EmptyToken, "", "the token file /home/me/token is empty"),
        (Fault::EmptyToken, " \n", "the token file /home/me/token is empty"),
        (Fault::HalfToken, "eyJhbGciOiJub25lIn0", "the token file /home/me/token holds only the beginning of a token"),
        (Fault::HalfToken, "eyJh.eyJz", "the token file /home/me/token holds only the beginning of a token"),
        (Fault::HalfToken, "eyJh.eyJz.", "the token file /home/me/token holds only the beginning of a token"),
    ] {
        for name in ["web", "web identity of the environment", "task"] {
            let case = cases().into_iter().find(|case| case.name == name).unwrap();
            let mut world = case.world();
            let mut shared = world.shared(case.profile);
            world.faults = [file; 2].into();
            assert!(world.find(&mut shared, (case.provider)()).is_ok(), "{name} {token:?}");
            assert_eq!(world.asked.iter().filter(|asked| asked.contains("http")).count(), 1, "{:?}", world.asked);

            world.files.insert("/home/me/token".into(), token.into());
            world.asked.clear();
            let error = world.find(&mut shared, (case.provider)()).unwrap_err();
            assert!(story(&error).contains(words) && error.is_transient(), "{name} {token:?}: {}", story(&error));
            assert!(!world.asked.iter().any(|asked| asked.contains("http")), "{:?}", world.asked);
        }
    }
}

#[test]
fn a_token_of_any_other_kind_is_sent_as_it_is() {
    let case = cases().into_iter().find(|case| case.name == "web").unwrap();
    for token in ["Atza|opaque", "opaque.with.dots", "e"] {
        let mut world = case.world();
        world.files.insert("/home/me/token".into(), token.into());
        let mut shared = world.shared(case.profile);
        assert!(world.find(&mut shared, (case.provider)()).is_ok(), "{token}");
    }
}

#[test]
fn a_signature_that_grew_old_on_its_way_is_made_anew_whatever_the_attempts() {
    let case = cases().into_iter().find(|case| case.name == "role").unwrap();
    for (seconds, requests) in [(10, 1), (310, 2), (480, 2), (1_000, 2)] {
        let mut world = World::new(&[(".aws/config", CONFIG)], &[("AWS_MAX_ATTEMPTS", "1")]);
        world.faults = [Fault::Suspended(Duration::from_secs(seconds))].into();
        let mut shared = world.shared(case.profile);
        world.find(&mut shared, (case.provider)()).unwrap();
        assert_eq!(world.asked.iter().filter(|asked| asked.contains("http")).count(), requests, "{seconds} s");
    }
}

/// Each row: what is asked, what goes wrong with the first question that it can go wrong with, and how many there are then.
#[test]
fn a_question_lost_on_its_way_is_asked_again_unless_there_may_be_nobody_to_answer() {
    for (name, fault, questions) in [
        ("role", Fault::Connect, 2),
        ("role", Fault::Timeout, 2),
        ("role", Fault::Broken, 2),
        ("role", Fault::Status(503), 2),
        ("role", Fault::Status(400), 1),
        ("instance", Fault::Broken, METADATA.len() + 1),
        ("instance", Fault::Timeout, METADATA.len() + 1),
        ("instance", Fault::Connect, 1),
        ("instance", Fault::OtherRole, METADATA.len() + 2),
    ] {
        let case = cases().into_iter().find(|case| case.name == name).unwrap();
        let mut world = World::new(&[(".aws/config", CONFIG)], &[("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "2")]);
        world.faults = [fault].into();
        let mut shared = world.shared(case.profile);
        let found = world.find(&mut shared, (case.provider)());
        assert_eq!(found.is_ok(), questions > 1, "{name} {fault:?}: {found:?}");
        assert_eq!(world.asked.iter().filter(|asked| asked.contains("http")).count(), questions, "{name} {fault:?}");
    }
}
