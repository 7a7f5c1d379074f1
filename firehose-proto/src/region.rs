//! [`Region`]: a region's name, and the [`Partition`] of AWS that it belongs to.

use alloc::string::String;
use core::fmt;

/// A region's name, such as `eu-central-1`: part of host names and of every signature.
///
/// Any host label is accepted, so new regions work without a new release. Names are converted to lower case: the
/// service refuses signatures for `EU-WEST-1`.
///
/// ```
/// use firehose_proto::Region;
///
/// let region = Region::parse("eu-central-1")?;
/// assert_eq!(region.partition().dns_suffix, "amazonaws.com");
/// # Ok::<(), firehose_proto::error::InvalidRegion>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Region(String);

impl Region {
    /// Reads a region's name.
    ///
    /// # Errors
    ///
    /// [`InvalidRegion`] when the name cannot be part of a host name (RFC 1123, section 2.1), or looks like part of an
    /// IP address. Otherwise a name could lead a signed request to another host.
    pub fn parse(name: &str) -> Result<Self, InvalidRegion> {
        if !(1..=MAX_LABEL_BYTES).contains(&name.len()) {
            return Err(InvalidRegion::Length { bytes: name.len() });
        }
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(InvalidRegion::Character);
        }
        if name.starts_with('-') || name.ends_with('-') {
            return Err(InvalidRegion::OuterHyphen);
        }
        if name.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidRegion::DigitsOnly);
        }
        Ok(Self(name.to_ascii_lowercase()))
    }

    /// Reads a region's name or one of the old pseudo-regions `fips-<region>` and `<region>-fips`; returns the
    /// real region, and whether the name asked for [FIPS endpoints](https://docs.aws.amazon.com/sdkref/latest/guide/feature-endpoints.html).
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse), for the real region's name.
    pub fn parse_with_fips(name: &str) -> Result<(Self, bool), InvalidRegion> {
        let name = name.to_ascii_lowercase();
        let real = name.strip_prefix("fips-").unwrap_or(&name);
        let real = real.strip_suffix("-fips").unwrap_or(real);
        Ok((Self::parse(real)?, real.len() != name.len()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition that lists the region; else the first whose pattern the name matches; else the public one.
    #[must_use]
    pub fn partition(&self) -> &'static Partition {
        PARTITIONS
            .iter()
            .find(|partition| partition.global_region == self.0)
            .or_else(|| PARTITIONS.iter().find(|partition| partition.has_pattern(&self.0)))
            .unwrap_or(&AWS)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Longest label of a host name (RFC 1035, section 2.3.4).
const MAX_LABEL_BYTES: usize = 63;

/// A name that no region can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidRegion {
    /// The name is empty or longer than a label of a host name.
    Length {
        /// Its length.
        bytes: usize,
    },
    /// The name has something other than ASCII letters, digits and hyphens.
    Character,
    /// The name begins or ends with a hyphen.
    OuterHyphen,
    /// The name is a number.
    DigitsOnly,
}

impl fmt::Display for InvalidRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { bytes } => write!(f, "region has {bytes} bytes, must have 1 to {MAX_LABEL_BYTES}"),
            Self::Character => f.write_str("region may have only ASCII letters, digits and hyphens"),
            Self::OuterHyphen => f.write_str("region must not begin or end with a hyphen"),
            Self::DigitsOnly => f.write_str("region must not be a number"),
        }
    }
}

impl core::error::Error for InvalidRegion {}

/// A self-contained part of AWS, with domains of its own
/// ([partitions](https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html)).
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Partition {
    /// The name, as the second part of every ARN has it.
    pub id: &'static str,
    /// The domain of ordinary and of FIPS endpoints.
    pub dns_suffix: &'static str,
    /// The domain of endpoints that have both IPv4 and IPv6 addresses.
    pub dual_stack_dns_suffix: &'static str,
    /// The one listed region whose name matches no partition's pattern.
    global_region: &'static str,
    /// What precedes `<word>-<number>` in the names of the regions.
    prefixes: &'static [&'static str],
}

impl Partition {
    fn has_pattern(&self, region: &str) -> bool {
        self.prefixes.iter().any(|prefix| {
            let parts = region.strip_prefix(prefix).and_then(|rest| rest.split_once('-'));
            parts.is_some_and(|(word, number)| {
                !word.is_empty() && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
            })
        })
    }
}

const AWS: Partition = Partition {
    id: "aws",
    dns_suffix: "amazonaws.com",
    dual_stack_dns_suffix: "api.aws",
    global_region: "aws-global",
    prefixes: &["us-", "eu-", "ap-", "sa-", "ca-", "me-", "af-", "il-", "mx-"],
};

/// In the order in which patterns are tried. Every partition has FIPS and dual-stack endpoints.
static PARTITIONS: [Partition; 8] = [
    AWS,
    Partition {
        id: "aws-cn",
        dns_suffix: "amazonaws.com.cn",
        dual_stack_dns_suffix: "api.amazonwebservices.com.cn",
        global_region: "aws-cn-global",
        prefixes: &["cn-"],
    },
    Partition {
        id: "aws-eusc",
        dns_suffix: "amazonaws.eu",
        dual_stack_dns_suffix: "api.amazonwebservices.eu",
        // This partition lists no such region. No region has an empty name.
        global_region: "",
        prefixes: &["eusc-de-"],
    },
    Partition {
        id: "aws-iso",
        dns_suffix: "c2s.ic.gov",
        dual_stack_dns_suffix: "api.aws.ic.gov",
        global_region: "aws-iso-global",
        prefixes: &["us-iso-"],
    },
    Partition {
        id: "aws-iso-b",
        dns_suffix: "sc2s.sgov.gov",
        dual_stack_dns_suffix: "api.aws.scloud",
        global_region: "aws-iso-b-global",
        prefixes: &["us-isob-"],
    },
    Partition {
        id: "aws-iso-e",
        dns_suffix: "cloud.adc-e.uk",
        dual_stack_dns_suffix: "api.cloud-aws.adc-e.uk",
        global_region: "aws-iso-e-global",
        prefixes: &["eu-isoe-"],
    },
    Partition {
        id: "aws-iso-f",
        dns_suffix: "csp.hci.ic.gov",
        dual_stack_dns_suffix: "api.aws.hci.ic.gov",
        global_region: "aws-iso-f-global",
        prefixes: &["us-isof-"],
    },
    Partition {
        id: "aws-us-gov",
        dns_suffix: "amazonaws.com",
        dual_stack_dns_suffix: "api.aws",
        global_region: "aws-us-gov-global",
        prefixes: &["us-gov-"],
    },
];

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn takes_any_host_label() {
        let longest = "a".repeat(MAX_LABEL_BYTES);
        for name in ["us-east-1", "a", "0x", "1-1", "xn--region", &longest] {
            assert_eq!(Region::parse(name).map(|region| region.to_string()).as_deref(), Ok(name));
        }
        assert_eq!(Region::parse("EU-West-1").unwrap().as_str(), "eu-west-1");
        let too_long = "a".repeat(MAX_LABEL_BYTES + 1);
        for (name, error) in [
            ("", InvalidRegion::Length { bytes: 0 }),
            (&*too_long, InvalidRegion::Length { bytes: 64 }),
            ("us-east-1.evil.example", InvalidRegion::Character),
            ("us-east-1/", InvalidRegion::Character),
            ("us_east_1", InvalidRegion::Character),
            ("us east 1", InvalidRegion::Character),
            ("é", InvalidRegion::Character),
            ("-us", InvalidRegion::OuterHyphen),
            ("us-", InvalidRegion::OuterHyphen),
            ("-", InvalidRegion::OuterHyphen),
            ("127", InvalidRegion::DigitsOnly),
        ] {
            assert_eq!(Region::parse(name), Err(error), "{name:?}");
        }
    }

    #[test]
    fn errors_name_the_rule() {
        for (name, text) in [
            ("", "region has 0 bytes, must have 1 to 63"),
            ("a.b", "region may have only ASCII letters, digits and hyphens"),
            ("-a", "region must not begin or end with a hyphen"),
            ("1", "region must not be a number"),
        ] {
            assert_eq!(Region::parse(name).unwrap_err().to_string(), text);
        }
    }

    #[test]
    fn finds_the_region_behind_a_fips_pseudo_region() {
        for (name, real, fips) in [
            ("us-east-1", "us-east-1", false),
            ("fips-us-east-1", "us-east-1", true),
            ("us-gov-west-1-fips", "us-gov-west-1", true),
            ("FIPS-US-EAST-1", "us-east-1", true),
            ("fips", "fips", false),
            ("fipsy-1", "fipsy-1", false),
        ] {
            assert_eq!(Region::parse_with_fips(name), Ok((Region(real.into()), fips)), "{name}");
        }
        assert_eq!(Region::parse_with_fips("fips-"), Err(InvalidRegion::Length { bytes: 0 }));
        assert_eq!(Region::parse_with_fips("fips-1"), Err(InvalidRegion::DigitsOnly));
    }

    #[test]
    fn finds_the_partition() {
        for (id, regions) in [
            (
                "aws",
                "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 \
                 ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 \
                 ap-southeast-7 aws-global ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 \
                 eu-south-2 eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 me-west-1 \
                 mx-central-1 sa-east-1 sa-west-1 us-east-1 us-east-2 us-west-1 us-west-2",
            ),
            ("aws-cn", "aws-cn-global cn-north-1 cn-northwest-1 cn-new-22"),
            ("aws-eusc", "eusc-de-east-1 eusc-de-x-7"),
            ("aws-iso", "aws-iso-global us-iso-east-1 us-iso-west-1 us-iso-new-2"),
            ("aws-iso-b", "aws-iso-b-global us-isob-east-1 us-isob-west-1 us-isob-new-2"),
            ("aws-iso-e", "aws-iso-e-global eu-isoe-west-1 eu-isoe-new-2"),
            ("aws-iso-f", "aws-iso-f-global us-isof-east-1 us-isof-south-1 us-isof-new-2"),
            ("aws-us-gov", "aws-us-gov-global us-gov-east-1 us-gov-west-1 us-gov-new-2 US-GOV-WEST-1"),
            // Names that only resemble another partition's: too many words, no word, or no number.
            ("aws", "us-gov-1 cn-a-b-1 cn--1 cn-north-1a cn-north eusc-fr-east-1 local x"),
        ] {
            for region in regions.split(' ') {
                assert_eq!(Region::parse(region).unwrap().partition().id, id, "{region}");
            }
        }
    }
}
