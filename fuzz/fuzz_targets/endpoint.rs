//! A URL that is taken means the same when it is read again, no proxy's password is shown, and no list of hosts brings its
//! reader down.
#![no_main]

use firehose_proto::settings::Proxies;
use firehose_proto::{Endpoint, Region};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // A URL, a region, and the hosts that are reached without a proxy, one a line.
    let mut lines = text.splitn(3, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (url, region, hosts) = (line(), line(), line());
    let region = match Region::parse(region) {
        Ok(region) => {
            assert_eq!(Region::parse(region.as_str()).as_ref(), Ok(&region));
            let own = Endpoint::resolve(region.clone(), url.len().is_multiple_of(2), url.len().is_multiple_of(3));
            assert_eq!(Endpoint::custom(own.url(), region.clone()), Ok(own));
            region
        }
        Err(_) => Region::parse("eu-west-1").unwrap(),
    };
    match Endpoint::custom(url, region.clone()) {
        Ok(endpoint) => {
            let url = endpoint.url();
            assert_eq!(Endpoint::custom(url, region).as_ref(), Ok(&endpoint));
            let scheme = if endpoint.is_https() { "https" } else { "http" };
            assert!(url.starts_with(&format!("{scheme}://{}/", endpoint.authority())), "{url}");
            assert!(endpoint.authority().starts_with(endpoint.host()));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let proxies = Proxies::read(|name| match name {
        "HTTPS_PROXY" => Some(url.to_owned()),
        "NO_PROXY" => Some(hosts.to_owned()),
        _ => None,
    });
    for target in [url, "https://firehose.eu-west-1.amazonaws.com/", "https://[fd00::1]:8443/"] {
        if let Ok(Some(proxy)) = proxies.for_url(target) {
            let (shown, password) = (format!("{proxy:?} {}", proxy.value), &proxy.value.password);
            // A short one may be a part of something else.
            let secret = password.as_ref().map(|password| password.expose()).filter(|secret| secret.len() > 8);
            let others = format!("{}{:?}", proxy.value.host, proxy.value.user);
            assert!(secret.is_none_or(|secret| others.contains(secret) || !shown.contains(secret)), "{shown}");
        }
    }
});
