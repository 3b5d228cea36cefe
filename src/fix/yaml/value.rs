//! Another value, another key: edits inside one scalar.

use super::check::check;
use super::locate::{Step, document_at, locate, page_at};
use super::tree::Tree;
use super::write;
use crate::diagnostic::Edit;
use crate::fix::area::{Area, is_yaml, next_line};
use crate::fix::build::Workshop;
use crate::source::{Location, Span};
use crate::syntax::yaml::{Kind, NodeRef, Style};

/// Writes another value at a place: a whole scalar with the quotes that it needs, or a part of a text.
///
/// A place that covers a key and its value means the value. With `if_is`, the text there must be that one.
pub(in crate::fix) fn set_value(
    workshop: &Workshop<'_>,
    at: Location,
    value: &str,
    if_is: Option<&str>,
) -> Option<Vec<Edit>> {
    let file = workshop.snapshot.file(at.file);
    if is_yaml(file.kind)
        && let Some(edits) = whole_scalar(workshop, at, value, if_is)
    {
        return Some(edits);
    }
    let area = Area::around(workshop, at)?;
    let span = area.decoded(at.span)?;
    let old = span.text(&area.text);
    // a flag may be marked with its name: only the value is meant
    let (span, old) = match old.split_once('=').filter(|(name, _)| name.starts_with("--")) {
        Some((name, value)) => (Span::new(span.start + name.len() + 1, span.end), value),
        None => (span, old),
    };
    let quoted = |quote: char| old.len() > 1 && old.starts_with(quote) && old.ends_with(quote);
    let inner = quoted('"') || quoted('\'');
    let span = if inner { Span::new(span.start + 1, span.end - 1) } else { span };
    let old = span.text(&area.text);
    let one_word = |text: &str| !text.is_empty() && !text.contains([' ', '\t', '\n', '"', '\'', '\\', '$', '%']);
    if if_is.is_some_and(|wanted| wanted != old) || !one_word(value) || old.contains(['\n', '"', '\'']) {
        return None;
    }
    area.edits(&[(span, value.to_owned())])
}

fn whole_scalar(workshop: &Workshop<'_>, at: Location, value: &str, if_is: Option<&str>) -> Option<Vec<Edit>> {
    let read = workshop.yaml_at(at)?;
    let page = document_at(workshop, &read, at)?;
    let found = locate(page.document.root(), at.span);
    let content = content_span(found.node);
    let whole = found.on_key || at.span.covers(content);
    let old = found.node.scalar_text()?;
    if !whole || found.node.is_alias() || if_is.is_some_and(|wanted| wanted != old) {
        return None;
    }
    let tree_value = if found.node.kind() == Kind::Scalar && found.node.as_str().is_none() {
        // a number or a truth value stays one
        Tree::parse(value)?
    } else {
        Tree::Str(value.to_owned())
    };
    let mut tree = Tree::of(page.document.root())?;
    *tree.at_mut(&found.path)? = tree_value.clone();
    let text = &workshop.snapshot.file(at.file).text;
    let edit = replacement(found.node, &tree_value, text)?;
    check(workshop, page, vec![edit], &tree)
}

/// The bytes of a scalar without its quotes.
fn content_span(node: NodeRef<'_>) -> Span {
    let span = node.span();
    match node.style() {
        Style::SingleQuoted | Style::DoubleQuoted => Span::new(span.start + 1, span.end.saturating_sub(1)),
        _ => span,
    }
}

/// The edit that writes a scalar in place of another, in its style where that can hold it.
pub(super) fn replacement(node: NodeRef<'_>, value: &Tree, text: &str) -> Option<(Span, String)> {
    let span = node.span();
    let in_flow = node.parent().is_some_and(|parent| parent.style() == Style::Flow);
    let new = match (value, node.style()) {
        (Tree::Str(value), Style::DoubleQuoted) => format!("\"{}\"", write::escape_double(value)?),
        (Tree::Str(value), Style::SingleQuoted) if !value.contains(['\n', '\r']) => {
            format!("'{}'", value.replace('\'', "''"))
        }
        (Tree::Str(value), Style::Literal | Style::Folded) if node.scalar_text() == Some("") => {
            return Some((block_header(node, text)?, write::text(value, false, false)?));
        }
        (_, Style::Literal | Style::Folded) => return None,
        (Tree::Str(value), _) => write::text(value, false, in_flow)?,
        (other, _) => write::flow(other, false)?,
    };
    // a value that is left out stands right behind its colon or dash
    let glued = span.is_empty() && span.start.checked_sub(1).is_some_and(|at| text.as_bytes().get(at) != Some(&b' '));
    Some((span, if glued { format!(" {new}") } else { new }))
}

/// The sign of a text in lines, behind the colon and before a comment.
fn block_header(node: NodeRef<'_>, text: &str) -> Option<Span> {
    let behind = node.key()?.span().end;
    let line = text.get(behind..)?.lines().next()?;
    let colon = line.find(':')?;
    let header = line.get(colon + 1..)?.split(" #").next().unwrap_or("");
    let start = behind + colon + 1 + (header.len() - header.trim_start().len());
    Some(Span::new(start, start + header.trim().len()))
}

/// Gives the key at a place (or the key of the value there) another name.
pub(in crate::fix) fn rename(workshop: &Workshop<'_>, at: Location, to: &str) -> Option<Vec<Edit>> {
    let read = workshop.yaml_at(at)?;
    let page = document_at(workshop, &read, at)?;
    let found = locate(page.document.root(), at.span);
    let key = found.node.key()?;
    let depth = found.path.iter().rposition(|step| matches!(step, Step::Key(_)))?;
    let (Step::Key(old), parent) = (found.path.get(depth)?, found.path.get(..depth)?) else { return None };
    let mut tree = Tree::of(page.document.root())?;
    let Tree::Map(entries) = tree.at_mut(parent)? else { return None };
    if entries.iter().any(|(name, _)| name == to) {
        return None;
    }
    entries.iter_mut().find(|(name, _)| name == old)?.0 = to.to_owned();
    let text = &workshop.snapshot.file(at.file).text;
    let edit = replacement(key, &Tree::Str(to.to_owned()), text)?;
    check(workshop, page, vec![edit], &tree)
}

/// Checks the edit of a text together with another name for its key.
pub(in crate::fix) fn renamed_with(
    workshop: &Workshop<'_>,
    at: Location,
    path: &[Step],
    to: &str,
    text: &str,
    edit: Edit,
) -> Option<Vec<Edit>> {
    let read = workshop.yaml_at(at)?;
    let page = page_at(&read, at)?;
    let (last, parent) = path.split_last()?;
    let Step::Key(old) = last else { return None };
    let mut tree = Tree::of(page.document.root())?;
    let Tree::Map(entries) = tree.at_mut(parent)? else { return None };
    if old != to && entries.iter().any(|(name, _)| name == to) {
        return None;
    }
    let entry = entries.iter_mut().find(|(name, _)| name == old)?;
    *entry = (to.to_owned(), Tree::Str(text.to_owned()));
    let mut edits = vec![(edit.span, edit.text)];
    if old != to {
        let key = locate(page.document.root(), at.span).node.key()?;
        edits.push(replacement(key, &Tree::Str(to.to_owned()), &workshop.snapshot.file(at.file).text)?);
    }
    check(workshop, page, edits, &tree)
}

/// Writes a text whose lines YAML joins as a block behind `|`, so that they stay lines.
pub(in crate::fix) fn block_text(workshop: &Workshop<'_>, at: Location) -> Option<Vec<Edit>> {
    let read = workshop.yaml_at(at)?;
    let page = document_at(workshop, &read, at)?;
    let found = locate(page.document.root(), at.span);
    let (key, span) = (found.node.key()?, found.node.span());
    let text: &str = &workshop.snapshot.file(at.file).text;
    let colon = key.span().end + text.get(key.span().end..)?.find(':')?;
    let header = Span::new(colon + 1, next_line(text, colon));
    let edit = match found.node.style() {
        Style::Plain if header.text(text).trim().is_empty() => (Span::new(colon + 1, colon + 1), " |".to_owned()),
        Style::Folded => {
            let sign = colon + 1 + header.text(text).find('>')?;
            (Span::new(sign, sign + 1), "|".to_owned())
        }
        _ => return None,
    };
    let last = span.end.saturating_sub(usize::from(span.end > span.start));
    let body = text.get(header.end..next_line(text, last))?.replace("\r\n", "\n");
    let indent = body.lines().find(|line| !line.trim().is_empty()).map(|line| line.len() - line.trim_start().len())?;
    let lines: String = body.lines().map(|line| format!("{}\n", line.get(indent..).unwrap_or(""))).collect();
    let mut tree = Tree::of(page.document.root())?;
    *tree.at_mut(&found.path)? = Tree::Str(format!("{}\n", lines.trim_end_matches('\n')));
    check(workshop, page, vec![edit], &tree)
}

/// Takes one item of a list apart: `into` separated by commas and blanks.
pub(in crate::fix) fn split(workshop: &Workshop<'_>, at: Location, into: &str) -> Option<Vec<Edit>> {
    let parts: Vec<&str> = into.split([',', ' ']).filter(|part| !part.is_empty()).collect();
    let file = workshop.snapshot.file(at.file);
    let in_list = || {
        let read = workshop.yaml_at(at)?;
        let page = document_at(workshop, &read, at)?;
        let found = locate(page.document.root(), at.span);
        let (Step::Index(position), parent) = found.path.split_last()? else { return None };
        let list = found.node.parent()?;
        // a part of a longer item, such as a flag, is separated by commas
        if !at.span.covers(content_span(found.node)) || found.node.is_alias() {
            return None;
        }
        let mut tree = Tree::of(page.document.root())?;
        let Tree::Seq(items) = tree.at_mut(parent)? else { return None };
        items.splice(position..&(position + 1), parts.iter().map(|part| Tree::Str((*part).to_owned())));
        let text = &file.text;
        let (first, rest) = parts.split_first()?;
        let mut edits = vec![replacement(found.node, &Tree::Str((*first).to_owned()), text)?];
        edits.extend(super::grow::behind_item(list, found.node, rest, text)?);
        check(workshop, page, edits, &tree)
    };
    if is_yaml(file.kind)
        && let Some(edits) = in_list()
    {
        return Some(edits);
    }
    let area = Area::around(workshop, at)?;
    let span = area.decoded(at.span)?;
    area.edits(&[(span, parts.join(","))])
}
