//! No file brings the parser, a plan or a setting down, and whatever is wrong is in a line that there is.
#![no_main]

use firehose_proto::internal::plan::{CredentialPlan, PlanError, without_effect};
use firehose_proto::internal::profile::{ProfileFile, Profiles, SourceLocation};
use firehose_proto::internal::settings::SettingsResolver;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    // The configuration, a line of two hyphens, the credentials.
    let split = text.windows(4).position(|window| window == b"\n--\n").unwrap_or(text.len());
    let (config, rest) = text.split_at(split);
    let credentials = rest.get(4..).unwrap_or_default();
    let check = |place: SourceLocation| {
        let file = if place.file == ProfileFile::Config { config } else { credentials };
        let lines = 1 + file.iter().filter(|&&byte| byte == b'\n' || byte == b'\r').count();
        assert!((1..=lines).contains(&place.line), "{place}");
    };
    let profiles = match Profiles::parse(config, credentials) {
        Ok(profiles) => profiles,
        Err(error) => return check(error.place),
    };
    profiles.ignored().iter().for_each(|ignored| check(ignored.place));
    for name in profiles.names() {
        match CredentialPlan::resolve(&profiles, name) {
            Ok(plan) => assert!(plan.roles.len() <= profiles.names().count()),
            Err(PlanError::Invalid { place, .. }) => check(place),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        without_effect(&profiles, name).iter().for_each(|setting| check(setting.place));
        let section = profiles.profile(name).unwrap();
        for key in section.keys() {
            match section.value(key) {
                Ok(value) => value.into_iter().for_each(|value| check(value.place())),
                Err(broken) => check(broken.place),
            }
        }
        let lookup = SettingsResolver::new(&|_| None, &profiles, name);
        let errors = [
            lookup.region(None).err(),
            lookup.use_fips_endpoint(None, None).err(),
            lookup.endpoint_url(None, "firehose").err(),
            lookup.retry_mode(None).err(),
            lookup.max_attempts(None).err(),
            lookup.connect_timeout(None).err(),
            lookup.ec2_metadata_service_endpoint(None).err(),
            lookup.ca_bundle(None).err(),
        ];
        assert!(errors.iter().flatten().all(|error| error.to_string().contains(" of the ")));
    }
});
