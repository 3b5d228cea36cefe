//! The rules of users: where they lie, how they are read, and what is said when they do not load.

use super::config;
use super::disk;
use super::io::Io;
use crate::diagnostic::{Diagnostic, sort};
use crate::lint::{MAX_RULES, RuleSet, RuleSource};
use crate::report::{Format, Report, ReportOptions, Summary, render};
use std::path::{Path, PathBuf};

/// The directory with rules that is loaded by itself, beside the configuration file or at the repository's root.
pub const DIRECTORY: &str = "dnslint-rules";

/// Which rules are loaded besides those of users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum With {
    /// The ones of dnslint.
    BuiltIn,
    /// None: the files of the paths alone, whatever their ids.
    Nothing,
}

/// Rules that were loaded, and what is wrong with the files of the others.
pub struct Loaded {
    /// The rules, and the text of every file.
    pub rules: RuleSet,
    /// Mistakes, with places in the rule files.
    pub problems: Vec<Diagnostic>,
}

/// Loads the rules below directories and files.
///
/// # Errors
/// A sentence: a path does not exist, or a file cannot be read.
pub fn load(paths: &[PathBuf], with: With) -> Result<Loaded, String> {
    let mut sources: Vec<RuleSource> = match with {
        With::BuiltIn => crate::lint::builtin().into_iter().map(RuleSource::taken_as_proved).collect(),
        With::Nothing => Vec::new(),
    };
    let files = disk::rule_files(paths, MAX_RULES)?;
    sources.extend(files.into_iter().map(|(path, below, text)| RuleSource::new(path, below.as_str(), text)));
    let (rules, problems) = crate::load_rules(sources);
    Ok(Loaded { rules, problems })
}

/// Shows mistakes in rule files on standard error.
pub fn report(loaded: &Loaded, io: &mut Io<'_>) -> u8 {
    let mut problems = loaded.problems.clone();
    sort(&mut problems, &loaded.rules);
    let summary = Summary::default();
    let report = Report { diagnostics: &problems, files: &loaded.rules, summary: &summary, rules: &[] };
    let options = ReportOptions { quiet: true, ..ReportOptions::default() };
    let text = render(Format::Full, &report, &options);
    io.message(&text);
    super::EXIT_ERROR
}

/// The rule directory that belongs to a run: beside its configuration file; without one, the nearest upward from
/// `start` to the root of the repository.
pub fn own_directory(config: Option<&Path>, start: &Path) -> Option<PathBuf> {
    if let Some(config) = config {
        let parent = config.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        return Some(parent.join(DIRECTORY)).filter(|dir| disk::is_plain_directory(dir)).map(|dir| shortened(&dir));
    }
    let start = disk::search_start(start)?;
    disk::find_directory_upward(&start, DIRECTORY).map(|dir| shortened(&dir))
}

/// The rule directories of a run in the current directory: its own, and those that the configuration names.
pub fn of_current_directory() -> Vec<PathBuf> {
    let here = Path::new(".");
    let file = disk::search_start(here).and_then(|start| disk::find_upward(&start, &config::NAMES));
    let named = file.as_deref().and_then(|file| config::load(file).ok()).map(|l| l.config.rule_dirs);
    own_directory(file.as_deref(), here).into_iter().chain(named.unwrap_or_default()).collect()
}

/// A path relative to the current directory where it lies below it.
fn shortened(path: &Path) -> PathBuf {
    let here = disk::search_start(Path::new("."));
    here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_path_buf)).unwrap_or_else(|| path.to_owned())
}
