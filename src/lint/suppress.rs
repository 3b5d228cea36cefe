//! Suppression: comments in any file and annotations of objects, each for named rules, some with an end date.
//!
//! `# dnslint: ignore[rule, rule] reason` stands on the line of any label of the finding, or on a line of its own above;
//! `# dnslint: file-ignore[rule] reason` anywhere in the file of the primary label. `until=YYYY-MM-DD` in the reason ends
//! it after that day. A `;` or `//` starts the comment as well as `#`. Comments are looked for in the raw text, so those in a Corefile
//! inside a ConfigMap count.

use super::options::{EXPIRED_IGNORE, Selection, UNUSED_IGNORE};
use crate::diagnostic::nearest;
use crate::diagnostic::{Diagnostic, Files, Severity};
use crate::source::{FileId, Location, Span};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

const MARK: &str = "dnslint:";

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// Reads `YYYY-MM-DD`; `None` for a day that does not exist.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let [year, month, day] = parts.as_slice() else { return None };
        let digits = |part: &str, len: usize| part.len() == len && part.bytes().all(|b| b.is_ascii_digit());
        if !(digits(year, 4) && digits(month, 2) && digits(day, 2)) {
            return None;
        }
        let date = Self { year: year.parse().ok()?, month: month.parse().ok()?, day: day.parse().ok()? };
        let leap = date.year.is_multiple_of(4) && (!date.year.is_multiple_of(100) || date.year.is_multiple_of(400));
        let days = match date.month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        (1..=days).contains(&date.day).then_some(date)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// An annotation `dnslint.dev/ignore.<rule>: reason`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnotationIgnore {
    /// The object, as in [`Diagnostic::object`].
    pub object: String,
    /// The rule.
    pub rule: String,
    /// The annotation's value.
    pub reason: String,
    /// The annotation.
    pub location: Location,
}

/// Where suppressions are looked for.
pub struct Suppressions<'a> {
    /// Paths and texts.
    pub files: &'a dyn Files,
    /// The files to look for comments in.
    pub scan: &'a [FileId],
    /// The annotations of the objects.
    pub annotations: &'a [AnnotationIgnore],
    /// Today; without it nothing expires.
    pub today: Option<Date>,
}

/// Findings with the suppressed ones taken out.
#[derive(Clone, Debug, Default)]
pub struct Suppressed {
    /// What is left, with `unused-ignore` and `expired-ignore` findings; to be put through [`sort`](super::sort) again.
    pub kept: Vec<Diagnostic>,
    /// What was suppressed, with the reason that was given.
    pub suppressed: Vec<(Diagnostic, String)>,
}

enum Reach {
    /// Findings with a label on this line, counted from 0.
    Line(FileId, usize),
    /// Findings whose primary label is in this file.
    File(FileId),
    /// Findings about this object.
    Object(String),
}

/// One rule of one suppression.
struct Ignore {
    reach: Reach,
    rule: String,
    reason: String,
    at: Location,
    until: Option<Date>,
    used: bool,
}

/// Takes suppressed findings out, and reports suppressions that matched nothing or are past their date.
///
/// `ran` are the rules that were evaluated: only their suppressions can be unused.
#[must_use]
pub fn suppress(
    diagnostics: Vec<Diagnostic>,
    sources: &Suppressions<'_>,
    selection: &Selection<'_>,
    ran: &BTreeSet<String>,
) -> Suppressed {
    let mut result = Suppressed::default();
    let mut ignores = Vec::new();
    let mut lines = BTreeMap::new();
    for file in sources.scan {
        let text = sources.files.text(*file);
        if text.contains(MARK) {
            let mut found = Scan { file: *file, ignores: &mut ignores, malformed: &mut result.kept };
            found.text(text);
            lines.insert(*file, line_starts(text));
        }
    }
    ignores.extend(sources.annotations.iter().map(annotation));
    let index = Index::new(&ignores);
    for diagnostic in diagnostics {
        match index.matching(&diagnostic, &lines, &mut ignores, sources.today) {
            Some(reason) => result.suppressed.push((diagnostic, reason)),
            None => result.kept.push(diagnostic),
        }
    }
    let about = ignores.iter().filter_map(|ignore| complaint(ignore, selection, ran, sources.today));
    result.kept.extend(about);
    result.kept.retain(|d| ![UNUSED_IGNORE, EXPIRED_IGNORE].contains(&&*d.rule) || selection.runs(&d.rule));
    for diagnostic in result.kept.iter_mut().filter(|d| [UNUSED_IGNORE, EXPIRED_IGNORE].contains(&&*d.rule)) {
        diagnostic.severity = selection.severity(&diagnostic.rule).unwrap_or(diagnostic.severity);
    }
    result.kept.retain(|d| ![UNUSED_IGNORE, EXPIRED_IGNORE].contains(&&*d.rule) || selection.shows(d.severity));
    result
}

fn annotation(written: &AnnotationIgnore) -> Ignore {
    let until = until(&written.reason).and_then(Date::parse);
    Ignore {
        reach: Reach::Object(written.object.clone()),
        rule: written.rule.clone(),
        reason: written.reason.clone(),
        at: written.location,
        until,
        used: false,
    }
}

/// Suppressions by what they reach.
struct Index {
    lines: BTreeMap<(FileId, usize, String), Vec<usize>>,
    files: BTreeMap<(FileId, String), Vec<usize>>,
    objects: BTreeMap<(String, String), Vec<usize>>,
}

impl Index {
    fn new(ignores: &[Ignore]) -> Self {
        let mut index = Self { lines: BTreeMap::new(), files: BTreeMap::new(), objects: BTreeMap::new() };
        for (at, ignore) in ignores.iter().enumerate() {
            let rule = ignore.rule.clone();
            match &ignore.reach {
                Reach::Line(file, line) => index.lines.entry((*file, *line, rule)).or_default().push(at),
                Reach::File(file) => index.files.entry((*file, rule)).or_default().push(at),
                Reach::Object(object) => index.objects.entry((object.clone(), rule)).or_default().push(at),
            }
        }
        index
    }

    /// The reason of the first suppression that holds for a finding; every one that matches counts as used.
    fn matching(
        &self,
        diagnostic: &Diagnostic,
        lines: &BTreeMap<FileId, Vec<usize>>,
        ignores: &mut [Ignore],
        today: Option<Date>,
    ) -> Option<String> {
        let rule = &diagnostic.rule;
        let mut found: Vec<usize> = Vec::new();
        for label in &diagnostic.labels {
            let Some(starts) = lines.get(&label.location.file) else { continue };
            let line = starts.partition_point(|start| *start <= label.location.span.start).saturating_sub(1);
            found.extend(self.lines.get(&(label.location.file, line, rule.clone())).into_iter().flatten());
        }
        found.extend(self.files.get(&(diagnostic.primary().file, rule.clone())).into_iter().flatten());
        if let Some(object) = &diagnostic.object {
            found.extend(self.objects.get(&(object.clone(), rule.clone())).into_iter().flatten());
        }
        let mut reason = None;
        for at in found {
            let Some(ignore) = ignores.get_mut(at) else { continue };
            ignore.used = true;
            if !expired(ignore, today) && reason.is_none() {
                reason = Some(ignore.reason.clone());
            }
        }
        reason
    }
}

fn expired(ignore: &Ignore, today: Option<Date>) -> bool {
    ignore.until.zip(today).is_some_and(|(until, today)| until < today)
}

fn complaint(
    ignore: &Ignore,
    selection: &Selection<'_>,
    ran: &BTreeSet<String>,
    today: Option<Date>,
) -> Option<Diagnostic> {
    let rule = &ignore.rule;
    let warning = |id: &str, message: String| Some(Diagnostic::new(id, Severity::Warning, message, ignore.at));
    let known = selection.ids().any(|id| id == rule) || ran.contains(rule);
    if !known {
        let mut diagnostic = warning(UNUSED_IGNORE, format!("there is no rule `{rule}` to ignore"))?;
        diagnostic.help = nearest(rule, selection.ids()).map(|near| format!("did you mean `{near}`?"));
        return Some(diagnostic);
    }
    if expired(ignore, today) {
        let until = ignore.until.map(|date| date.to_string()).unwrap_or_default();
        let mut diagnostic = warning(EXPIRED_IGNORE, format!("the suppression of `{rule}` ended on {until}"))?;
        let help = if ignore.used {
            "mend the finding, or give it a new date"
        } else {
            "nothing matches it any more: remove it"
        };
        diagnostic.help = Some(help.to_owned());
        return Some(diagnostic);
    }
    if ignore.used || !ran.contains(rule) {
        return None;
    }
    let mut diagnostic = warning(UNUSED_IGNORE, format!("nothing here has the finding `{rule}`"))?;
    diagnostic.help = Some("remove the suppression".to_owned());
    Some(diagnostic)
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

/// Reads the comments of one file.
struct Scan<'a> {
    file: FileId,
    ignores: &'a mut Vec<Ignore>,
    malformed: &'a mut Vec<Diagnostic>,
}

impl Scan<'_> {
    fn text(&mut self, text: &str) {
        let mut start = 0;
        // Suppressions on lines of their own, which reach the next line that is neither empty nor a comment.
        let mut waiting: Vec<usize> = Vec::new();
        for (number, line) in text.split_inclusive('\n').enumerate() {
            let first = self.ignores.len();
            let own_line = self.line(line, start, number);
            match own_line {
                Some(true) => waiting.extend(first..self.ignores.len()),
                _ if is_comment_or_blank(line) => {}
                _ => {
                    for at in waiting.drain(..) {
                        if let Some(Reach::Line(_, line)) = self.ignores.get_mut(at).map(|ignore| &mut ignore.reach) {
                            *line = number;
                        }
                    }
                }
            }
            start += line.len();
        }
    }

    /// Reads a line; `Some(true)` for a suppression that has the line to itself.
    fn line(&mut self, line: &str, start: usize, number: usize) -> Option<bool> {
        let mark = line.find(MARK)?;
        let before = line.get(..mark)?.trim_end();
        let comment = ["#", ";", "//"].into_iter().find_map(|c| before.strip_suffix(c))?;
        let own_line = comment.trim_matches(['#', ';', '/', ' ', '\t']).is_empty();
        let after = line.get(mark + MARK.len()..)?;
        let directive = after.trim_start();
        let offset = start + mark + MARK.len() + (after.len() - directive.len());
        let (in_file, rest) = match directive.strip_prefix("file-ignore") {
            Some(rest) => (true, rest),
            None => (false, directive.strip_prefix("ignore")?),
        };
        let offset = offset + (directive.len() - rest.len());
        let whole = Location::new(self.file, Span::new(start + mark, start + line.trim_end().len()));
        let Some((rules, reason)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
            self.reject(whole, "the suppression names no rule", "write ignore[rule-id] and a reason");
            return None;
        };
        let until = match until(reason).map(|date| (date, Date::parse(date))) {
            Some((date, None)) => {
                self.reject(whole, &format!("`{date}` is no date"), "write until=YYYY-MM-DD");
                return None;
            }
            Some((_, date)) => date,
            None => None,
        };
        let mut at = offset + 1;
        for part in rules.split(',') {
            let rule = part.trim();
            let from = at + (part.len() - part.trim_start().len());
            at += part.len() + 1;
            if rule.is_empty() {
                self.reject(whole, "the suppression names no rule", "write ignore[rule-id] and a reason");
                continue;
            }
            let reach = if in_file { Reach::File(self.file) } else { Reach::Line(self.file, number) };
            let location = Location::new(self.file, Span::new(from, from + rule.len()));
            let reason = reason.trim().to_owned();
            self.ignores.push(Ignore { reach, rule: rule.to_owned(), reason, at: location, until, used: false });
        }
        Some(own_line && !in_file)
    }

    fn reject(&mut self, at: Location, message: &str, help: &str) {
        let diagnostic = Diagnostic::new(UNUSED_IGNORE, Severity::Warning, message, at);
        self.malformed.push(Diagnostic { help: Some(help.to_owned()), ..diagnostic });
    }
}

fn is_comment_or_blank(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with(['#', ';']) || line.starts_with("//")
}

/// The date of `until=` in a reason, as written.
fn until(reason: &str) -> Option<&str> {
    let at = reason.find("until=")? + "until=".len();
    let rest = reason.get(at..)?;
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ')')).unwrap_or(rest.len());
    rest.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(Date::parse("2024-02-29").map(|d| d.to_string()).as_deref(), Some("2024-02-29"));
        for bad in ["2023-02-29", "2024-13-01", "2024-00-10", "2024-04-31", "24-01-01", "2024-1-1", "2024/01/01", "x"] {
            assert_eq!(Date::parse(bad), None, "{bad}");
        }
        assert!(Date::parse("2024-09-30") < Date::parse("2024-10-01"));
    }

    #[test]
    fn the_date_of_a_reason() {
        assert_eq!(until("known, until=2024-01-02"), Some("2024-01-02"));
        assert_eq!(until("(until=2024-01-02)"), Some("2024-01-02"));
        assert_eq!(until("until then"), None);
    }
}
