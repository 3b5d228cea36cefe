//! Edits of lines and words, in plain files and in texts inside YAML.

use super::area::Area;
use super::build::Workshop;
use crate::diagnostic::Edit;
use crate::source::{FileId, Span};

/// Most line ends that one fix converts.
const MAX_LINE_ENDS: usize = 10_000;

/// Replaces the span, or in it every `find` that is no part of a longer word.
pub(super) fn replace(area: &Area<'_>, span: Span, find: Option<&str>, text: &str) -> Option<Vec<Edit>> {
    let spans = match find {
        Some(find) => whole_words(span.text(&area.text), find, span.start),
        None => vec![span],
    };
    let changes: Vec<(Span, String)> = spans.into_iter().map(|span| (span, text.to_owned())).collect();
    if changes.is_empty() { None } else { area.edits(&changes) }
}

/// Where `find` stands in a text that begins at `start`, and is not longer on either side.
fn whole_words(text: &str, find: &str, start: usize) -> Vec<Span> {
    let in_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    let apart = |at: &usize| {
        let end = at + find.len();
        let (before, after) = (text.get(..*at).unwrap_or_default(), text.get(end..).unwrap_or_default());
        let longer_before = in_word(find.chars().next()) && in_word(before.chars().next_back());
        let longer_after = in_word(find.chars().next_back()) && in_word(after.chars().next());
        !find.is_empty() && !longer_before && !longer_after
    };
    let found = text.match_indices(find).map(|(at, _)| at).filter(apart);
    found.map(|at| Span::new(start + at, start + at + find.len())).collect()
}

/// Removes the lines that the span touches.
pub(super) fn remove_line(area: &Area<'_>, span: Span) -> Option<Vec<Edit>> {
    let last = span.end.saturating_sub(usize::from(span.end > span.start));
    let lines = Span::new(area.line(span.start).start, area.line(last).end);
    area.edits(&[(whole(area, lines)?, String::new())])
}

/// The lines with the line end that goes with them: at the end of a text without one, the line end before them.
fn whole(area: &Area<'_>, lines: Span) -> Option<Span> {
    let text = &area.text;
    let continued = |text: &str| text.trim_end_matches(['\r', '\n']).ends_with('\\');
    if continued(lines.text(text)) || text.get(..lines.start).is_some_and(continued) {
        return None;
    }
    if lines.text(text).ends_with('\n') || lines.start == 0 {
        return Some(lines);
    }
    let before = text.get(..lines.start)?.trim_end_matches('\n');
    let before = before.strip_suffix('\r').unwrap_or(before);
    Some(Span::new(before.len(), lines.end))
}

/// Removes a word with the blanks before it; a line that has no other word behind its keyword goes whole.
pub(super) fn remove_word(area: &Area<'_>, span: Span) -> Option<Vec<Edit>> {
    let line = area.line(span.start);
    let text = &area.text;
    let before = text.get(line.start..span.start)?;
    let after = text.get(span.end..line.end)?;
    let blank_before = before.trim_end_matches([' ', '\t']);
    if blank_before.len() == before.len() || !after.chars().next().is_none_or(char::is_whitespace) {
        return None;
    }
    if blank_before.split_whitespace().count() <= 1 && after.trim().is_empty() {
        return remove_line(area, span);
    }
    area.edits(&[(Span::new(line.start + blank_before.len(), span.end), String::new())])
}

/// Removes a part of a list that commas separate, with its comma; a word of its own as `remove_word` does. The list may be
/// the value of a flag in the same word.
pub(super) fn remove_part(area: &Area<'_>, span: Span, part: &str) -> Option<Vec<Edit>> {
    let word = span.text(&area.text);
    let flag = word.split_once('=').filter(|(name, _)| name.starts_with('-')).map_or(0, |(name, _)| name.len() + 1);
    let mut at = span.start + flag;
    let mut parts = word.get(flag..)?.split(',').map(|text| {
        let start = at;
        at += text.len() + 1;
        (text.trim() == part).then(|| Span::new(start, start + text.len()))
    });
    let span = parts.find_map(|found| found)?;
    let before = area.text.get(..span.start)?;
    let after = area.text.get(span.end..)?;
    let gone = match (before.ends_with(','), after.starts_with(',')) {
        (true, _) => Span::new(span.start - 1, span.end),
        (false, true) => Span::new(span.start, span.end + 1),
        (false, false) => return remove_word(area, span),
    };
    area.edits(&[(gone, String::new())])
}

/// Puts lines at the end of a plain file.
pub(super) fn append(workshop: &Workshop<'_>, file: FileId, text: &str) -> Option<Vec<Edit>> {
    let source = workshop.snapshot.file(file);
    if super::area::is_yaml(source.kind) {
        return None;
    }
    let eol = super::area::line_end(&source.text);
    let gap = if source.text.is_empty() || source.text.ends_with('\n') { "" } else { eol };
    let text = format!("{gap}{}{eol}", text.trim_end().replace('\n', eol));
    Some(vec![Edit { file, span: Span::new(source.text.len(), source.text.len()), text }])
}

/// Writes `$NAME` as `${NAME}`, and the other way round.
pub(super) fn set_braces(area: &Area<'_>, span: Span, variable: &str) -> Option<Vec<Edit>> {
    let name = variable.strip_prefix('$')?;
    let new = match name.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
        Some(bare) => format!("${bare}"),
        None => format!("${{{name}}}"),
    };
    replace(area, span, Some(variable), &new)
}

/// Puts a text in the place of one word, and removes others of the same line.
pub(super) fn replace_words(area: &Area<'_>, first: Span, rest: &[Span], text: &str) -> Option<Vec<Edit>> {
    let line = area.line(first.start);
    let mut changes = vec![(first, text.to_owned())];
    for word in rest {
        let before = area.text.get(line.start..word.start).filter(|_| word.end <= line.end)?;
        let kept = before.trim_end_matches([' ', '\t']);
        if kept.len() == before.len() {
            return None;
        }
        changes.push((Span::new(line.start + kept.len(), word.end), String::new()));
    }
    area.edits(&changes)
}

/// Removes blanks at the end of the line.
pub(super) fn trim_line(area: &Area<'_>, span: Span) -> Option<Vec<Edit>> {
    let line = area.line(span.start);
    let text = line.text(&area.text).trim_end_matches(['\r', '\n']);
    let kept = text.trim_end_matches([' ', '\t']);
    let blanks = Span::new(line.start + kept.len(), line.start + text.len());
    (!blanks.is_empty()).then(|| area.edits(&[(blanks, String::new())]))?
}

/// Puts a line before or behind the one that holds the span, indented like it.
pub(super) fn insert_line(area: &Area<'_>, span: Span, line: &str, before: bool) -> Option<Vec<Edit>> {
    let last = span.end.saturating_sub(usize::from(span.end > span.start));
    let at = if before { area.line(span.start) } else { area.line(last) };
    let text = at.text(&area.text);
    let indent = text.get(..text.len() - text.trim_start_matches([' ', '\t']).len()).unwrap_or("");
    if before {
        return area.edits(&[(Span::new(at.start, at.start), format!("{indent}{line}\n"))]);
    }
    if text.trim_end_matches(['\r', '\n']).ends_with('\\') {
        return None;
    }
    let new =
        if text.ends_with('\n') || text.is_empty() { format!("{indent}{line}\n") } else { format!("\n{indent}{line}") };
    area.edits(&[(Span::new(at.end, at.end), new)])
}

/// Moves the words behind the keyword of a line to the end of another line, and removes the line.
pub(super) fn join_line(area: &Area<'_>, span: Span, other: Span) -> Option<Vec<Edit>> {
    let (from, to) = (area.line(span.start), area.line(other.start));
    if from == to {
        return None;
    }
    let words = |line: Span| line.text(&area.text).split_whitespace().skip(1).collect::<Vec<_>>();
    let known = words(to);
    let new: Vec<&str> = words(from).into_iter().filter(|word| !known.contains(word)).collect();
    let mut changes = vec![(whole(area, from)?, String::new())];
    if !new.is_empty() {
        let kept = to.text(&area.text).trim_end().len();
        changes.push((Span::new(to.start + kept, to.start + kept), format!(" {}", new.join(" "))));
    }
    area.edits(&changes)
}

/// Takes the carriage return off every line end of the file.
pub(super) fn unix_line_ends(workshop: &Workshop<'_>, file: FileId) -> Option<Vec<Edit>> {
    let text = &workshop.snapshot.file(file).text;
    let ends = text.match_indices("\r\n").take(MAX_LINE_ENDS + 1);
    let edit = |(at, _): (usize, &str)| Edit { file, span: Span::new(at, at + 1), text: String::new() };
    let mut edits: Vec<Edit> = ends.map(edit).collect();
    if text.ends_with('\r') {
        edits.push(Edit { file, span: Span::new(text.len() - 1, text.len()), text: String::new() });
    }
    (!edits.is_empty() && edits.len() <= MAX_LINE_ENDS).then_some(edits)
}
