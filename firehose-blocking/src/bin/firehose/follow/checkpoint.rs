//! [`LogPositions`]: how far each log was read and used; and [`Checkpoint`], the same as the last run saved it.

use serde_json::{Value, json};

use super::fingerprint::{Fingerprint, Sum};
use super::step::{Begin, Event, Identity};

/// The logs of a run, with what the next run has to know of them.
#[derive(Debug, Default)]
pub(crate) struct LogPositions {
    seen: u64,
    /// In the order in which they are read.
    logs: Vec<LogPosition>,
}

#[derive(Debug)]
struct LogPosition {
    log: u64,
    name: String,
    identity: Option<Identity>,
    fingerprint: Fingerprint,
    reread: u64,
    is_ended: bool,
}

impl LogPositions {
    /// Continues from a checkpoint, if there is one. It takes all logs at once, so that no checkpoint is saved without some.
    pub(crate) fn new(checkpoint: Option<&Checkpoint>) -> Self {
        let Some(checkpoint) = checkpoint else { return Self::default() };
        let restore = |(log, saved): (u64, &SavedLog)| {
            let SavedLog { name, identity, fingerprint, unused, is_ended } = saved.clone();
            LogPosition { log, name, identity, fingerprint, reread: unused, is_ended }
        };
        Self { seen: checkpoint.seen, logs: (1..).zip(&checkpoint.logs).map(restore).collect() }
    }

    /// Applies an event.
    pub(crate) fn handle(&mut self, event: &Event) {
        match event {
            Event::Begin(Begin { log, index, name, identity }) => {
                let (name, identity) = (name.to_string_lossy().into_owned(), identity.clone());
                let position = LogPosition {
                    log: *log,
                    name,
                    identity,
                    fingerprint: Fingerprint::default(),
                    reread: 0,
                    is_ended: false,
                };
                self.logs.insert((*index).min(self.logs.len()), position);
            }
            Event::Moved { log, name, identity } => {
                if let Some(position) = self.get(*log) {
                    position.identity = identity.clone();
                    position.name = name.to_string_lossy().into_owned();
                }
            }
            Event::End { log } => {
                if let Some(position) = self.get(*log) {
                    position.is_ended = true;
                }
            }
            Event::Forget { log } => self.logs.retain(|position| position.log != *log),
            Event::Seen(time) => self.seen = *time,
            Event::Notice(_) => {}
        }
    }

    /// Counts bytes of a log that were used or wait to be used.
    pub(crate) fn advance(&mut self, log: u64, bytes: &[u8]) {
        if let Some(position) = self.get(log) {
            let (reread, new) =
                bytes.split_at(usize::try_from(position.reread).map_or(bytes.len(), |n| n.min(bytes.len())));
            position.reread -= super::fingerprint::as_u64(reread.len());
            position.fingerprint.advance(new);
            position.is_ended = false;
        }
    }

    /// The name of a log's file, and the bytes of it that were read.
    pub(crate) fn location(&self, log: u64) -> Option<(&str, u64)> {
        let position = self.logs.iter().find(|position| position.log == log)?;
        Some((&position.name, position.fingerprint.offset() - position.reread))
    }

    /// Encodes the checkpoint. `unused` is the number of bytes of a log that were not used yet.
    pub(crate) fn checkpoint(&self, unused: impl Fn(u64) -> u64) -> Vec<u8> {
        let log = |LogPosition { log, name, identity, fingerprint, reread, is_ended }: &LogPosition| {
            let (id, made) = (identity.as_ref().map(|file| &file.id), identity.as_ref().and_then(|file| file.made));
            let [(head_bytes, head_crc32), (tail_bytes, tail_crc32)] =
                [fingerprint.head(), fingerprint.tail()].map(|Sum { bytes, crc32 }| (bytes, crc32));
            json!({
                "name": name, "file": id, "made": made, "offset": fingerprint.offset(), "unused": reread + unused(*log), "ended": is_ended,
                "head_bytes": head_bytes, "head_crc32": head_crc32, "tail_bytes": tail_bytes, "tail_crc32": tail_crc32,
            })
        };
        json!({"seen": self.seen, "logs": self.logs.iter().map(log).collect::<Vec<_>>()}).to_string().into_bytes()
    }

    /// Whether the next run knows of a log, as [`Checkpoint::read`] has it.
    #[cfg(test)]
    pub(super) fn is_known(&self, log: u64) -> bool {
        let has_birth = |position: &LogPosition| position.identity.as_ref().is_some_and(|file| file.made.is_some());
        self.logs
            .iter()
            .any(|position| position.log == log && (position.fingerprint.offset() > 0 || has_birth(position)))
    }

    fn get(&mut self, log: u64) -> Option<&mut LogPosition> {
        self.logs.iter_mut().find(|position| position.log == log)
    }
}

/// Where a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// All that was changed before this time is accounted for.
    pub(crate) seen: u64,
    /// In the order in which they are read.
    pub(crate) logs: Vec<SavedLog>,
}

/// A log as a run left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SavedLog {
    pub(crate) name: String,
    pub(crate) identity: Option<Identity>,
    pub(crate) fingerprint: Fingerprint,
    /// Bytes before the fingerprint's end that were not used.
    pub(crate) unused: u64,
    pub(crate) is_ended: bool,
}

impl Checkpoint {
    /// Reads what [`LogPositions::checkpoint`] wrote.
    pub(crate) fn read(checkpoint: &[u8]) -> Option<Self> {
        let checkpoint: Value = serde_json::from_slice(checkpoint).ok()?;
        let mut logs = checkpoint.get("logs")?.as_array()?.iter().map(SavedLog::read).collect::<Option<Vec<_>>>()?;
        // Without a creation time or a byte to compare, another file may have its number by now.
        logs.retain(|log| {
            log.fingerprint.offset() > 0 || log.identity.as_ref().is_some_and(|file| file.made.is_some())
        });
        Some(Self { seen: checkpoint.get("seen")?.as_u64()?, logs })
    }
}

impl SavedLog {
    fn read(log: &Value) -> Option<Self> {
        let text = |name: &str| log.get(name)?.as_str().map(str::to_owned);
        let number = |name: &str| log.get(name)?.as_u64();
        let sum = |bytes, crc32| Some(Sum { bytes: number(bytes)?, crc32: number(crc32)?.try_into().ok()? });
        let fingerprint = Fingerprint::restore(
            number("offset")?,
            sum("head_bytes", "head_crc32")?,
            sum("tail_bytes", "tail_crc32")?,
        )?;
        let unused = number("unused")?;
        let identity = text("file").map(|id| Identity { id, made: number("made") });
        let is_ended = log.get("ended")?.as_bool()?;
        (unused <= fingerprint.offset()).then_some(Self {
            name: text("name")?,
            identity,
            fingerprint,
            unused,
            is_ended,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_what_the_next_run_needs() {
        let mut positions = LogPositions::default();
        let identity = |id: &str, made| Some(Identity { id: id.into(), made });
        let begin = |log, index, name: &str, identity| Event::Begin(Begin { log, index, name: name.into(), identity });
        positions.handle(&begin(7, 0, "log", identity("1:2", Some(3))));
        positions.handle(&begin(9, 1, "log", identity("1:4", Some(5))));
        positions.handle(&begin(8, 0, "log.1", identity("1:6", Some(7))));
        positions.handle(&Event::Seen(99));
        positions.advance(7, b"one\ntw");
        positions.advance(8, b"before\n");
        positions.handle(&Event::End { log: 8 });
        positions.handle(&Event::Moved { log: 8, name: "log.1.gz".into(), identity: identity("1:8", None) });
        let checkpoint = positions.checkpoint(|log| if log == 7 { 2 } else { 0 });
        let checkpoint = Checkpoint::read(&checkpoint).unwrap();
        assert_eq!(checkpoint.seen, 99);
        let logs = checkpoint
            .logs
            .iter()
            .map(|saved| (&*saved.name, saved.fingerprint.offset(), saved.unused, saved.is_ended));
        assert_eq!(logs.collect::<Vec<_>>(), [("log.1.gz", 7, 0, true), ("log", 6, 2, false), ("log", 0, 0, false)]);
        // The two bytes come again, and do not count twice.
        let mut positions = LogPositions::new(Some(&checkpoint));
        assert_eq!(positions.location(2), Some(("log", 4)));
        positions.advance(2, b"two\n");
        assert_eq!(positions.location(2), Some(("log", 8)));
        positions.handle(&Event::Forget { log: 1 });
        let checkpoint = Checkpoint::read(&positions.checkpoint(|_| 0)).unwrap();
        assert_eq!(checkpoint.logs[0].fingerprint.head(), Sum { bytes: 8, crc32: crc32fast::hash(b"one\ntwo\n") });
        assert_eq!(checkpoint.logs.len(), 2);
    }

    #[test]
    fn takes_nothing_else_for_a_position() {
        let mut positions = LogPositions::default();
        let identity = Some(Identity { id: "1:2".into(), made: Some(3) });
        positions.handle(&Event::Begin(Begin { log: 1, index: 0, name: "log".into(), identity }));
        positions.advance(1, b"one\n");
        let checkpoint = String::from_utf8(positions.checkpoint(|_| 0)).unwrap();
        assert!(Checkpoint::read(checkpoint.as_bytes()).is_some());
        for (part, other) in
            [("\"seen\":0", "\"seen\":\"\""), ("\"unused\":0", "\"unused\":5"), ("\"ended\"", "\"done\""), ("}", "")]
        {
            assert_eq!(Checkpoint::read(checkpoint.replace(part, other).as_bytes()), None, "{part}");
        }
    }
}
