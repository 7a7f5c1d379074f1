//! What the profiles of the shared files lead to: programs, sign-ins and roles.

use std::fs;
use std::path::Path;
use std::time::Duration;

#[cfg(unix)]
use firehose_blocking::credentials::Found;
use firehose_blocking::firehose_proto::http::{Request, Response};
use firehose_blocking::firehose_proto::internal::login;
use firehose_blocking::{BuildError, ClientBuilder, SettingsError};
use tempfile::{TempDir, tempdir};

use crate::world::{SECRET, Scripted, Virtual, builder, story};

/// A home with this configuration file.
fn home(config: &str) -> TempDir {
    let home = tempdir().unwrap();
    fs::create_dir(home.path().join(".aws")).unwrap();
    fs::write(home.path().join(".aws/config"), config).unwrap();
    home
}

fn at(home: &Path) -> ClientBuilder {
    builder(&[("HOME", home.to_str().unwrap()), ("AWS_EC2_METADATA_DISABLED", "true")])
}

#[cfg(unix)]
fn find(config: &str) -> Result<Found, BuildError> {
    at(home(config).path()).find_credentials()
}

#[cfg(unix)]
#[test]
fn a_program_prints_credentials() {
    let printed = r#"{"Version": 1, "AccessKeyId": "AKIDPROC", "SecretAccessKey": "s", "AccountId": ""}"#;
    let found = find(&format!(
        "[default]\naws_account_id = 123456789012\ncredential_process = printf %s '{printed}' | cat; exec >&-\n"
    ));
    let found = found.unwrap();
    assert_eq!(found.credentials.access_key_id, "AKIDPROC");
    assert_eq!(found.credentials.account_id.as_deref(), Some("123456789012"));
    assert_eq!(found.provider, "profile `default` (credential process)");
}

#[cfg(unix)]
#[test]
fn says_how_a_program_failed_and_nothing_of_its_own() {
    for (command, words) in [
        ("echo HUSH >&2; echo HUSH; exit 3", "failed (exit status: 3)"),
        ("echo HUSH", "not the expected JSON"),
        ("echo '{\"Version\": 2, \"SecretAccessKey\": \"HUSH\"}'", "must be the number 1"),
        ("true", "not the expected JSON"),
        ("yes HUSH", "more than 131072 bytes"),
        ("HUSH-is-no-program", "failed (exit status: 127, its program was not found)"),
        ("kill -9 $$ # HUSH", "failed (signal: 9"),
    ] {
        let error =
            find(&format!("[default]\ncredential_process = {}\n", command.replace("HUSH", SECRET))).unwrap_err();
        let text = story(&error);
        assert!(text.contains(words), "{command}: {text}");
        assert!(!format!("{text}{error:?}").contains(SECRET), "{text}");
    }
}

/// Plays the security token service: credentials that say whose role they are and who asked.
fn sts(request: &Request<'_>) -> Response {
    let body = String::from_utf8(request.body().to_vec()).unwrap();
    let form = |name: &str| body.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))).unwrap_or("-");
    let asked_by = request.headers.value("authorization").unwrap_or("nobody");
    let asked_by = asked_by.split("Credential=").last().unwrap().split('/').next().unwrap();
    let (action, role) = (form("Action"), form("RoleArn"));
    let id = format!("{asked_by}:{role}:{}:{}:{}", form("ExternalId"), form("DurationSeconds"), form("TokenCode"));
    let body = format!(
        "<{action}Response><{action}Result><Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>s\
         </SecretAccessKey><SessionToken>t</SessionToken><Expiration>2026-11-22T13:00:00Z</Expiration></Credentials>\
         </{action}Result></{action}Response>"
    );
    Response::new(200, body.into_bytes())
}

const ROLES: &str = "
[profile base]
aws_access_key_id = AKIDBASE
aws_secret_access_key = s
[profile first]
role_arn = one
source_profile = base
external_id = ext
[profile second]
role_arn = two
source_profile = first
duration_seconds = 900
mfa_serial = phone
[profile web]
role_arn = three
web_identity_token_file = TOKEN_FILE
[profile here]
role_arn = four
credential_source = Environment
";

#[test]
fn assumes_one_role_after_the_other() {
    let dir = tempdir().unwrap();
    let token = dir.path().join("token");
    fs::write(&token, "jwt").unwrap();
    let home = home(&ROLES.replace("TOKEN_FILE", token.to_str().unwrap()));
    let keys = [("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "s")];
    for (profile, id, asked) in [
        ("first", "AKIDBASE:one:ext:-:-", 1),
        ("second", "AKIDBASE:one:ext:-:-:two:-:900:123456", 2),
        ("web", "nobody:three:-:-:-", 1),
        ("here", "AKIDENV:four:-:-:-", 1),
    ] {
        let transport = Scripted::new(sts);
        let variables = [("HOME", home.path().to_str().unwrap()), keys[0], keys[1]];
        let builder = builder(&variables).profile(profile).transport(transport.clone());
        let asks = |device: &str| {
            assert_eq!(device, "phone");
            Ok("123456\n".into())
        };
        let found = builder.mfa(asks).find_credentials().unwrap();
        assert_eq!(found.credentials.access_key_id, id, "{profile}");
        let asked_for = transport.asked();
        assert_eq!(asked_for.len(), asked, "{profile}");
        let host = "POST https://sts.eu-west-1.amazonaws.com/\n";
        assert!(asked_for.iter().all(|text| text.starts_with(host)), "{asked_for:?}");
    }
}

#[test]
fn says_what_keeps_a_role_from_being_assumed() {
    let home = home(&ROLES.replace("TOKEN_FILE", "/nonexistent"));
    let denied = |_: &Request<'_>| {
        let error = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>words</Message></Error></ErrorResponse>";
        Response::new(403, error.into())
    };
    for (profile, words) in [
        ("first", "cannot assume role one of profile `first`: refused"),
        ("first", "AccessDenied"),
        ("web", "cannot read the token file /nonexistent"),
        ("here", "AWS_ACCESS_KEY_ID"),
    ] {
        let transport = Scripted::new(denied);
        let error = at(home.path()).profile(profile).transport(transport).find_credentials().unwrap_err();
        assert!(story(&error).contains(words), "{profile}: {}", story(&error));
    }
    let error = at(home.path()).profile("second").transport(Scripted::new(sts)).find_credentials().unwrap_err();
    assert!(story(&error).contains("needs the code of device phone"), "{}", story(&error));
}

#[test]
fn expands_the_path_of_a_token_file() {
    let profile = "[profile web]\nrole_arn = three\nweb_identity_token_file = ";
    let variables = [("AWS_ROLE_ARN", "three"), ("AWS_WEB_IDENTITY_TOKEN_FILE", "~/token")];
    for (config, variables) in [
        (format!("{profile}~/token\n"), &[("AWS_PROFILE", "web")][..]),
        (format!("{profile}${{HOME}}/$NAME\n"), &[("AWS_PROFILE", "web"), ("NAME", "token")]),
        (String::new(), &variables),
    ] {
        let home = home(&config);
        fs::write(home.path().join("token"), "jwt").unwrap();
        let variables = [variables, &[("HOME", home.path().to_str().unwrap())]].concat();
        let found = builder(&variables).transport(Scripted::new(sts)).find_credentials().unwrap();
        assert_eq!(found.credentials.access_key_id, "nobody:three:-:-:-", "{config}");
    }
}

#[test]
fn a_web_identity_of_the_environment_comes_before_all_but_a_role() {
    let config = format!("{ROLES}[default]\naws_access_key_id = AKIDDEFAULT\naws_secret_access_key = s\n");
    let home = home(&config);
    let token = home.path().join("token");
    fs::write(&token, "jwt").unwrap();
    let web = [("AWS_ROLE_ARN", "pod"), ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap())];
    for (selected, in_code, id, provider) in [
        (None, None, "nobody:pod:-:-:-", "web identity"),
        (Some("base"), None, "nobody:pod:-:-:-", "web identity"),
        (Some("first"), None, "AKIDBASE:one:ext:-:-", "profile `first` (role)"),
        (None, Some("base"), "AKIDBASE", "profile `base` (keys)"),
    ] {
        let mut variables = vec![("HOME", home.path().to_str().unwrap()), web[0], web[1]];
        variables.extend(selected.map(|name| ("AWS_PROFILE", name)));
        let mut builder = builder(&variables).transport(Scripted::new(sts));
        if let Some(name) = in_code {
            builder = builder.profile(name);
        }
        let found = builder.find_credentials().unwrap();
        assert_eq!((&*found.credentials.access_key_id, &*found.provider), (id, provider));
    }
}

#[test]
fn names_the_file_and_the_line_of_a_profile_that_leads_nowhere() {
    for (config, words) in [
        ("[default]\n[profile a]\nrole_arn = r\n", "so needs `source_profile` or `credential_source` (line 3 of the"),
        ("[profile a]\nsso_role_name = r\n", "has `sso_role_name` and so needs `sso_account_id` (line 2 of the"),
        ("\n[profile a]\nrole_arn = r\nsource_profile = a b\n", "which is in neither file (line 4 of the"),
        ("[profile a]\nrole_arn = r\nsource_profile = b\n[profile b]\n", "which has no credentials (line 4 of the"),
        ("[profile a]\nrole_arn = r\ncredential_source = x\n", "`EcsContainer` (line 3 of the"),
        (
            "[profile a]\naws_access_key_id = AKID\n",
            "must have `aws_secret_access_key` beside it, in the same section and file (line 2 of the",
        ),
        (
            "[profile a]\nsso_account_id = 1\nsso_role_name = r\nsso_session = s\n[sso-session s]\n",
            "`[sso-session s]` needs `sso_start_url` (line 5 of the",
        ),
        (
            "[profile a]\nrole_arn = r\nsource_profile = b\n[profile b]\nrole_arn = r\nsource_profile = a\n",
            "a → b → a (line 3 of the",
        ),
    ] {
        let home = home(config);
        let error = at(home.path()).profile("a").find_credentials().unwrap_err();
        let (text, path) = (story(&error), home.path().join(".aws/config"));
        assert!(text.contains(&format!("{words} config file)")), "{text}");
        assert!(text.contains(&format!("cannot use {}: ", path.display())), "{text}");
    }
}

#[test]
fn signs_anew_when_the_clock_of_the_token_service_differs() {
    let home = home(ROLES);
    let ahead = |request: &Request<'_>| {
        let is_right = request.headers.value("x-amz-date") == Some("20261122T122000Z");
        let error = "<ErrorResponse><Error><Code>RequestExpired</Code></Error></ErrorResponse>";
        let mut response = if is_right { sts(request) } else { Response::new(400, error.into()) };
        response.headers.append("Date", "Sun, 22 Nov 2026 12:20:00 GMT").unwrap();
        response
    };
    let transport = Scripted::new(ahead);
    at(home.path()).profile("first").transport(transport.clone()).find_credentials().unwrap();
    assert_eq!(transport.asked().len(), 2);
}

const SSO: &str = "
[default]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Ship
[sso-session corp]
sso_start_url = https://example.awsapps.com/start
sso_region = us-east-1
";

/// SHA-1 of `corp`.
const TOKEN_FILE: &str = ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json";

fn sso_home(expires_at: &str) -> TempDir {
    let home = home(SSO);
    let token = format!(
        r#"{{"accessToken":"old","expiresAt":"{expires_at}","refreshToken":"r","clientId":"c","clientSecret":"{SECRET}",
            "registrationExpiresAt":"2027-01-01T00:00:00Z","startUrl":"kept"}}"#
    );
    let path = home.path().join(TOKEN_FILE);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, token).unwrap();
    home
}

fn sso(refresh_status: u16, role_status: u16) -> Scripted {
    Scripted::new(move |request| {
        if request.uri == "https://oidc.us-east-1.amazonaws.com/token" {
            return Response::new(refresh_status, br#"{"accessToken":"new","expiresIn":3600}"#.to_vec());
        }
        let token = request.headers.value("x-amz-sso_bearer_token").unwrap();
        let credentials = format!(
            r#"{{"roleCredentials":{{"accessKeyId":"AKID{token}","secretAccessKey":"s","sessionToken":"t",
                "expiration":1795356000000}}}}"#
        );
        Response::new(role_status, credentials.into_bytes())
    })
}

#[test]
fn refreshes_a_sign_in_that_is_about_to_end_and_keeps_it() {
    let home = sso_home("2026-11-22T12:10:00Z");
    let found = at(home.path()).transport(sso(200, 200)).find_credentials().unwrap();
    assert_eq!(
        (&*found.credentials.access_key_id, &*found.provider),
        ("AKIDnew", "profile `default` (single sign-on)")
    );
    assert_eq!(found.credentials.account_id.as_deref(), Some("123456789012"));
    let path = home.path().join(TOKEN_FILE);
    let file = fs::read_to_string(&path).unwrap();
    assert!(file.contains(r#""accessToken":"new""#) && file.contains("kept") && file.contains("2026-11-22T13:00:00Z"));
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file stays");
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
}

#[test]
fn a_sign_in_works_until_its_end_and_then_asks_for_another() {
    for (expires_at, refresh, role, outcome) in [
        ("2026-11-22T13:00:00Z", 500, 200, Ok("AKIDold")),
        ("2026-11-22T12:10:00Z", 400, 200, Ok("AKIDold")),
        ("2026-11-22T11:59:00Z", 400, 200, Err("aws sso login --sso-session corp")),
        ("2026-11-22T13:00:00Z", 200, 401, Err("aws sso login --sso-session corp")),
        ("2026-11-22T13:00:00Z", 200, 403, Err("role Ship in account 123456789012")),
    ] {
        let home = sso_home(expires_at);
        let found = at(home.path()).transport(sso(refresh, role)).find_credentials();
        match (found, outcome) {
            (Ok(found), Ok(id)) => assert_eq!(found.credentials.access_key_id, id, "{expires_at}"),
            (Err(error), Err(words)) => {
                let text = story(&error);
                assert!(text.contains(words) && !format!("{text}{error:?}").contains(SECRET), "{text}");
            }
            (found, _) => panic!("{expires_at}: {found:?}"),
        }
    }
    let error = at(home(SSO).path()).find_credentials().unwrap_err();
    assert!(story(&error).contains("not signed in: run `aws sso login"), "{}", story(&error));
}

#[test]
fn tries_to_refresh_a_dead_sign_in_once_a_minute() {
    let home = sso_home("2026-11-22T11:00:00Z");
    let (clock, transport) = (Virtual::new(), sso(400, 200));
    let client = at(home.path()).clock(clock.clone()).transport(transport.clone()).build().unwrap();
    for (seconds, asked) in [(0, 1), (30, 1), (59, 1), (60, 2), (119, 2), (120, 3)] {
        clock.set(Duration::from_secs(seconds));
        client.credentials().unwrap_err();
        assert_eq!(transport.asked().len(), asked, "{seconds} s");
    }
}

#[test]
fn uses_a_sign_in_to_the_console_until_it_ends() {
    let home = home("[default]\nlogin_session = arn:aws:iam::123456789012:user/me\n");
    let dir = home.path().join(".aws/login/cache");
    let builder = || at(home.path());
    assert!(story(&builder().find_credentials().unwrap_err()).contains("run `aws login`"));
    fs::create_dir_all(&dir).unwrap();
    let name = login::cache_file_name("arn:aws:iam::123456789012:user/me");
    let file = r#"{"accessToken":{"accessKeyId":"AKIDLOGIN","secretAccessKey":"s","sessionToken":"t",
        "expiresAt":"2026-11-22T12:15:00Z"}}"#;
    fs::write(dir.join(name), file).unwrap();
    assert_eq!(builder().find_credentials().unwrap().credentials.access_key_id, "AKIDLOGIN");
    let clock = Virtual::new();
    clock.advance(Duration::from_secs(900));
    let error = builder().clock(clock).find_credentials().unwrap_err();
    assert!(story(&error).contains("expired"), "{}", story(&error));
}

#[test]
fn a_profile_that_was_asked_for_must_exist() {
    for (variables, words) in
        [(vec![("AWS_PROFILE", "nosuch")], "environment variable `AWS_PROFILE`"), (vec![], "named by code")]
    {
        let mut asked = builder(&variables);
        if variables.is_empty() {
            asked = asked.profile("nosuch");
        }
        let error = asked.build().unwrap_err();
        assert!(matches!(error, BuildError::Settings(SettingsError::NoSuchProfile { .. })), "{error:?}");
        assert!(error.to_string().contains("`nosuch`") && error.to_string().contains(words), "{error}");
    }
}
