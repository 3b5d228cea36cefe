//! From findings to a mended snapshot: choose fixes, apply them in memory, judge the result, go on until nothing changes.

#[cfg(test)]
mod tests;

use super::apply_edits;
use crate::diagnostic::{Applicability, Diagnostic, Edit, Files, Fix, Severity};
use crate::source::{FileId, FileKind, Location, Snapshot, Span};
use std::collections::{BTreeMap, BTreeSet};

/// Most rounds; a fix may make room for another one, but not for ever.
pub const MAX_ROUNDS: usize = 16;

/// Most times that a patched snapshot is judged.
const MAX_TRIALS: usize = 100;

/// Fixes of one rule that may fail, each by itself, as long as none of them holds.
const MAX_FAILURES: usize = 8;

/// Which fixes are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Those that keep the meaning, or with which strictly more names resolve.
    Safe,
    /// Those that change which server answers, too.
    Unsafe,
}

impl Mode {
    /// Whether a fix is applied in this mode.
    #[must_use]
    pub fn allows(self, applicability: Applicability) -> bool {
        let least = if self == Self::Safe { Applicability::Safe } else { Applicability::Unsafe };
        applicability >= least
    }
}

/// A fix that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The rule.
    pub rule: String,
    /// What was done.
    pub title: String,
    /// The files that it changed or made, sorted.
    pub paths: Vec<String>,
}

/// Why a fix was taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The finding would remain.
    Remains,
    /// An error of this rule would be new.
    NewError(String),
    /// A file could not be read any more.
    Unreadable,
    /// Its edits do not fit the text.
    Misfit,
    /// Too much was tried already.
    Limit,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Remains => f.write_str("the finding would remain"),
            Self::NewError(rule) => write!(f, "it would cause an error [{rule}]"),
            Self::Unreadable => f.write_str("a file could not be read any more"),
            Self::Misfit => f.write_str("its edits do not fit the text"),
            Self::Limit => f.write_str("too many fixes were tried"),
        }
    }
}

/// A fix that was not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The rule.
    pub rule: String,
    /// The fingerprint of the finding.
    pub fingerprint: String,
    /// What it would have done.
    pub title: String,
    /// The file of the finding.
    pub path: String,
    /// The line of the finding, from 1.
    pub line: usize,
    /// Why not.
    pub reason: Reason,
}

impl Failed {
    /// Whether `fix` of `finding` was tried and does not help; one that was never tried may.
    #[must_use]
    pub fn refutes(&self, finding: &Diagnostic, fix: &Fix) -> bool {
        self.reason != Reason::Limit && self.is_of(finding) && self.title == fix.title
    }

    fn is_of(&self, finding: &Diagnostic) -> bool {
        self.rule == finding.rule && self.fingerprint == finding.fingerprint
    }
}

/// What the rules say about a snapshot.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// Every finding.
    pub findings: Vec<Diagnostic>,
    /// Number of files that could not be read whole.
    pub broken: usize,
}

/// What became of a snapshot.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The snapshot with the fixes applied.
    pub snapshot: Snapshot,
    /// What the rules say about it.
    pub judged: Judged,
    /// The fixes that were applied, in the order applied.
    pub applied: Vec<Applied>,
    /// The fixes that were taken back, of the findings that remain.
    pub failed: Vec<Failed>,
    /// Number of findings that are gone; one fix may mend several.
    pub mended: usize,
}

/// A fix that is to be tried, with its finding.
struct Pick {
    finding: Diagnostic,
    fix: Fix,
}

/// What a fix is known by after its snapshot has changed.
fn id(finding: &Diagnostic, fix: &Fix) -> (String, String, String) {
    (finding.rule.clone(), finding.fingerprint.clone(), fix.title.clone())
}

/// Applies fixes until nothing more is to be done.
///
/// `check` lints a snapshot (all rules, so that no new error goes unseen); `wanted` keeps the findings that the user
/// asked to mend, in their order. The given snapshot stays as it is.
pub fn run(
    snapshot: &Snapshot,
    mode: Mode,
    check: &dyn Fn(&Snapshot) -> Judged,
    wanted: &dyn Fn(&Judged, &Snapshot) -> Vec<Diagnostic>,
) -> Outcome {
    let mut state = Rounds {
        check,
        trials: 0,
        tally: BTreeMap::new(),
        rejected: BTreeSet::new(),
        failed: Vec::new(),
        outcome: Outcome {
            snapshot: snapshot.clone(),
            judged: check(snapshot),
            applied: Vec::new(),
            failed: Vec::new(),
            mended: 0,
        },
    };
    for _ in 0..MAX_ROUNDS {
        let found = wanted(&state.outcome.judged, &state.outcome.snapshot);
        let before = counts(&found, &state.outcome.snapshot);
        let (picks, others_are_left) = state.picks(mode, found);
        if picks.is_empty() || !(state.round(picks) || others_are_left) {
            break;
        }
        let left = counts(&wanted(&state.outcome.judged, &state.outcome.snapshot), &state.outcome.snapshot);
        let gone = |(key, count): (&Key, &usize)| count.saturating_sub(left.get(key).copied().unwrap_or(0));
        state.outcome.mended += before.iter().map(gone).sum::<usize>();
    }
    let left = wanted(&state.outcome.judged, &state.outcome.snapshot);
    state.outcome.failed = of_remaining(state.failed, &left, &state.outcome.snapshot);
    state.outcome
}

/// The failures whose findings remain, with the places where those are now.
fn of_remaining(failed: Vec<Failed>, left: &[Diagnostic], snapshot: &Snapshot) -> Vec<Failed> {
    let by_name: BTreeMap<(&str, &str), &Diagnostic> =
        left.iter().map(|finding| ((finding.rule.as_str(), finding.fingerprint.as_str()), finding)).collect();
    let placed = |failed: Failed| {
        let at = by_name.get(&(failed.rule.as_str(), failed.fingerprint.as_str()))?.primary();
        let (path, line) = place(snapshot, at);
        Some(Failed { path, line, ..failed })
    };
    failed.into_iter().filter_map(placed).collect()
}

fn place(snapshot: &Snapshot, at: Location) -> (String, usize) {
    (snapshot.path(at.file).to_owned(), snapshot.position(at.file, at.span.start).line)
}

/// What became of the fixes of a rule.
#[derive(Clone, Copy, Default)]
struct Tally {
    accepted: usize,
    failed: usize,
}

struct Rounds<'a> {
    check: &'a dyn Fn(&Snapshot) -> Judged,
    trials: usize,
    tally: BTreeMap<String, Tally>,
    rejected: BTreeSet<(String, String, String)>,
    failed: Vec<Failed>,
    outcome: Outcome,
}

impl Rounds<'_> {
    /// The best fix of each finding that may be applied, as far as they do not overlap; the others wait for the next
    /// round. Errors go first, and earlier findings before later ones. The settings of a node hang together, so that one
    /// rule a round mends each such file: once the stub is out of a resolv.conf, its fourth nameserver is no longer one too
    /// many. The second value says that there is more to try, should none of these hold: a fix that waits, or another one
    /// of the same finding.
    fn picks(&self, mode: Mode, mut found: Vec<Diagnostic>) -> (Vec<Pick>, bool) {
        let mut picks = Vec::new();
        let mut others_are_left = false;
        let mut taken: BTreeMap<FileId, BTreeSet<Span>> = BTreeMap::new();
        let mut created: BTreeSet<String> = BTreeSet::new();
        let mut mended: BTreeMap<FileId, String> = BTreeMap::new();
        found.sort_by_key(|finding| std::cmp::Reverse(finding.severity == Severity::Error));
        for finding in found {
            let fits = |fix: &&Fix| {
                let known = self.rejected.contains(&id(&finding, fix));
                mode.allows(fix.applicability) && fix.changes_something() && !known
            };
            let mut usable = finding.fixes.iter().filter(fits);
            let Some(fix) = usable.next().cloned() else { continue };
            others_are_left |= usable.next().is_some();
            let pick = Pick { finding, fix };
            let busy = pick.fix.edits.iter().any(|edit| taken.get(&edit.file).is_some_and(|t| meets(t, edit.span)))
                || pick.fix.creates.iter().any(|file| created.contains(&file.path))
                || pick.fix.edits.iter().any(|edit| mended.get(&edit.file).is_some_and(|r| *r != pick.finding.rule));
            if busy {
                others_are_left = true;
                continue;
            }
            for edit in &pick.fix.edits {
                taken.entry(edit.file).or_default().insert(edit.span);
                if !matches!(self.outcome.snapshot.file(edit.file).kind, FileKind::Manifest | FileKind::Corefile) {
                    mended.insert(edit.file, pick.finding.rule.clone());
                }
            }
            created.extend(pick.fix.creates.iter().map(|file| file.path.clone()));
            picks.push(pick);
        }
        (picks, others_are_left)
    }

    /// Applies what can be applied of the picks; `false` if that is nothing.
    fn round(&mut self, picks: Vec<Pick>) -> bool {
        let base = self.outcome.snapshot.clone();
        let before = self.outcome.judged.clone();
        let mut accepted: Vec<Pick> = Vec::new();
        let mut queue = vec![picks];
        while let Some(group) = queue.pop() {
            let (mut group, hopeless): (Vec<Pick>, Vec<Pick>) =
                group.into_iter().partition(|pick| !self.is_hopeless(&pick.finding.rule));
            for pick in hopeless {
                self.reject(&base, &pick, &Reason::Limit);
            }
            if group.is_empty() {
                continue;
            }
            match self.attempt(&base, &before, &accepted, &group) {
                Ok((snapshot, judged)) => {
                    for pick in &group {
                        self.tally.entry(pick.finding.rule.clone()).or_default().accepted += 1;
                    }
                    accepted.append(&mut group);
                    self.outcome.snapshot = snapshot;
                    self.outcome.judged = judged;
                }
                Err(reason) if group.len() == 1 || reason == Reason::Limit => {
                    for pick in group {
                        self.tally.entry(pick.finding.rule.clone()).or_default().failed += 1;
                        self.reject(&base, &pick, &reason);
                    }
                }
                Err(_) => {
                    let second = group.split_off(group.len() / 2);
                    queue.push(second);
                    queue.push(group);
                }
            }
        }
        let path = |id: FileId| base.path(id).to_owned();
        for pick in &accepted {
            let edited = pick.fix.edits.iter().map(|edit| path(edit.file));
            let paths: BTreeSet<String> = edited.chain(pick.fix.creates.iter().map(|file| file.path.clone())).collect();
            let (rule, title) = (pick.finding.rule.clone(), pick.fix.title.clone());
            self.outcome.applied.push(Applied { rule, title, paths: paths.into_iter().collect() });
        }
        !accepted.is_empty()
    }

    /// Whether fixes of a rule fail again and again and never hold: the trials are for those of others.
    fn is_hopeless(&self, rule: &str) -> bool {
        self.tally.get(rule).is_some_and(|tally| tally.accepted == 0 && tally.failed >= MAX_FAILURES)
    }

    fn reject(&mut self, base: &Snapshot, pick: &Pick, reason: &Reason) {
        self.rejected.insert(id(&pick.finding, &pick.fix));
        let (path, line) = place(base, pick.finding.primary());
        self.failed.push(Failed {
            rule: pick.finding.rule.clone(),
            fingerprint: pick.finding.fingerprint.clone(),
            title: pick.fix.title.clone(),
            path,
            line,
            reason: reason.clone(),
        });
    }

    /// The snapshot with two groups of fixes, if the rules have nothing against it.
    fn attempt(
        &mut self,
        base: &Snapshot,
        before: &Judged,
        accepted: &[Pick],
        group: &[Pick],
    ) -> Result<(Snapshot, Judged), Reason> {
        if self.trials >= MAX_TRIALS {
            return Err(Reason::Limit);
        }
        self.trials += 1;
        let all: Vec<&Pick> = accepted.iter().chain(group).collect();
        let snapshot = patched(base, &all).ok_or(Reason::Misfit)?;
        let judged = (self.check)(&snapshot);
        match objection(before, base, &judged, &snapshot, &all) {
            Some(reason) => Err(reason),
            None => Ok((snapshot, judged)),
        }
    }
}

/// Whether an edit touches one that is taken: overlaps it, or inserts at the same place. Those that are taken lie apart, so
/// that their ends have the order of their starts.
fn meets(taken: &BTreeSet<Span>, span: Span) -> bool {
    let near = taken.range(..=Span::new(span.end, usize::MAX)).rev().take_while(|other| other.end >= span.start);
    near.into_iter().any(|other| {
        let same_place = span.is_empty() && other.is_empty() && span.start == other.start;
        same_place || span.start < other.end && other.start < span.end || inside(span, *other) || inside(*other, span)
    })
}

/// Whether an insertion lies in a replaced range or at one of its ends.
const fn inside(point: Span, range: Span) -> bool {
    point.is_empty() && !range.is_empty() && range.start <= point.start && point.start <= range.end
}

fn patched(base: &Snapshot, picks: &[&Pick]) -> Option<Snapshot> {
    let mut edits: BTreeMap<FileId, Vec<&Edit>> = BTreeMap::new();
    for edit in picks.iter().flat_map(|pick| &pick.fix.edits) {
        edits.entry(edit.file).or_default().push(edit);
    }
    let mut texts = BTreeMap::new();
    for (file, edits) in edits {
        texts.insert(file, apply_edits(base.text(file), edits)?);
    }
    let creates = picks.iter().flat_map(|pick| &pick.fix.creates).map(|file| (file.path.clone(), file.text.clone()));
    Some(base.with_texts(&texts, creates))
}

/// What findings are counted by: they may move and change their words, but not their rule and object.
type Key = (String, String);

fn key(finding: &Diagnostic, files: &Snapshot) -> Key {
    let object = finding.object.clone().unwrap_or_else(|| files.path(finding.primary().file).to_owned());
    (finding.rule.clone(), object)
}

fn counts<'a>(findings: impl IntoIterator<Item = &'a Diagnostic>, files: &Snapshot) -> BTreeMap<Key, usize> {
    let mut counts = BTreeMap::new();
    for finding in findings {
        *counts.entry(key(finding, files)).or_default() += 1;
    }
    counts
}

/// What speaks against a patched snapshot.
fn objection(before: &Judged, base: &Snapshot, after: &Judged, patched: &Snapshot, picks: &[&Pick]) -> Option<Reason> {
    if after.broken > before.broken {
        return Some(Reason::Unreadable);
    }
    let is_error = |finding: &&Diagnostic| finding.severity == Severity::Error;
    let old_errors = counts(before.findings.iter().filter(is_error), base);
    let new_errors = counts(after.findings.iter().filter(is_error), patched);
    let more = new_errors.iter().find(|(key, count)| **count > old_errors.get(*key).copied().unwrap_or(0));
    if let Some(((rule, _), _)) = more {
        return Some(Reason::NewError(rule.clone()));
    }
    let (old, new) = (counts(&before.findings, base), counts(&after.findings, patched));
    let mended = counts(picks.iter().map(|pick| &pick.finding), base);
    let left = |key: &Key| new.get(key).copied().unwrap_or(0);
    let remains = mended.iter().any(|(key, count)| left(key) + count > old.get(key).copied().unwrap_or(0));
    remains.then_some(Reason::Remains)
}
