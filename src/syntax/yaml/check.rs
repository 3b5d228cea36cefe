//! What Kubernetes reads differently from YAML 1.2, or refuses.

use super::error::{ErrorKind, YamlError};
use super::scalar::{self, Scalar};
use super::tree::{Data, Kind, NONE, Style, Tag, Tree};
use crate::source::Span;
use std::borrow::Cow;

/// Mappings up to this many keys are compared key by key, larger ones are sorted.
const FEW_KEYS: usize = 12;

/// A tag that the text does not fit.
pub(super) fn tag(value: &str, style: Style, tag: Tag, span: Span) -> Option<YamlError> {
    let wanted = match tag {
        Tag::None | Tag::Str | Tag::Other => return None,
        Tag::Int => "!!int",
        Tag::Float => "!!float",
        Tag::Bool => "!!bool",
        Tag::Null => "!!null",
    };
    if scalar::resolve(value, style, tag).is_some() {
        return None;
    }
    Some(YamlError::new(ErrorKind::InvalidTag, span, format!("`{value}` cannot be read as {wanted}")))
}

/// An unquoted text within brackets that starts with a colon, or is a question mark.
pub(super) fn flow_colon(source: &str, style: Style, span: Span) -> Option<YamlError> {
    if style != Style::Plain || !(source.starts_with(':') || source == "?") {
        return None;
    }
    let message = format!("kubectl cannot read `{source}` without quotes inside brackets");
    Some(YamlError::new(ErrorKind::FlowColon, span, message))
}

/// The first `\/` of a double-quoted text.
pub(super) fn escapes(source: &str, style: Style, span: Span) -> Option<YamlError> {
    if style != Style::DoubleQuoted || !source.contains("\\/") {
        return None;
    }
    let mut escaped = false;
    for (at, byte) in source.bytes().enumerate() {
        if escaped && byte == b'/' {
            let place = Span::new(span.start + at - 1, span.start + at + 1);
            return Some(YamlError::new(ErrorKind::UnknownEscape, place, "kubectl does not know the escape `\\/`"));
        }
        escaped = byte == b'\\' && !escaped;
    }
    None
}

/// The first tab of a block text that stands within the indentation: on its first line whatever the number of spaces
/// before it, then within the first `indent` columns (`yaml_parser_scan_block_scalar_breaks` of go-yaml).
pub(super) fn block_tabs(text: &str, span: Span, indent: usize) -> Option<YamlError> {
    if text.as_bytes().get(span.end) == Some(&b'\t') {
        let place = Span::new(span.end, span.end + 1);
        return Some(YamlError::new(
            ErrorKind::TabInIndentation,
            place,
            "kubectl wants spaces in front of a block text",
        ));
    }
    let source = span.text(text);
    let (header, _) = source.split_once('\n').filter(|(_, body)| body.contains('\t'))?;
    let explicit = header.chars().skip(1).take(2).any(|c| c.is_ascii_digit());
    let mut first = !explicit;
    let mut line_start = header.len() + 1;
    for line in source.split_inclusive('\n').skip(1) {
        let column = line.len() - line.trim_start_matches(' ').len();
        let rest = line.get(column..).unwrap_or("");
        if rest.starts_with('\t') && (first || column < indent) {
            let place = Span::new(line_start + column, line_start + column + 1).shifted(span.start);
            return Some(YamlError::new(
                ErrorKind::TabInIndentation,
                place,
                "kubectl wants spaces in front of a block text",
            ));
        }
        first &= rest.trim_end_matches(['\r', '\n']).is_empty();
        line_start += line.len();
    }
    None
}

/// A tab at the start of a blank line behind an unquoted text, which go-yaml takes for a line of that text.
pub(super) fn blank_line_tab(text: &str, style: Style, end: usize) -> Option<YamlError> {
    if style != Style::Plain {
        return None;
    }
    let behind = text.get(end..)?.trim_start_matches([' ', '\t']);
    let lines = behind.strip_prefix("\r\n").or_else(|| behind.strip_prefix('\n'))?;
    let mut at = text.len() - lines.len();
    for line in lines.split_inclusive('\n') {
        if !line.trim_matches([' ', '\t', '\r', '\n']).is_empty() {
            return None;
        }
        if line.starts_with('\t') && line.ends_with('\n') {
            let message = "kubectl refuses a tab at the start of a blank line here";
            return Some(YamlError::new(ErrorKind::TabInIndentation, Span::new(at, at + 1), message));
        }
        at += line.len();
    }
    None
}

/// The first line break that only YAML 1.1 knows.
pub(super) fn unicode_breaks(source: &str, span: Span) -> Option<YamlError> {
    let (at, found) = source.char_indices().find(|(_, c)| matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}'))?;
    let place = Span::new(span.start + at, span.start + at + found.len_utf8());
    let message = format!("kubectl takes U+{:04X} for the end of the line", u32::from(found));
    Some(YamlError::new(ErrorKind::UnicodeLineBreak, place, message))
}

/// Looks at the keys of a mapping that was just closed: marks merge keys and overridden keys, reports what is wrong.
pub(super) fn keys(tree: &mut Tree, map: u32) -> Vec<YamlError> {
    let mut errors = Vec::new();
    let mut merges = Vec::new();
    let mut names: Vec<(Cow<'_, str>, u32)> = Vec::new();
    let mut next = tree.first_child(map).unwrap_or(NONE);
    while let Some(node) = tree.node(next) {
        let (key, value) = (next, node.next);
        next = tree.node(value).map_or(NONE, |value| value.next);
        if is_merge(tree, key) {
            merges.push(key);
            errors.extend(merge_value(tree, key, value));
        } else {
            match key_name(tree, key) {
                Ok(name) => names.extend(name.map(|name| (name, key))),
                Err(error) => errors.push(error),
            }
        }
    }
    let overridden = duplicates(&mut names);
    drop(names);
    for (first, last) in overridden {
        errors.push(duplicate(tree, first, last));
        if let Some(node) = tree.nodes.get_mut(first as usize) {
            node.shadowed = true;
        }
    }
    for merge in merges {
        if let Some(node) = tree.nodes.get_mut(merge as usize) {
            node.merge = true;
        }
    }
    errors
}

fn span_of(tree: &Tree, id: u32) -> Span {
    tree.node(id).map_or_else(Span::default, |node| Span::new(node.start as usize, node.end as usize))
}

/// `<<` without quotes and tag (`isMerge` of go-yaml).
fn is_merge(tree: &Tree, key: u32) -> bool {
    tree.node(key).is_some_and(|node| match node.data {
        Data::Scalar(text) => node.style == Style::Plain && node.tag == Tag::None && tree.text_of(text) == "<<",
        _ => false,
    })
}

fn kind(tree: &Tree, id: u32) -> Option<Kind> {
    tree.resolve(id).map(|(_, node)| match node.data {
        Data::Map(_) => Kind::Map,
        Data::Seq(_) => Kind::Seq,
        _ => Kind::Scalar,
    })
}

fn merge_value(tree: &Tree, key: u32, value: u32) -> Option<YamlError> {
    let fits = match tree.resolve(value) {
        // The alias that leads nowhere has been reported.
        None => true,
        Some((_, node)) => match node.data {
            Data::Map(_) => true,
            Data::Seq(_) => {
                let (list, _) = tree.resolve(value)?;
                let mut item = tree.first_child(list).unwrap_or(NONE);
                let mut all = true;
                while let Some(node) = tree.node(item) {
                    all &= matches!(kind(tree, item), None | Some(Kind::Map));
                    item = node.next;
                }
                all
            }
            _ => false,
        },
    };
    let message = "a merge key `<<` wants a mapping or a list of mappings";
    (!fits).then(|| YamlError::new(ErrorKind::InvalidMerge, span_of(tree, value).join(span_of(tree, key)), message))
}

/// The JSON key of a key; `None` where an error about it has been reported.
fn key_name(tree: &Tree, key: u32) -> Result<Option<Cow<'_, str>>, YamlError> {
    let invalid = |message: &str| Err(YamlError::new(ErrorKind::InvalidKey, span_of(tree, key), message));
    let Some((_, node)) = tree.resolve(key) else { return Ok(None) };
    match node.data {
        Data::Scalar(text) => {
            let text = tree.text_of(text);
            let name = scalar::key_text(text, node.style, node.tag);
            if name.is_none() && scalar::resolve(text, node.style, node.tag) == Some(Scalar::Null) {
                return invalid("null cannot be a key in Kubernetes");
            }
            Ok(name)
        }
        Data::Map(_) if node.style == Style::Flow => {
            invalid("a mapping cannot be a key; `{{ … }}` of a template wants quotes around it, or rendering first")
        }
        _ => invalid("a list or mapping cannot be a key in Kubernetes"),
    }
}

/// Pairs of an overridden key and the equal key next behind it. Sorts `names` when there are many.
fn duplicates(names: &mut [(Cow<'_, str>, u32)]) -> Vec<(u32, u32)> {
    let mut found = Vec::new();
    if names.len() > FEW_KEYS {
        names.sort();
        let neighbours = names.iter().zip(names.iter().skip(1));
        found.extend(neighbours.filter(|(a, b)| a.0 == b.0).map(|(a, b)| (a.1, b.1)));
        return found;
    }
    for (index, (name, key)) in names.iter().enumerate() {
        let later = names.iter().skip(index + 1).find(|(other, _)| other == name);
        found.extend(later.map(|(_, other)| (*key, *other)));
    }
    found
}

fn duplicate(tree: &Tree, first: u32, last: u32) -> YamlError {
    let name = span_of(tree, last);
    let message = format!("the key `{}` stands twice in one mapping; the last one counts", name.text(&tree.text));
    YamlError::new(ErrorKind::DuplicateKey, name, message).with_related(span_of(tree, first))
}
