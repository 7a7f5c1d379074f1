//! What profiles come down to: where credentials come from and which roles are assumed with them.
#![expect(clippy::unwrap_used, reason = "a test that unwraps fails with the line that did")]

use firehose_proto::credentials::plan::{Plan, PlanError, Source};
use firehose_proto::credentials::profile::Profiles;

fn resolve(config: &str) -> Result<Plan, PlanError> {
    Plan::resolve(&Profiles::parse(config.as_bytes(), b"").unwrap(), "A")
}

/// A plan in a line: its source, then the roles as they are assumed.
fn shown(plan: &Plan) -> String {
    let source = match &plan.source {
        Source::Static(credentials) => format!(
            "keys {}/{}{}{}",
            credentials.access_key_id,
            credentials.secret_access_key.reveal(),
            credentials.session_token.as_ref().map_or(String::new(), |token| format!("/{}", token.reveal())),
            credentials.account_id.as_ref().map_or(String::new(), |id| format!(" of {id}")),
        ),
        Source::Environment => "environment".into(),
        Source::InstanceMetadata => "metadata".into(),
        Source::Container => "container".into(),
        Source::WebIdentity(web) => {
            format!("web {} {} {:?} {:?}", web.role_arn, web.token_file, web.session_name, web.duration_seconds)
        }
        Source::Sso(sso) => {
            format!("sso {:?} {} {} {} {}", sso.session, sso.start_url, sso.region, sso.account_id, sso.role_name)
        }
        Source::Process(process) => format!("process {} {:?}", process.command.reveal(), process.account_id),
        Source::Login { session } => format!("login {session}"),
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
const URL: &str = "sso_start_url = U\nsso_region = us-east-1\n";

#[test]
fn follows_profiles_to_their_source() {
    let b = |members: &str| format!("[profile A]\nrole_arn = RA\nsource_profile = B\n[profile B]\n{members}");
    for (config, expected) in [
        (format!("[profile A]\n{KEYS}"), "keys K/S"),
        (format!("[profile A]\n{KEYS}aws_session_token = T\naws_account_id = 7"), "keys K/S/T of 7"),
        (b(KEYS), "keys K/S > A:RA "),
        // The first profile's own keys give way to its role, a source profile's do not.
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
            "process p None > B:RB  > A:RA ",
        ),
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
        // A session alone is for bearer tokens.
        (format!("[profile A]\nsso_session = s\n{KEYS}"), "keys K/S"),
        ("[profile A]\nlogin_session = L".into(), "login L"),
        ("[profile A]\ncredential_process = p --x\naws_account_id = 7".into(), "process p --x Some(\"7\")"),
        // What comes first when there are several.
        (
            format!("[profile A]\n{KEYS}credential_process = p\nlogin_session = L\n{SSO}{URL}"),
            "sso None U us-east-1 1 R",
        ),
        (format!("[profile A]\n{KEYS}credential_process = p\nlogin_session = L"), "login L"),
        (format!("[profile A]\n{KEYS}credential_process = p"), "process p None"),
        (format!("[profile A]\n{KEYS}{SSO}role_arn = RA\nweb_identity_token_file = F"), "web RA F None None"),
    ] {
        let plan = resolve(&config).unwrap_or_else(|error| panic!("{config}: {error}"));
        assert_eq!(shown(&plan), expected, "{config}");
    }
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
        (
            b("[profile B]\nrole_arn = RB\nsource_profile = A"),
            false,
            "source profiles lead back to where they began: A → B → A",
        ),
        (
            b(&format!("{KEYS}[profile B]\nrole_arn = RB\nsource_profile = A")),
            false,
            "source profiles lead back to where they began: A → B → A",
        ),
        (
            b("[profile B]\naws_access_key_id = K"),
            false,
            "profile `B` has `aws_access_key_id` and so needs `aws_secret_access_key`",
        ),
        (
            "[profile A]\naws_secret_access_key = hunter2".into(),
            false,
            "profile `A` has `aws_secret_access_key` and so needs `aws_access_key_id`",
        ),
        (
            "[profile A]\naws_session_token = hunter2".into(),
            false,
            "profile `A` has `aws_session_token` and so needs `aws_access_key_id`",
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
