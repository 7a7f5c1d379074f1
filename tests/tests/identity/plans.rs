//! Every pair of sources that one profile can have, in either file: botocore and we take the same one.

use std::{fs, path::Path};

use firehose_proto::internal::plan::{CredentialPlan, CredentialSource, PlanError};
use firehose_proto::internal::profile::Profiles;
use firehose_tests::{
    interop::{available, must},
    processes::Scratch,
};
use serde_json::Value;

use super::{CLIENTS, TMP, theirs};

/// A plan in the words of `plans.py`.
pub(crate) fn told(plan: &CredentialPlan) -> String {
    let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    let source = match &plan.source {
        CredentialSource::Static(keys) => {
            let token = keys.session_token.as_ref().map(|token| token.expose().clone());
            let (id, secret) = (&keys.access_key_id, keys.secret_access_key.expose());
            format!("keys {id} {secret} {} {}", or(&token), or(&keys.account_id))
        }
        CredentialSource::Environment => "environment".into(),
        CredentialSource::InstanceMetadata => "metadata".into(),
        CredentialSource::Container => "container".into(),
        CredentialSource::WebIdentity(web) => {
            format!("web {} {} {}", web.role_arn, web.token_file, or(&web.session_name))
        }
        CredentialSource::Sso(sso) => {
            format!("sso {} {} {} {} {}", or(&sso.session), sso.start_url, sso.region, sso.account_id, sso.role_name)
        }
        CredentialSource::Process(process) => format!("process {}", process.command.expose()),
        CredentialSource::Login { session } => format!("login {session}"),
        other => panic!("{other:?}"),
    };
    plan.roles.iter().fold(source, |text, role| {
        let (session, id) = (or(&role.session_name), or(&role.external_id));
        let seconds = or(&role.duration_seconds.map(|seconds| seconds.to_string()));
        format!("{text} > {} {session} {id} {seconds} {}", role.arn, or(&role.mfa_serial))
    })
}

/// What an end makes of a profile.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    CredentialPlan(String),
    /// Another provider is asked.
    Nothing,
    /// Nobody else is asked.
    Error(String),
}

impl Outcome {
    pub(crate) fn ours(plan: Result<CredentialPlan, PlanError>, is_named: bool) -> Self {
        match plan {
            Ok(plan) => Self::CredentialPlan(told(&plan)),
            Err(error) if error.is_absence(is_named) => Self::Nothing,
            Err(error) => Self::Error(error.to_string()),
        }
    }

    pub(crate) fn theirs(found: &Value) -> Self {
        match &found["plan"] {
            Value::Null => Self::Nothing,
            Value::String(plan) => Self::CredentialPlan(plan.clone()),
            error => Self::Error(error["error"].to_string()),
        }
    }

    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self == other || matches!((self, other), (Self::Error(_), Self::Error(_)))
    }
}

/// What a profile may say, whole and unfinished. `@` becomes the first letter of the file's name.
const SAID: &[(&str, &str)] = &[
    ("keys", "aws_access_key_id = AKID@\naws_secret_access_key = s@\n"),
    ("keys with a token", "aws_access_key_id = ASIA@\naws_secret_access_key = s@\naws_session_token = t@\n"),
    ("a token of old", "aws_access_key_id = ASIA@\naws_secret_access_key = s@\naws_security_token = u@\n"),
    ("an account", "aws_account_id = 12345678901@\n"),
    ("a process", "credential_process = p@ --a \"b #c\" # d\n"),
    ("a login", "login_session = arn@\n"),
    ("a sign-in", "sso_account_id = 1@\nsso_role_name = R@\nsso_start_url = https://u@\nsso_region = us-east-1\n"),
    ("a sign-in by a session", "sso_session = s\nsso_account_id = 1@\nsso_role_name = R@\n"),
    ("a sign-in whose session has the role", "sso_session = t\nsso_account_id = 1@\n"),
    ("a web identity", "role_arn = RW@\nweb_identity_token_file = /f@\n"),
    ("a web identity with a name", "role_arn = RW@\nweb_identity_token_file = /f@\nrole_session_name = n@\n"),
    ("a role by a profile", "role_arn = RA@\nsource_profile = base\n"),
    ("a role by itself", "role_arn = RA@\nsource_profile = a\n"),
    ("a role by the metadata", "role_arn = RA@\ncredential_source = Ec2InstanceMetadata\n"),
    (
        "a role with all there is",
        "role_arn = RA@\ncredential_source = Environment\nexternal_id = x\nmfa_serial = m\nduration_seconds = 1800\n",
    ),
    ("a role by a web identity", "role_arn = RA@\nsource_profile = web\n"),
    ("a role by a sign-in with keys", "role_arn = RA@\nsource_profile = both\n"),
    ("a role by a role", "role_arn = RA@\nsource_profile = middle\n"),
    ("a role by a profile that is not there", "role_arn = RA@\nsource_profile = none\n"),
    ("a role by a profile without anything", "role_arn = RA@\nsource_profile = empty\n"),
    ("a role in a circle", "role_arn = RA@\nsource_profile = circle\n"),
    ("a role alone", "role_arn = RA@\n"),
    ("an id alone", "aws_access_key_id = AKID@\n"),
    ("a secret alone", "aws_secret_access_key = s@\n"),
    ("a token alone", "aws_session_token = t@\n"),
    ("a source profile alone", "source_profile = base\n"),
    ("a credential source alone", "credential_source = Environment\n"),
    ("a foreign credential source", "credential_source = Elsewhere\n"),
    ("a token file alone", "web_identity_token_file = /f@\n"),
    ("an empty token file", "web_identity_token_file =\n"),
    ("a device alone", "mfa_serial = m\n"),
    ("no duration", "duration_seconds = long\n"),
    ("an external id and a session's name", "external_id = x\nrole_session_name = n\n"),
    ("half a sign-in", "sso_account_id = 1@\n"),
    ("the other half of a sign-in", "sso_role_name = R@\n"),
    ("a sign-in's place alone", "sso_start_url = https://u@\nsso_region = us-east-1\n"),
    ("a session alone", "sso_session = s\n"),
    ("something foreign", "cli_pager =\nx_role = y\noutput = json\n"),
];

/// The other profiles.
const OTHERS: &str = "
[profile base]
aws_access_key_id = AKIDBASE
aws_secret_access_key = s
[profile web]
role_arn = RB
web_identity_token_file = /g
[profile both]
sso_account_id = 2
sso_role_name = S
sso_start_url = https://v
sso_region = eu-west-1
aws_access_key_id = AKIDBOTH
aws_secret_access_key = s
role_arn = NO
source_profile = base
[profile middle]
role_arn = RM
source_profile = base
[profile circle]
role_arn = RC
source_profile = a
[profile empty]
region = us-east-1
[profile outer]
role_arn = RO
source_profile = a
[sso-session s]
sso_start_url = https://s
sso_region = eu-north-1
[sso-session t]
sso_start_url = https://t
sso_region = eu-north-1
sso_role_name = OFSESSION
";

/// Why the ends differ, where they do: what is unfinished and names nobody does not hide what works.
const TOKEN_FILE_ALONE: &str = "has no role ARN configured";

fn files(first: (&str, usize), second: (&str, usize)) -> [String; 2] {
    let mut files = [String::from("[profile a]\n"), String::from("[a]\n")];
    for (text, file) in [first, second] {
        for line in text.replace('@', ["c", "s"][file]).lines() {
            // To botocore a key that is there twice is an error.
            let key = line.split('=').next().unwrap_or_default();
            if !files[file].contains(&format!("\n{key}=")) {
                files[file] += &format!("{line}\n");
            }
        }
    }
    files[0] += OTHERS;
    files
}

#[test]
fn botocore_takes_the_same_of_every_pair_of_sources() {
    let Some(python) = available(&CLIENTS) else { return };
    let scratch = must(Scratch::new(Path::new(TMP), "pairs"));
    let mut cases = Vec::new();
    for (number, first) in SAID.iter().enumerate() {
        for second in &SAID[number..] {
            for (one, other) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let name = format!("{} and {} ({one}{other})", first.0, second.0);
                cases.push((name, files((first.1, one), (second.1, other))));
            }
        }
    }
    let mut environments = Vec::new();
    for (number, (_, files)) in cases.iter().enumerate() {
        let paths = ["config", "credentials"].map(|name| scratch.path().join(format!("{name}-{number}")));
        for (path, text) in paths.iter().zip(files) {
            must(fs::write(path, text));
        }
        for profile in ["a", "outer"] {
            environments.push(vec![
                ("HOME".to_owned(), scratch.path().display().to_string()),
                ("AWS_PROFILE".to_owned(), profile.to_owned()),
                ("AWS_CONFIG_FILE".to_owned(), paths[0].display().to_string()),
                ("AWS_SHARED_CREDENTIALS_FILE".to_owned(), paths[1].display().to_string()),
            ]);
        }
    }
    let theirs = theirs(python, &scratch, "plans", &environments);
    let mut wrong = Vec::new();
    let (mut plans, mut told_differences) = (0, 0);
    for ((name, files), theirs) in cases.iter().zip(theirs.chunks(2)) {
        let profiles = must(Profiles::parse(files[0].as_bytes(), files[1].as_bytes()));
        for (profile, theirs) in ["a", "outer"].into_iter().zip(theirs) {
            let (ours, theirs) =
                (Outcome::ours(CredentialPlan::resolve(&profiles, profile), true), Outcome::theirs(theirs));
            plans += usize::from(matches!(theirs, Outcome::CredentialPlan(_)));
            if matches!(&theirs, Outcome::Error(text) if text.contains(TOKEN_FILE_ALONE)) {
                told_differences += usize::from(!ours.is_like(&theirs));
            } else if !ours.is_like(&theirs) {
                wrong.push(format!("{name}, profile {profile}\n  {ours:?}\n  {theirs:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), environments.len(), wrong.join("\n"));
    assert!(plans > 3000 && told_differences > 20, "{plans} plans, {told_differences} told differences");
}

/// A web identity's variables, whole and in part.
const VARIABLES: &[&[(&str, &str)]] = &[
    &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/e"), ("AWS_ROLE_ARN", "RE"), ("AWS_ROLE_SESSION_NAME", "ne")],
    &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/e")],
    &[("AWS_ROLE_ARN", "RE")],
    &[("AWS_ROLE_SESSION_NAME", "ne")],
];

#[test]
fn botocore_takes_the_same_of_every_source_and_a_web_identity_of_the_environment() {
    let Some(python) = available(&CLIENTS) else { return };
    let scratch = must(Scratch::new(Path::new(TMP), "variables"));
    let mut cases = Vec::new();
    for (name, said) in SAID.iter().chain(&[("nothing", "")]) {
        for file in [0, 1] {
            for variables in VARIABLES {
                let files = files((said, file), ("", file));
                let number = cases.len();
                let paths = ["config", "credentials"].map(|name| scratch.path().join(format!("{name}-{number}")));
                let mut environment = vec![
                    ("HOME".to_owned(), scratch.path().display().to_string()),
                    ("AWS_PROFILE".to_owned(), "a".to_owned()),
                    ("AWS_CONFIG_FILE".to_owned(), paths[0].display().to_string()),
                    ("AWS_SHARED_CREDENTIALS_FILE".to_owned(), paths[1].display().to_string()),
                ];
                environment.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
                paths.iter().zip(&files).for_each(|(path, text)| must(fs::write(path, text)));
                cases.push((name, variables, files, environment));
            }
        }
    }
    let environments: Vec<_> = cases.iter().map(|(.., environment)| environment.clone()).collect();
    let mut wrong = Vec::new();
    for ((name, variables, files, _), theirs) in cases.iter().zip(theirs(python, &scratch, "plans", &environments)) {
        let profiles = must(Profiles::parse(files[0].as_bytes(), files[1].as_bytes()));
        let variable = |name: &str| variables.iter().find(|(found, _)| *found == name).map(|it| it.1.to_owned());
        let (ours, theirs) =
            (Outcome::ours(CredentialPlan::resolve_in(variable, &profiles, "a"), true), Outcome::theirs(&theirs));
        let is_told = matches!(&theirs, Outcome::Error(text) if text.contains(TOKEN_FILE_ALONE));
        if !is_told && !ours.is_like(&theirs) {
            wrong.push(format!("{name}, {variables:?}\n  {ours:?}\n  {theirs:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), environments.len(), wrong.join("\n"));
}
