//! `dnslint rules test`: runs the samples of rules and shows what differs.

use super::disk;
use super::io::Io;
use super::rule_files::{self, With};
use super::{EXIT_CLEAN, EXIT_FINDINGS};
use crate::CheckOptions;
use crate::diagnostic::{Diagnostic, Files as _};
use crate::lint::{LintOptions, Rule, RuleSet};
use crate::report::expect::lines;
use crate::report::{plural, sanitize};
use crate::source::{LoadOptions, Snapshot};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The file beside a bad sample that records what is found in it.
const EXPECT: &str = "expect.txt";
/// Where the samples of a rule may lie, besides the folder of its name beside the rule file.
const SAMPLES: &str = "testdata/rules";

const HELP: &str = "\
Samples of a rule stand in its file, as `tests: {bad: [{name: …, files: {PATH: TEXT}}], good: […]}`, or in folders \
`<id>/bad-<why>/` and `<id>/good-<why>/` beside it, or in `testdata/rules/<id>/`. The rule must find something in each \
bad sample and nothing in each good one. A bad folder may hold an `expect.txt` with what is found, line by line.

Exit codes: 0 every sample is as expected, 1 one is not, 2 a rule file has a mistake";

/// Arguments of `rules test`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct TestArgs {
    /// Rule files, or directories with rule files [default: dnslint-rules and the rule-dirs of dnslint.toml]
    #[arg(value_name = "DIR_OR_FILE")]
    paths: Vec<PathBuf>,

    /// Write what is found into the expect.txt of bad folders, instead of comparing it
    #[arg(long)]
    bless: bool,
}

/// A sample that is ready to run.
struct Case {
    name: String,
    is_bad: bool,
    snapshot: Snapshot,
    /// The folder, for samples that lie in one.
    folder: Option<PathBuf>,
}

/// Runs the samples.
///
/// # Errors
/// No rule, a path that cannot be read, a failed write.
pub fn run(args: &TestArgs, io: &mut Io<'_>) -> Result<u8, String> {
    let paths = if args.paths.is_empty() { rule_files::of_current_directory() } else { args.paths.clone() };
    if paths.is_empty() {
        let directory = rule_files::DIRECTORY;
        return Err(format!("there are no rules to test: give a directory or file, or put rules into {directory}/"));
    }
    let loaded = rule_files::load(&paths, With::Nothing)?;
    if !loaded.problems.is_empty() {
        return Ok(rule_files::report(&loaded, io));
    }
    let rules = &loaded.rules;
    if rules.rules().is_empty() {
        return Err("there are no rule files (*.yaml) in these paths".to_owned());
    }
    let (mut samples, mut failures) = (0, 0);
    for rule in rules.rules() {
        let cases = cases(rule, Path::new(rules.path(rule.location.file)));
        samples += cases.len();
        let mut problems = missing(&cases);
        for case in &cases {
            problems.extend(judge(rule, case, rules, args.bless)?.map(|why| format!("{}: {why}", case.name)));
        }
        failures += problems.len();
        io.print((sanitize(&verdict(rule, &cases, &problems)) + "\n").as_bytes())?;
    }
    let rules = plural(rules.rules().len(), "rule");
    let text = format!("\n{rules}, {}, {}\n", plural(samples, "sample"), plural(failures, "failure"));
    io.print(text.as_bytes())?;
    Ok(if failures == 0 { EXIT_CLEAN } else { EXIT_FINDINGS })
}

fn verdict(rule: &Rule, cases: &[Case], problems: &[String]) -> String {
    let bad = cases.iter().filter(|case| case.is_bad).count();
    let word = if problems.is_empty() { "ok  " } else { "FAIL" };
    let mut text = format!("{word} {} ({bad} bad, {} good)\n", rule.id, cases.len() - bad);
    for problem in problems {
        let _ = writeln!(text, "     {}", problem.trim_end().replace('\n', "\n       "));
    }
    text
}

/// A rule without a bad or a good sample proves nothing.
fn missing(cases: &[Case]) -> Vec<String> {
    let has = |bad: bool| cases.iter().any(|case| case.is_bad == bad);
    let mut problems = Vec::new();
    if !has(true) {
        problems.push("there is no bad sample, in which it finds something".to_owned());
    }
    if !has(false) {
        problems.push("there is no good sample, a near miss on which it is silent".to_owned());
    }
    problems
}

/// The samples in the rule's file, then those in folders.
fn cases(rule: &Rule, file: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for (is_bad, list) in rule.samples.iter().flat_map(|s| [(true, &s.bad), (false, &s.good)]) {
        cases.extend(list.iter().map(|sample| Case {
            name: format!("{} {:?}", if is_bad { "bad" } else { "good" }, sample.name),
            is_bad,
            snapshot: Snapshot::from_texts(sample.files.clone()),
            folder: None,
        }));
    }
    let beside = file.parent().unwrap_or(Path::new("")).join(&rule.id);
    for folder in [beside, Path::new(SAMPLES).join(&rule.id)].iter().flat_map(|dir| disk::folders(dir)) {
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let is_bad = name.starts_with("bad-");
        if is_bad || name.starts_with("good-") {
            let options = LoadOptions { current_dir: Some(folder.clone()), ..LoadOptions::default() };
            let snapshot = Snapshot::load(&[PathBuf::from(".")], &options);
            cases.push(Case { name, is_bad, snapshot, folder: Some(folder) });
        }
    }
    cases
}

/// What is wrong with a sample, if anything.
fn judge(rule: &Rule, case: &Case, rules: &RuleSet, bless: bool) -> Result<Option<String>, String> {
    let lint = LintOptions { select: vec![rule.id.clone()], ..LintOptions::default() };
    let found = crate::check(&case.snapshot, rules, &CheckOptions { lint, ..CheckOptions::default() });
    let files = crate::lint::AllFiles { snapshot: &case.snapshot, rules };
    let now = lines(&files, &found.diagnostics);
    if !case.is_bad {
        return Ok((!now.is_empty()).then(|| format!("it must be silent here, and finds\n{now}")));
    }
    let by_rule = |d: &Diagnostic| d.rule == rule.id;
    if !found.diagnostics.iter().any(by_rule) {
        let missing = found.coverage.iter().map(|c| format!("\nmissing for it: {}", c.missing));
        return Ok(Some(format!("it must find something here, and is silent{}{now}", missing.collect::<String>())));
    }
    if let Some(failed) = found.diagnostics.iter().find(|d| !by_rule(d)) {
        return Ok(Some(failed.message.clone()));
    }
    let Some(expect) = case.folder.as_ref().map(|folder| folder.join(EXPECT)) else { return Ok(None) };
    if bless {
        return disk::write(&expect, &now).map(|()| None);
    }
    if disk::missing(&expect).is_some() {
        return Ok(None);
    }
    let recorded = disk::read(&expect).map_err(|why| format!("cannot read {}: {why}", expect.display()))?;
    Ok((recorded != now)
        .then(|| format!("it finds something else than {EXPECT} says\n{}", difference(&recorded, &now))))
}

/// Recorded lines that are gone (`-`) and new ones (`+`), each group in its order.
fn difference(recorded: &str, now: &str) -> String {
    let without = |lines: &str, others: &str, sign: char| -> String {
        let mut others: Vec<&str> = others.lines().collect();
        let mut text = String::new();
        for line in lines.lines() {
            match others.iter().position(|other| *other == line) {
                Some(at) => drop(others.swap_remove(at)),
                None => {
                    let _ = writeln!(text, "{sign} {line}");
                }
            }
        }
        text
    };
    let text = without(recorded, now, '-') + &without(now, recorded, '+');
    if text.is_empty() { "the same lines in another order, or other line ends".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_lines_that_went_and_lines_that_came() {
        assert_eq!(difference("a\nb\nb\n", "b\nc\n"), "- a\n- b\n+ c\n");
        assert!(difference("a\nb\n", "b\na\n").contains("another order"));
    }
}
