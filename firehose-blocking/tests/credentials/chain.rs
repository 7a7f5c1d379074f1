//! The order of the chain, and what is said at its end.

use crate::world::{SECRET, builder, story};

#[test]
fn tells_in_order_what_was_tried_and_why_it_did_not_apply() {
    let error = builder(&[("AWS_EC2_METADATA_DISABLED", "true")]).find_credentials().unwrap_err();
    assert_eq!(
        story(&error),
        "no credentials, tried environment variables: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set; \
         profile: profile `default` is in neither the config file nor the credentials file; \
         web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set; \
         container: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set; \
         instance metadata: turned off by environment variable `AWS_EC2_METADATA_DISABLED`"
    );
}

#[test]
fn stops_at_a_provider_that_is_configured_wrongly() {
    for (variables, words) in [
        (
            vec![("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", " ")],
            "environment variables: cannot use them: environment variable \
            `AWS_ACCESS_KEY_ID` is set and so needs `AWS_SECRET_ACCESS_KEY`",
        ),
        (vec![("AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent")], "needs `AWS_ROLE_ARN`"),
        (vec![("AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent"), ("AWS_ROLE_ARN", "arn")], "token file /nonexistent"),
        (vec![("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "nowhere")], "must begin with `/`"),
    ] {
        let error = builder(&variables).find_credentials().unwrap_err();
        let text = story(&error);
        assert!(text.ends_with(words) || text.contains(words), "{text}");
        assert!(!text.contains("instance metadata"), "the search has ended: {text}");
        assert!(!format!("{text}{error:?}").contains(SECRET), "{text}");
    }
}

#[test]
fn the_environment_comes_first_unless_the_program_names_a_profile() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("credentials");
    let text = "[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = s\n\
                [other]\naws_access_key_id = AKIDOTHER\naws_secret_access_key = s\n";
    std::fs::write(&file, text).unwrap();
    let file = ("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap());
    let keys = [("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "s")];
    let other = ("AWS_PROFILE", "other");
    for (variables, profile, id, provider) in [
        (vec![file, keys[0], keys[1]], None, "AKIDENV", "environment variables"),
        (vec![file, keys[0], keys[1], other], None, "AKIDENV", "environment variables"),
        (vec![file, keys[0], keys[1]], Some("other"), "AKIDOTHER", "profile `other` (keys)"),
        (vec![file], None, "AKIDFILE", "profile `default` (keys)"),
        (vec![file, other], None, "AKIDOTHER", "profile `other` (keys)"),
    ] {
        let mut builder = builder(&variables);
        if let Some(profile) = profile {
            builder = builder.profile(profile);
        }
        let found = builder.find_credentials().unwrap();
        assert_eq!((&*found.credentials.access_key_id, &*found.provider), (id, provider), "{variables:?} {profile:?}");
    }
}
