//! [`Tracks`]: how far each log was read and made use of; and [`Position`], the same as the last run left it.

use serde_json::{Value, json};

use super::print::{Print, Sum};
use super::step::{Begin, Event, Identity};

/// The logs of a run, as the next one has to know them.
#[derive(Debug, Default)]
pub(crate) struct Tracks {
    seen: u64,
    /// In the order in which they are read.
    logs: Vec<Track>,
}

#[derive(Debug)]
struct Track {
    log: u64,
    name: String,
    identity: Option<Identity>,
    print: Print,
    again: u64,
    is_ended: bool,
}

impl Tracks {
    /// Goes on from a position, if there is one. Whoever is told of its logs one by one might keep a position without some.
    pub(crate) fn new(position: Option<&Position>) -> Self {
        let Some(position) = position else { return Self::default() };
        let restore = |(log, left): (u64, &Left)| {
            let Left { name, identity, print, unused, is_ended } = left.clone();
            Track { log, name, identity, print, again: unused, is_ended }
        };
        Self { seen: position.seen, logs: (1..).zip(&position.logs).map(restore).collect() }
    }

    /// Keeps account of an event.
    pub(crate) fn handle(&mut self, event: &Event) {
        match event {
            Event::Begin(Begin { log, place, name, identity }) => {
                let (name, identity) = (name.to_string_lossy().into_owned(), identity.clone());
                let track = Track { log: *log, name, identity, print: Print::default(), again: 0, is_ended: false };
                self.logs.insert((*place).min(self.logs.len()), track);
            }
            Event::Moved { log, name, identity } => {
                if let Some(track) = self.get(*log) {
                    track.identity = identity.clone();
                    track.name = name.to_string_lossy().into_owned();
                }
            }
            Event::End { log } => {
                if let Some(track) = self.get(*log) {
                    track.is_ended = true;
                }
            }
            Event::Forget { log } => self.logs.retain(|track| track.log != *log),
            Event::Seen(time) => self.seen = *time,
            Event::Notice(_) => {}
        }
    }

    /// Bytes of a log have been made use of, or wait to be.
    pub(crate) fn advance(&mut self, log: u64, bytes: &[u8]) {
        if let Some(track) = self.get(log) {
            let (again, new) = bytes.split_at(usize::try_from(track.again).map_or(bytes.len(), |n| n.min(bytes.len())));
            track.again -= super::print::as_u64(again.len());
            track.print.advance(new);
            track.is_ended = false;
        }
    }

    /// The name of a log's file, and the bytes of it that were read.
    pub(crate) fn place(&self, log: u64) -> Option<(&str, u64)> {
        let track = self.logs.iter().find(|track| track.log == log)?;
        Some((&track.name, track.print.offset() - track.again))
    }

    /// The position of which so many bytes of each log are not made use of yet.
    pub(crate) fn position(&self, unused: impl Fn(u64) -> u64) -> Vec<u8> {
        let log = |Track { log, name, identity, print, again, is_ended }: &Track| {
            let (id, made) = (identity.as_ref().map(|file| &file.id), identity.as_ref().and_then(|file| file.made));
            let [(head_bytes, head_crc32), (tail_bytes, tail_crc32)] =
                [print.head(), print.tail()].map(|Sum { bytes, crc32 }| (bytes, crc32));
            json!({
                "name": name, "file": id, "made": made, "offset": print.offset(), "unused": again + unused(*log), "ended": is_ended,
                "head_bytes": head_bytes, "head_crc32": head_crc32, "tail_bytes": tail_bytes, "tail_crc32": tail_crc32,
            })
        };
        json!({"seen": self.seen, "logs": self.logs.iter().map(log).collect::<Vec<_>>()}).to_string().into_bytes()
    }

    /// Whether the next run knows of a log, as [`Position::read`] has it.
    #[cfg(test)]
    pub(super) fn is_known(&self, log: u64) -> bool {
        let has_birth = |track: &Track| track.identity.as_ref().is_some_and(|file| file.made.is_some());
        self.logs.iter().any(|track| track.log == log && (track.print.offset() > 0 || has_birth(track)))
    }

    fn get(&mut self, log: u64) -> Option<&mut Track> {
        self.logs.iter_mut().find(|track| track.log == log)
    }
}

/// Where a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    /// All that was changed before this time is accounted for.
    pub(crate) seen: u64,
    /// In the order in which they are read.
    pub(crate) logs: Vec<Left>,
}

/// A log as a run left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) name: String,
    pub(crate) identity: Option<Identity>,
    pub(crate) print: Print,
    /// Bytes before the print's end that nobody has made use of.
    pub(crate) unused: u64,
    pub(crate) is_ended: bool,
}

impl Position {
    /// Reads what [`Tracks::position`] wrote.
    pub(crate) fn read(position: &[u8]) -> Option<Self> {
        let position: Value = serde_json::from_slice(position).ok()?;
        let mut logs = position.get("logs")?.as_array()?.iter().map(Left::read).collect::<Option<Vec<_>>>()?;
        // Where no times of birth are known, another file may have its number, and no byte tells.
        logs.retain(|log| log.print.offset() > 0 || log.identity.as_ref().is_some_and(|file| file.made.is_some()));
        Some(Self { seen: position.get("seen")?.as_u64()?, logs })
    }
}

impl Left {
    fn read(log: &Value) -> Option<Self> {
        let text = |name: &str| log.get(name)?.as_str().map(str::to_owned);
        let number = |name: &str| log.get(name)?.as_u64();
        let sum = |bytes, crc32| Some(Sum { bytes: number(bytes)?, crc32: number(crc32)?.try_into().ok()? });
        let print =
            Print::restore(number("offset")?, sum("head_bytes", "head_crc32")?, sum("tail_bytes", "tail_crc32")?)?;
        let unused = number("unused")?;
        let identity = text("file").map(|id| Identity { id, made: number("made") });
        let is_ended = log.get("ended")?.as_bool()?;
        (unused <= print.offset()).then_some(Self { name: text("name")?, identity, print, unused, is_ended })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_what_the_next_run_needs() {
        let mut tracks = Tracks::default();
        let identity = |id: &str, made| Some(Identity { id: id.into(), made });
        let begin = |log, place, name: &str, identity| Event::Begin(Begin { log, place, name: name.into(), identity });
        tracks.handle(&begin(7, 0, "log", identity("1:2", Some(3))));
        tracks.handle(&begin(9, 1, "log", identity("1:4", Some(5))));
        tracks.handle(&begin(8, 0, "log.1", identity("1:6", Some(7))));
        tracks.handle(&Event::Seen(99));
        tracks.advance(7, b"one\ntw");
        tracks.advance(8, b"before\n");
        tracks.handle(&Event::End { log: 8 });
        tracks.handle(&Event::Moved { log: 8, name: "log.1.gz".into(), identity: identity("1:8", None) });
        let position = tracks.position(|log| if log == 7 { 2 } else { 0 });
        let position = Position::read(&position).unwrap();
        assert_eq!(position.seen, 99);
        let logs = position.logs.iter().map(|left| (&*left.name, left.print.offset(), left.unused, left.is_ended));
        assert_eq!(logs.collect::<Vec<_>>(), [("log.1.gz", 7, 0, true), ("log", 6, 2, false), ("log", 0, 0, false)]);
        // The two bytes come again, and do not count twice.
        let mut tracks = Tracks::new(Some(&position));
        assert_eq!(tracks.place(2), Some(("log", 4)));
        tracks.advance(2, b"two\n");
        assert_eq!(tracks.place(2), Some(("log", 8)));
        tracks.handle(&Event::Forget { log: 1 });
        let position = Position::read(&tracks.position(|_| 0)).unwrap();
        assert_eq!(position.logs[0].print.head(), Sum { bytes: 8, crc32: crc32fast::hash(b"one\ntwo\n") });
        assert_eq!(position.logs.len(), 2);
    }

    #[test]
    fn takes_nothing_else_for_a_position() {
        let mut tracks = Tracks::default();
        let identity = Some(Identity { id: "1:2".into(), made: Some(3) });
        tracks.handle(&Event::Begin(Begin { log: 1, place: 0, name: "log".into(), identity }));
        tracks.advance(1, b"one\n");
        let position = String::from_utf8(tracks.position(|_| 0)).unwrap();
        assert!(Position::read(position.as_bytes()).is_some());
        for (part, other) in
            [("\"seen\":0", "\"seen\":\"\""), ("\"unused\":0", "\"unused\":5"), ("\"ended\"", "\"done\""), ("}", "")]
        {
            assert_eq!(Position::read(position.replace(part, other).as_bytes()), None, "{part}");
        }
    }
}
