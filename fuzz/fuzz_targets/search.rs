//! Whatever answers come, in any order and to any question, a search asks for little and nothing in the past, and ends.
#![no_main]

use std::time::Duration;

use firehose_fuzz::response;
use firehose_proto::credentials::{
    CredentialsError, FileError, Found, Need, ProcessError, Provider, Search, SearchState,
};
use firehose_proto::error::{TransportError, TransportErrorKind};
use firehose_proto::settings::{Overrides, Settings};
use firehose_proto::time::{AmzDate, Now, Tick};
use libfuzzer_sys::fuzz_target;

/// No search asks for more: roles in a row are bounded by the profiles, of which a file here has few.
const MAX_NEEDS: usize = 20_000;

fn provider(name: &str) -> Provider {
    match name {
        "environment" => Provider::Environment,
        "web" => Provider::WebIdentity,
        "container" => Provider::Container,
        "instance" => Provider::InstanceMetadata,
        "profile" => Provider::Profile(None),
        _ => Provider::Chain(vec![Provider::Custom { id: 1, name: "own".into() }, Provider::standard()]),
    }
}

/// The lines of one variable each, `NAME=value`.
fn variable(lines: &str, name: &str) -> Option<String> {
    lines.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
}

/// Hands in an answer, whatever was asked for: what kind it is stands in its first line.
fn hand_in(search: &mut Search, now: Now, answer: &[u8]) {
    let end = answer.iter().position(|&byte| byte == b'\n').unwrap_or(answer.len());
    let (kind, data) = (&answer[..end], answer.get(end + 1..).unwrap_or_default());
    match kind {
        b"response" => search.handle_response(now, Ok(response(data))),
        b"refused" => search.handle_response(now, Err(TransportError::new(TransportErrorKind::Connect))),
        b"late" => search.handle_response(now, Err(TransportError::new(TransportErrorKind::Timeout))),
        b"file" => search.handle_file(now, Ok(data.to_vec())),
        b"absent" => search.handle_file(now, Err(FileError::NotFound)),
        b"unreadable" => search.handle_file(now, Err(FileError::Other("no".into()))),
        b"written" => search.handle_written(now, Ok(())),
        b"printed" => search.handle_process(now, Ok(data.to_vec())),
        b"slow" => search.handle_process(now, Err(ProcessError::Timeout)),
        b"code" => search.handle_mfa_code(now, Ok(String::from_utf8_lossy(data).into_owned())),
        b"nothing" => search.handle_custom(now, Err(CredentialsError::absent("nothing"))),
        _ => search.decline(now),
    }
}

fuzz_target!(|text: &[u8]| {
    // Where to look, variables, the config file, and the answers, with lines of two hyphens between them.
    let mut parts: Vec<&[u8]> = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.windows(4).position(|window| window == b"\n--\n") {
        parts.push(&rest[..end]);
        rest = &rest[end + 4..];
    }
    parts.push(rest);
    let mut parts = parts.into_iter();
    let mut next = || parts.next().unwrap_or_default();
    let (provider_name, lines, config) = (next(), String::from_utf8_lossy(next()).into_owned(), next());
    let variable = move |name: &str| variable(&lines, name);
    let read = |path: &str, _| if path.ends_with("config") { Ok(config.to_vec()) } else { Err(FileError::NotFound) };
    let Ok(settings) = Settings::find(&Overrides::default(), &variable, false, read) else { return };
    let mut shared = SearchState::new(&settings, variable, false, 7);
    let start = AmzDate::parse("20261122T120000Z").expect("a time");
    let mut time = Duration::ZERO;
    // A second search goes by what the first has left behind.
    for _ in 0..2 {
        let mut search: Search<Found> = Search::new(provider(&String::from_utf8_lossy(provider_name)));
        let is_over = (0..MAX_NEEDS).any(|_| {
            let now = Now::new(Tick::from_duration(time), start + time);
            match search.poll(now, &mut shared) {
                Need::Done(_) => return true,
                Need::Wait(until) => {
                    assert!(until > now.tick, "a wait that has passed");
                    time += until.since(now.tick);
                }
                // The files that the settings came from.
                Need::ReadFile { path, max_bytes } if path.contains("/.aws/c") => {
                    let content = read(path, max_bytes);
                    search.handle_file(now, content);
                }
                _ => match parts.next() {
                    Some(seconds) if seconds.first() == Some(&b'+') => {
                        let seconds = String::from_utf8_lossy(&seconds[1..]).parse().unwrap_or(1);
                        time += Duration::from_secs(u32::into(seconds));
                    }
                    Some(answer) => hand_in(&mut search, now, answer),
                    None => search.decline(now),
                },
            }
            false
        });
        assert!(is_over, "it does not end");
    }
});
