//! Adding keys, items and documents.

use super::check::check;
use super::locate::{Page, Step, document_at, locate};
use super::tree::Tree;
use super::value::replacement;
use super::write::{self, Look};
use crate::diagnostic::Edit;
use crate::fix::area::{line_end, line_start, next_line};
use crate::fix::build::{Arguments, Workshop};
use crate::source::{FileId, Location, Span};
use crate::syntax::yaml::{Document, Kind, NodeRef, Style};

type Changes = Vec<(Span, String)>;

/// Adds to a mapping or list what the argument `yaml` has and it has not: the innermost one around the place that is of
/// the argument's kind. A place on a key means its value too. New keys come behind the entry at the place.
pub(in crate::fix) fn merge(workshop: &Workshop<'_>, at: Location, arguments: &Arguments<'_>) -> Option<Vec<Edit>> {
    merged(workshop, at, &Tree::argument(arguments)?)
}

/// The same for a patch that is given as a text.
pub(in crate::fix) fn add_at(workshop: &Workshop<'_>, at: Location, patch: &str) -> Option<Vec<Edit>> {
    merged(workshop, at, &Tree::parse(patch)?)
}

fn merged(workshop: &Workshop<'_>, at: Location, patch: &Tree) -> Option<Vec<Edit>> {
    let kind = collection(patch)?;
    let read = workshop.yaml_at(at)?;
    let page = document_at(workshop, &read, at)?;
    let found = locate(page.document.root(), at.span);
    let depth = found.line.iter().rposition(|node| node.kind() == kind)?;
    let (target, path) = (*found.line.get(depth)?, found.path.get(..depth)?);
    into(workshop, page, (target, path), found.path.get(depth), patch)
}

const fn collection(tree: &Tree) -> Option<Kind> {
    match tree {
        Tree::Map(_) => Some(Kind::Map),
        Tree::Seq(_) => Some(Kind::Seq),
        _ => None,
    }
}

/// Adds a copy of the list item around a place in which the keys of the argument `yaml` have other values, and without
/// the key `without-text` where its value is a text (a name that belongs to the original).
pub(in crate::fix) fn copy_item(workshop: &Workshop<'_>, at: Location, arguments: &Arguments<'_>) -> Option<Vec<Edit>> {
    let patch = Tree::argument(arguments).filter(|patch| collection(patch) == Some(Kind::Map))?;
    let read = workshop.yaml_at(at)?;
    let page = document_at(workshop, &read, at)?;
    let found = locate(page.document.root(), at.span);
    let depth = found.path.iter().rposition(|step| matches!(step, Step::Index(_)))?;
    let (list, path) = (*found.line.get(depth)?, found.path.get(..depth)?);
    let mut copy = Tree::of(*found.line.get(depth + 1)?).filter(|copy| collection(copy) == Some(Kind::Map))?;
    copy.merge(&patch);
    if let (Tree::Map(entries), Some(name)) = (&mut copy, arguments.get("without-text")) {
        entries.retain(|(key, value)| key != name || !matches!(value, Tree::Str(_)));
    }
    into(workshop, page, (list, path), None, &Tree::Seq(vec![copy]))
}

/// Adds keys to the mapping at the root of a file's first document.
pub(in crate::fix) fn add_to_root(workshop: &Workshop<'_>, file: FileId, patch: &str) -> Option<Vec<Edit>> {
    let patch = Tree::parse(patch)?;
    let read = workshop.yaml(file);
    let page = Page { file, document: read.documents.first()?, read: &read };
    into(workshop, page, (page.document.root(), &[]), None, &patch)
}

/// The keys of a mapping in lines, for a text that has none yet.
pub(in crate::fix) fn lines(patch: &str) -> Option<String> {
    let Tree::Map(entries) = Tree::parse(patch)? else { return None };
    let look = Look { list: 2, json: false };
    entries.iter().map(|(key, value)| write::entry(key, value, 0, look)).collect()
}

fn into(
    workshop: &Workshop<'_>,
    page: Page<'_>,
    (target, path): (NodeRef<'_>, &[Step]),
    beside: Option<&Step>,
    patch: &Tree,
) -> Option<Vec<Edit>> {
    let text: &str = &workshop.snapshot.file(page.file).text;
    let mut tree = Tree::of(page.document.root())?;
    tree.at_mut(path)?.merge(patch);
    let look = look(page.document, text);
    let mut changes = Vec::new();
    grow(target, patch, beside, text, look, &mut changes)?;
    let eol = line_end(text);
    let changes = changes.into_iter().map(|(span, new)| (span, new.replace('\n', eol))).collect();
    check(workshop, page, changes, &tree)
}

/// How the document writes lists and texts.
fn look(document: &Document, text: &str) -> Look {
    let json = text.get(document.root().span().start..).is_some_and(|rest| rest.starts_with('{'))
        && document.root().pairs().next().is_some_and(|(key, _)| key.style() == Style::DoubleQuoted);
    let column = |at: usize| at - line_start(text, at);
    let mut open = vec![document.root()];
    // breadth is bounded: the first lists of a document show its habit
    for _ in 0..256 {
        let Some(node) = open.pop() else { break };
        if node.is_alias() {
            continue;
        }
        for (key, value) in node.pairs() {
            if value.kind() == Kind::Seq && value.style() == Style::Block && !value.is_alias() {
                let (list, key) = (column(value.span().start), column(key.span().start));
                return Look { list: list.saturating_sub(key).min(4), json };
            }
        }
        open.extend(node.pairs().map(|(_, value)| value).chain(node.items()).take(64));
    }
    Look { list: 2, json }
}

fn grow(
    node: NodeRef<'_>,
    patch: &Tree,
    beside: Option<&Step>,
    text: &str,
    look: Look,
    changes: &mut Changes,
) -> Option<()> {
    if node.is_alias() {
        return None;
    }
    match (patch, node.kind()) {
        (Tree::Map(new), Kind::Map) => grow_map(node, new, beside, text, look, changes),
        (Tree::Seq(new), Kind::Seq) => {
            let known: Vec<Tree> = node.items().map(Tree::of).collect::<Option<_>>()?;
            let new: Vec<&Tree> = new.iter().filter(|item| !known.iter().any(|own| own.same(item))).collect();
            if !new.is_empty() {
                changes.push(append(node, &new, text, look)?);
            }
            Some(())
        }
        (Tree::Map(_) | Tree::Seq(_), Kind::Null) => {
            changes.push(fill(node, patch, text, look)?);
            Some(())
        }
        (Tree::Map(_) | Tree::Seq(_), _) | (_, Kind::Map | Kind::Seq) => None,
        (scalar, _) => {
            if !Tree::of(node)?.same(scalar) {
                changes.push(replacement(node, scalar, text)?);
            }
            Some(())
        }
    }
}

fn grow_map(
    node: NodeRef<'_>,
    new: &[(String, Tree)],
    beside: Option<&Step>,
    text: &str,
    look: Look,
    changes: &mut Changes,
) -> Option<()> {
    let mut missing = Vec::new();
    for (key, value) in new {
        let own = node.entries().find(|entry| entry.name().is_some_and(|name| name == *key));
        match own {
            Some(own) if own.merged => return None,
            Some(own) => grow(own.value, value, None, text, look, changes)?,
            None => missing.push((key.as_str(), value)),
        }
    }
    if missing.is_empty() {
        return Some(());
    }
    let entries: Vec<(NodeRef<'_>, NodeRef<'_>)> = node.pairs().collect();
    let is_beside =
        |key: NodeRef<'_>| matches!((beside, key.key_text()), (Some(Step::Key(name)), Some(own)) if own == *name);
    let one_line = |span: Span| !span.text(text).contains('\n');
    let near = entries.iter().find(|(key, value)| is_beside(*key) && one_line(key.span().join(value.span())));
    let anchor = near.or_else(|| entries.last());
    if node.style() == Style::Flow {
        changes.push(grow_flow_map(node, &missing, anchor, text, look)?);
        return Some(());
    }
    let (key, value) = anchor?;
    let (first, _) = entries.first()?;
    let column = blanks_before(text, first.span().start)?;
    let lines: String =
        missing.iter().map(|(key, value)| write::entry(key, value, column, look)).collect::<Option<_>>()?;
    changes.push(behind_line(text, key.span().end.max(value.span().end), &lines)?);
    Some(())
}

fn grow_flow_map(
    node: NodeRef<'_>,
    missing: &[(&str, &Tree)],
    anchor: Option<&(NodeRef<'_>, NodeRef<'_>)>,
    text: &str,
    look: Look,
) -> Option<(Span, String)> {
    let json = look.json || anchor.is_some_and(|(key, _)| key.style() == Style::DoubleQuoted);
    let entry = |(key, value): &(&str, &Tree)| {
        Some(format!("{}: {}", write::text(key, json, true)?, write::flow(value, json)?))
    };
    let written: Vec<String> = missing.iter().map(entry).collect::<Option<_>>()?;
    let Some((key, value)) = anchor else {
        let at = node.span().start + 1;
        return Some((Span::new(at, at), written.join(", ")));
    };
    let at = key.span().end.max(value.span().end);
    let line = text.get(line_start(text, key.span().start)..key.span().start)?;
    let between = if line.trim().is_empty() { format!(",\n{line}") } else { ", ".to_owned() };
    Some((Span::new(at, at), written.iter().map(|entry| format!("{between}{entry}")).collect()))
}

/// Column of a key or dash; `None` where something other than blanks and dashes stands before it.
fn blanks_before(text: &str, at: usize) -> Option<usize> {
    let before = text.get(line_start(text, at)..at)?;
    let before = before.strip_prefix('\u{feff}').unwrap_or(before);
    before.bytes().all(|byte| matches!(byte, b' ' | b'-')).then_some(before.len())
}

/// Lines behind the line on which something ends; nothing but a comment may follow it there.
fn behind_line(text: &str, end: usize, lines: &str) -> Option<(Span, String)> {
    let next = next_line(text, end);
    let rest = text.get(end..next)?.trim();
    if !rest.is_empty() && !rest.starts_with('#') {
        return None;
    }
    let at = Span::new(next, next);
    if text.get(..next)?.ends_with('\n') {
        return Some((at, lines.to_owned()));
    }
    Some((at, format!("\n{}", lines.strip_suffix('\n').unwrap_or(lines))))
}

fn append(list: NodeRef<'_>, new: &[&Tree], text: &str, look: Look) -> Option<(Span, String)> {
    let items: Vec<NodeRef<'_>> = list.items().collect();
    if list.style() == Style::Flow {
        let json = look.json || items.last().is_some_and(|item| item.style() == Style::DoubleQuoted);
        let written: Vec<String> = new.iter().map(|item| write::flow(item, json)).collect::<Option<_>>()?;
        let Some(last) = items.last() else {
            let at = list.span().start + 1;
            return Some((Span::new(at, at), written.join(", ")));
        };
        let (start, end) = (last.span().start, last.span().end);
        let line = text.get(line_start(text, start)..start)?;
        let between = if line.trim().is_empty() { format!(",\n{line}") } else { ", ".to_owned() };
        return Some((Span::new(end, end), written.iter().map(|item| format!("{between}{item}")).collect()));
    }
    let column = blanks_before(text, list.span().start)?;
    let lines: String = new.iter().map(|item| write::item(item, column, look)).collect::<Option<_>>()?;
    behind_line(text, items.last()?.span().end, &lines)
}

/// Items behind one item of a list.
pub(super) fn behind_item(list: NodeRef<'_>, item: NodeRef<'_>, new: &[&str], text: &str) -> Option<Changes> {
    if new.is_empty() {
        return Some(Vec::new());
    }
    if list.style() == Style::Flow {
        let json = item.style() == Style::DoubleQuoted;
        let written: Vec<String> = new.iter().map(|part| write::text(part, json, true)).collect::<Option<_>>()?;
        let end = item.span().end;
        return Some(vec![(Span::new(end, end), written.iter().map(|part| format!(", {part}")).collect())]);
    }
    let column = blanks_before(text, list.span().start)?;
    let look = Look { list: 0, json: false };
    let lines: String =
        new.iter().map(|part| write::item(&Tree::Str((*part).to_owned()), column, look)).collect::<Option<_>>()?;
    let (span, lines) = behind_line(text, item.span().end, &lines)?;
    Some(vec![(span, lines.replace('\n', line_end(text)))])
}

/// A collection for a key whose value is left out or null.
fn fill(node: NodeRef<'_>, patch: &Tree, text: &str, look: Look) -> Option<(Span, String)> {
    let in_flow = node.parent().is_some_and(|parent| parent.style() == Style::Flow);
    let key = node.key()?;
    if in_flow || !node.span().is_empty() {
        let new = write::flow(patch, look.json)?;
        let glued = node.span().is_empty();
        return Some((node.span(), if glued { format!(" {new}") } else { new }));
    }
    let column = blanks_before(text, key.span().start)?;
    let lines: String = match patch {
        Tree::Map(entries) => {
            entries.iter().map(|(key, value)| write::entry(key, value, column + 2, look)).collect::<Option<_>>()?
        }
        Tree::Seq(items) => {
            items.iter().map(|item| write::item(item, column + look.list, look)).collect::<Option<_>>()?
        }
        _ => return None,
    };
    behind_line(text, node.span().end, &lines)
}

/// Adds the argument `yaml` as a document at the end of the file that holds the place.
pub(in crate::fix) fn add_document(
    workshop: &Workshop<'_>,
    at: Location,
    arguments: &Arguments<'_>,
) -> Option<Vec<Edit>> {
    let Tree::Map(entries) = Tree::argument(arguments)? else { return None };
    let text: &str = &workshop.snapshot.file(at.file).text;
    let parsed = workshop.yaml(at.file);
    let last = parsed.documents.last()?;
    let look = look(last, text);
    // JSON and what ends with a separator already take no further document behind it
    let closed = look.json || !parsed.errors.is_empty() || text.trim_end().ends_with("---");
    if closed || !workshop.spend(text.len()) {
        return None;
    }
    let body: String = entries.iter().map(|(key, value)| write::entry(key, value, 0, look)).collect::<Option<_>>()?;
    let new = if text.ends_with('\n') { format!("---\n{body}") } else { format!("\n---\n{}", body.trim_end()) };
    let new = new.replace('\n', line_end(text));
    let after = crate::syntax::yaml::parse(&format!("{text}{new}"));
    let same = |(before, after): (&Document, &Document)| match (Tree::of(before.root()), Tree::of(after.root())) {
        (Some(before), Some(after)) => before.same(&after),
        _ => false,
    };
    let right = after.errors.is_empty()
        && after.documents.len() == parsed.documents.len() + 1
        && parsed.documents.iter().zip(&after.documents).all(same);
    let edit = Edit { file: at.file, span: Span::new(text.len(), text.len()), text: new };
    right.then(|| vec![edit])
}
