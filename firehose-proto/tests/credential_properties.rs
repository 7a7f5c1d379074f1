//! Properties of all files and documents: none causes a panic, and the parser reads back what was written.

use firehose_proto::http::Response;
use firehose_proto::internal::plan::CredentialPlan;
use firehose_proto::internal::profile::Profiles;
use firehose_proto::internal::sso::{self, Token};
use firehose_proto::internal::{container, imds, login, process, sts};
use firehose_proto::settings::Proxies;
use firehose_proto::time::IsoDate;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use time::OffsetDateTime;

/// Lines of a file, valid and invalid.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\[(profile|services|sso-session)? ?[a-c]\\]?",
        "(role_arn|source_profile|credential_source|region|services|sso_session|sso_account_id) ?= ?[a-c]",
        "[ \t]{0,2}[a-c]{0,2} ?=? ?[a-c#; ]{0,4}",
        "\\PC{0,12}",
    ]
}

/// Documents that are nearly valid, so that readers get far.
fn document() -> impl Strategy<Value = Vec<u8>> {
    let key = prop_oneof![
        Just("Version"),
        Just("AccessKeyId"),
        Just("SecretAccessKey"),
        Just("SessionToken"),
        Just("Token"),
        Just("Expiration"),
        Just("accessToken"),
        Just("expiresAt"),
        Just("roleCredentials"),
        Just("expiration"),
        Just("Code"),
        Just("expiresIn"),
        Just("refreshToken"),
    ];
    let value = prop_oneof![
        Just("1"),
        Just("null"),
        Just("\"s\""),
        Just("\"2030-01-01T00:00:00Z\""),
        Just("[]"),
        Just("-9223372036854775808"),
        Just("{\"accessKeyId\":\"A\",\"secretAccessKey\":\"s\",\"sessionToken\":\"t\",\"expiration\":1e3}"),
    ];
    let json = vec((key, value), 0..12).prop_map(|members| {
        let members: Vec<_> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        format!("{{{}}}", members.join(",")).into_bytes()
    });
    let xml = vec(
        prop_oneof![
            Just("<a>"),
            Just("</a>"),
            Just("<Credentials>"),
            Just("</Credentials>"),
            Just("<AccessKeyId>x</AccessKeyId>"),
            Just("<b/>"),
            Just("&amp;"),
            Just("&#x110000;"),
            Just("<!--"),
            Just("-->"),
            Just("<![CDATA["),
            Just("]]>"),
            Just("<?x?>"),
            Just("\u{e9}"),
            Just(" "),
        ],
        0..12,
    );
    prop_oneof![json, xml.prop_map(|parts| parts.concat().into_bytes()), vec(any::<u8>(), 0..64)]
}

proptest! {
    #[test]
    fn files_never_bring_the_parser_down(lines in vec(line(), 0..30), credentials in vec(any::<u8>(), 0..64)) {
        let config = lines.join("\n");
        for credentials in [b"".as_slice(), &credentials] {
            // Two bytes are enough to show that a file is not text.
            let Ok(profiles) = Profiles::parse(config.as_bytes(), credentials) else {
                prop_assert!(credentials.starts_with(b"\xff\xfe") || credentials.starts_with(b"\xfe\xff"));
                continue;
            };
            for ignored in profiles.ignored() {
                prop_assert!(ignored.place.line <= 1 + config.len().max(credentials.len()));
            }
            for name in profiles.names() {
                if let Ok(plan) = CredentialPlan::resolve(&profiles, name) {
                    prop_assert!(plan.roles.len() <= profiles.names().count());
                }
            }
        }
    }

    #[test]
    fn reads_what_was_written(
        sections in btree_map(
            "[A-Za-z0-9_/.%@:+ 'é-]{0,6}[a-z]",
            btree_map("[a-z0-9_/.%@+ü-]{1,8}", "[a-zA-Z0-9=/][a-zA-Z0-9 =;#/:'\"é]{0,8}[a-z]", 0..4),
            0..4,
        ),
        with_returns: bool,
    ) {
        let end = if with_returns { "\r\n" } else { "\n" };
        let write = |prefix: &str, quote: &str| {
            let mut file = String::new();
            for (name, members) in &sections {
                file += &format!("[{prefix}{quote}{name}{quote}]{end}");
                for (key, value) in members {
                    file += &format!("{key} = {value}{end}");
                }
            }
            file
        };
        for (config, credentials) in [(write("profile ", "\""), String::new()), (String::new(), write("", ""))] {
            let profiles = Profiles::parse(config.as_bytes(), credentials.as_bytes()).unwrap();
            prop_assert!(profiles.names().eq(sections.keys()));
            for (name, members) in &sections {
                let section = profiles.profile(name).unwrap();
                prop_assert!(section.keys().eq(members.keys()));
                for (key, value) in members {
                    prop_assert_eq!(section.value(key).unwrap().unwrap().as_str(), value);
                }
            }
        }
    }

    #[test]
    fn documents_never_bring_their_reader_down(body in document(), status in prop_oneof![Just(200), Just(400), any::<u16>()]) {
        let response = Response::new(status, body);
        let _ = (process::read(&response.body), login::read(&response.body));
        let _ = (container::read(&response), imds::read_credentials(&response), sts::read(&response));
        let _ = (imds::read_token(&response), imds::read_role(&response), imds::read_region(&response));
        let _ = sso::read_credentials(&response);
        if let Ok(token) = Token::parse(&response.body) {
            prop_assert_eq!(&Token::parse(token.file().expose()).unwrap(), &token);
            let _ = token.refreshed(token.expires_at(), &response);
        }
    }

    #[test]
    fn variables_never_bring_the_proxies_down(proxy in "\\PC{0,20}", exceptions in "[a-z0-9.:/*, \\[\\]]{0,20}", url in "\\PC{0,20}") {
        let read = |name: &str| match name {
            "NO_PROXY" => Some(exceptions.clone()),
            "HTTP_PROXY" => Some(proxy.clone()),
            _ => None,
        };
        let proxies = Proxies::read(read);
        let _ = (proxies.for_url(&url), proxies.for_url(&format!("http://{exceptions}/")));
        let _ = container::url(Some(&url), Some(&proxy));
    }

    #[test]
    fn times_survive_writing_and_reading(second in -62_167_219_200_i64..253_402_300_800, text in "\\PC{0,30}") {
        let moment = OffsetDateTime::from_unix_timestamp(second).unwrap();
        prop_assert_eq!(IsoDate::parse(IsoDate::new(moment).as_str()), Some(moment));
        let _ = IsoDate::parse(&text);
    }
}
