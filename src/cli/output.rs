//! Where reports go: standard output, and the files of `--output-file`.

use super::disk;
use super::io::Io;
use crate::report::{Format, Report, ReportOptions, render, statistics};
use std::path::PathBuf;

/// One `--output-file`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The format of `FORMAT=FILE`; a bare `FILE` takes `--output-format` and replaces standard output.
    pub format: Option<Format>,
    /// The file.
    pub path: PathBuf,
}

/// Reads `FORMAT=FILE` or `FILE`; a `=` behind anything but a format belongs to the file name.
///
/// # Errors
/// A sentence: the file name is empty.
pub fn target(text: &str) -> Result<Target, String> {
    let named = text.split_once('=').and_then(|(name, file)| Some((Format::from_name(name)?, file)));
    let (format, file) = named.map_or((None, text), |(format, file)| (Some(format), file));
    if file.is_empty() {
        return Err("expected FILE or FORMAT=FILE".to_owned());
    }
    Ok(Target { format, path: PathBuf::from(file) })
}

/// Writes every report.
///
/// # Errors
/// A sentence: a file or standard output cannot be written.
pub fn write(
    report: &Report<'_>,
    format: Format,
    targets: &[Target],
    options: &ReportOptions,
    counts_only: bool,
    io: &mut Io<'_>,
) -> Result<(), String> {
    let plain = ReportOptions { color: false, links: false, ..*options };
    for target in targets {
        let text = text(report, target.format.unwrap_or(format), &plain, counts_only);
        disk::write(&target.path, &text)?;
    }
    if targets.iter().any(|t| t.format.is_none()) {
        return Ok(());
    }
    io.print(text(report, format, options, counts_only).as_bytes())
}

fn text(report: &Report<'_>, format: Format, options: &ReportOptions, counts_only: bool) -> String {
    if !(counts_only && format.is_text()) {
        return render(format, report, options);
    }
    let summary = if options.quiet { String::new() } else { report.summary.text(options.verbose) };
    statistics(report) + &summary
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_in_front_is_optional() {
        let of = |text| target(text).map(|t| (t.format, t.path.to_string_lossy().into_owned()));
        assert_eq!(of("sarif=out/x.sarif"), Ok((Some(Format::Sarif), "out/x.sarif".into())));
        assert_eq!(of("report.txt"), Ok((None, "report.txt".into())));
        assert_eq!(of("a=b"), Ok((None, "a=b".into())));
        assert!(of("sarif=").is_err() && of("").is_err());
    }
}
