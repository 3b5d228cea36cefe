//! Source frames: the marked lines of each file, with the labels under them in evidence order.
//!
//! Why not miette's `GraphicalReportHandler`: with the labels of one finding spread over several files it prints the
//! help between the frames, gives each further file a headline of its own, names the first span by offset instead of
//! the primary one in the frame's header, and reads each file anew for every finding. Evidence has to read as one
//! argument, so frames are drawn here in rustc's layout: one block, `-->` at the place to edit, `:::` at the others.

use super::sanitize::{sanitize_char, sanitize_line};
use super::style::{Painter, Style};
use crate::diagnostic::{Diagnostic, Files, Label, char_ceil, char_floor};
use crate::source::FileId;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use unicode_width::UnicodeWidthChar as _;

/// Spaces that stand for a tab.
const TAB: &str = "    ";

/// Labels from which on they are numbered.
const NUMBERED_FROM: usize = 3;

/// A label on one line.
struct Mark {
    /// Byte range in the line.
    from: usize,
    to: usize,
    text: String,
    primary: bool,
}

/// A line with its marks.
struct MarkedLine<'a> {
    text: &'a str,
    /// Offset of the next line, if there is one.
    next: Option<usize>,
    marks: Vec<Mark>,
}

/// One file's part of a finding.
struct Frame<'a> {
    file: FileId,
    /// Offset named in the header.
    at: usize,
    primary: bool,
    lines: BTreeMap<usize, MarkedLine<'a>>,
}

/// Draws frames.
pub struct FrameWriter<'a> {
    /// The files that labels point into.
    pub files: &'a dyn Files,
    /// Colours.
    pub painter: Painter,
    /// Columns of source text before a line is cropped.
    pub width: usize,
}

impl FrameWriter<'_> {
    /// Appends all frames of `diagnostic` and returns the width of the line numbers, for what follows.
    pub fn write(&self, diagnostic: &Diagnostic, out: &mut String) -> usize {
        let frames = self.frames(diagnostic);
        let last = frames.iter().filter_map(|f| f.lines.last_key_value()).map(|(number, _)| *number).max();
        let gutter = last.unwrap_or(1).to_string().len();
        for (index, frame) in frames.iter().enumerate() {
            if index > 0 {
                self.write_rule(gutter, out);
            }
            self.write_frame(frame, diagnostic, gutter, out);
        }
        gutter
    }

    /// Groups the labels by file, in the order in which the evidence first names each file.
    fn frames(&self, diagnostic: &Diagnostic) -> Vec<Frame<'_>> {
        let mut frames: Vec<Frame<'_>> = Vec::new();
        let numbered = diagnostic.labels.len() >= NUMBERED_FROM;
        for (index, label) in diagnostic.labels.iter().enumerate() {
            let text = if numbered {
                format!("({}) {}", index + 1, sanitize_line(&label.text)).trim_end().to_owned()
            } else {
                sanitize_line(&label.text)
            };
            let file = label.location.file;
            let known = frames.iter().position(|f| f.file == file);
            let at = known.unwrap_or_else(|| {
                let at = label.location.span.start;
                frames.push(Frame { file, at, primary: false, lines: BTreeMap::new() });
                frames.len() - 1
            });
            if let Some(frame) = frames.get_mut(at) {
                self.add_label(frame, label, text);
            }
        }
        frames
    }

    fn add_label<'s>(&'s self, frame: &mut Frame<'s>, label: &Label, mut text: String) {
        let span = label.location.span;
        if label.primary {
            frame.primary = true;
            frame.at = span.start;
        }
        let source = self.files.text(frame.file);
        let number = self.files.position(frame.file, span.start).line;
        let bounds = LineBounds::around(source, span.start);
        let (from, to) = (bounds.offset_in(span.start), bounds.offset_in(span.end));
        if bounds.next.is_some_and(|next| span.end > next) {
            // The end is exclusive: a span that closes with a line break still ends on the line before.
            let last = self.files.position(frame.file, span.end.saturating_sub(1)).line;
            if last > number {
                let joint = if text.is_empty() { "" } else { " " };
                let _ = write!(text, "{joint}… through line {last}");
            }
        }
        let line = frame.lines.entry(number).or_insert_with(|| bounds.line());
        line.marks.push(Mark { from, to, text, primary: label.primary });
    }

    fn write_frame(&self, frame: &Frame<'_>, diagnostic: &Diagnostic, gutter: usize, out: &mut String) {
        let position = self.files.position(frame.file, frame.at);
        let path = sanitize_line(self.files.path(frame.file));
        let arrow = self.painter.paint(Style::Gutter, if frame.primary { "-->" } else { ":::" });
        let _ = writeln!(out, "{:gutter$}{arrow} {path}:{}:{}", "", position.line, position.column);
        if self.files.text(frame.file).is_empty() {
            return self.write_bare_labels(frame, diagnostic, gutter, out);
        }
        self.write_rule(gutter, out);
        let mut previous: Option<(usize, Option<usize>)> = None;
        for (number, line) in &frame.lines {
            if let Some((before, next)) = previous {
                self.write_gap(frame.file, before, next, *number, gutter, out);
            }
            self.write_line(*number, line, diagnostic, gutter, out);
            previous = Some((*number, line.next));
        }
    }

    /// The labels of a file without text: there is nothing to underline.
    fn write_bare_labels(&self, frame: &Frame<'_>, diagnostic: &Diagnostic, gutter: usize, out: &mut String) {
        for mark in frame.lines.values().flat_map(|l| &l.marks).filter(|m| !m.text.is_empty()) {
            let bar = self.painter.paint(Style::Gutter, "|");
            let _ = writeln!(out, "{:gutter$} {bar} {}", "", self.painter.paint(style(mark, diagnostic), &mark.text));
        }
    }

    /// An empty gutter, which parts frames from each other and from the notes.
    pub fn write_rule(&self, gutter: usize, out: &mut String) {
        let _ = writeln!(out, "{:gutter$} {}", "", self.painter.paint(Style::Gutter, "|"));
    }

    /// What stands between two marked lines: nothing, the one line, or an ellipsis.
    fn write_gap(
        &self,
        file: FileId,
        before: usize,
        next: Option<usize>,
        after: usize,
        gutter: usize,
        out: &mut String,
    ) {
        match (after - before, next) {
            (0 | 1, _) => {}
            (2, Some(start)) => {
                let line = LineBounds::around(self.files.text(file), start).line();
                self.write_source(before + 1, &crop(&line, self.width).text, gutter, out);
            }
            _ => {
                let _ = writeln!(out, "{}", self.painter.paint(Style::Gutter, "..."));
            }
        }
    }

    fn write_source(&self, number: usize, text: &str, gutter: usize, out: &mut String) {
        let head = self.painter.paint(Style::Gutter, &format!("{number:>gutter$} |"));
        let _ = writeln!(out, "{}", format!("{head} {text}").trim_end());
    }

    fn write_line(
        &self,
        number: usize,
        line: &MarkedLine<'_>,
        diagnostic: &Diagnostic,
        gutter: usize,
        out: &mut String,
    ) {
        let cropped = crop(line, self.width);
        self.write_source(number, &cropped.text, gutter, out);
        let placed: Vec<Placed<'_>> = line.marks.iter().map(|mark| cropped.place(mark, diagnostic)).collect();
        for row in label_rows(&placed) {
            let bar = self.painter.paint(Style::Gutter, "|");
            let _ = writeln!(out, "{:gutter$} {bar} {}", "", row.paint(self.painter));
        }
    }
}

fn style(mark: &Mark, diagnostic: &Diagnostic) -> Style {
    if mark.primary { Style::Severity(diagnostic.severity) } else { Style::Gutter }
}

/// The line around an offset, without its line ending.
struct LineBounds<'a> {
    text: &'a str,
    start: usize,
    next: Option<usize>,
}

impl<'a> LineBounds<'a> {
    fn around(source: &'a str, offset: usize) -> Self {
        let offset = char_floor(source, offset);
        let start = source.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let rest = source.get(start..).unwrap_or("");
        let end = rest.find('\n');
        let text = rest.get(..end.unwrap_or(rest.len())).unwrap_or("");
        Self { text: text.strip_suffix('\r').unwrap_or(text), start, next: end.map(|end| start + end + 1) }
    }

    fn offset_in(&self, offset: usize) -> usize {
        offset.saturating_sub(self.start).min(self.text.len())
    }

    fn line(&self) -> MarkedLine<'a> {
        MarkedLine { text: self.text, next: self.next, marks: Vec::new() }
    }
}

/// A line as it is shown, with the way from byte offsets to columns.
struct Cropped {
    text: String,
    /// Byte offset and column of each shown character, in order; then the end.
    columns: Vec<(usize, usize)>,
    end: usize,
}

/// A mark at its columns.
struct Placed<'m> {
    from: usize,
    to: usize,
    text: &'m str,
    glyph: char,
    style: Style,
}

impl Cropped {
    /// Column of a byte offset; what is cropped away counts as the nearest shown edge.
    fn column(&self, offset: usize) -> usize {
        let index = self.columns.partition_point(|(at, _)| *at < offset);
        self.columns.get(index).map_or(self.end, |(_, column)| *column)
    }

    fn place<'m>(&self, mark: &'m Mark, diagnostic: &Diagnostic) -> Placed<'m> {
        let from = self.column(mark.from);
        let to = self.column(mark.to).max(from + 1);
        let glyph = if mark.primary { '^' } else { '-' };
        Placed { from, to, text: &mark.text, glyph, style: style(mark, diagnostic) }
    }
}

/// What stands for one character of the source, and its width in columns.
fn cell(c: char) -> (Option<char>, usize) {
    if c == '\t' {
        return (None, TAB.len());
    }
    let shown = sanitize_char(c);
    (Some(shown), shown.width().unwrap_or(1))
}

/// Expands a line, and cuts a long one to `width` columns around its primary (or first) mark.
fn crop(line: &MarkedLine<'_>, width: usize) -> Cropped {
    let focus = line.marks.iter().find(|m| m.primary).or_else(|| line.marks.first()).map_or(0, |m| m.from);
    // No character shown is wider in bytes than four times its columns, except combining ones, which are cut too.
    let reach = width.saturating_mul(4);
    let start = char_floor(line.text, focus.saturating_sub(reach));
    let end = char_ceil(line.text, focus.saturating_add(reach));
    let part = line.text.get(start..end).unwrap_or("");
    let cells: Vec<(usize, Option<char>, usize)> = part
        .char_indices()
        .map(|(at, c)| {
            let (shown, columns) = cell(c);
            (start + at, shown, columns)
        })
        .collect();
    let total: usize = cells.iter().map(|(_, _, columns)| columns).sum();
    let before: usize = cells.iter().take_while(|(at, _, _)| *at < focus).map(|(_, _, columns)| columns).sum();
    let whole = total <= width && start == 0 && end == line.text.len();
    let left = if whole { 0 } else { before.saturating_sub(width / 3) };
    let window = if whole { 0..usize::MAX } else { left..left + width };
    draw(&cells, &window, start > 0 || left > 0, end < line.text.len())
}

fn draw(
    cells: &[(usize, Option<char>, usize)],
    window: &std::ops::Range<usize>,
    mut cut_left: bool,
    mut cut_right: bool,
) -> Cropped {
    let mut out = Cropped { text: String::new(), columns: Vec::new(), end: 0 };
    let mut column = 0;
    for (at, shown, columns) in cells {
        let next = column + columns;
        if column < window.start {
            cut_left = true;
        } else if next <= window.end {
            if std::mem::take(&mut cut_left) {
                out.text.push('…');
                out.end += 1;
            }
            out.columns.push((*at, out.end));
            out.end += columns;
            match shown {
                Some(c) => out.text.push(*c),
                None => out.text.push_str(TAB),
            }
        } else {
            cut_right = true;
            break;
        }
        column = next;
    }
    if cut_right {
        out.text.push('…');
    }
    out
}

/// A row under a source line.
#[derive(Default)]
struct Row {
    cells: Vec<(char, Style)>,
    text: String,
    text_style: Option<Style>,
}

impl Row {
    fn set(&mut self, column: usize, c: char, style: Style) {
        if self.cells.len() <= column {
            self.cells.resize(column + 1, (' ', Style::Plain));
        }
        if let Some(cell) = self.cells.get_mut(column) {
            *cell = (c, style);
        }
    }

    fn label(&mut self, column: usize, placed: &Placed<'_>) {
        self.cells.resize(column.max(self.cells.len()), (' ', Style::Plain));
        self.text = placed.text.to_owned();
        self.text_style = Some(placed.style);
    }

    fn paint(&self, painter: Painter) -> String {
        let mut out = String::new();
        for run in self.cells.chunk_by(|a, b| a.1 == b.1) {
            let text: String = run.iter().map(|(c, _)| *c).collect();
            out.push_str(&painter.paint(run.first().map_or(Style::Plain, |(_, style)| *style), &text));
        }
        out.push_str(&painter.paint(self.text_style.unwrap_or(Style::Plain), &self.text));
        out
    }
}

/// The underline, with the rightmost label on it where nothing is in the way, then the other labels from right to left.
fn label_rows(placed: &[Placed<'_>]) -> Vec<Row> {
    let mut underline = Row::default();
    for glyph in ['-', '^'] {
        for mark in placed.iter().filter(|m| m.glyph == glyph) {
            (mark.from..mark.to).for_each(|column| underline.set(column, glyph, mark.style));
        }
    }
    let mut hanging: Vec<&Placed<'_>> = placed.iter().filter(|m| !m.text.is_empty()).collect();
    hanging.sort_by_key(|m| std::cmp::Reverse(m.from));
    let clear = hanging.split_first().is_some_and(|(first, rest)| rest.iter().all(|m| m.to <= first.from));
    if clear {
        let first = hanging.remove(0);
        underline.label(underline.cells.len() + 1, first);
    }
    let mut rows = vec![underline];
    if !hanging.is_empty() {
        rows.push(stems(&hanging, usize::MAX));
    }
    for (index, mark) in hanging.iter().enumerate() {
        let mut row = stems(hanging.get(index + 1..).unwrap_or(&[]), mark.from);
        row.label(mark.from, mark);
        rows.push(row);
    }
    rows
}

/// A `|` for each label that still waits, left of `limit`.
fn stems(waiting: &[&Placed<'_>], limit: usize) -> Row {
    let mut row = Row::default();
    for mark in waiting.iter().filter(|m| m.from < limit) {
        row.set(mark.from, '|', mark.style);
    }
    row
}
