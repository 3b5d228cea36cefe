//! A text that can be edited: a file, or a scalar inside a YAML file with its own indentation and escapes.

use super::apply::apply_spans;
use super::build::Workshop;
use super::yaml::{self, Step};
use crate::diagnostic::Edit;
use crate::source::{FileId, FileKind, Location, Span, TextMap};
use crate::syntax::yaml::{NodeRef, Style};

/// How the text stands in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    /// As it is; each line after so many blanks.
    Lines { indent: String },
    /// Between `"`.
    Double,
    /// Between `'`.
    Single,
    /// Without quotes, on one line.
    Plain,
}

/// A text with its place in a file. Offsets of the text and of the file are different things.
pub(super) struct Area<'a> {
    workshop: &'a Workshop<'a>,
    file: FileId,
    raw: &'a str,
    /// The text as programs read it.
    pub text: String,
    map: TextMap,
    form: Form,
    /// The scalar that holds it: a place in its YAML document, and the steps from the root.
    scalar: Option<(Location, Vec<Step>)>,
}

/// Whether the file is read as YAML (JSON too).
pub(super) const fn is_yaml(kind: FileKind) -> bool {
    matches!(
        kind,
        FileKind::KubeletConfig
            | FileKind::K3sConfig
            | FileKind::Manifest
            | FileKind::AnsibleVars
            | FileKind::RkeClusterYml
            | FileKind::Netplan
    )
}

/// The line end that the file uses.
pub(super) fn line_end(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text.get(..at).is_some_and(|line| line.ends_with('\r')) => "\r\n",
        _ => "\n",
    }
}

/// Offset of the start of the line that holds `at`.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |found| found + 1)
}

/// Offset behind the line that holds `at`, its line feed included.
pub(super) fn next_line(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|rest| rest.find('\n')).map_or(text.len(), |found| at + found + 1)
}

impl<'a> Area<'a> {
    /// The innermost text around a place; `None` for what is neither a plain file nor inside a scalar.
    pub(super) fn around(workshop: &'a Workshop<'a>, at: Location) -> Option<Self> {
        let file = workshop.snapshot.file(at.file);
        let raw: &'a str = &file.text;
        if !is_yaml(file.kind) {
            if !workshop.spend(raw.len()) {
                return None;
            }
            let form = Form::Lines { indent: String::new() };
            let map = TextMap::identity(0, raw.len());
            return Some(Self { workshop, file: at.file, raw, text: raw.to_owned(), map, form, scalar: None });
        }
        let read = workshop.yaml_at(at)?;
        let page = yaml::document_at(workshop, &read, at)?;
        let found = yaml::locate(page.document.root(), at.span);
        let scalar = Some((at, found.path));
        (!found.on_key).then(|| Self::of_scalar(workshop, at.file, raw, found.node, scalar))?
    }

    fn of_scalar(
        workshop: &'a Workshop<'a>,
        file: FileId,
        raw: &'a str,
        node: NodeRef<'_>,
        scalar: Option<(Location, Vec<Step>)>,
    ) -> Option<Self> {
        if node.is_alias() {
            return None;
        }
        let text = node.scalar_text()?.to_owned();
        let map = node.text_map();
        let form = match node.style() {
            Style::Literal => Form::Lines { indent: indent_of(raw, &text, &map)? },
            Style::DoubleQuoted => Form::Double,
            Style::SingleQuoted => Form::Single,
            Style::Plain if !text.contains('\n') => Form::Plain,
            _ => return None,
        };
        Some(Self { workshop, file, raw, text, map, form, scalar })
    }

    /// The span of the text that stands at a span of the file.
    pub(super) fn decoded(&self, span: Span) -> Option<Span> {
        let offset = |at: usize| {
            let offsets = 0..=self.map.decoded_len();
            let (mut low, mut high) = (*offsets.start(), *offsets.end());
            while low < high {
                let middle = usize::midpoint(low, high);
                if self.map.offset(middle) < at { low = middle + 1 } else { high = middle }
            }
            low
        };
        let found = Span::new(offset(span.start), offset(span.end));
        self.text.get(found.start..found.end)?;
        Some(found)
    }

    /// The edits of the file that replace spans of the text; `None` where that would change anything else.
    pub(super) fn edits(&self, changes: &[(Span, String)]) -> Option<Vec<Edit>> {
        let changes: Vec<(Span, String)> =
            changes.iter().map(|(span, text)| (*span, self.with_own_line_ends(text))).collect();
        let wanted: Vec<(Span, &str)> = changes.iter().map(|(span, text)| (*span, text.as_str())).collect();
        let expected = apply_spans(&self.text, &wanted)?;
        let edits: Vec<Edit> = changes.iter().map(|(span, text)| self.edit(*span, text)).collect::<Option<_>>()?;
        match &self.scalar {
            None => {
                let plain = |text: &str| text.replace("\r\n", "\n");
                let now = super::apply_edits(self.raw, &edits)?;
                (plain(&now) == plain(&expected)).then_some(edits)
            }
            Some((at, path)) => yaml::changes_only(self.workshop, *at, path, &expected, &edits).then_some(edits),
        }
    }

    /// The key under which the text stands in its YAML file; the file's name where it is a file.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.scalar {
            Some((_, path)) => match path.last()? {
                Step::Key(name) => Some(name),
                Step::Index(_) => None,
            },
            None => self.workshop.snapshot.file(self.file).path.rsplit('/').next(),
        }
    }

    /// The edits of the file that give the key of the text another name and the text itself other lines.
    pub(super) fn rewritten(&self, name: &str, text: &str) -> Option<Vec<Edit>> {
        let (_, path) = self.scalar.as_ref()?;
        let ended = self.text.ends_with('\n');
        let text = if ended { text.to_owned() } else { text.trim_end_matches('\n').to_owned() };
        let text = self.with_own_line_ends(&text);
        let edit = self.edit(Span::new(0, self.text.len()), &text)?;
        yaml::renamed_with(self.workshop, self.location(), path, name, &text, edit)
    }

    /// The edits that take the text away with its key.
    pub(super) fn without_entry(&self) -> Option<Vec<Edit>> {
        self.scalar.as_ref()?;
        yaml::remove(self.workshop, self.location(), false, 0)
    }

    /// Where the text begins: a place inside its scalar, which ends before its last line feed.
    pub(super) fn location(&self) -> Location {
        let start = self.map.offset(0);
        Location::new(self.file, Span::new(start, start))
    }

    /// A new text with the line ends that are written out in a quoted one; elsewhere they are those of the file.
    fn with_own_line_ends(&self, text: &str) -> String {
        let text = text.replace("\r\n", "\n");
        if self.form == Form::Double { text.replace('\n', line_end(&self.text)) } else { text }
    }

    fn edit(&self, span: Span, text: &str) -> Option<Edit> {
        let (span, text) = match &self.form {
            Form::Lines { indent } => self.in_lines(span, text, indent),
            Form::Double => (self.place(span), yaml::escape_double(text)?),
            Form::Single if !text.contains(['\n', '\r']) => (self.place(span), text.replace('\'', "''")),
            Form::Plain if !text.contains(['\n', '\r']) => (self.place(span), text.to_owned()),
            Form::Single | Form::Plain => return None,
        };
        Some(Edit { file: self.file, span, text })
    }

    /// Where a span of the text stands in the file.
    fn place(&self, span: Span) -> Span {
        self.map.span(span)
    }

    /// Whole lines keep the indentation of their neighbours out of the edit; inside a line the place is exact.
    fn in_lines(&self, span: Span, text: &str, indent: &str) -> (Span, String) {
        let eol = line_end(self.raw);
        let starts_line = |at: usize| at == 0 || self.text.as_bytes().get(at - 1) == Some(&b'\n');
        let end = self.text.len();
        let whole = starts_line(span.start)
            && (starts_line(span.end) || span.end == end)
            && (text.is_empty() || text.ends_with('\n'));
        if !whole {
            let text = text.replace("\r\n", "\n").replace('\n', &format!("{eol}{indent}"));
            return (self.place(span), text);
        }
        let raw_start = |at: usize| {
            if at == end { self.map.offset(end) } else { line_start(self.raw, self.map.offset(at)) }
        };
        let place = Span::new(raw_start(span.start), raw_start(span.end));
        let mut new = String::new();
        for line in text.lines() {
            if !line.is_empty() {
                new.push_str(indent);
                new.push_str(line);
            }
            new.push_str(eol);
        }
        let open = place.start > 0 && self.raw.as_bytes().get(place.start - 1) != Some(&b'\n');
        if open && !new.is_empty() {
            // the last line of the file has no line end, and keeps none
            new.truncate(new.len() - eol.len());
            new.insert_str(0, eol);
        }
        (place, new)
    }

    /// The line around an offset of the text, its line feed included.
    pub(super) fn line(&self, at: usize) -> Span {
        Span::new(line_start(&self.text, at), next_line(&self.text, at))
    }
}

/// The blanks before the lines of a block text.
fn indent_of(raw: &str, text: &str, map: &TextMap) -> Option<String> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if !line.trim().is_empty() {
            let place = map.offset(at);
            let indent = raw.get(line_start(raw, place)..place)?;
            return indent.bytes().all(|byte| byte == b' ').then(|| indent.to_owned());
        }
        at += line.len();
    }
    None
}
