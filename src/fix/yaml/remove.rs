//! Taking a key or an item out of its collection.

use super::check::check;
use super::locate::{Step, document_at, locate};
use super::tree::Tree;
use crate::diagnostic::Edit;
use crate::fix::area::{line_start, next_line};
use crate::fix::build::Workshop;
use crate::source::{Location, Span};
use crate::syntax::yaml::{NodeRef, Style};

/// Removes the innermost entry (or, with `item`, list item) around a place. A collection that becomes empty goes with it, up to
/// `prune` levels; behind that `{}` or `[]` stays.
pub(in crate::fix) fn remove(workshop: &Workshop<'_>, at: Location, item: bool, prune: usize) -> Option<Vec<Edit>> {
    let read = workshop.yaml_at(at)?;
    let page = document_at(workshop, &read, at)?;
    let found = locate(page.document.root(), at.span);
    let text: &str = &workshop.snapshot.file(at.file).text;
    // a place inside one item of a list is that item: the key around the list holds the others, too
    let in_item = !item && matches!(found.path.last(), Some(Step::Index(_)));
    let wanted = |step: &Step| matches!(step, Step::Index(_)) == (item || in_item);
    let mut depth = found.path.iter().rposition(wanted)? + 1;
    for _ in 0..prune.max(usize::from(in_item)) {
        let parent = found.line.get(depth.checked_sub(1)?)?;
        if children(*parent).len() > 1 || depth < 2 {
            break;
        }
        depth -= 1;
    }
    let path = found.path.get(..depth)?;
    let parent = *found.line.get(depth.checked_sub(1)?)?;
    let mut tree = Tree::of(page.document.root())?;
    tree.take(path)?;
    let comments: Vec<Span> = page.read.comments.iter().map(|comment| comment.span).collect();
    let edit = without(parent, path.last()?, text, &comments)?;
    check(workshop, page, vec![edit], &tree)
}

/// Spans of the entries of a mapping (with their keys) or the items of a list.
fn children(node: NodeRef<'_>) -> Vec<Span> {
    let entries = node.pairs().map(|(key, value)| key.span().join(value.span()));
    entries.chain(node.items().map(NodeRef::span)).collect()
}

fn without(parent: NodeRef<'_>, step: &Step, text: &str, comments: &[Span]) -> Option<(Span, String)> {
    if parent.is_alias() {
        return None;
    }
    let all = children(parent);
    let position = match step {
        Step::Index(index) => *index,
        Step::Key(name) => parent.pairs().position(|(key, _)| key.key_text().is_some_and(|own| own == *name))?,
    };
    let child = *all.get(position)?;
    let before = position.checked_sub(1).and_then(|at| all.get(at)).copied();
    let after = all.get(position + 1).copied();
    if parent.style() == Style::Flow {
        return Some(match (before, after) {
            (Some(before), _) => (Span::new(before.end, child.end), String::new()),
            (None, Some(after)) => (Span::new(child.start, after.start), String::new()),
            (None, None) => (child, String::new()),
        });
    }
    if before.is_none() && after.is_none() {
        return emptied(parent, text, comments);
    }
    let start = match step {
        Step::Key(_) => child.start,
        Step::Index(_) => dash(text, before.map_or(parent.span().start, |before| before.end), child.start)?,
    };
    let end = next_line(text, child.end);
    let rest = text.get(child.end..end)?.trim();
    if !rest.is_empty() && !rest.starts_with('#') {
        return None;
    }
    let line = line_start(text, start);
    if text.get(line..start)?.trim_matches(' ').is_empty() {
        return Some((whole_lines(text, line, end), String::new()));
    }
    // the first entry stands behind a `-`: the next one takes its place
    let next = after?;
    let next = match step {
        Step::Key(_) => next.start,
        Step::Index(_) => dash(text, child.end, next.start)?,
    };
    let gap = Span::new(child.end, next);
    (!comments.iter().any(|comment| gap.covers(*comment))).then(|| (Span::new(start, next), String::new()))
}

/// The `-` of the item at `item`.
fn dash(text: &str, from: usize, item: usize) -> Option<usize> {
    let gap = text.get(from..item)?;
    let at = gap.rfind('-')?;
    gap.get(at + 1..)?.trim().is_empty().then_some(from + at)
}

/// Whole lines; at the end of a file without a last line end, that of the line before them.
fn whole_lines(text: &str, start: usize, end: usize) -> Span {
    let lines = text.get(start..end).unwrap_or("");
    if lines.ends_with('\n') || start == 0 {
        return Span::new(start, end);
    }
    let before = text.get(..start).unwrap_or("").trim_end_matches('\n');
    Span::new(before.strip_suffix('\r').unwrap_or(before).len(), end)
}

/// Puts `{}` or `[]` behind the key in place of a collection in lines.
fn emptied(parent: NodeRef<'_>, text: &str, comments: &[Span]) -> Option<(Span, String)> {
    let key = parent.key_of()?;
    let span = parent.span();
    let colon = key.end + text.get(key.end..span.start)?.find(':')? + 1;
    let gap = Span::new(colon, span.end);
    if comments.iter().any(|comment| gap.covers(*comment)) || !text.get(colon..span.start)?.trim().is_empty() {
        return None;
    }
    let empty = if parent.items().next().is_some() { " []" } else { " {}" };
    Some((gap, empty.to_owned()))
}
