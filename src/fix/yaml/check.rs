//! The proof of an edit: the text parses, gives the expected tree, and has lost no comment.

use super::locate::{Step, covers};
use super::tree::Tree;
use crate::diagnostic::Edit;
use crate::fix::apply::apply_spans;
use crate::fix::build::Workshop;
use crate::source::{FileId, Span};
use crate::syntax::yaml::{Document, Yaml, parse};

/// Whether edits of a document give `expected` and nothing else changes.
fn gives(
    workshop: &Workshop<'_>,
    parsed: &Yaml,
    document: &Document,
    edits: &[(Span, String)],
    text: &str,
    expected: &Tree,
) -> bool {
    let body = document.span;
    if !workshop.spend(body.len()) || !edits.iter().all(|(span, _)| covers(body, *span)) {
        return false;
    }
    let moved: Vec<(Span, &str)> = edits
        .iter()
        .map(|(span, new)| (Span::new(span.start - body.start, span.end - body.start), new.as_str()))
        .collect();
    let Some(new) = apply_spans(body.text(text), &moved) else { return false };
    let after = parse(&new);
    let [only] = after.documents.as_slice() else { return false };
    let errors = within(&parsed.errors, body, |error| error.span).count();
    only.is_complete()
        && after.errors.len() <= errors
        && Tree::of(only.root()).is_some_and(|tree| tree.same(expected))
        && comments(parsed, body, edits) == after.comments.iter().map(|c| c.value.as_str()).collect::<Vec<_>>()
}

/// The comments of a document outside the edits.
fn comments<'a>(parsed: &'a Yaml, body: Span, edits: &[(Span, String)]) -> Vec<&'a str> {
    let kept = |span: Span| !edits.iter().any(|(edit, _)| covers(*edit, span));
    within(&parsed.comments, body, |c| c.span).filter(|c| kept(c.span)).map(|c| c.value.as_str()).collect()
}

/// What lies in a document, of a list in file order.
fn within<T>(list: &[T], body: Span, span: impl Fn(&T) -> Span + Copy) -> impl Iterator<Item = &T> {
    let first = list.partition_point(|item| span(item).start < body.start);
    let rest = list.get(first..).unwrap_or_default().iter();
    rest.take_while(move |item| span(item).start <= body.end).filter(move |item| covers(body, span(item)))
}

/// Whether the edits only give the scalar at `path` the text `expected`.
pub(in crate::fix) fn changes_only(
    workshop: &Workshop<'_>,
    file: FileId,
    document: usize,
    path: &[Step],
    expected: &str,
    edits: &[Edit],
) -> bool {
    let parsed = workshop.yaml(file);
    let text = &workshop.snapshot.file(file).text;
    let Some(document) = parsed.documents.get(document) else { return false };
    let Some(mut tree) = Tree::of(document.root()) else { return false };
    let Some(place) = tree.at_mut(path) else { return false };
    let Tree::Str(_) = place else { return false };
    *place = Tree::Str(expected.to_owned());
    let edits: Vec<(Span, String)> = edits.iter().map(|edit| (edit.span, edit.text.clone())).collect();
    gives(workshop, &parsed, document, &edits, text, &tree)
}

/// The edits as edits of the file, if they give what is expected.
pub(super) fn check(
    workshop: &Workshop<'_>,
    file: FileId,
    document: usize,
    edits: Vec<(Span, String)>,
    expected: &Tree,
) -> Option<Vec<Edit>> {
    let parsed = workshop.yaml(file);
    let text = &workshop.snapshot.file(file).text;
    let document = parsed.documents.get(document)?;
    let right = gives(workshop, &parsed, document, &edits, text, expected);
    right.then(|| edits.into_iter().map(|(span, text)| Edit { file, span, text }).collect())
}
