//! Any text gives a tree whose spans lie in the text and whose decoded texts map back to it.
#![no_main]

use dnslint::source::Span;
use dnslint::syntax::yaml::{NodeRef, looks_templated, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = looks_templated(text);
    let yaml = parse(text);
    for span in yaml.errors.iter().flat_map(|error| [Some(error.span), error.related]).flatten() {
        check_span(text, span);
    }
    for comment in &yaml.comments {
        assert_eq!(comment.span.text(text).strip_prefix('#'), Some(comment.value.as_str()));
    }
    for document in &yaml.documents {
        let mut pending = vec![document.root()];
        while let Some(node) = pending.pop() {
            check_node(text, node);
            if !node.is_alias() {
                pending.extend(node.pairs().flat_map(|(key, value)| [key, value]));
                pending.extend(node.items());
            }
        }
    }
});

fn check_span(text: &str, span: Span) {
    assert!(text.get(span.start..span.end).is_some(), "{span:?} is no part of the text");
}

fn check_node(text: &str, node: NodeRef<'_>) {
    check_span(text, node.span());
    check_span(text, node.entry_span());
    for entry in node.entries() {
        if let Some(name) = entry.name() {
            assert_eq!(node.get(&name).map(NodeRef::span), Some(entry.value.span()));
        }
    }
    let Some(value) = node.scalar_text() else { return };
    let map = node.text_map();
    assert_eq!(map.decoded_len(), value.len());
    for (at, c) in value.char_indices() {
        check_character(text, map.span(Span::new(at, at + c.len_utf8())), c);
    }
}

/// A decoded character comes from itself, from a line break, or from an escape.
fn check_character(text: &str, place: Span, c: char) {
    let source = place.text(text);
    let is_itself = source.chars().eq([c]);
    let is_break = matches!(c, ' ' | '\n') && matches!(source, "\n" | "\r\n" | "\r" | "");
    let is_escape = source == "''" || (source.starts_with('\\') && source.len() > 1);
    assert!(is_itself || is_break || is_escape, "{c:?} stands for {source:?} at {place:?}");
}
