//! The lines that a fix changes, before and after.

use super::sanitize::sanitize_char;
use super::style::{Painter, Style};
use crate::diagnostic::{Edit, Files, Fix, char_ceil, char_floor};
use crate::source::{FileId, Span};

/// Lines shown before the preview is cut.
const LINES: usize = 12;

/// Columns of a line shown before it is cut.
const COLUMNS: usize = 160;

/// Whole lines of one file and the edits inside them.
struct Hunk<'a> {
    file: FileId,
    span: Span,
    edits: Vec<&'a Edit>,
}

/// `\n- old\n+ new` for each changed stretch of lines, led by `path:line` where the fix touches several places or another
/// file than the one `shown` with the finding; then the files that come into being.
pub fn preview(fix: &Fix, shown: FileId, files: &dyn Files, painter: Painter) -> String {
    let hunks = hunks(fix, files);
    let mut lines = Vec::new();
    for hunk in &hunks {
        if hunks.len() + fix.creates.len() > 1 || hunk.file != shown {
            let line = files.position(hunk.file, hunk.span.start).line;
            lines.push(format!("{}:{line}", clean(files.path(hunk.file))));
        }
        let text = files.text(hunk.file);
        let old = hunk.span.text(text);
        let new = patched(hunk, text);
        let (old, new) = without_common_lines(old, &new);
        lines.extend(old.iter().map(|l| painter.paint(Style::Removed, &format!("- {}", clean(l)))));
        lines.extend(new.iter().map(|l| painter.paint(Style::Added, &format!("+ {}", clean(l)))));
    }
    for file in &fix.creates {
        lines.push(format!("new file {}", clean(&file.path)));
        lines.extend(file.text.lines().map(|l| painter.paint(Style::Added, &format!("+ {}", clean(l)))));
    }
    let more = lines.len().saturating_sub(LINES);
    if more > 0 {
        lines.truncate(LINES);
        lines.push(format!("… {more} more lines"));
    }
    lines.iter().map(|line| format!("\n{line}")).collect()
}

/// Groups the edits whose lines touch.
fn hunks<'a>(fix: &'a Fix, files: &dyn Files) -> Vec<Hunk<'a>> {
    let mut edits: Vec<&Edit> = fix.edits.iter().collect();
    edits.sort_by_key(|e| (e.file, e.span));
    let mut hunks: Vec<Hunk<'a>> = Vec::new();
    for edit in edits {
        let span = whole_lines(files.text(edit.file), edit.span);
        match hunks.last_mut() {
            Some(last) if last.file == edit.file && span.start < last.span.end => {
                last.span = last.span.join(span);
                last.edits.push(edit);
            }
            _ => hunks.push(Hunk { file: edit.file, span, edits: vec![edit] }),
        }
    }
    hunks
}

fn whole_lines(text: &str, span: Span) -> Span {
    let start = char_floor(text, span.start);
    let end = char_ceil(text, span.end);
    let from = text.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    if end > from && text.get(..end).is_some_and(|before| before.ends_with('\n')) {
        return Span::new(from, end);
    }
    let to = text.get(end..).and_then(|after| after.find('\n')).map_or(text.len(), |at| end + at + 1);
    Span::new(from, to)
}

fn patched(hunk: &Hunk<'_>, text: &str) -> String {
    let mut out = String::new();
    let mut at = hunk.span.start;
    for edit in &hunk.edits {
        out.push_str(text.get(at..edit.span.start).unwrap_or(""));
        out.push_str(&edit.text);
        at = edit.span.end.max(at);
    }
    out.push_str(text.get(at..hunk.span.end).unwrap_or(""));
    out
}

/// The lines of both texts without those that they share at the start and at the end.
fn without_common_lines<'a>(old: &'a str, new: &'a str) -> (Vec<&'a str>, Vec<&'a str>) {
    let (mut old, mut new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    old.drain(..head);
    new.drain(..head);
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    old.truncate(old.len() - tail);
    new.truncate(new.len() - tail);
    (old, new)
}

fn clean(line: &str) -> String {
    let mut out: String = line.chars().take(COLUMNS).map(|c| if c == '\t' { ' ' } else { sanitize_char(c) }).collect();
    if line.chars().nth(COLUMNS).is_some() {
        out.push('…');
    }
    out
}
