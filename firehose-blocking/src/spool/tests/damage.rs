//! Whatever happened to the spool's files, it opens, returns each record that is whole in them, and continues.

use std::collections::BTreeSet;

use super::*;

/// Records: four in the first segment and three in the second.
const RECORDS: [&[u8]; 7] = [b"zero", b"one one", b"", b"three", b"four", b"five five five", b"six"];

const IN_FIRST: usize = 4;

/// The records that have an outcome.
const DONE: [u64; 2] = [1, 3];

/// A spool with every kind of file.
fn spool() -> TempDir {
    let dir = fast_dir();
    let frames: usize = RECORDS[..IN_FIRST].iter().map(|data| HEADER_BYTES + data.len()).sum();
    let options = SpoolOptions { segment_bytes: bytes_in(HEAD_BYTES + frames), ..OPTIONS };
    let (spool, ..) = open(dir.path(), options.clone());
    for data in RECORDS {
        spool.append(START, data).unwrap();
    }
    DONE.iter().for_each(|&position| spool.complete(position..position + 1).unwrap());
    spool.save_checkpoint(START, "log", b"how far").unwrap();
    drop(spool);
    let first = &files_of(dir.path(), "log")[0];
    fs::write(first.with_extension("corrupt"), b"an earlier loss").unwrap();
    fs::write(dir.path().join("stream.tmp"), b"an earlier crash").unwrap();
    dir
}

/// The records that are whole in a segment's first bytes.
fn whole(records: std::ops::Range<usize>, bytes: usize) -> BTreeSet<u64> {
    let mut end = HEAD_BYTES;
    let is_whole = |number: &usize| {
        end += HEADER_BYTES + RECORDS[*number].len();
        end <= bytes
    };
    records.filter(is_whole).map(|number| number as u64).collect()
}

#[test]
fn opens_and_loses_no_whole_record_whatever_became_of_a_file() {
    let dir = spool();
    let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(
        names.len(),
        9,
        "lock, stream, its copy, two segments, completions, what was set aside, a checkpoint, its copy: {names:?}"
    );
    let mut random = fastrand::Rng::with_seed(15);
    for name in names {
        let length = fs::read(dir.path().join(&name)).unwrap().len();
        let garbage: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(length + 100).collect();
        let cuts = (0..length).map(|bytes| (format!("cut to {bytes}"), Some(bytes), None));
        let others = [
            ("garbage", garbage[..length].to_vec()),
            ("more garbage", garbage.clone()),
            ("zeros", vec![0; length]),
            ("text", b"a stream of another program's\n".to_vec()),
        ];
        let others = others.map(|(what, bytes)| (what.to_owned(), None, Some(bytes)));
        let gone = [("removed".to_owned(), None, None)];
        for (what, cut, bytes) in cuts.chain(others).chain(gone) {
            let case = format!("{}: {what}", name.display());
            let dir = spool();
            let path = dir.path().join(&name);
            match (cut, bytes) {
                (Some(bytes), _) => File::options().write(true).open(&path).unwrap().set_len(bytes as u64).unwrap(),
                (_, Some(bytes)) => fs::write(&path, bytes).unwrap(),
                _ => fs::remove_file(&path).unwrap(),
            }
            let (left, all) = (cut.unwrap_or_default(), usize::MAX);
            let (first, last) = match name.to_str().unwrap() {
                "00000000000000000000.log" => (left, all),
                "00000000000000000004.log" => (all, left),
                _ => (all, all),
            };
            let mut expected = whole(0..IN_FIRST, first);
            expected.extend(whole(IN_FIRST..RECORDS.len(), last));
            let is_open = |number: &u64| !DONE.contains(number);
            let (spool, replay) =
                Spool::open(dir.path(), target("s"), OPTIONS).unwrap_or_else(|error| panic!("{case}: {error}"));
            let records: Vec<_> = replay.filter_map(Result::ok).collect();
            let found: BTreeSet<u64> = records.iter().map(|(position, _)| *position).collect();
            let missing: Vec<_> = expected.iter().filter(|number| is_open(number) && !found.contains(number)).collect();
            assert!(missing.is_empty(), "{case}: {missing:?}");
            for (position, data) in &records {
                assert_eq!(RECORDS[usize::try_from(*position).unwrap()], data, "{case}");
            }
            // It continues as if nothing had happened.
            let checkpoint = spool.load_checkpoint("log").unwrap_or_else(|error| panic!("{case}: {error}"));
            assert!(checkpoint.is_none_or(|checkpoint| checkpoint == b"how far"), "{case}");
            spool.save_checkpoint(START, "log", b"further").unwrap();
            let position = spool.append(START, b"more").unwrap();
            assert!(found.iter().all(|known| *known < position), "{case}");
            found.iter().for_each(|position| spool.complete(*position..*position + 1).unwrap());
            drop(spool);
            let (spool, faults, records) = open(dir.path(), OPTIONS);
            assert!(faults.is_empty(), "{case}: {faults:?}");
            assert_eq!(records, [(position, b"more".to_vec())], "{case}");
            assert_eq!(spool.load_checkpoint("log").unwrap().unwrap(), b"further", "{case}");
        }
    }
}

#[test]
fn names_what_stands_in_the_place_of_a_file() {
    for name in ["stream", "lock", "00000000000000000000.log"] {
        let dir = fast_dir();
        fs::create_dir(dir.path().join(name)).unwrap();
        let error = Spool::open(dir.path(), target("s"), OPTIONS).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(name) && text.contains("move the existing one away"), "{text}");
    }
}
