//! The plans of profiles: the source of credentials, and the roles that are assumed with them.
#![expect(clippy::unwrap_used, reason = "a test that unwraps fails with the line that did")]

use firehose_proto::internal::plan::{CredentialPlan, CredentialSource, PlanError, without_effect};
use firehose_proto::internal::profile::Profiles;

fn resolve(config: &str) -> Result<CredentialPlan, PlanError> {
    CredentialPlan::resolve(&Profiles::parse(config.as_bytes(), b"").unwrap(), "A")
}

fn resolve_both(config: &str, credentials: &str) -> Result<CredentialPlan, PlanError> {
    CredentialPlan::resolve(&Profiles::parse(config.as_bytes(), credentials.as_bytes()).unwrap(), "A")
}

/// A plan on one line: its source, then the roles in the order in which they are assumed.
fn shown(plan: &CredentialPlan) -> String {
    let source = match &plan.source {
        CredentialSource::Static(credentials) => format!(
            "keys {}/{}{}{}",
            credentials.access_key_id,
            credentials.secret_access_key.expose(),
            credentials.session_token.as_ref().map_or(String::new(), |token| format!("/{}", token.expose())),
            credentials.account_id.as_ref().map_or(String::new(), |id| format!(" of {id}")),
        ),
        CredentialSource::Environment => "environment".into(),
        CredentialSource::InstanceMetadata => "metadata".into(),
        CredentialSource::Container => "container".into(),
        CredentialSource::WebIdentity(web) => {
            format!("web {} {} {:?} {:?}", web.role_arn, web.token_file, web.session_name, web.duration_seconds)
        }
        CredentialSource::Sso(sso) => {
            format!("sso {:?} {} {} {} {}", sso.session, sso.start_url, sso.region, sso.account_id, sso.role_name)
        }
        CredentialSource::Process(process) => format!("process {} {:?}", process.command.expose(), process.account_id),
        CredentialSource::Login { session } => format!("login {session}"),
        other => panic!("{other:?}"),
    };
    plan.roles.iter().fold(source, |text, role| {
        let options = [&role.session_name, &role.external_id, &role.mfa_serial];
        let options: Vec<_> = options.into_iter().flatten().map(String::as_str).collect();
        let seconds = role.duration_seconds.map_or(String::new(), |seconds| format!(" {seconds}s"));
        format!("{text} > {}:{} {}{seconds}", role.profile, role.arn, options.join(","))
    })
}

const KEYS: &str = "aws_access_key_id = K\naws_secret_access_key = S\n";
const SSO: &str = "sso_account_id = 1\nsso_role_name = R\n";
const SSO_ID: &str = "sso_account_id = 1\n";
const URL: &str = "sso_start_url = U\nsso_region = us-east-1\n";

#[test]
fn follows_profiles_to_their_source() {
    let b = |members: &str| format!("[profile A]\nrole_arn = RA\nsource_profile = B\n[profile B]\n{members}");
    for (config, expected) in [
        (format!("[profile A]\n{KEYS}"), "keys K/S"),
        (format!("[profile A]\n{KEYS}aws_session_token = T\naws_account_id = 7"), "keys K/S/T of 7"),
        (b(KEYS), "keys K/S > A:RA "),
        // The first profile's role overrides its own keys. In a source profile, the keys override the role.
        (
            format!(
                "[profile A]\nrole_arn = RA\nsource_profile = B\n{KEYS}[profile B]\naws_access_key_id = L\naws_secret_access_key = M"
            ),
            "keys L/M > A:RA ",
        ),
        (
            b(&format!("role_arn = RB\nsource_profile = C\n{KEYS}[profile C]\naws_access_key_id = no")),
            "keys K/S > A:RA ",
        ),
        (b(&format!("role_arn = RB\nsource_profile = C\n[profile C]\n{KEYS}")), "keys K/S > B:RB  > A:RA "),
        (format!("[profile A]\nrole_arn = RA\nsource_profile = A\n{KEYS}"), "keys K/S > A:RA "),
        (
            b("role_arn = RB\nsource_profile = B\naws_access_key_id = half\ncredential_process = p"),
            "process p None > A:RA ",
        ),
        (b(&format!("{KEYS}{SSO}{URL}")), "sso None U us-east-1 1 R > A:RA "),
        (
            format!(
                "[profile A]\nrole_arn = RA\nsource_profile = B\nrole_session_name = N\nexternal_id = E\nmfa_serial = M\nduration_seconds = 900\n[profile B]\n{KEYS}"
            ),
            "keys K/S > A:RA N,E,M 900s",
        ),
        ("[profile A]\nrole_arn = RA\ncredential_source = Ec2InstanceMetadata".into(), "metadata > A:RA "),
        ("[profile A]\nrole_arn = RA\ncredential_source = ecscontainer".into(), "container > A:RA "),
        ("[profile A]\nrole_arn = RA\ncredential_source = ENVIRONMENT".into(), "environment > A:RA "),
        ("[profile A]\nrole_arn = RA\nsource_profile =\ncredential_source = Environment".into(), "environment > A:RA "),
        ("[profile A]\nrole_arn = RA\nweb_identity_token_file = F".into(), "web RA F None None"),
        (
            "[profile A]\nrole_arn = RA\nweb_identity_token_file = F\nrole_session_name = N\nduration_seconds = 43200"
                .into(),
            "web RA F Some(\"N\") Some(43200)",
        ),
        (b("role_arn = RB\nweb_identity_token_file = F"), "web RB F None None > A:RA "),
        (format!("[profile A]\n{SSO}{URL}"), "sso None U us-east-1 1 R"),
        (format!("[profile A]\n{SSO}sso_session = s\n[sso-session s]\n{URL}"), "sso Some(\"s\") U us-east-1 1 R"),
        (format!("[profile A]\n{SSO}{URL}sso_session = s\n[sso-session s]\n{URL}"), "sso Some(\"s\") U us-east-1 1 R"),
        (b(&format!("{SSO}{URL}")), "sso None U us-east-1 1 R > A:RA "),
        // A session alone is only for bearer tokens.
        (format!("[profile A]\nsso_session = s\n{KEYS}"), "keys K/S"),
        ("[profile A]\nlogin_session = L".into(), "login L"),
        ("[profile A]\ncredential_process = p --x\naws_account_id = 7".into(), "process p --x Some(\"7\")"),
        (
            format!("[profile A]\n{SSO_ID}sso_session = s\n[sso-session s]\nsso_role_name = Q\n{URL}"),
            "sso Some(\"s\") U us-east-1 1 Q",
        ),
        // Role settings have no effect without a role.
        (format!("[profile A]\n{KEYS}credential_source = Environment\nsource_profile = B\nmfa_serial = M"), "keys K/S"),
        (format!("[profile A]\n{KEYS}web_identity_token_file = F"), "keys K/S"),
        (format!("[profile A]\n{KEYS}role_arn = RA\nweb_identity_token_file ="), "keys K/S"),
        (
            format!("[profile A]\nrole_arn = RA\nsource_profile = A\nduration_seconds = soon\n{KEYS}"),
            "keys K/S > A:RA ",
        ),
        (format!("[profile A]\n{KEYS}aws_session_token = T\naws_security_token = U"), "keys K/S/U"),
    ] {
        let plan = resolve(&config).unwrap_or_else(|error| panic!("{config}: {error}"));
        assert_eq!(shown(&plan), expected, "{config}");
    }
}

/// Entries of a profile, in order of precedence.
const ORDER: &[(&str, &str, &str)] = &[
    ("config", "role_arn = RA\ncredential_source = EcsContainer\n", "container > A:RA "),
    ("config", "role_arn = RA\nweb_identity_token_file = F\n", "web RA F None None"),
    (
        "config",
        "sso_account_id = 1\nsso_role_name = R\nsso_start_url = U\nsso_region = us-east-1\n",
        "sso None U us-east-1 1 R",
    ),
    ("credentials", KEYS, "keys K/S"),
    ("config", "login_session = L\n", "login L"),
    ("config", "credential_process = p\n", "process p None"),
    ("config", "aws_access_key_id = C\naws_secret_access_key = T\n", "keys C/T"),
];

#[test]
fn takes_the_first_of_what_a_profile_says() {
    for (first, (_, _, expected)) in ORDER.iter().enumerate() {
        for second in first..ORDER.len() {
            // A role that the metadata assume has no token file.
            if (first, second) == (0, 1) {
                continue;
            }
            let text = |file| {
                ORDER.iter().enumerate().filter(move |(at, said)| [first, second].contains(at) && said.0 == file)
            };
            let [config, credentials] =
                ["config", "credentials"].map(|file| text(file).map(|(_, said)| said.1).collect::<String>());
            let plan = resolve_both(&format!("[profile A]\n{config}"), &format!("[A]\n{credentials}")).unwrap();
            assert_eq!(shown(&plan), *expected, "{config}{credentials}");
        }
    }
}

#[test]
fn takes_keys_from_one_file_alone() {
    let id = "aws_access_key_id = K\n";
    let secret = "aws_secret_access_key = S\n";
    let error = resolve_both(&format!("[profile A]\n{id}"), &format!("[A]\n{secret}")).unwrap_err();
    let words = "`aws_access_key_id` of profile `A` must have `aws_secret_access_key` beside it, in the same section and \
                 file (line 2 of the config file)";
    assert_eq!(error.to_string(), words);
    let other = "aws_access_key_id = L\naws_secret_access_key = T\n";
    let plan = resolve_both(&format!("[profile A]\n{other}"), &format!("[A]\n{secret}aws_session_token = no\n"));
    assert_eq!(shown(&plan.unwrap()), "keys L/T");
}

#[test]
fn uses_the_environment_for_the_first_profile_only() {
    let all = [("AWS_WEB_IDENTITY_TOKEN_FILE", "EF"), ("AWS_ROLE_ARN", "ER"), ("AWS_ROLE_SESSION_NAME", "EN")];
    let (file, arn) = (&all[..1], &all[1..2]);
    for (variables, config, expected) in [
        (&all[..], String::new(), Ok("web ER EF Some(\"EN\") None")),
        (&all, format!("[profile A]\n{KEYS}credential_process = p\n{SSO}{URL}"), Ok("web ER EF Some(\"EN\") None")),
        (&all, "[profile A]\nrole_arn = RA\ncredential_source = EcsContainer".into(), Ok("container > A:RA ")),
        (&all, format!("[profile A]\nrole_arn = RA\nsource_profile = B\n[profile B]\n{KEYS}"), Ok("keys K/S > A:RA ")),
        (file, "[profile A]\nrole_arn = RA\nweb_identity_token_file = F".into(), Ok("web RA EF None None")),
        (arn, "[profile A]\nrole_arn = RA\nweb_identity_token_file = F".into(), Ok("web ER F None None")),
        (file, format!("[profile A]\n{KEYS}"), Ok("keys K/S")),
        (arn, format!("[profile A]\n{KEYS}"), Ok("keys K/S")),
        (file, String::new(), Err("profile `A` is in neither the config file nor the credentials file")),
    ] {
        let variable = |name: &str| variables.iter().find(|(found, _)| *found == name).map(|(_, text)| (*text).into());
        let plan = CredentialPlan::resolve_in(variable, &Profiles::parse(config.as_bytes(), b"").unwrap(), "A");
        let found = plan.as_ref().map(shown).map_err(ToString::to_string);
        assert_eq!(found, expected.map(Into::into).map_err(Into::into), "{variables:?} {config}");
    }
}

#[test]
fn tells_what_has_no_effect() {
    let config = "[profile A]\nsource_profile = B\ncredential_source = C\nweb_identity_token_file = F\nmfa_serial = M\n\
                  duration_seconds = soon\naws_session_token = T\n[profile B]\nrole_arn = R\nsource_profile = C\n";
    let profiles = Profiles::parse(config.as_bytes(), b"").unwrap();
    let found: Vec<_> = without_effect(&profiles, "A").iter().map(ToString::to_string).collect();
    let line = |line, key, rule| format!("line {line} of the config file has no effect: `{key}` of profile `A` {rule}");
    let expected = [
        line(2, "source_profile", "needs `role_arn`"),
        line(3, "credential_source", "needs `role_arn`"),
        line(4, "web_identity_token_file", "needs `role_arn`"),
        line(6, "duration_seconds", "must be a whole number"),
        line(7, "aws_session_token", "needs `aws_access_key_id`"),
    ];
    assert_eq!(found, expected);
    assert!(without_effect(&profiles, "B").is_empty() && without_effect(&profiles, "C").is_empty());
}

#[test]
fn names_the_profile_and_the_key_that_is_wrong() {
    let b = |members: &str| format!("[profile A]\nrole_arn = RA\nsource_profile = B\n{members}");
    for (config, is_absence, expected) in [
        (String::new(), false, "profile `A` is in neither the config file nor the credentials file"),
        ("[profile A]\nregion = r".into(), true, "profile `A` has no credentials"),
        ("[profile A]\naws_access_key_id =".into(), true, "profile `A` has no credentials"),
        (b(""), false, "profile `A` names the source profile `B`, which is in neither file"),
        (b("[profile B]"), false, "profile `A` names the source profile `B`, which has no credentials"),
        (b("[profile B]\nrole_arn = RB\nsource_profile = A"), false, "source profiles form a loop: A → B → A"),
        (
            b(&format!("{KEYS}[profile B]\nrole_arn = RB\nsource_profile = A")),
            false,
            "source profiles form a loop: A → B → A",
        ),
        (
            b("[profile B]\naws_access_key_id = K"),
            false,
            "`aws_access_key_id` of profile `B` must have `aws_secret_access_key` beside it, in the same section and file (line 5 of the config file)",
        ),
        (
            "[profile A]\naws_secret_access_key = hunter2".into(),
            true,
            "profile `A` has no credentials; its `aws_secret_access_key` needs `aws_access_key_id` beside it",
        ),
        (
            "[profile A]\naws_session_token = hunter2".into(),
            true,
            "profile `A` has no credentials; its `aws_session_token` needs `aws_access_key_id` beside it",
        ),
        (
            b("[profile B]\naws_secret_access_key = hunter2"),
            false,
            "profile `A` names the source profile `B`, which has no credentials; its `aws_secret_access_key` needs `aws_access_key_id` beside it",
        ),
        (
            "[profile A]\naws_access_key_id K\naws_secret_access_key = hunter2".into(),
            false,
            "`aws_access_key_id` of profile `A` must be `key = value` (line 2 of the config file)",
        ),
        (
            "[profile A]\nrole_arn RA\naws_access_key_id = K\naws_secret_access_key = hunter2".into(),
            false,
            "`role_arn` of profile `A` must be `key = value` (line 2 of the config file)",
        ),
        (
            "[profile A\naws_access_key_id = K".into(),
            false,
            "`aws_access_key_id` of profile `A` must be below a section that has its name between `[` and `]` (line 2 of the config file)",
        ),
        (
            "[profile A]\ncredential_process =\n  /bin/p --a=b".into(),
            false,
            "`credential_process` of profile `A` must be on the line of its key, not on indented lines below it (line 2 of the config file)",
        ),
        (
            "[profile A]\nrole_arn = RA".into(),
            false,
            "profile `A` has `role_arn` and so needs `source_profile` or `credential_source`",
        ),
        (
            format!(
                "[profile A]\nrole_arn = RA\nsource_profile = B\ncredential_source = Environment\n[profile B]\n{KEYS}"
            ),
            false,
            "profile `A` must have `source_profile` or `credential_source`, not both",
        ),
        (
            "[profile A]\nrole_arn = RA\ncredential_source = hunter2".into(),
            false,
            "`credential_source` of profile `A` must be `Environment`, `Ec2InstanceMetadata` or `EcsContainer` (line 3 of the config file)",
        ),
        (
            format!("[profile A]\nrole_arn = RA\nsource_profile = A\nduration_seconds = 899\n{KEYS}"),
            false,
            "`duration_seconds` of profile `A` must be a whole number from 900 to 43200 (line 4 of the config file)",
        ),
        (
            "[profile A]\nweb_identity_token_file = F".into(),
            false,
            "profile `A` has `web_identity_token_file` and so needs `role_arn`",
        ),
        (
            "[profile A]\nsso_account_id = 1".into(),
            false,
            "profile `A` has `sso_account_id` and so needs `sso_role_name`",
        ),
        (
            "[profile A]\nsso_role_name = 1".into(),
            false,
            "profile `A` has `sso_role_name` and so needs `sso_account_id`",
        ),
        (
            format!("[profile A]\n{SSO}sso_region = r"),
            false,
            "profile `A` has `sso_account_id` and so needs `sso_start_url`",
        ),
        (
            format!("[profile A]\n{SSO}sso_start_url = U\nsso_region = evil.example/"),
            false,
            "`sso_region` of profile `A` must be the name of a region, such as `us-east-1` (line 5 of the config file)",
        ),
        (
            format!("[profile A]\n{SSO}sso_session = s"),
            false,
            "`sso_session` of profile `A` must be the name of a section `[sso-session …]` of the config file (line 4 of the config file)",
        ),
        (
            format!("[profile A]\n{SSO}sso_session = s\n[sso-session s]\nsso_region = r"),
            false,
            "section `[sso-session s]` needs `sso_start_url`",
        ),
        (
            format!("[profile A]\n{SSO_ID}sso_session = s\n[sso-session s]\n{URL}"),
            false,
            "profile `A` has `sso_account_id` and so needs `sso_role_name`",
        ),
        (
            format!("[profile A]\n{SSO}sso_session = s\nsso_region = r\n[sso-session s]\n{URL}"),
            false,
            "`sso_region` of profile `A` must be absent or the same as in the section that `sso_session` names (line 5 of the config file)",
        ),
    ] {
        let error = resolve(&config).unwrap_err();
        assert_eq!(error.to_string(), expected, "{config}");
        assert_eq!(error.is_absence(true), is_absence, "{config}");
    }
    assert!(resolve("").unwrap_err().is_absence(false));
    assert!(!resolve(&b("")).unwrap_err().is_absence(false));
}

#[test]
fn shows_no_secret() {
    let keys = "aws_access_key_id = K\naws_secret_access_key = hunter2\naws_session_token = hunter2";
    for members in [keys, "credential_process = p --password hunter2"] {
        let plan = resolve(&format!("[profile A]\n{members}")).unwrap();
        assert!(!format!("{plan:?}").contains("hunter2"), "{members}");
    }
}
