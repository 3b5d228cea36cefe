//! Flags of command lines, in units, environment files and lists of arguments.

use super::area::{Area, is_yaml, line_start, next_line};
use super::build::Workshop;
use super::yaml;
use crate::diagnostic::Edit;
use crate::source::{Location, Span};
use crate::syntax::systemd::Traced;

/// Puts a flag behind the last argument that stands in a file as it is.
pub(super) fn add(workshop: &Workshop<'_>, arguments: &[Traced], flag: &str) -> Option<Vec<Edit>> {
    arguments.iter().rev().find_map(|argument| {
        let at = argument.location()?;
        let file = workshop.snapshot.file(at.file);
        if is_yaml(file.kind) || file.slice(at.span) != argument.as_str() || argument.as_str().is_empty() {
            return None;
        }
        let area = Area::around(workshop, at)?;
        area.edits(&[(Span::new(at.span.end, at.span.end), format!(" {flag}"))])
    })
}

/// Removes the flag whose value, or the whole of which, stands at a place.
pub(super) fn remove(workshop: &Workshop<'_>, at: Location) -> Option<Vec<Edit>> {
    if is_yaml(workshop.snapshot.file(at.file).kind) {
        return yaml::remove(workshop, at, true, 1);
    }
    let area = Area::around(workshop, at)?;
    let text = area.text.as_str();
    let word = with_quotes(text, word_around(text, at.span)?);
    let line = Span::new(line_start(text, word.start), next_line(text, word.end));
    let (before, after) = (text.get(line.start..word.start)?, text.get(word.end..line.end)?);
    let alone = before.trim().is_empty();
    let gone = match after.trim() {
        "\\" if alone => line,
        "" if alone && text.get(..line.start)?.trim_end().ends_with('\\') => {
            // the last line of a continued one: the sign that continues goes, too
            let kept = text.get(..line.start)?.trim_end().strip_suffix('\\')?.trim_end();
            Span::new(kept.len(), word.end)
        }
        _ => {
            let blanks = before.len() - before.trim_end_matches([' ', '\t']).len();
            let ahead = after.len() - after.trim_start_matches([' ', '\t']).len();
            if blanks > 0 { Span::new(word.start - blanks, word.end) } else { Span::new(word.start, word.end + ahead) }
        }
    };
    area.edits(&[(gone, String::new())])
}

/// A word with the quotes that are around it alone: an empty pair would be an argument, too.
fn with_quotes(text: &str, word: Span) -> Span {
    let before = text.get(..word.start).unwrap_or_default();
    let after = text.get(word.end..).unwrap_or_default();
    let quoted = ['"', '\''].iter().any(|quote| before.ends_with(*quote) && after.starts_with(*quote));
    let starts = before.chars().rev().nth(1).is_none_or(char::is_whitespace);
    let ends = after.chars().nth(1).is_none_or(char::is_whitespace);
    if quoted && starts && ends { Span::new(word.start - 1, word.end + 1) } else { word }
}

/// The word `--name=value` around a place in it; it may be the first one behind a quote or behind `NAME=`.
fn word_around(text: &str, span: Span) -> Option<Span> {
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'');
    let before = text.get(..span.start)?;
    let from = before.char_indices().rev().find(|(_, c)| ends(*c)).map_or(0, |(at, c)| at + c.len_utf8());
    let start = from + text.get(from..span.end)?.find("--")?;
    let end = text.get(span.end..)?.find(ends).map_or(text.len(), |at| span.end + at);
    let word = Span::new(start, end);
    (start <= span.start && word.text(text).contains('=')).then_some(word)
}
