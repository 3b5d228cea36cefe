//! The YAML reader against kubectl's reading of scalars, and on awkward, broken and truncated files.

use dnslint::source::Span;
use dnslint::syntax::yaml::{ErrorKind, NodeRef, Scalar, Yaml, parse};
use std::fs;
use std::path::{Path, PathBuf};

/// Longest text whose truncations are all tried; longer ones are cut at every 97th byte.
const EVERY_CUT: usize = 1200;

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/syntax/yaml").join(name)
}

#[expect(clippy::disallowed_methods, reason = "tests read their data")]
fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "tests read their data")]
fn files(folder: &str) -> Vec<(String, String)> {
    let mut files: Vec<_> = fs::read_dir(testdata(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), read(&path)))
        .collect();
    files.sort();
    assert!(files.len() > 20, "{folder} has only {} files", files.len());
    files
}

fn vectors(name: &str) -> Vec<(String, String)> {
    read(&testdata(name))
        .lines()
        .filter(|line| !line.starts_with("# "))
        .map(|line| line.rsplit_once('\t').unwrap())
        .map(|(text, want)| (text.to_owned(), want.to_owned()))
        .collect()
}

fn json(node: NodeRef<'_>) -> serde_json::Value {
    match node.scalar().unwrap() {
        Scalar::Null => serde_json::Value::Null,
        Scalar::Bool(value) => value.into(),
        Scalar::Int(value) => {
            u64::try_from(value).map_or_else(|_| i64::try_from(value).unwrap().into(), serde_json::Value::from)
        }
        Scalar::Float(value) => value.into(),
        Scalar::Str(value) => value.into(),
    }
}

/// Whether two JSON values are the same for a reader that knows only float64 numbers, as kubectl's output path does.
fn same(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.to_bits() == b.to_bits() || (a - b).abs() <= a.abs() * 1e-15,
        _ => a == b,
    }
}

#[test]
fn scalars_are_resolved_as_kubectl_does() {
    let vectors = vectors("kubectl-scalars.tsv");
    assert!(vectors.len() > 120);
    let mut wrong = Vec::new();
    for (text, want) in vectors {
        let yaml = parse(&format!("v: {text}\n"));
        let refused = yaml.errors.iter().any(|error| error.kind.refused_by_kubernetes());
        let value = yaml.documents.first().and_then(|document| document.root().get("v"));
        if want == "ERROR" {
            // JSON has no infinity; that is for the reader of the value to refuse.
            let infinite = matches!(value.and_then(NodeRef::scalar), Some(Scalar::Float(f)) if !f.is_finite());
            if !refused && !infinite {
                wrong.push(format!("{text:?}: kubectl refuses it, got {value:?}"));
            }
            continue;
        }
        let want: serde_json::Value = serde_json::from_str(&want).unwrap();
        match value {
            Some(value) if !refused && same(&json(value), &want) => {}
            _ => wrong.push(format!("{text:?}: want {want}, got {value:?}, errors {:?}", yaml.errors)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn keys_are_named_as_kubectl_does() {
    let mut wrong = Vec::new();
    for (text, want) in vectors("kubectl-keys.tsv") {
        let yaml = parse(&format!("v:\n  {text}: 1\n"));
        let refused = yaml.errors.iter().any(|error| error.kind.refused_by_kubernetes());
        let map = yaml.documents[0].root().get("v").unwrap();
        let got = map.pairs().next().unwrap().0.key_text();
        let right = if want == "ERROR" { refused } else { got.as_deref() == Some(want.as_str()) && !refused };
        if !right {
            wrong.push(format!("{text:?}: want {want}, got {got:?}, errors {:?}", yaml.errors));
        }
        if want != "ERROR" && map.get(&want).is_none() {
            wrong.push(format!("{text:?}: get({want}) finds nothing"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn check_span(text: &str, span: Span, what: &str) {
    assert!(text.get(span.start..span.end).is_some(), "{what}: {span:?} is no part of {text:?}");
}

/// Visits every node through every public method and checks what must hold for any text.
fn check_tree(text: &str, yaml: &Yaml) {
    for error in &yaml.errors {
        check_span(text, error.span, &error.message);
        assert!(!error.message.is_empty());
        if let Some(related) = error.related {
            check_span(text, related, "related");
        }
    }
    let mut last = 0;
    for comment in &yaml.comments {
        check_span(text, comment.span, "comment");
        assert_eq!(comment.span.text(text).strip_prefix('#'), Some(comment.value.as_str()));
        assert!(comment.span.start >= last, "comments are in file order");
        last = comment.span.end;
    }
    for document in &yaml.documents {
        check_span(text, document.span, "document");
        let mut pending = vec![document.root()];
        while let Some(node) = pending.pop() {
            check_node(text, node);
            if node.is_alias() {
                continue;
            }
            for (key, value) in node.pairs() {
                assert_eq!(value.key_of(), Some(key.span()));
                assert!(node.span().start <= key.span().start && value.span().end <= node.span().end, "{text:?}");
                pending.extend([key, value]);
            }
            for entry in node.entries() {
                let name = entry.name().unwrap_or_default();
                if entry.key.key_text().is_some() {
                    assert_eq!(node.get(&name).unwrap().span(), entry.value.span(), "{name} of {text:?}");
                }
            }
            pending.extend(node.items());
        }
    }
}

fn check_node(text: &str, node: NodeRef<'_>) {
    check_span(text, node.span(), "node");
    check_span(text, node.entry_span(), "entry");
    let Some(value) = node.scalar_text() else { return };
    let map = node.text_map();
    assert_eq!(map.decoded_len(), value.len(), "{node:?} of {text:?}");
    for (at, c) in value.char_indices() {
        let place = map.span(Span::new(at, at + c.len_utf8()));
        check_span(text, place, "decoded character");
        check_source(text, place, c, node);
    }
}

/// What stands in the file for a decoded character: itself, a line break, or an escape.
fn check_source(text: &str, place: Span, c: char, node: NodeRef<'_>) {
    let source = place.text(text);
    let mut buffer = [0; 4];
    let fits = source == &*c.encode_utf8(&mut buffer)
        || (c == ' ' && matches!(source, "\n" | "\r\n" | "\r"))
        || (c == '\n' && matches!(source, "\r\n" | "\r" | ""))
        || (c == '\'' && source == "''")
        || (source.starts_with('\\') && source.len() > 1);
    assert!(fits, "{c:?} stands for {source:?} at {place:?} in {node:?} of {text:?}");
}

#[test]
fn good_files_are_read_whole() {
    for (name, text) in files("ok") {
        let yaml = parse(&text);
        let notes = [ErrorKind::InvalidQuotedScalarIndent, ErrorKind::UnicodeLineBreak];
        let errors: Vec<_> = yaml.errors.iter().filter(|error| !notes.contains(&error.kind)).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        assert!(yaml.documents.iter().all(dnslint::syntax::yaml::Document::is_complete), "{name}");
        check_tree(&text, &yaml);
    }
}

#[test]
fn broken_files_have_an_error() {
    for (name, text) in files("broken") {
        let yaml = parse(&text);
        assert!(!yaml.errors.is_empty(), "{name}");
        check_tree(&text, &yaml);
    }
}

#[test]
fn every_truncation_is_survived() {
    for (_, text) in files("ok").into_iter().chain(files("broken")) {
        let step = if text.len() > EVERY_CUT { 97 } else { 1 };
        for cut in (0..text.len()).step_by(step).filter(|cut| text.is_char_boundary(*cut)) {
            for part in [&text[..cut], &text[cut..]] {
                check_tree(part, &parse(part));
            }
        }
    }
}

fn kinds(text: &str) -> Vec<ErrorKind> {
    parse(text).errors.iter().map(|error| error.kind).collect()
}

#[test]
fn a_broken_document_hides_no_other() {
    let text = read(&testdata("broken/second-of-three.yaml"));
    let yaml = parse(&text);
    assert_eq!(yaml.documents.len(), 3);
    assert_eq!(yaml.documents[0].root().get("a").unwrap().as_i64(), Some(1));
    assert!(!yaml.documents[1].is_complete());
    assert_eq!(yaml.documents[1].root().get("b").unwrap().items().count(), 1);
    assert_eq!(yaml.documents[2].root().get("d").unwrap().as_i64(), Some(4));
    assert_eq!(yaml.errors.len(), 1);
}

#[test]
fn errors_have_their_kind_and_place() {
    let cases = [
        ("clusterDNS: [::1]\n", ErrorKind::FlowColon, "::1"),
        ("a: 1\n---foo\n", ErrorKind::DocumentSeparator, "foo"),
        ("a: {{ foo }}\n", ErrorKind::InvalidKey, "{ foo }"),
        ("a: *x\n", ErrorKind::UnknownAlias, "*x"),
        ("a: &x [*x]\n", ErrorKind::CyclicAlias, "*x"),
        ("a: !!int x\n", ErrorKind::InvalidTag, "x"),
        ("a: \"\\\\/\\/\"\n", ErrorKind::UnknownEscape, "\\/"),
        ("a: 1\nb: 2\n'a': 3\n", ErrorKind::DuplicateKey, "'a'"),
        ("a:\n\tb: 1\n", ErrorKind::Syntax, "\t"),
        ("a: \u{1b}\n", ErrorKind::Syntax, "\u{1b}"),
        ("a: \"x\ny\"\n", ErrorKind::InvalidQuotedScalarIndent, "\"x\ny\""),
        ("a: |\n  \tx\n", ErrorKind::TabInIndentation, "\t"),
        ("a: |\n  x\n \t\n", ErrorKind::TabInIndentation, "\t"),
        ("a: |\n  x\n\t\nb: 1\n", ErrorKind::TabInIndentation, "\t"),
        ("a: x\n\t\nb: 1\n", ErrorKind::TabInIndentation, "\t"),
        ("a: \"x\n\ty\"\n", ErrorKind::InvalidQuotedScalarIndent, "\"x\n\ty\""),
        ("a: b\u{85}c\n", ErrorKind::UnicodeLineBreak, "\u{85}"),
    ];
    for (text, kind, place) in cases {
        let yaml = parse(text);
        let got: Vec<_> = yaml.errors.iter().map(|error| (error.kind, error.span.text(text))).collect();
        assert!(got.starts_with(&[(kind, place)]), "{text:?}: {got:?}");
    }
    assert_eq!(kinds("{\"a\": \"\\/\"}"), []);
    assert_eq!(kinds("a: [fd00::1, 1::]\nb: ::1\n"), []);
    assert_eq!(kinds(&"- ".repeat(1000)), [ErrorKind::TooDeep]);
    assert_eq!(kinds(&"[".repeat(1000)), [ErrorKind::TooDeep]);
}

#[test]
fn the_last_of_equal_keys_counts() {
    let yaml = parse("a: 1\nb: 2\na: 3\n");
    let root = yaml.documents[0].root();
    assert_eq!(root.get("a").unwrap().as_i64(), Some(3));
    assert_eq!(root.key_span("a"), Some(Span::new(10, 11)));
    assert_eq!(yaml.errors[0].related, Some(Span::new(0, 1)));
    let names: Vec<_> = root.entries().map(|entry| entry.name().unwrap()).collect();
    assert_eq!(names, ["b", "a"]);
    assert_eq!(root.pairs().count(), 3);
    let many: String = (0..50).map(|i| format!("k{}: {i}\n", i % 49)).collect();
    assert_eq!(kinds(&many), [ErrorKind::DuplicateKey]);
}

#[test]
fn merge_keys_are_followed_as_kubectl_does() {
    let text = "x: &x {a: 1, z: 2}\ny: &y {a: 2, c: 1}\nown: {a: 5, <<: *x}\nlist: {<<: [*x, *y]}\n\
                two: {<<: *x, <<: *y}\ndeep: &d {<<: *y, z: 9}\ndeeper: {<<: [*d, *x]}\nquoted: {\"<<\": {a: 1}}\n";
    let yaml = parse(text);
    assert_eq!(yaml.errors, []);
    let root = yaml.documents[0].root();
    let value = |path: &[&str]| root.path(path).and_then(NodeRef::as_i64);
    assert_eq!(value(&["own", "a"]), Some(5));
    assert_eq!(value(&["own", "z"]), Some(2));
    assert_eq!(value(&["list", "a"]), Some(1));
    assert_eq!(value(&["list", "c"]), Some(1));
    assert_eq!(value(&["two", "a"]), Some(2));
    assert_eq!(value(&["two", "z"]), Some(2));
    assert_eq!(value(&["deeper", "z"]), Some(9));
    assert_eq!(value(&["deeper", "a"]), Some(2));
    assert_eq!(value(&["quoted", "a"]), None);
    let entries: Vec<_> = root.get("list").unwrap().entries().map(|e| (e.name().unwrap(), e.merged)).collect();
    assert_eq!(entries, [("a".into(), true), ("z".into(), true), ("c".into(), true)]);
}

#[test]
fn spans_name_the_right_bytes() {
    let text = "data:\n  # c\n  Corefile: |  # note\n\n    .:53 {\n    }\n\n  # end\n  list:\n  - a\n  -\n  flow: [x, 'y z']\n  \
                none:\n  al: &q \"v\"\n  use: *q\n\n# tail\n";
    let yaml = parse(text);
    assert_eq!(yaml.errors, []);
    let root = yaml.documents[0].root();
    let at = |path: &[&str]| root.path(path).unwrap();
    let span = |path: &[&str]| at(path).span().text(text);
    assert_eq!(span(&["data", "Corefile"]), "|  # note\n\n    .:53 {\n    }");
    assert_eq!(at(&["data", "Corefile"]).scalar_text(), Some("\n.:53 {\n}\n"));
    assert_eq!(span(&["data", "list"]), "- a\n  -");
    assert_eq!(span(&["data", "flow"]), "[x, 'y z']");
    assert_eq!(span(&["data", "al"]), "\"v\"");
    assert_eq!(span(&["data", "use"]), "*q");
    assert_eq!(at(&["data", "use"]).target().span().text(text), "\"v\"");
    assert_eq!(at(&["data", "use"]).as_str(), Some("v"));
    assert_eq!(
        at(&["data", "none"]).span(),
        Span::new(text.find("none:").unwrap() + 5, text.find("none:").unwrap() + 5)
    );
    assert_eq!(at(&["data", "none"]).entry_span().text(text), "none:");
    assert_eq!(at(&["data", "use"]).entry_span().text(text), "use: *q");
    let item = at(&["data", "flow"]).items().nth(1).unwrap();
    assert_eq!(item.key_of().unwrap().text(text), "flow");
    assert_eq!(item.span().text(text), "'y z'");
    assert!(root.span().text(text).ends_with("use: *q"));
    let comments: Vec<_> = yaml.comments.iter().map(|comment| comment.value.as_str()).collect();
    assert_eq!(comments, [" c", " note", " end", " tail"]);
}

#[test]
fn block_lists_begin_at_their_dash() {
    for text in
        ["x:\n- - a\n  - b\n", "x:\n-\n  a\n", "x:\n  - - a\n", "x:\n- k: v\n", "? x\n: - a\n", "- - a\n", "-\n- a\n"]
    {
        let yaml = parse(text);
        let root = yaml.documents[0].root();
        let list = root.pairs().next().map_or(root, |(_, value)| value);
        assert_eq!(list.span().start, text.find('-').unwrap(), "{text:?}: {:?}", list.span());
        if let Some(inner) = list.items().next().filter(|item| item.items().count() > 0) {
            assert_eq!(inner.span().start, list.span().start + 2, "{text:?}");
        }
    }
}

#[test]
fn documents_are_split_as_kubectl_splits() {
    let yaml = parse(&read(&testdata("ok/multi.yaml")));
    let keys: Vec<_> =
        yaml.documents.iter().map(|d| d.root().pairs().next().unwrap().0.scalar_text().unwrap()).collect();
    assert_eq!(keys, ["a", "b", "c", "d"]);
    assert_eq!(yaml.comments.len(), 2);
    let bom = parse(&read(&testdata("ok/bom.yaml")));
    assert_eq!(bom.documents.len(), 2);
    assert_eq!(bom.documents[1].root().get("b").unwrap().as_i64(), Some(2));
    assert_eq!(parse(&read(&testdata("ok/directive.yaml"))).documents.len(), 1);
    for empty in ["", "\n", "# x", "---\n---\n", "---\n~\n...\n"] {
        assert_eq!(parse(empty).documents.iter().filter(|d| !d.root().is_null()).count(), 0, "{empty:?}");
    }
}

#[test]
fn an_unindented_quoted_text_keeps_its_value() {
    let text = read(&testdata("ok/unindented-quote.yaml"));
    let yaml = parse(&text);
    let root = yaml.documents[0].root();
    assert_eq!(root.get("a").unwrap().as_str(), Some("x y"));
    assert_eq!(root.path(&["b", "c"]).unwrap().as_str(), Some("one two\nthree"));
    assert_eq!(root.get("d").unwrap().as_i64(), Some(4));
    assert_eq!(yaml.errors.len(), 2);
}

#[test]
fn a_colon_at_the_end_of_a_text_in_brackets_is_text() {
    let text = "a: [64:ff9b::, fe80::]\nb: {p: 64:ff9b::, q: x:}\nc: {x:,y: 1}\nd: [x: , &q y:]\n";
    let yaml = parse(text);
    assert_eq!(yaml.errors, []);
    let root = yaml.documents[0].root();
    let items: Vec<_> = root.get("a").unwrap().items().map(|item| item.as_str().unwrap()).collect();
    assert_eq!(items, ["64:ff9b::", "fe80::"]);
    assert_eq!(root.path(&["b", "p"]).unwrap().as_str(), Some("64:ff9b::"));
    assert_eq!(root.path(&["b", "q"]).unwrap().span().text(text), "x:");
    assert!(root.path(&["c", "x:"]).unwrap().is_null());
    assert!(root.get("d").unwrap().items().next().unwrap().get("x").unwrap().is_null());
    check_tree(text, &yaml);
}

#[test]
fn alias_bombs_cost_nothing() {
    let yaml = parse(&read(&testdata("broken/bomb.yaml")));
    assert!(yaml.errors.iter().any(|error| error.kind == ErrorKind::AliasBomb));
    let mut visited = 0;
    let mut pending = vec![yaml.documents[0].root()];
    while let Some(node) = pending.pop() {
        visited += 1;
        pending.extend(node.entries().map(|entry| entry.value));
        pending.extend(node.items());
    }
    assert!(visited < 1000, "{visited}");
    let list = format!("a: &a [{}]\nb: [{}]\n", "x,".repeat(20_000), "*a,".repeat(20_000));
    assert!(kinds(&list).contains(&ErrorKind::AliasBomb));
    let chain: String = (0..20_000)
        .fold("a0: &a0 {k: 1}\n".to_owned(), |text, i| text + &format!("a{}: &a{} {{<<: *a{i}}}\n", i + 1, i + 1));
    let yaml = parse(&chain);
    assert!(yaml.documents[0].root().path(&["a20000", "nope"]).is_none());
}

#[test]
fn hostile_texts_are_read_to_the_end() {
    let big = 200_000;
    let texts = [
        "[".repeat(big),
        "{a: ".repeat(big),
        "- ".repeat(big),
        "---\n".repeat(big),
        "# c\n".repeat(big) + "a: 1\n" + &"# d\n".repeat(big),
        format!("a:\n{}", "  # c\n  - 1\n".repeat(big / 10)),
        format!("{}a: 1\n", "\n".repeat(big)),
        format!("[{}]", "1,".repeat(big)),
        (0..big / 10).map(|i| format!("k{i}: v\n")).collect(),
        format!("a: |\n{}", "\n".repeat(big)),
        format!("a: \"{}\"", "\n".repeat(big)),
        format!("a: \"{}", "\n".repeat(big)),
        "a: 'x\ny'\n".repeat(big / 100),
        "%Y\n".repeat(big),
        "%Y a\n---\n".repeat(big / 10),
        "--- |\n".repeat(big / 10),
        format!("x:\n{}", "- |\n\n".repeat(big / 10)),
        format!("{}: 1", "a".repeat(big)),
        format!("x: [{}]", "&a ,".repeat(big / 10)),
        format!("x:\n{}", "-\n\n".repeat(big / 10)),
        format!("a: {}", "\n\n".repeat(big)) + "- ",
    ];
    for text in texts {
        let yaml = parse(&text);
        drop(yaml);
    }
}

mod generated {
    use super::{check_tree, parse};
    use proptest::prelude::*;

    fn line() -> impl Strategy<Value = String> {
        prop_oneof![
            Just(String::new()),
            Just("  ".to_owned()),
            "[a-zé😀.:{}#|'\" \\\\-]{0,8}",
            " {1,3}[a-z]{1,3} {0,2}",
            "\t?[a-z]{1,3}\t?",
        ]
    }

    fn line_break() -> impl Strategy<Value = &'static str> {
        prop_oneof![4 => Just("\n"), 1 => Just("\r\n")]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn block_texts_map_to_their_source(
            lines in prop::collection::vec(line(), 0..7),
            header in "[|>]([1-3]?[-+]?)( # c)?",
            indent in 1usize..4,
            line_break in line_break(),
            final_break in any::<bool>(),
            nested in any::<bool>(),
        ) {
            let pad = " ".repeat(indent + if nested { 2 } else { 0 });
            let key = if nested { "k:\n  - " } else { "k: " };
            let mut text = format!("{key}{header}{line_break}");
            for line in &lines {
                text += &format!("{pad}{line}{line_break}");
            }
            if !final_break {
                text.truncate(text.trim_end_matches(['\r', '\n']).len());
            } else {
                text += "z: 1";
            }
            check_tree(&text, &parse(&text));
        }

        #[test]
        fn quoted_and_plain_texts_map_to_their_source(
            parts in prop::collection::vec(
                prop_oneof![
                    "[a-z é😀]{1,4}".boxed(),
                    prop::sample::select(vec![
                        "\\n", "\\t", "\\\"", "\\\\", "\\/", "\\x41", "\\u00e9", "\\ud83d\\ude00", "\\U0001F600", "\\L", "\\N",
                        "\\_", "\\e", "\\0", "\\ ", "''", "\n  ", " \n\n  ", "\r\n  ", "\\\n  ", "\t", ",", "#", " # ", ":", "-",
                    ])
                    .prop_map(str::to_owned)
                    .boxed(),
                ],
                0..8,
            ),
            quote in prop::sample::select(vec!["\"", "'", ""]),
            flow in any::<bool>(),
        ) {
            let value = format!("{quote}{}{quote}", parts.concat());
            let text = if flow { format!("k: [a, {value} , b]\nz: 1\n") } else { format!("k: {value}\nz: 1\n") };
            check_tree(&text, &parse(&text));
        }

        #[test]
        fn any_text_is_survived(text in "[-a-z:{}\\[\\]#|>&*!'\"\\\\%@?,.~0-9\n\r\t \u{feff}\u{85}é]{0,60}") {
            check_tree(&text, &parse(&text));
        }
    }
}
