//! The hand-written patterns against AWS's own regular expressions in a regex engine, and against examples.
#![expect(clippy::unwrap_used, reason = "a test that unwraps fails with the line that did")]

mod oracle;

use std::cell::Cell;

use firehose_proto::internal::pattern::{self, Pattern};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestRunner;

/// A pattern, texts that match it, and texts that narrowly do not.
struct Case {
    pattern: Pattern,
    good: Vec<String>,
    bad: Vec<String>,
}

fn case(pattern: Pattern, good: &[&str], bad: &[&str]) -> Case {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    Case { pattern, good: owned(good), bad: owned(bad) }
}

/// One case for each pattern, in the order of [`pattern::ALL`].
fn cases() -> Vec<Case> {
    let a = |count: usize| "a".repeat(count);
    let vpce = "vpce.us-east-1.vpce-svc-0123456789abcdef0";
    vec![
        case(pattern::ANY, &["", "logs/!{timestamp:yyyy}/", "a\rb\u{85}\u{2028}"], &["\n", "a\nb"]),
        case(
            pattern::KMS_KEY_OR_ALIAS_ARN,
            &[
                "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab",
                "arn:aws:kms:us-east-1:123456789012:alias/a/b_+=,.@-",
                "arn::kms:kms:kms:000000000000:key/k",
                "arn:aws-cn:kms:kms::kms:x:123456789012:key/k",
            ],
            &[
                "arn:kms:eu-central-1:123456789012:key/k",
                "arn:aws:kms::123456789012:key/k",
                "arn:aws:kms:eu-central-1:12345678901:key/k",
                "arn:aws:kms:eu-central-1:12345678901٣:key/k",
                "arn:aws:kms:eu-central-1:123456789012:grant/k",
                "arn:aws:kms:eu-central-1:123456789012:key/",
                "arn:aws:kms:eu-central-1:123456789012:key/a:b",
                "arn:a\ns:kms:eu-central-1:123456789012:key/k",
            ],
        ),
        case(
            pattern::KMS_KEY_ARN,
            &["arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab"],
            &["arn:aws:kms:eu-central-1:123456789012:alias/a", " arn:aws:kms:eu-central-1:123456789012:key/k"],
        ),
        case(pattern::HTTPS, &["https:", "https://search.example"], &["http://a", "HTTPS://a", "https:/\n/a", ""]),
        case(
            pattern::ES_DOMAIN_ARN,
            &[
                "arn:aws:es:us-east-1:123456789012:domain/abc",
                "arn:aws:es:es:123456789012:domain/a-0",
                &format!("arn:aws:es:us-east-1:123456789012:domain/{}", a(28)),
            ],
            &[
                "arn:aws:es:us-east-1:123456789012:domain/ab",
                "arn:aws:es:us-east-1:123456789012:domain/0bc",
                "arn:aws:es:us-east-1:123456789012:domain/-bc",
                "arn:aws:es:us-east-1:123456789012:domain/aBc",
                "arn:aws:es:us-east-1:123456789012:domain/a_c",
                &format!("arn:aws:es:us-east-1:123456789012:domain/{}", a(29)),
            ],
        ),
        case(
            pattern::BUCKET_ARN,
            &["arn:aws:s3:::app-logs", "arn::s3:::s3_.-", "arn:aws:s3:::s3:::b", &format!("arn:aws:s3:::{}", a(255))],
            &[
                "arn:s3:::b",
                "arn:aws:s3:::",
                "arn:aws:s3::us-east-1:b",
                "arn:aws:s3:::é",
                "arn:aws:s3:::b/k",
                &format!("arn:aws:s3:::{}", a(256)),
            ],
        ),
        case(
            pattern::CLUSTER_JDBC_URL,
            &[
                "jdbc:redshift://examplecluster.abc123xyz789.us-west-2.redshift.amazonaws.com:5439/dev",
                "jdbc:postgresql://w.123456789012.us-east-1.redshift-serverless.amazonaws.com:1/a_$-",
                "jdbc:redshift://redshift.redshift.redshift.-:12345/D",
                "jdbc:redshift://a.redshift..:5439/d",
                &format!("jdbc:redshift://{}.redshift.x:5439/d", a(63)),
            ],
            &[
                "jdbc:mysql://a.redshift.x:5439/d",
                "jdbc:redshift://redshift.amazonaws.com:5439/d",
                "jdbc:redshift://-a.redshift.x:5439/d",
                "jdbc:redshift://a-.redshift.x:5439/d",
                "jdbc:redshift://a..redshift.x:5439/d",
                "jdbc:redshift://a_b.redshift.x:5439/d",
                "jdbc:redshift://a.redshift.:5439/d",
                "jdbc:redshift://a.redshift.x:/d",
                "jdbc:redshift://a.redshift.x:123456/d",
                "jdbc:redshift://a.redshift.x:5439/",
                "jdbc:redshift://a.redshift.x:5439/d/e",
                &format!("jdbc:redshift://{}.redshift.x:5439/d", a(64)),
            ],
        ),
        case(pattern::CUSTOM_TIME_ZONE, &["", "UTC", "America/New_York"], &["Etc/GMT+1", "GMT1", "Europe/Zürich"]),
        case(pattern::DATABASE_NAME, &["", "db\n\u{1}é日\u{ffff}"], &["\0", "\u{10000}"]),
        case(pattern::NOT_BLANK, &["a", " a ", "\u{a0}", "\0"], &["", " ", "\t\u{b}\u{c}\r", "a\nb", "a\n"]),
        case(
            pattern::DELIVERY_STREAM_ARN,
            &["arn:aws:firehose:us-east-1:123456789012:deliverystream/Logs_2.x-eu"],
            &[
                "Logs_2.x-eu",
                "arn:aws:kinesis:us-east-1:123456789012:deliverystream/a",
                "arn:aws:firehose:us-east-1:123456789012:deliverystream/a/b",
            ],
        ),
        case(pattern::DELIVERY_STREAM_NAME, &["a", ".", "Logs_2.x-eu"], &["", "a b", "é", "a/b", "a:b"]),
        case(pattern::VERSION_ID, &["0", "12345"], &["", "-1", "1a", "٣"]),
        case(pattern::DESTINATION_ID, &["destinationId-000000000001", "-"], &["", "a_b", "a.b"]),
        case(
            pattern::FILE_EXTENSION,
            &["", ".parquet.snappy", ".0!-_.*'()"],
            &[".", "json", ".JSON", "json.gz", ".a/b", ".#"],
        ),
        case(
            pattern::GLUE_CATALOG_ARN,
            &[
                "arn:aws:glue:us-east-1:123456789012:catalog",
                "arn:aws:glue:us-east-1:123456789012:catalog/s3tablescatalog",
                "arn:aws:glue:us-east-1:123456789012:catalog/a_0/b-1",
                "arn::glue::123456789012:catalog",
                "arn:a:glue:glue:glue:123456789012:catalog",
            ],
            &[
                "arn:aws:glue:123456789012:catalog",
                "arn:glue:us-east-1:123456789012:catalog",
                "arn:aws:glue:us-east-1:123456789012:catalog/",
                "arn:aws:glue:us-east-1:123456789012:catalog/A",
                "arn:aws:glue:us-east-1:123456789012:catalog//a",
                "arn:aws:glue:us-east-1:123456789012:catalog/a/b/c",
                "arn:aws:glue:us-east-1:123456789012:catalogs",
                "arn:aws:glue:us\neast-1:123456789012:catalog",
            ],
        ),
        case(pattern::HTTPS_URL, &["https://", "https://api.example/v1"], &["https:/a", "http://a", "https://\n"]),
        case(
            pattern::KINESIS_STREAM_ARN,
            &["arn:aws:kinesis:us-east-1:123456789012:stream/clicks_1.a-b"],
            &["arn:aws:kinesis:us-east-1:123456789012:stream/a:1", "arn:aws:kinesis:us-east-1:123456789012:table/a"],
        ),
        case(pattern::LOG_GROUP_NAME, &["", "/aws/kinesisfirehose/a_b.c-d#1"], &["a b", "a:b", "é"]),
        case(pattern::LOG_STREAM_NAME, &["", "S3 Delivery\né"], &["a:b", "*"]),
        case(pattern::MSK_CLUSTER_ARN, &["arn:", "arn:aws:kafka:us-east-1:1:cluster/a"], &["arn", "a", "arn:\n"]),
        case(pattern::NO_WHITESPACE, &["a", "\u{a0}é\u{2028}"], &["", "a b", "\u{b}", "a\n", "\u{c}", "a\r"]),
        case(
            pattern::ROLE_ARN,
            &["arn:aws:iam::123456789012:role/service-role/firehose+=,.@_", "arn:aws:iam::iam::123456789012:role/r"],
            &[
                "arn:aws:iam:us-east-1:123456789012:role/r",
                "arn:aws:iam::123456789012:user/r",
                "arn:aws:iam::1234567890123:role/r",
                "arn:aws:iam::123456789012:role/a b",
            ],
        ),
        case(
            pattern::SECRET_ARN,
            &["arn:aws:secretsmanager:us-east-1:123456789012:secret:a/b_+=.@!-XyZ"],
            &[
                "arn:aws:secretsmanager:us-east-1:123456789012:secret/a",
                "arn:aws:secretsmanager:us-east-1:123456789012:secret:",
                "arn:aws:secretsmanager:us-east-1:123456789012:secret:a,b",
            ],
        ),
        case(
            pattern::SNOWFLAKE_ACCOUNT_URL,
            &["a.snowflakecomputing.com", "https://x.y.snowflakecomputing.com", "..snowflakecomputing.com"],
            &[
                ".snowflakecomputing.com",
                "a.snowflakecomputing.com/",
                "a\n.snowflakecomputing.com",
                "asnowflakecomputing.com",
            ],
        ),
        case(
            pattern::BASE64,
            &["", "AAAA", "a+/9", "TWE=", "TQ==", "TWFuTWE="],
            &["A", "AAA", "A===", "====", "==", "TQ==TQ==", "TW=u", "TQ-_", "TQ=\n", "TQ==\n"],
        ),
        case(
            pattern::VPC_ENDPOINT_SERVICE_NAME,
            &[&format!("com.amazonaws.{vpce}"), &format!("a_1.b-2.c.{vpce}"), "a.b.vpce..vpce-svc-0123456789abcdef-"],
            &[
                &format!("amazonaws.{vpce}"),
                &format!("a.b.c.d.{vpce}"),
                &format!("a..{vpce}"),
                &format!("com.amazonaws.{vpce}0"),
                "a.b.vpce.us-east-1.vpce-svc-0123456789abcdef",
                "a.b.vpce.us_east.vpce-svc-0123456789abcdef0",
                "a.b.vpc.us-east-1.vpce-svc-0123456789abcdef0",
            ],
        ),
        case(pattern::LETTERS_DIGITS_UNDERSCORES_DOTS, &["a", "A_1.b", "."], &["", "a-b", "é"]),
        case(
            pattern::TAG_KEY,
            &["", "team", "aws", "Aws:x", "x aws:", "é日²Ⅷ٣\u{a0}\u{2028}\u{3000}_.:/=+-@%"],
            &["aws:", "aws:team", "a,b", "a\tb", "\u{85}", "\u{301}", "😀"],
        ),
        case(pattern::TAG_VALUE, &["", "aws:x", "é日²Ⅷ٣ \u{2029}"], &["a#b", "a\nb", "\u{0}", "\u{301}"]),
        case(pattern::TOPIC_NAME, &["a", r"A\1._-"], &["", "a/b", "a b", "a]"]),
        case(pattern::WAREHOUSE_LOCATION, &["s3://", "s3://tables/a b"], &["s3:/a", "S3://a", "s3://a\n"]),
    ]
}

/// Texts that matter to some pattern. Marks and circled letters are left out: see
/// [`tags_may_have_a_little_more_than_letters`].
fn token() -> impl Strategy<Value = String> {
    const CHARACTERS: &str = "aAzZfF059-_.:/\\+=,@!*'()#$%^&|[]{}?<>\"`~; \t\n\u{b}\u{c}\r\0\u{1}\u{7f}\u{85}\u{a0}\
        é日²Ⅷ٣\u{212a}\u{2003}\u{2028}\u{2029}\u{3000}\u{fffd}\u{ffff}\u{10000}😀\u{301}";
    const WORDS: &str = "arn: aws: :kms: :kms kms: :glue: :glue glue: :s3::: :s3:: :es: :iam:: secret: 123456789012 \
        key/ alias/ domain/ catalog redshift -serverless jdbc: vpce vpce-svc- https: s3:// .snowflakecomputing.com ==";
    let character = select(CHARACTERS.chars().collect::<Vec<_>>()).prop_map(String::from);
    let word = select(WORDS.split(' ').collect::<Vec<_>>()).prop_map(String::from);
    prop_oneof![6 => character, 2 => word, 1 => Just("\n".to_owned())]
}

/// The part of a text between two positions.
fn part(text: &str, places: (Index, Index)) -> String {
    let places = [places.0, places.1].map(|place| place.index(text.chars().count() + 1));
    let (start, end) = (places[0].min(places[1]), places[0].max(places[1]));
    text.chars().take(end).skip(start).collect()
}

/// An example after a few edits. Each removes a little and inserts a token or a part of an example.
fn edited(examples: Vec<String>) -> impl Strategy<Value = String> {
    let piece = (select(examples.clone()), any::<(Index, Index)>()).prop_map(|(text, places)| part(&text, places));
    let inserted = prop_oneof![2 => Just(String::new()), 3 => token(), 2 => piece];
    let edit = (any::<Index>(), prop_oneof![4 => 0..2_usize, 1 => 0..20_usize], inserted);
    (select(examples), vec(edit, 0..4)).prop_map(|(text, edits)| {
        edits.into_iter().fold(text, |text, (place, removed, inserted)| {
            let characters: Vec<char> = text.chars().collect();
            let start = place.index(characters.len() + 1);
            let (head, tail) = characters.split_at(start);
            head.iter().copied().chain(inserted.chars()).chain(tail.iter().copied().skip(removed)).collect()
        })
    })
}

fn text(case: &Case) -> impl Strategy<Value = String> + use<> {
    let random = vec(token(), 0..10).prop_map(|tokens| tokens.concat());
    let examples = [case.good.as_slice(), case.bad.as_slice()].concat();
    prop_oneof![4 => edited(case.good.clone()), 2 => edited(examples), 1 => random]
}

#[test]
fn every_pattern_has_its_examples() {
    let listed: Vec<Pattern> = cases().iter().map(|case| case.pattern).collect();
    assert_eq!(listed, pattern::ALL);
    for Case { pattern, good, bad } in cases() {
        for (text, ok) in good.iter().map(|text| (text, true)).chain(bad.iter().map(|text| (text, false))) {
            assert_eq!(pattern.matches(text), ok, "{pattern:?} {text:?}");
            assert_eq!(oracle::regex(pattern).is_match(text).unwrap(), ok, "the oracle: {pattern:?} {text:?}");
        }
    }
}

#[test]
fn agrees_with_a_regex_engine() {
    for case in cases() {
        let (pattern, oracle) = (case.pattern, oracle::regex(case.pattern));
        let (accepted, refused) = (Cell::new(0), Cell::new(0));
        let outcome = TestRunner::new(ProptestConfig::with_cases(1024)).run(&text(&case), |text| {
            let expected = oracle.is_match(&text).unwrap();
            let count = if expected { &accepted } else { &refused };
            count.set(count.get() + 1);
            prop_assert_eq!(pattern.matches(&text), expected, "{:?} {:?}", pattern, text);
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{error}"));
        let seen = (accepted.get(), refused.get());
        assert!(seen.0.min(seen.1) >= 50, "{pattern:?}: {seen:?} texts say little");
    }
}

/// Some circled letters and marks also match, as the module's documentation says.
#[test]
fn tags_may_have_a_little_more_than_letters() {
    for pattern in [pattern::TAG_KEY, pattern::TAG_VALUE] {
        for text in ["Ⓐ", "\u{345}", "का"] {
            assert!(pattern.matches(text), "{pattern:?} {text:?}");
            assert!(!oracle::regex(pattern).is_match(text).unwrap(), "{pattern:?} {text:?}");
        }
    }
}

/// With anything worse than a few passes over the text, this test would not end.
#[test]
fn long_texts_take_no_longer_than_their_length() {
    const BYTES: usize = 1 << 18;
    for Case { pattern, good, bad } in cases() {
        for example in good.iter().chain(&bad).filter(|text| !text.is_empty()) {
            for at in [0, 4, example.len() / 2, example.len()] {
                let Some((head, tail)) = example.split_at_checked(at) else { continue };
                let filling = example.repeat(BYTES / example.len());
                let _ = pattern.matches(&[head, &filling, tail].concat());
            }
        }
        for filling in [":kms:", ":", "a", ".", "a.", "redshift.", ":glue:", "/", "=", " ", "é"] {
            let filling = filling.repeat(BYTES / filling.len());
            for (head, tail) in [("", ""), ("arn:", ":1"), ("jdbc:redshift://", ".x:1/d"), ("", "\n")] {
                let _ = pattern.matches(&[head, &filling, tail].concat());
            }
        }
    }
}
