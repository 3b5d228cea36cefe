//! Every fix of every bad case: what it changes is recorded, it cures its finding, and a second run changes nothing.

use crate::common::copy;
use crate::common::mending::{changes, judge, mend, recorded};
use crate::common::oracle::Seed;
use crate::common::{assert_none, compare, folders, name, root, rule_ids, rules, snapshot};
use dnslint::CheckOptions;
use dnslint::diagnostic::{Applicability, Diagnostic, Fix, Severity};
use dnslint::fix::{Judged, Mode, Reason, apply_edits, unified_diff};
use dnslint::lint::LintOptions;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn the_fix_of_every_bad_case_is_recorded_and_cures_it() {
    let mut problems = Vec::new();
    for rule in rule_ids() {
        let fixable = rules().get(rule).unwrap().fixable.is_some_and(|best| best > Applicability::Display);
        let mut mended = 0;
        for case in folders(&root().join("testdata/rules").join(rule)) {
            if !name(&case).starts_with("bad-") {
                continue;
            }
            let before = snapshot(&case);
            let outcome = mend(&before, rule, Mode::Unsafe);
            let text = recorded(&outcome, &before);
            let file = case.join("fixed.diff");
            if text.is_empty() {
                problems.extend(file.exists().then(|| format!("{}: there is no fix any more", file.display())));
                continue;
            }
            mended += usize::from(!outcome.applied.is_empty());
            problems.extend(compare(&file, &text));
            let again = mend(&outcome.snapshot, rule, Mode::Unsafe);
            if !again.applied.is_empty() {
                problems.push(format!("{}: a second run changes something", case.display()));
            }
        }
        if fixable && mended == 0 {
            problems.push(format!("{rule}: no bad case shows its fix"));
        }
    }
    assert_none(&problems);
}

#[test]
fn every_builder_is_used() {
    let mut used = String::new();
    for group in folders(&root().join("rules")) {
        for rule in fs::read_dir(group).unwrap() {
            used.push_str(&fs::read_to_string(rule.unwrap().path()).unwrap());
        }
    }
    let is_used = |name: &str| {
        ["use: ", "{use: "]
            .iter()
            .any(|head| [",", "\n"].iter().any(|tail| used.contains(&format!("{head}{name}{tail}"))))
    };
    let unused: Vec<&str> = dnslint::fix::BUILDERS.iter().copied().filter(|name| !is_used(name)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

/// Folders whose every finding is mended at once.
fn whole_clusters() -> Vec<std::path::PathBuf> {
    ["testdata/clusters", "testdata/incidents"].iter().flat_map(|dir| folders(&root().join(dir))).collect()
}

#[test]
fn whole_clusters_get_better_and_settle() {
    let mut problems = Vec::new();
    for case in whole_clusters() {
        let before = snapshot(&case);
        for mode in [Mode::Safe, Mode::Unsafe] {
            let old = judge(&before);
            let outcome = mend(&before, "", mode);
            let errors = |judged: &Judged| judged.findings.iter().filter(|d| d.severity == Severity::Error).count();
            if errors(&outcome.judged) > errors(&old) || outcome.judged.broken > old.broken {
                problems.push(format!("{} ({mode:?}): worse than before", case.display()));
            }
            let again = mend(&outcome.snapshot, "", mode);
            if !again.applied.is_empty() {
                problems.push(format!(
                    "{} ({mode:?}): a second run changes something: {:?}",
                    case.display(),
                    again.applied
                ));
            }
            let misfit =
                outcome.failed.iter().any(|f| matches!(f.reason, Reason::Misfit | Reason::Unreadable | Reason::Limit));
            if misfit {
                problems.push(format!("{} ({mode:?}): {:?}", case.display(), outcome.failed));
            }
        }
    }
    assert_none(&problems);
}

/// Whether git is here; the test says so where it is not.
fn has_git() -> bool {
    let found = Command::new("git").arg("--version").output().is_ok_and(|out| out.status.success());
    if !found {
        println!("git is not here: that patches apply was not tried");
    }
    found
}

fn git_apply(dir: &Path, patch: &str) -> Result<(), String> {
    let mut child = Command::new("git")
        .args(["apply", "--whitespace=nowarn", "-"])
        .current_dir(dir)
        .env("GIT_CEILING_DIRECTORIES", dir.parent().unwrap())
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(patch.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    if done.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&done.stderr).into_owned()) }
}

#[test]
fn printed_patches_apply_with_git() {
    if !has_git() {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let mut problems = Vec::new();
    for rule in rule_ids() {
        for case in folders(&root().join("testdata/rules").join(rule)) {
            if !case.join("fixed.diff").exists() {
                continue;
            }
            let dir = temp.path().join(rule).join(name(&case));
            copy(&case, &dir);
            let before = snapshot(&dir);
            let outcome = mend(&before, rule, Mode::Unsafe);
            let changes = changes(&before, &outcome.snapshot);
            if changes.is_empty() {
                continue;
            }
            if let Err(error) = git_apply(&dir, &unified_diff(&changes)) {
                problems.push(format!("{}: {error}", case.display()));
                continue;
            }
            for change in changes {
                if fs::read_to_string(dir.join(&change.path)).unwrap() != change.new {
                    problems.push(format!("{}: git makes other bytes of {}", case.display(), change.path));
                }
            }
        }
    }
    assert_none(&problems);
}

/// A text of a bad case with something in it that changes nothing for its readers.
fn mutated(text: &str, path: &str, seed: &mut Seed) -> String {
    let yaml = path.ends_with(".yaml") || path.ends_with(".conf.d/10-dns.conf");
    let mut text = text.to_owned();
    for _ in 0..=seed.below(3) {
        let lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        let at = seed.below(lines.len().max(1));
        let edited = |change: &dyn Fn(usize, &str) -> String| -> String {
            lines.iter().enumerate().map(|(index, line)| change(index, line)).collect()
        };
        text = match seed.below(7) {
            0 => edited(&|index, line| if index == at { format!("# mark-{index}\n{line}") } else { line.to_owned() }),
            1 if yaml => edited(&|index, line| match line.strip_suffix('\n') {
                Some(body) if index == at && body.contains(": ") && !body.contains(['|', '#']) => {
                    format!("{body}  # mark-{index}\n")
                }
                _ => line.to_owned(),
            }),
            2 => text.replace("\r\n", "\n").replace('\n', "\r\n"),
            3 => text.trim_end_matches(['\r', '\n']).to_owned(),
            4 if yaml => edited(&|_, line| {
                let blanks = line.len() - line.trim_start_matches(' ').len();
                format!("{}{line}", " ".repeat(blanks))
            }),
            5 => edited(&|index, line| if index == at { format!("\n{line}") } else { line.to_owned() }),
            6 if yaml => edited(&|index, line| match line.split_once(": ") {
                Some((key, value)) if index == at && !value.starts_with(['|', '{', '[', '&', '"']) => {
                    format!("{key}: &a{index} {value}")
                }
                _ => line.to_owned(),
            }),
            _ => text,
        };
    }
    text
}

/// How many generated inputs the test below tries; continuous integration asks for more.
fn property_cases() -> usize {
    std::env::var("DNSLINT_PROPERTY_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(300)
}

#[test]
fn fixes_of_mutated_inputs_parse_cure_and_keep_comments() {
    let mut bases = Vec::new();
    for rule in rule_ids() {
        for case in folders(&root().join("testdata/rules").join(rule)) {
            if case.join("fixed.diff").exists() {
                bases.push((rule, case.clone(), snapshot(&case)));
            }
        }
    }
    let mut seed = Seed::new(20_240_611);
    let (mut fixed, mut problems) = (0, Vec::new());
    for number in 0..property_cases() {
        let (rule, case, base) = seed.pick(&bases);
        let texts: BTreeMap<_, _> = base
            .files
            .iter()
            .filter(|file| file.kind != dnslint::source::FileKind::Other)
            .map(|file| (file.id, mutated(&file.text, &file.path, &mut seed)))
            .collect();
        let before = base.with_texts(&texts, []);
        let checked = dnslint::check(&before, rules(), &select(rule));
        let applied = |fix: &&Fix| fix.changes_something() && fix.applicability > Applicability::Display;
        let offered: Vec<(&Diagnostic, &Fix)> = (checked.diagnostics.iter().filter(|d| d.rule == *rule))
            .flat_map(|d| d.fixes.iter().filter(applied).map(move |fix| (d, fix)))
            .collect();
        if offered.is_empty() {
            continue;
        }
        let (finding, fix) = *seed.pick(&offered);
        fixed += 1;
        let what = format!("case {number}, {}: {}", case.display(), fix.title);
        let mut new = BTreeMap::new();
        for file in fix.edits.iter().map(|edit| edit.file) {
            let old = &before.file(file).text;
            let text = apply_edits(old, fix.edits.iter().filter(|edit| edit.file == file)).unwrap();
            let outside = |text: &str, edits: &[&dnslint::diagnostic::Edit]| {
                let lost = edits.iter().map(|edit| edit.span.text(text).matches("mark-").count()).sum::<usize>();
                text.matches("mark-").count() - lost
            };
            let edits: Vec<_> = fix.edits.iter().filter(|edit| edit.file == file).collect();
            if text.matches("mark-").count() != outside(old, &edits) {
                problems.push(format!("{what}: a comment is lost or doubled"));
            }
            if old.contains("\r\n")
                && !old.replace("\r\n", "").contains('\n')
                && text.replace("\r\n", "").contains('\n')
                && *rule != "resolv-conf-crlf"
            {
                problems.push(format!("{what}: mixed line ends\n{text:?}"));
            }
            let errors = |text: &str| dnslint::syntax::yaml::parse(text).errors.len();
            if before.file(file).path.ends_with(".yaml") && errors(&text) > errors(old) {
                problems.push(format!("{what}: does not parse\n{text}"));
            }
            new.insert(file, text);
        }
        let creates = fix.creates.iter().map(|file| (file.path.clone(), file.text.clone()));
        let after = before.with_texts(&new, creates);
        let left = dnslint::check(&after, rules(), &select(rule)).diagnostics;
        let count =
            |found: &[Diagnostic]| found.iter().filter(|d| d.rule == *rule && d.object == finding.object).count();
        if count(&left) >= count(&checked.diagnostics) && !unchanged(case) {
            problems.push(format!("{what}: the finding remains"));
        }
        let same = left.iter().any(|d| d.fixes.iter().any(|other| other == fix));
        if same {
            problems.push(format!("{what}: the same fix is offered again"));
        }
    }
    println!("{fixed} fixes of {} inputs", property_cases());
    assert!(fixed * 3 >= property_cases(), "only {fixed} of {} inputs had a fix", property_cases());
    problems.truncate(20);
    assert_none(&problems);
}

/// Whether the fix of the unmutated case is taken back by the plan.
fn unchanged(case: &Path) -> bool {
    fs::read_to_string(case.join("fixed.diff")).unwrap().contains("# not applied")
}

fn select(rule: &str) -> CheckOptions {
    let lint = LintOptions { select: vec![rule.to_owned()], ..LintOptions::default() };
    CheckOptions { lint, ..CheckOptions::default() }
}
