//! Writing values: scalars with the quotes that they need, lists and mappings in lines or in brackets.

use super::tree::Tree;
use crate::syntax::yaml::parse;
use std::fmt::Write as _;

/// How values are written at a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// Columns by which the `-` of a list stands behind its key.
    pub list: usize,
    /// JSON: every text in double quotes.
    pub json: bool,
}

/// Text for between double quotes; `None` for what neither JSON nor YAML writes alike.
pub(in crate::fix) fn escape_double(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => write!(out, "\\u{:04x}", u32::from(c)).ok()?,
            c => out.push(c),
        }
    }
    Some(out)
}

/// A text as a scalar, without quotes where every reader takes it for a text.
pub(super) fn text(value: &str, json: bool, in_flow: bool) -> Option<String> {
    if !json && is_plain(value, in_flow) {
        return Some(value.to_owned());
    }
    Some(format!("\"{}\"", escape_double(value)?))
}

/// Whether a text of several lines stands as it is behind `|`.
fn is_block(value: &str) -> bool {
    let plain = |line: &str| !line.is_empty() && !line.ends_with(' ') && line.chars().all(|c| !c.is_control());
    let lines = value.strip_suffix('\n').unwrap_or(value);
    lines.contains('\n') && lines.split('\n').all(plain) && !lines.starts_with(' ')
}

fn is_plain(value: &str, in_flow: bool) -> bool {
    let safe = |c: char| c.is_ascii_graphic() || c == ' ' || c.is_alphanumeric();
    let first = |c: char| c.is_alphanumeric() || matches!(c, '/' | '_' | '.' | '$' | '(' | '+' | '~');
    let broken = value.ends_with([' ', ':']) || value.contains(": ") || value.contains(" #");
    let flow_signs = in_flow && value.contains([',', '[', ']', '{', '}', ':', '#', '"', '\'']);
    if broken || flow_signs || !value.chars().next().is_some_and(first) || !value.chars().all(safe) {
        return false;
    }
    let read = parse(value);
    read.errors.is_empty() && read.documents.first().is_some_and(|d| d.root().as_str() == Some(value))
}

/// A value on one line.
pub(super) fn flow(tree: &Tree, json: bool) -> Option<String> {
    Some(match tree {
        Tree::Null => "null".to_owned(),
        Tree::Bool(value) => value.to_string(),
        Tree::Int(value) => value.to_string(),
        Tree::Float(value) => value.to_string(),
        Tree::Str(value) => text(value, json, true)?,
        Tree::Seq(items) => {
            let items: Vec<String> = items.iter().map(|item| flow(item, json)).collect::<Option<_>>()?;
            format!("[{}]", items.join(", "))
        }
        Tree::Map(entries) => {
            let entry =
                |(key, value): &(String, Tree)| Some(format!("{}: {}", text(key, json, true)?, flow(value, json)?));
            let entries: Vec<String> = entries.iter().map(entry).collect::<Option<_>>()?;
            format!("{{{}}}", entries.join(", "))
        }
    })
}

/// `key: value` in lines of their own behind `indent` columns; each line ends with a line feed.
pub(super) fn entry(key: &str, value: &Tree, indent: usize, look: Look) -> Option<String> {
    let head = format!("{}{}:", " ".repeat(indent), text(key, look.json, false)?);
    Some(match value {
        Tree::Seq(items) if !items.is_empty() => {
            let below: String =
                items.iter().map(|value| item(value, indent + look.list, look)).collect::<Option<_>>()?;
            format!("{head}\n{below}")
        }
        Tree::Map(entries) if !entries.is_empty() => {
            let below: String =
                entries.iter().map(|(key, value)| entry(key, value, indent + 2, look)).collect::<Option<_>>()?;
            format!("{head}\n{below}")
        }
        Tree::Str(value) if !look.json && is_block(value) => {
            let lines: String = value.lines().map(|line| format!("{}{line}\n", " ".repeat(indent + 2))).collect();
            format!("{head} {}\n{lines}", if value.ends_with('\n') { "|" } else { "|-" })
        }
        Tree::Str(value) => format!("{head} {}\n", text(value, look.json, false)?),
        other => format!("{head} {}\n", flow(other, look.json)?),
    })
}

/// `- value` in lines of their own.
pub(super) fn item(value: &Tree, indent: usize, look: Look) -> Option<String> {
    let dash = format!("{}- ", " ".repeat(indent));
    Some(match value {
        Tree::Map(entries) if !entries.is_empty() => {
            let inner = indent + 2;
            let below: String =
                entries.iter().map(|(key, value)| entry(key, value, inner, look)).collect::<Option<_>>()?;
            format!("{dash}{}", below.get(inner..)?)
        }
        Tree::Str(value) => format!("{dash}{}\n", text(value, look.json, false)?),
        other => format!("{dash}{}\n", flow(other, look.json)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_get_the_quotes_that_they_need() {
        let plain = |value: &str| text(value, false, false).unwrap_or_default();
        for value in ["ClusterFirst", "/run/x/resolv.conf", "10.96.0.10", "a b", "fd00::a"] {
            assert_eq!(plain(value), value);
        }
        for value in ["", "yes", "n", "10", "1e3", "~", "a: b", "a #b", "*x", "- x", "fd00::", "0x1f", "null"] {
            assert_eq!(plain(value), format!("\"{value}\""));
        }
        assert_eq!(text("a,b", false, true).as_deref(), Some("\"a,b\""));
        assert_eq!(text("a", true, true).as_deref(), Some("\"a\""));
        assert_eq!(plain("a\"\\\n"), "\"a\\\"\\\\\\n\"");
    }

    #[test]
    fn lines_stay_lines_where_a_block_holds_them() {
        let look = Look { list: 2, json: false };
        let written = |value: &str| entry("k", &Tree::Str(value.to_owned()), 2, look).unwrap();
        assert_eq!(written("a:\n  b: 1"), "  k: |-\n    a:\n      b: 1\n");
        assert_eq!(written("a\nb\n"), "  k: |\n    a\n    b\n");
        for value in [" a\nb", "a\n\nb", "a \nb", "a\nb\n\n", "a\n\tb", "a\n"] {
            let text = written(value);
            assert!(text.starts_with("  k: \""), "{text}");
        }
    }

    #[test]
    fn collections_in_lines_and_in_brackets() {
        let tree = Tree::parse("options: [{name: ndots, value: '2'}, {name: use-vc}]\nsearches: []").unwrap();
        let look = Look { list: 0, json: false };
        assert_eq!(
            entry("dnsConfig", &tree, 2, look).unwrap(),
            "  dnsConfig:\n    options:\n    - name: ndots\n      value: \"2\"\n    - name: use-vc\n    searches: []\n"
        );
        assert_eq!(
            flow(&tree, true).unwrap(),
            r#"{"options": [{"name": "ndots", "value": "2"}, {"name": "use-vc"}], "searches": []}"#
        );
    }
}
