//! The endpoints of the services that issue credentials, and the encoding of their requests.

use alloc::format;
use alloc::string::String;

use crate::endpoint::Endpoint;
use crate::percent;
use crate::region::Region;

/// The endpoint of one of these services. They share a rule: in AWS GovCloud, ordinary endpoints are FIPS endpoints
/// already, except the dual-stack ones.
pub(super) fn endpoint(service: &str, region: Region, fips: bool, dual_stack: bool) -> Endpoint {
    let partition = region.partition();
    let suffix = if dual_stack { partition.dual_stack_dns_suffix } else { partition.dns_suffix };
    let is_fips_already = partition.id == "aws-us-gov" && !dual_stack;
    let fips = if fips && !is_fips_already { "-fips" } else { "" };
    Endpoint::of_host(&format!("{service}{fips}.{region}.{suffix}"), region)
}

/// The URL of a path below an endpoint's own. The path begins with a slash.
pub(super) fn url(endpoint: &Endpoint, path: &str) -> String {
    format!("{}{path}", endpoint.url().trim_end_matches('/'))
}

/// Appends `name=value` to a query or form, percent-encoded.
pub(super) fn write_pair(name: &str, value: &str, out: &mut String) {
    if !out.is_empty() && !out.ends_with('?') {
        out.push('&');
    }
    out.push_str(name);
    out.push('=');
    percent::encode(value.bytes(), percent::is_unreserved, |piece| out.push_str(piece));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_host_of_each_kind() {
        for (service, region, fips, dual_stack, expected) in [
            ("sts", "us-east-1", false, false, "sts.us-east-1.amazonaws.com"),
            ("sts", "eu-central-1", true, false, "sts-fips.eu-central-1.amazonaws.com"),
            ("sts", "us-east-1", false, true, "sts.us-east-1.api.aws"),
            ("sts", "us-east-1", true, true, "sts-fips.us-east-1.api.aws"),
            ("sts", "us-gov-west-1", true, false, "sts.us-gov-west-1.amazonaws.com"),
            ("sts", "us-gov-west-1", true, true, "sts-fips.us-gov-west-1.api.aws"),
            ("sts", "cn-north-1", false, false, "sts.cn-north-1.amazonaws.com.cn"),
            ("portal.sso", "us-east-1", true, false, "portal.sso-fips.us-east-1.amazonaws.com"),
            ("portal.sso", "us-gov-east-1", true, false, "portal.sso.us-gov-east-1.amazonaws.com"),
            ("oidc", "us-iso-east-1", true, true, "oidc-fips.us-iso-east-1.api.aws.ic.gov"),
        ] {
            let endpoint = endpoint(service, Region::parse(region).unwrap(), fips, dual_stack);
            assert_eq!(endpoint.host(), expected);
            assert_eq!(endpoint.region().as_str(), region);
        }
    }

    #[test]
    fn keeps_a_base_path_and_encodes_values() {
        let region = Region::parse("us-east-1").unwrap();
        for (base, expected) in [("http://h", "http://h/token"), ("http://h/base/", "http://h/base/token")] {
            assert_eq!(url(&Endpoint::custom(base, region.clone()).unwrap(), "/token"), expected);
        }
        let mut out = String::from("/p?");
        write_pair("a", "x y+z/\u{e9}", &mut out);
        write_pair("b", "-._~", &mut out);
        assert_eq!(out, "/p?a=x%20y%2Bz%2F%C3%A9&b=-._~");
    }
}
