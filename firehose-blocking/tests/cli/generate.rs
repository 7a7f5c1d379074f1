//! Completions and manual pages: every command and option is in them, and a shell takes the script.

use std::collections::BTreeSet;
use std::fs;
#[cfg(unix)]
use std::process::{Command, Stdio};

use tempfile::tempdir;

use crate::program::{firehose, run};

const SHELLS: [&str; 5] = ["bash", "elvish", "fish", "powershell", "zsh"];

const COMMANDS: [&str; 7] = ["call", "check", "completions", "config", "local", "man", "put"];

/// The long options that a command's help lists.
fn options(command: &str) -> BTreeSet<String> {
    let help = run(&mut firehose(&[command, "--help"]), b"").ended_with(0).stdout;
    let names = help.lines().filter_map(|line| line.trim_start().strip_prefix("--")?.split([' ', '=']).next());
    names.map(str::to_owned).collect()
}

#[test]
fn every_shell_completes_every_option() {
    for shell in SHELLS {
        let script = run(&mut firehose(&["completions", shell]), b"").ended_with(0).stdout;
        for command in COMMANDS {
            assert!(script.contains(command), "{shell}: {command}");
            for option in options(command) {
                assert!(script.contains(&option), "{shell}: {command} --{option}");
            }
        }
    }
    let outcome = run(&mut firehose(&["completions", "csh"]), b"");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{outcome:?}");
}

#[cfg(unix)]
#[test]
fn bash_takes_the_script() {
    let script = run(&mut firehose(&["completions", "bash"]), b"").stdout;
    let complete = "COMP_WORDS=(firehose put logs --from-r) COMP_CWORD=3\n\
                    _firehose firehose --from-r logs\nprintf '%s ' \"${COMPREPLY[@]}\"";
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", &format!("{script}\n{complete}")]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let outcome = run(&mut bash, b"");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), "--from-rejects "), "{outcome:?}");
}

#[test]
fn each_command_has_a_manual_page_with_every_option() {
    let dir = tempdir().unwrap();
    let pages = dir.path().join("new/man1");
    run(firehose(&["man"]).arg(&pages), b"").ended_with(0);
    let mut names: Vec<_> =
        fs::read_dir(&pages).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let expected = COMMANDS.map(|command| format!("firehose-{command}.1"));
    assert_eq!(names, [&expected[..], &["firehose.1".into()]].concat());
    for command in COMMANDS {
        let page = fs::read_to_string(pages.join(format!("firehose-{command}.1"))).unwrap().replace("\\-", "-");
        for option in options(command) {
            assert!(page.contains(&format!("--{option}")), "{command}: {option}");
        }
        // Examples are to be copied.
        assert!(page.contains("\n.SH NOTES\n.nf\n"), "{command}: {page}");
    }
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let outcome = run(firehose(&["man"]).arg(&file), b"").ended_with(1);
    assert!(outcome.stderr.contains("cannot write manual pages to "), "{outcome:?}");
}
