//! [`Progress`]: how far a run has come, on standard error.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use crate::args::When;
use crate::report::plural;

/// Times a second that it is drawn anew.
const REDRAWS: u8 = 8;

/// A bar when the size of the input is known, else a count; or nothing at all.
#[derive(Clone)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn new(when: When, total_bytes: Option<u64>) -> Self {
        let is_shown = match when {
            When::Auto => io::stderr().is_terminal(),
            When::Always => true,
            When::Never => false,
        };
        if !is_shown {
            return Self(ProgressBar::hidden());
        }
        // What draws to a terminal by itself would draw nothing when it was asked for but there is none.
        let target = match io::stderr().is_terminal() {
            true => ProgressDrawTarget::stderr_with_hz(REDRAWS),
            false => ProgressDrawTarget::term_like_with_hz(Box::new(Plain), REDRAWS),
        };
        let bar = ProgressBar::with_draw_target(total_bytes, target);
        let template = match total_bytes {
            Some(_) => "[{bar:30}] {bytes} of {total_bytes}, {bytes_per_sec}, {msg}",
            None => "{spinner} {bytes}, {bytes_per_sec}, {msg}",
        };
        bar.set_style(
            ProgressStyle::with_template(template).expect("the templates are well-formed").progress_chars("=> "),
        );
        bar.enable_steady_tick(Duration::from_secs(1) / u32::from(REDRAWS));
        Self(bar)
    }

    /// Shows that so much has been read by now.
    pub(crate) fn show(&self, bytes: u64, records: u64) {
        if !self.0.is_hidden() {
            self.0.set_message(format!("{records} record{}", plural(records)));
            self.0.set_position(bytes);
        }
    }

    /// Makes way for a message.
    pub(crate) fn aside(&self, message: impl FnOnce()) {
        self.0.suspend(message);
    }

    /// Takes it away, to make room for what follows.
    pub(crate) fn clear(&self) {
        self.0.finish_and_clear();
    }
}

/// Standard error when it is no terminal: the same signs, on a line of the usual width.
#[derive(Debug)]
struct Plain;

impl Plain {
    fn write(text: &str) -> io::Result<()> {
        io::stderr().write_all(text.as_bytes())
    }
}

impl TermLike for Plain {
    fn width(&self) -> u16 {
        80
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        if lines == 0 { Ok(()) } else { Self::write(&format!("\x1b[{lines}A")) }
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        if lines == 0 { Ok(()) } else { Self::write(&format!("\x1b[{lines}B")) }
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        if columns == 0 { Ok(()) } else { Self::write(&format!("\x1b[{columns}C")) }
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        if columns == 0 { Ok(()) } else { Self::write(&format!("\x1b[{columns}D")) }
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        Self::write(&format!("{line}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        Self::write(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        Self::write("\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        io::stderr().flush()
    }
}
