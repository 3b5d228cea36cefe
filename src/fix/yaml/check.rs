//! The proof of an edit: the text parses, gives the expected tree, and has lost no comment.

use super::locate::{Page, Step, page_at};
use super::tree::Tree;
use crate::diagnostic::Edit;
use crate::fix::apply::apply_spans;
use crate::fix::build::Workshop;
use crate::source::{Location, Span};
use crate::syntax::yaml::{Yaml, parse};

/// Whether edits of a document give `expected` and nothing else changes.
fn gives(workshop: &Workshop<'_>, page: Page<'_>, edits: &[(Span, String)], expected: &Tree) -> bool {
    let body = page.document.span;
    let text = &workshop.snapshot.file(page.file).text;
    if !workshop.spend(body.len()) || !edits.iter().all(|(span, _)| body.covers(*span)) {
        return false;
    }
    let moved: Vec<(Span, &str)> = edits
        .iter()
        .map(|(span, new)| (Span::new(span.start - body.start, span.end - body.start), new.as_str()))
        .collect();
    let Some(new) = apply_spans(body.text(text), &moved) else { return false };
    let after = parse(&new);
    let [only] = after.documents.as_slice() else { return false };
    let errors = within(&page.read.errors, body, |error| error.span).count();
    only.is_complete()
        && after.errors.len() <= errors
        && Tree::of(only.root()).is_some_and(|tree| tree.same(expected))
        && comments(page.read, body, edits) == after.comments.iter().map(|c| c.value.as_str()).collect::<Vec<_>>()
}

/// The comments of a document outside the edits.
fn comments<'a>(parsed: &'a Yaml, body: Span, edits: &[(Span, String)]) -> Vec<&'a str> {
    let kept = |span: Span| !edits.iter().any(|(edit, _)| edit.covers(span));
    within(&parsed.comments, body, |c| c.span).filter(|c| kept(c.span)).map(|c| c.value.as_str()).collect()
}

/// What lies in a document, of a list in file order.
fn within<T>(list: &[T], body: Span, span: impl Fn(&T) -> Span + Copy) -> impl Iterator<Item = &T> {
    let first = list.partition_point(|item| span(item).start < body.start);
    let rest = list.get(first..).unwrap_or_default().iter();
    rest.take_while(move |item| span(item).start <= body.end).filter(move |item| body.covers(span(item)))
}

/// Whether the edits only give the scalar at `path` of the document at a place the text `expected`.
pub(in crate::fix) fn changes_only(
    workshop: &Workshop<'_>,
    at: Location,
    path: &[Step],
    expected: &str,
    edits: &[Edit],
) -> bool {
    let Some(read) = workshop.yaml_at(at) else { return false };
    let Some(page) = page_at(&read, at) else { return false };
    let Some(mut tree) = Tree::of(page.document.root()) else { return false };
    let Some(place) = tree.at_mut(path) else { return false };
    let Tree::Str(_) = place else { return false };
    *place = Tree::Str(expected.to_owned());
    let edits: Vec<(Span, String)> = edits.iter().map(|edit| (edit.span, edit.text.clone())).collect();
    gives(workshop, page, &edits, &tree)
}

/// The edits as edits of the file, if they give what is expected.
pub(super) fn check(
    workshop: &Workshop<'_>,
    page: Page<'_>,
    edits: Vec<(Span, String)>,
    expected: &Tree,
) -> Option<Vec<Edit>> {
    let right = gives(workshop, page, &edits, expected);
    right.then(|| edits.into_iter().map(|(span, text)| Edit { file: page.file, span, text }).collect())
}
