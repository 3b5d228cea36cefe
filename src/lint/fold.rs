//! Folding: the same finding on many subjects is one diagnostic that knows the others.

use crate::diagnostic::{Confidence, Diagnostic, Files, Fix, Label, Other, Severity};
use std::collections::BTreeMap;

/// Up to this many equal findings are reported one by one.
pub const FOLD_ABOVE: usize = 3;
/// Other subjects that are marked.
const MARKED: usize = 10;

/// Folds findings of one rule that say the same; the first by path and position stands for the others.
///
/// To be called last, after suppression and baseline: what one subject is excused from, the others are not.
#[must_use]
pub fn fold(mut diagnostics: Vec<Diagnostic>, files: &dyn Files) -> Vec<Diagnostic> {
    diagnostics.sort_by(|a, b| {
        let (at, other) = (a.primary(), b.primary());
        let by_path = files.path(at.file).cmp(files.path(other.file));
        by_path.then(at.span.cmp(&other.span)).then_with(|| a.object.cmp(&b.object))
    });
    let mut groups: BTreeMap<Said, Vec<Diagnostic>> = BTreeMap::new();
    let mut folded = Vec::new();
    for diagnostic in diagnostics {
        if diagnostic.folds {
            groups.entry(said(&diagnostic)).or_default().push(diagnostic);
        } else {
            folded.push(diagnostic);
        }
    }
    for group in groups.into_values() {
        if group.len() <= FOLD_ABOVE {
            folded.extend(group);
        } else {
            folded.extend(one_for_all(group));
        }
    }
    super::sort(&mut folded, files);
    folded
}

/// What a finding says, apart from where and of whom.
type Said = (String, Severity, Confidence, String, Vec<String>, Option<String>);

fn said(diagnostic: &Diagnostic) -> Said {
    let Diagnostic { rule, severity, confidence, message, notes, help, .. } = diagnostic;
    (rule.clone(), *severity, *confidence, message.clone(), notes.clone(), help.clone())
}

fn one_for_all(group: Vec<Diagnostic>) -> Option<Diagnostic> {
    let mut group = group.into_iter();
    let mut first = group.next()?;
    let rest: Vec<Diagnostic> = group.collect();
    first.fixes = merged(std::mem::take(&mut first.fixes), &rest);
    let marks = rest.iter().take(MARKED).map(|other| Label {
        location: other.primary(),
        text: "here too".to_owned(),
        primary: false,
    });
    first.labels.extend(marks);
    first.others = rest.into_iter().map(other).collect();
    Some(first)
}

fn other(folded: Diagnostic) -> Other {
    Other { location: folded.primary(), object: folded.object, fingerprint: folded.fingerprint }
}

/// The fixes of the folded findings join those of the first with the same title.
fn merged(mut fixes: Vec<Fix>, rest: &[Diagnostic]) -> Vec<Fix> {
    for other in rest.iter().flat_map(|diagnostic| &diagnostic.fixes) {
        match fixes.iter_mut().find(|fix| fix.title == other.title && fix.applicability == other.applicability) {
            Some(fix) => {
                fix.edits.extend(other.edits.iter().cloned());
                fix.creates.extend(other.creates.iter().cloned());
            }
            None => fixes.push(other.clone()),
        }
    }
    for fix in &mut fixes {
        fix.edits.sort_by(|a, b| (a.file, a.span, &a.text).cmp(&(b.file, b.span, &b.text)));
        fix.edits.dedup();
        fix.creates.sort_by(|a, b| (&a.path, &a.text).cmp(&(&b.path, &b.text)));
        fix.creates.dedup();
    }
    fixes
}
