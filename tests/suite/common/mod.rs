//! What the data-driven tests share: running a folder, the line format of `expect.txt`, blessing.

pub mod coredns;
pub mod incident;
pub mod mending;
pub mod oracle;
pub mod pages;
pub mod rendering;
pub mod renderings;

use dnslint::CheckOptions;
use dnslint::diagnostic::Diagnostic;
use dnslint::lint::{LintOptions, RuleSet};
use dnslint::source::{LoadOptions, Snapshot};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The built-in rules, proved once for a test binary.
static RULES: LazyLock<RuleSet> = LazyLock::new(|| {
    let (rules, problems) = dnslint::load_rules(dnslint::lint::builtin());
    let messages: Vec<&str> = problems.iter().map(|p| p.message.as_str()).collect();
    assert!(messages.is_empty(), "built-in rules: {messages:#?}");
    rules
});

/// The built-in rules.
pub fn rules() -> &'static RuleSet {
    &RULES
}

/// Ids of the built-in rules, sorted.
pub fn rule_ids() -> Vec<&'static str> {
    let mut ids: Vec<&str> = rules().rules().iter().map(|r| r.id.as_str()).collect();
    ids.sort_unstable();
    ids
}

/// The crate's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Sub-folders of a folder, sorted; none where the folder is missing.
pub fn folders(dir: &Path) -> Vec<PathBuf> {
    let mut list: Vec<PathBuf> = fs::read_dir(dir)
        .map(|entries| entries.map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect())
        .unwrap_or_default();
    list.sort();
    list
}

/// The last part of a path.
pub fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// A folder as a snapshot whose shown paths are relative to it.
pub fn snapshot(dir: &Path) -> Snapshot {
    let options = LoadOptions { current_dir: Some(dir.to_path_buf()), ..LoadOptions::default() };
    Snapshot::load(&[PathBuf::from(".")], &options)
}

/// Checks a snapshot with the built-in rules; `select` empty means all of them.
pub fn check(snapshot: &Snapshot, select: &[&str]) -> Vec<Diagnostic> {
    let lint = LintOptions { select: select.iter().map(ToString::to_string).collect(), ..LintOptions::default() };
    dnslint::check(snapshot, rules(), &CheckOptions { lint, ..CheckOptions::default() }).diagnostics
}

pub use dnslint::report::expect::lines;

/// Compares with a recorded file, or records it where `DNSLINT_BLESS` is set. Returns what differs.
pub fn compare(path: &Path, got: &str) -> Option<String> {
    let want = fs::read_to_string(path).unwrap_or_default();
    if want != got && std::env::var_os("DNSLINT_BLESS").is_some() {
        fs::write(path, got).unwrap();
        return None;
    }
    (want != got).then(|| {
        let diff = similar::TextDiff::from_lines(want.as_str(), got);
        format!("{}\n{}", path.display(), diff.unified_diff().header("recorded", "now"))
    })
}

/// Fails with every difference at once.
pub fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "{} differ:\n\n{}", problems.len(), problems.join("\n"));
}

/// Compares with one recorded file below the crate's root, and fails with what differs.
pub fn expect(path: &str, got: &str) {
    assert_none(&compare(&root().join(path), got).into_iter().collect::<Vec<_>>());
}

/// Diagnostics counted by severity word.
pub fn by_severity(diagnostics: &[Diagnostic]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for diagnostic in diagnostics {
        *counts.entry(diagnostic.severity.as_str()).or_default() += 1;
    }
    counts
}

/// The program, to be run in a directory; what the environment says of colour, width and formats does not reach it.
pub fn program(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dnslint"));
    for name in ["FORCE_COLOR", "CI", "DNSLINT_OUTPUT_FORMAT"] {
        command.env_remove(name);
    }
    command.env("NO_COLOR", "1").env("COLUMNS", "120").current_dir(dir);
    command
}

/// Copies a folder with its links.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&entry.path(), &target);
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path()).unwrap(), target).unwrap();
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
