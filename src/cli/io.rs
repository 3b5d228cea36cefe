//! The streams, terminal and environment of a run, so that tests can put their own in place.

use super::values::ColorChoice;
use crate::lint::suppress::Date;
use crate::report::{DEFAULT_WIDTH, ReportOptions};
use std::io::{self, Read, Write};

/// Most bytes that are read from standard input.
const MAX_STDIN: u64 = 64 * 1024 * 1024;

/// Looks up an environment variable.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Today in UTC, by the clock of this machine.
pub fn today() -> Option<Date> {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
    let (year, month, day) = civil_from_days(i64::try_from(seconds / 86_400).ok()?);
    Date::parse(&format!("{year:04}-{month:02}-{day:02}"))
}

/// Year, month and day of a number of days since 1970-01-01, in the proleptic Gregorian calendar.
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    // years that start in March, so that the leap day is the last one
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// What a run talks to.
pub struct Io<'a> {
    /// Standard input.
    pub stdin: &'a mut dyn Read,
    /// Standard output.
    pub stdout: &'a mut dyn Write,
    /// Standard error.
    pub stderr: &'a mut dyn Write,
    /// Whether standard output is a terminal.
    pub is_terminal: bool,
    /// The environment.
    pub env: Env<'a>,
}

impl Io<'_> {
    /// Everything on standard input.
    ///
    /// # Errors
    /// A sentence: it cannot be read, or is too large.
    pub fn read_stdin(&mut self) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let limited = &mut self.stdin.take(MAX_STDIN + 1);
        limited.read_to_end(&mut bytes).map_err(|e| format!("cannot read standard input: {e}"))?;
        if bytes.len() as u64 > MAX_STDIN {
            return Err(format!("standard input is larger than {} MiB", MAX_STDIN / 1024 / 1024));
        }
        Ok(bytes)
    }

    /// Writes to standard output; a reader that went away (`| head`) is no error.
    ///
    /// # Errors
    /// A sentence, for any other failure such as a full disk.
    pub fn print(&mut self, bytes: &[u8]) -> Result<(), String> {
        match self.stdout.write_all(bytes).and_then(|()| self.stdout.flush()) {
            Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(format!("cannot write to standard output: {e}")),
            _ => Ok(()),
        }
    }

    /// Writes a message to standard error; there is nowhere to report a failure of that.
    pub fn message(&mut self, text: &str) {
        let _ = self.stderr.write_all(text.as_bytes()).and_then(|()| self.stderr.flush());
    }

    fn is_set(&self, name: &str) -> bool {
        (self.env)(name).is_some_and(|value| !value.is_empty() && value != "0" && value != "false")
    }

    /// How reports look on standard output.
    pub fn report_options(&self, choice: ColorChoice) -> ReportOptions {
        let dumb = (self.env)("TERM").is_some_and(|term| term == "dumb");
        let color = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            // https://no-color.org: any non-empty value counts.
            ColorChoice::Auto if (self.env)("NO_COLOR").is_some_and(|value| !value.is_empty()) => false,
            ColorChoice::Auto if self.is_set("FORCE_COLOR") || self.is_set("CLICOLOR_FORCE") => true,
            ColorChoice::Auto => self.is_terminal && !dumb,
        };
        let is_ci = self.is_set("CI");
        let columns = (self.env)("COLUMNS").and_then(|value| value.parse::<usize>().ok());
        let width = columns.filter(|_| self.is_terminal).map_or(DEFAULT_WIDTH, |columns| columns.saturating_sub(8));
        ReportOptions { color, width, links: color && self.is_terminal && !is_ci, is_ci, ..ReportOptions::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(env: &[(&str, &str)], is_terminal: bool, choice: ColorChoice) -> ReportOptions {
        let get = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        Io { stdin: &mut io::empty(), stdout: &mut stdout, stderr: &mut stderr, is_terminal, env: &get }
            .report_options(choice)
    }

    #[test]
    fn days_become_dates() {
        assert_eq!(super::civil_from_days(0), (1970, 1, 1));
        assert_eq!(super::civil_from_days(59), (1970, 3, 1));
        assert_eq!(super::civil_from_days(11_016), (2000, 2, 29));
        assert_eq!(super::civil_from_days(20_777), (2026, 11, 20));
    }

    #[test]
    fn colour_follows_terminal_and_environment() {
        let auto = |env: &[(&str, &str)], tty| options(env, tty, ColorChoice::Auto).color;
        assert!(auto(&[], true) && !auto(&[], false));
        assert!(!auto(&[("NO_COLOR", "1")], true) && auto(&[("NO_COLOR", "")], true));
        assert!(auto(&[("FORCE_COLOR", "1")], false) && !auto(&[("FORCE_COLOR", "0")], false));
        assert!(auto(&[("CLICOLOR_FORCE", "1")], false) && !auto(&[("TERM", "dumb")], true));
        assert!(options(&[("NO_COLOR", "1")], false, ColorChoice::Always).color);
        assert!(!options(&[("FORCE_COLOR", "1")], true, ColorChoice::Never).color);
    }

    #[test]
    fn links_only_on_a_terminal_outside_ci() {
        let on = |env: &[(&str, &str)], tty| options(env, tty, ColorChoice::Always);
        assert!(on(&[], true).links && !on(&[], false).links && !on(&[("CI", "true")], true).links);
        assert!(on(&[("CI", "true")], true).is_ci && !on(&[("CI", "false")], true).is_ci);
        assert_eq!(
            (on(&[("COLUMNS", "100")], true).width, on(&[("COLUMNS", "100")], false).width),
            (92, DEFAULT_WIDTH)
        );
    }

    struct Closed(io::ErrorKind);
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn only_a_closed_pipe_is_forgiven() {
        let print = |kind| {
            let (mut out, mut err) = (Closed(kind), Vec::new());
            let env = |_: &str| None;
            Io { stdin: &mut io::empty(), stdout: &mut out, stderr: &mut err, is_terminal: false, env: &env }
                .print(b"x")
        };
        assert!(print(io::ErrorKind::BrokenPipe).is_ok());
        assert!(print(io::ErrorKind::StorageFull).is_err());
    }
}
