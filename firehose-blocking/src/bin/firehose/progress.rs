//! [`Progress`]: how far a run has come, on standard error.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};

use crate::args::When;
use crate::report::{Report, megabytes, plural};

/// Times a second that it is drawn anew.
const REDRAWS: u8 = 8;

/// Columns of a terminal of the usual width, less the spinner's and one for the cursor.
const MAX_COLUMNS: usize = 77;

/// A time left above this means that nothing moves.
const MAX_LEFT: Duration = Duration::from_secs(100 * 60 * 60);

/// One line that is drawn again and again, or nothing at all.
#[derive(Clone)]
pub(crate) struct Progress {
    bar: ProgressBar,
    report: Arc<Report>,
}

impl Progress {
    /// A line for an input of so many bytes, if that is known.
    pub(crate) fn new(when: When, total_bytes: Option<u64>) -> Self {
        let report = Arc::new(Report::default());
        let is_shown = match when {
            When::Auto => io::stderr().is_terminal(),
            When::Always => true,
            When::Never => false,
        };
        if !is_shown {
            return Self { bar: ProgressBar::hidden(), report };
        }
        // The target for terminals would draw nothing if there is no terminal, although progress was asked for.
        let target = match io::stderr().is_terminal() {
            true => ProgressDrawTarget::stderr_with_hz(REDRAWS),
            false => ProgressDrawTarget::term_like_with_hz(Box::new(Plain), REDRAWS),
        };
        let bar = ProgressBar::with_draw_target(total_bytes, target);
        let style = ProgressStyle::with_template("{spinner} {line}").expect("the template is well-formed");
        let counts = Arc::clone(&report);
        let line = move |state: &ProgressState, out: &mut dyn fmt::Write| {
            // If this fails, there is nowhere to report it.
            let _ = out.write_str(&Line::new(state, &counts).text());
        };
        bar.set_style(style.with_key("line", line));
        bar.enable_steady_tick(Duration::from_secs(1) / u32::from(REDRAWS));
        Self { bar, report }
    }

    /// The counts of records that it shows.
    pub(crate) fn report(&self) -> &Arc<Report> {
        &self.report
    }

    /// Shows that so much has been read by now.
    pub(crate) fn show(&self, bytes: u64) {
        self.bar.set_position(bytes);
    }

    /// Hides the line while a message is printed.
    pub(crate) fn suspend(&self, message: impl FnOnce()) {
        self.bar.suspend(message);
    }

    /// Removes the line.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// What the line shows.
#[derive(Debug, Clone, Copy)]
struct Line {
    bytes: u64,
    total_bytes: Option<u64>,
    bytes_per_second: f64,
    left: Duration,
    rejected: u64,
    records: u64,
}

impl Line {
    fn new(state: &ProgressState, report: &Report) -> Self {
        Self {
            bytes: state.pos(),
            total_bytes: state.len(),
            bytes_per_second: state.per_sec(),
            left: state.eta(),
            rejected: report.rejected.value(),
            records: report.records.value(),
        }
    }

    /// The most important first; what would not fit is left out.
    fn text(&self) -> String {
        let mut text = match self.total_bytes {
            Some(total) => format!("{:.1} of {:.1} MB", megabytes(self.bytes), megabytes(total)),
            None => format!("{:.1} MB", megabytes(self.bytes)),
        };
        // Nothing read says nothing about the rest, and where nothing is left to read there is no rest.
        let is_between = self.total_bytes.is_some_and(|total| (1..total).contains(&self.bytes));
        let left = (is_between && self.left < MAX_LEFT).then(|| format!("{} left", time(self.left)));
        let rest = [
            Some(format!("{:.1} MB/s", self.bytes_per_second / 1e6)),
            left,
            Some(format!("{} rejected", self.rejected)),
            Some(format!("{} record{}", self.records, plural(self.records))),
        ];
        for part in rest.into_iter().flatten() {
            if text.len() + 2 + part.len() > MAX_COLUMNS {
                break;
            }
            text.push_str(", ");
            text.push_str(&part);
        }
        text
    }
}

/// A time in its two largest units.
fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_rate_the_time_left_and_what_was_rejected_in_80_columns() {
        let known = Line {
            bytes: 12_340_000,
            total_bytes: Some(310_000_000),
            bytes_per_second: 64_200_000.0,
            left: Duration::from_secs(4),
            rejected: 2,
            records: 1,
        };
        let unknown = Line { total_bytes: None, records: 170_000, ..known };
        let long = Line { left: Duration::from_secs(200), ..known };
        let longer = Line { left: Duration::from_secs(7260), ..known };
        let stuck = Line { bytes_per_second: 0.0, left: Duration::MAX, ..known };
        let (first, last) = (Line { bytes: 0, left: Duration::ZERO, ..stuck }, Line { bytes: 310_000_000, ..known });
        let huge = Line {
            bytes: 999_999_999_998,
            total_bytes: Some(999_999_999_999),
            bytes_per_second: 1e10,
            left: Duration::from_secs(359_999),
            rejected: 999_999_999,
            records: 9_999_999_999,
        };
        for (line, expected) in [
            (known, "12.3 of 310.0 MB, 64.2 MB/s, 4 s left, 2 rejected, 1 record"),
            (unknown, "12.3 MB, 64.2 MB/s, 2 rejected, 170000 records"),
            (long, "12.3 of 310.0 MB, 64.2 MB/s, 3 min 20 s left, 2 rejected, 1 record"),
            (longer, "12.3 of 310.0 MB, 64.2 MB/s, 2 h 1 min left, 2 rejected, 1 record"),
            (stuck, "12.3 of 310.0 MB, 0.0 MB/s, 2 rejected, 1 record"),
            (first, "0.0 of 310.0 MB, 0.0 MB/s, 2 rejected, 1 record"),
            (last, "310.0 of 310.0 MB, 64.2 MB/s, 2 rejected, 1 record"),
            (huge, "1000000.0 of 1000000.0 MB, 10000.0 MB/s, 99 h 59 min left, 999999999 rejected"),
        ] {
            let text = line.text();
            assert_eq!(text, expected);
            assert!(text.len() <= MAX_COLUMNS, "{text}");
        }
    }
}
