//! `dnslint check --fix` and `--diff`: writes what fixes made, or shows it as a patch.

use super::engine::{FileChange, Fixed, StdinText};
use super::io::Io;
use super::replace::Writable;
use crate::diagnostic::Diagnostic;
use crate::fix::{Change, Failed, Mode, unified_diff};
use crate::report::{WITHHELD, plural, sanitize_line, show_diff};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Arguments of `check` about fixes.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct FixArgs {
    /// Mend what can be mended without changing what is resolved
    #[arg(long, help_heading = "Fixes")]
    pub fix: bool,

    /// With --fix or --diff: apply fixes that change which server answers, too
    #[arg(long, help_heading = "Fixes")]
    pub unsafe_fixes: bool,

    /// Write no file; print what --fix would change as a patch for `git apply`
    #[arg(long, conflicts_with_all = ["fix", "fix_only", "write_baseline", "output_file"], help_heading = "Fixes")]
    pub diff: bool,

    /// Mend, and do not report what remains
    #[arg(long, help_heading = "Fixes")]
    pub fix_only: bool,

    /// List the fixes that were applied
    #[arg(long, help_heading = "Fixes")]
    pub show_fixes: bool,

    /// Give exit code 1 when something was mended, even if nothing remains
    #[arg(long, help_heading = "Fixes")]
    pub exit_non_zero_on_fix: bool,
}

impl FixArgs {
    /// Whether fixes are made at all, to be written or shown.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.fix || self.fix_only || self.diff
    }

    /// Which fixes are applied.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        if self.unsafe_fixes { Mode::Unsafe } else { Mode::Safe }
    }
}

/// What was written.
#[derive(Debug, Default)]
pub struct Written {
    /// Number of findings that were mended.
    pub fixed: usize,
    /// Whether some file could not be written.
    pub failed: bool,
}

/// Prints the patch; `true` if there is anything in it.
///
/// # Errors
/// Standard output cannot be written.
pub fn show(fixed: &Fixed, color: bool, io: &mut Io<'_>) -> Result<bool, String> {
    let changes: Vec<Change> = fixed.changes.iter().map(|change| change.change.clone()).collect();
    let patch = unified_diff(&changes);
    io.print(show_diff(&patch, color, io.is_terminal).as_bytes())?;
    report_failed(fixed, io);
    if fixed.result.fixes_withheld {
        io.message(WITHHELD);
    }
    if !fixed.applied.is_empty() {
        let files = plural(changes.len(), "file");
        io.message(&format!("Would fix {} in {files}.\n", plural(fixed.mended, "finding")));
    }
    Ok(!changes.is_empty())
}

/// Writes the changed files; the text of standard input goes to standard output, changed or not.
///
/// # Errors
/// Standard output cannot be written.
pub fn write(fixed: &Fixed, paths: &[PathBuf], stdin: Option<&StdinText>, io: &mut Io<'_>) -> Result<Written, String> {
    let writable = Writable::new(paths);
    let mut written = Written { fixed: fixed.mended, failed: false };
    let of_stdin =
        |change: &&FileChange| stdin.is_some_and(|stdin| change.change.path == stdin.path.trim_start_matches("./"));
    if let Some(stdin) = stdin {
        let text = fixed.changes.iter().find(of_stdin).map(|found| found.change.new.as_bytes());
        io.print(text.unwrap_or(&stdin.bytes))?;
    }
    for found in fixed.changes.iter().filter(|found| !of_stdin(found)) {
        let FileChange { change, disk } = found;
        let done = match (disk, &change.old) {
            (Some(disk), Some(old)) => writable.replace(disk, old, &change.new),
            (Some(disk), None) => writable.create(disk, &change.new),
            (None, _) => Err("it lies outside of the given paths".to_owned()),
        };
        if let Err(why) = done {
            written.failed = true;
            io.message(&format!("error: {} is not written: {why}\n", sanitize_line(&change.path)));
        }
    }
    report_failed(fixed, io);
    Ok(written)
}

/// Takes the fixes that were tried in vain from the findings that remain: what does not help is not offered again.
pub fn withdraw_failed(findings: &mut [Diagnostic], failed: &[Failed]) {
    let mut by_finding: BTreeMap<&str, Vec<&Failed>> = BTreeMap::new();
    for one in failed {
        by_finding.entry(&one.fingerprint).or_default().push(one);
    }
    for finding in findings {
        let Some(tried) = by_finding.get(finding.fingerprint.as_str()) else { continue };
        let mut fixes = std::mem::take(&mut finding.fixes);
        fixes.retain(|fix| !tried.iter().any(|one| one.refutes(finding, fix)));
        finding.fixes = fixes;
    }
}

/// Says which fixes were taken back, and why.
fn report_failed(fixed: &Fixed, io: &mut Io<'_>) {
    for failed in &fixed.failed {
        let (path, title) = (sanitize_line(&failed.path), sanitize_line(&failed.title));
        io.message(&format!("not fixed: {path}:{}: {title}: {} [{}]\n", failed.line, failed.reason, failed.rule));
    }
}

/// The fixes by file, as `ruff --show-fixes` lists them.
#[must_use]
pub fn listed(fixed: &Fixed) -> String {
    let mut by_path: BTreeMap<&str, BTreeMap<(&str, &str), usize>> = BTreeMap::new();
    for one in &fixed.applied {
        for path in &one.paths {
            *by_path.entry(path).or_default().entry((&one.rule, &one.title)).or_default() += 1;
        }
    }
    let mut out = format!("Fixed {}:\n", plural(fixed.mended, "finding"));
    for (path, fixes) in by_path {
        let _ = writeln!(out, "- {}:", sanitize_line(path));
        for ((rule, title), count) in fixes {
            let _ = writeln!(out, "    {count} × {rule} ({})", sanitize_line(title));
        }
    }
    out
}
