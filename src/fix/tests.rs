//! The builders on awkward texts: each result is the one that a careful person would write, or nothing.

use super::{Draft, Workshop, apply_edits};
use crate::analysis::view::{Data, ViewValue};
use crate::fix::FixRequest;
use crate::source::{Location, Snapshot, Span};
use std::collections::BTreeMap;

const MANIFEST: &str = "m.yaml";
const HEAD: &str = "apiVersion: v1\nkind: ConfigMap\n";

/// What a builder makes of one place.
fn draft(snapshot: &Snapshot, at: Span, builder: &str, arguments: &[(&str, &str)]) -> Result<Option<Draft>, String> {
    let at = [Location::new(snapshot.files[0].id, at)];
    let subject = ViewValue::from(Data::Null);
    let arguments: BTreeMap<String, String> = arguments.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    let request = FixRequest {
        builder,
        at: &at,
        values: &[],
        subject: &subject,
        item: None,
        arguments: &arguments,
        files: snapshot,
    };
    Workshop::new(snapshot).build(&request)
}

/// The text after a builder was used at `needle` (its first occurrence); `None` where it offers nothing.
fn built(path: &str, text: &str, needle: &str, builder: &str, arguments: &[(&str, &str)]) -> Option<String> {
    let snapshot = Snapshot::from_texts([(path, text)]);
    let body = if text.starts_with("apiVersion: v1") { text.find("ConfigMap").unwrap() + "ConfigMap".len() } else { 0 };
    let start = body + text.get(body..).unwrap().find(needle).unwrap();
    let draft = draft(&snapshot, Span::new(start, start + needle.len()), builder, arguments).unwrap()?;
    apply_edits(text, &draft.edits)
}

/// The same in a manifest, whose head is added and taken off.
fn yaml(body: &str, needle: &str, builder: &str, arguments: &[(&str, &str)]) -> Option<String> {
    let eol = if body.contains("\r\n") { "\r\n" } else { "\n" };
    let head = HEAD.replace('\n', eol);
    let text = format!("{head}{body}");
    let got = built(MANIFEST, &text, needle, builder, arguments)?;
    Some(got.strip_prefix(head.as_str()).unwrap().to_owned())
}

#[test]
fn scalars_keep_their_quotes_and_gain_those_they_need() {
    let set = |body: &str, needle: &str, value: &str| yaml(body, needle, "set-value", &[("value", value)]);
    assert_eq!(set("a: x # c\n", "x", "w").as_deref(), Some("a: w # c\n"));
    assert_eq!(set("a: 'x'\n", "x", "it's").as_deref(), Some("a: 'it''s'\n"));
    assert_eq!(set("a: \"x\"", "x", "q\"").as_deref(), Some("a: \"q\\\"\""));
    assert_eq!(set("a: x\n", "x", "yes").as_deref(), Some("a: \"yes\"\n"));
    assert_eq!(set("a: 1\n", "1", "2").as_deref(), Some("a: 2\n"), "a number stays a number");
    assert_eq!(set("a: {b: x}\n", "x", "p,q").as_deref(), Some("a: {b: \"p,q\"}\n"));
    assert_eq!(set("a: &n x\nb: *n\n", "x", "w"), None, "the alias would change, too");
    assert_eq!(set("a: &n x\nb: *n\n", "*n", "w"), None);
    assert_eq!(set("a: &n x\n", "x", "w").as_deref(), Some("a: &n w\n"));
    assert_eq!(set("a: x\na: z\n", "x", "w"), None, "the later key counts");
    assert_eq!(
        set("args: [\"--dns=1.1.1.1 --v=2\"]\n", "1.1.1.1", "9.9.9.9").as_deref(),
        Some("args: [\"--dns=9.9.9.9 --v=2\"]\n")
    );
}

#[test]
fn keys_and_items_come_where_a_person_would_put_them() {
    let add = |body: &str, needle: &str, yaml_text: &str| yaml(body, needle, "merge", &[("yaml", yaml_text)]);
    assert_eq!(
        add("spec:\n  x: 1 # c\n  y: 2\n", "x: 1", "k: v").as_deref(),
        Some("spec:\n  x: 1 # c\n  k: v\n  y: 2\n")
    );
    assert_eq!(add("spec:\r\n  x: 1\r\n", "x", "k: v").as_deref(), Some("spec:\r\n  x: 1\r\n  k: v\r\n"));
    assert_eq!(add("spec:\n  x: 1", "x", "k: v").as_deref(), Some("spec:\n  x: 1\n  k: v"));
    assert_eq!(add("spec: {x: 1}\n", "x", "k: v").as_deref(), Some("spec: {x: 1, k: v}\n"));
    assert_eq!(add("spec: {}\n", "spec", "k: [v]").as_deref(), Some("spec: {k: [v]}\n"));
    assert_eq!(add("l:\n- x: 1\n  y: 2\n", "y: 2", "k: v").as_deref(), Some("l:\n- x: 1\n  y: 2\n  k: v\n"));
    assert_eq!(add("l:\n- a\n- b\nz: 1\n", "l", "[c]").as_deref(), Some("l:\n- a\n- b\n- c\nz: 1\n"));
    assert_eq!(add("l: [a, b]\n", "a", "[b, c]").as_deref(), Some("l: [a, b, c]\n"));
    assert_eq!(add("l: []\n", "l", "[c]").as_deref(), Some("l: [c]\n"));
    assert_eq!(
        add("s:\n  d:\n  e: 1\n", "e: 1", "d: {o: [x]}").as_deref(),
        Some("s:\n  d:\n    o:\n      - x\n  e: 1\n")
    );
    assert_eq!(add("s: &b\n  x: 1\nt: *b\n", "x: 1", "k: v"), None, "the alias would grow, too");
    assert_eq!(add("s:\n  <<: *b\n", "<<", "k: v").as_deref(), Some("s:\n  <<: *b\n  k: v\n"), "no worse than before");
    assert_eq!(
        add("b: &b {k: 1}\ns:\n  <<: *b\n  y: 1\n", "y: 1", "k: 2"),
        None,
        "the value stands in the merged mapping"
    );
    assert_eq!(add("s:\n  t: |+\n    x\n\nz: 1\n", "t", "k: v"), None, "the blank line belongs to the text");
    assert_eq!(add("s:\n  ? x\n  : 1\n", "s", "k: v").as_deref(), None);
}

#[test]
fn json_stays_json() {
    let text = "{\n  \"apiVersion\": \"kubelet.config.k8s.io/v1beta1\",\n  \"kind\": \"KubeletConfiguration\",\n  \"clusterDNS\": [\"10.0.0.1\"]\n}\n";
    let path = "nodes/n/var/lib/kubelet/config.yaml";
    let set = built(path, text, "10.0.0.1", "set-value", &[("value", "10.0.0.2")]).unwrap();
    assert!(set.contains("[\"10.0.0.2\"]"), "{set}");
    let added = built(path, text, "\"kind\"", "merge", &[("yaml", "resolvConf: /r")]).unwrap();
    assert!(added.contains("\"KubeletConfiguration\",\n  \"resolvConf\": \"/r\",\n  \"clusterDNS\""), "{added}");
    serde_json::from_str::<serde_json::Value>(&added).unwrap();
    let split = built(
        path,
        &text.replace("10.0.0.1", "1.1.1.1,2.2.2.2"),
        "1.1.1.1,2.2.2.2",
        "split-item",
        &[("into", "1.1.1.1, 2.2.2.2")],
    );
    assert!(split.unwrap().contains("[\"1.1.1.1\", \"2.2.2.2\"]"));
}

#[test]
fn entries_go_with_their_lines() {
    let key = |body: &str, needle: &str| yaml(body, needle, "remove-key", &[]);
    assert_eq!(key("s:\n  x: 1 # c\n  # about y\n  y: 2\n", "x: 1").as_deref(), Some("s:\n  # about y\n  y: 2\n"));
    assert_eq!(key("s:\n  x: 1\n  y: 2", "y: 2").as_deref(), Some("s:\n  x: 1"));
    assert_eq!(key("s:\n  x: 1\n", "x: 1").as_deref(), Some("s: {}\n"));
    assert_eq!(key("s: {x: 1, y: 2}\n", "x: 1").as_deref(), Some("s: {y: 2}\n"));
    assert_eq!(key("l:\n- x: 1\n  y: 2\n", "x: 1").as_deref(), Some("l:\n- y: 2\n"));
    assert_eq!(key("s:\r\n  x: 1\r\n  y: 2\r\n", "x: 1").as_deref(), Some("s:\r\n  y: 2\r\n"));
    assert_eq!(
        key("l:\n- a=1\n- q=2\nm: 1\n", "q=2").as_deref(),
        Some("l:\n- a=1\nm: 1\n"),
        "the other argument stays"
    );
    assert_eq!(key("l:\n- q=2\nm: 1\n", "q=2").as_deref(), Some("m: 1\n"));
    let item = |body: &str, needle: &str, prune: &str| yaml(body, needle, "remove-item", &[("prune", prune)]);
    assert_eq!(item("l:\n- {n: a}\n- n: b\n  v: c\n", "b", "0").as_deref(), Some("l:\n- {n: a}\n"));
    assert_eq!(item("l: [a, b]\n", "b", "0").as_deref(), Some("l: [a]\n"));
    assert_eq!(item("s:\n  d:\n    l:\n    - a\n  e: 1\n", "a\n", "0"), None, "the needle holds the line end");
    assert_eq!(item("s:\n  d:\n    l:\n    - q\n  e: 1\n", "q", "2").as_deref(), Some("s:\n  e: 1\n"));
    assert_eq!(item("s:\n  l:\n  - q\n  e: 1\n", "q", "0").as_deref(), Some("s:\n  l: []\n  e: 1\n"));
    assert_eq!(item("s:\n  l:\n  # why\n  - q\n  e: 1\n", "q", "0"), None, "the comment would be lost");
}

const COREFILE: &str = ".:53 {\n    errors\n    health\n    forward . 1.1.1.1 # up\n}\n";

/// The Corefile in every form in which a ConfigMap can hold it.
#[test]
fn corefiles_keep_their_clothes() {
    let block: String = COREFILE.lines().map(|line| format!("    {line}\n")).collect();
    let escaped = COREFILE.replace('\n', "\\n");
    let forms = [
        format!("data:\n  Corefile: |\n{block}  other: x\n"),
        format!("data:\n  Corefile: |\n{block}").trim_end().to_owned(),
        format!("data:\n  Corefile: |\n{block}").replace('\n', "\r\n"),
        format!(
            "data:\n  Corefile: |4-\n{}\n  other: x\n",
            block.replace("\n    ", "\n      ").replacen("    ", "      ", 1)
        ),
        format!("data:\n  Corefile: \"{escaped}\"\n"),
        format!("data: {{Corefile: \"{escaped}\"}}\n"),
    ];
    for body in forms {
        let head = if body.contains("\r\n") { HEAD.replace('\n', "\r\n") } else { HEAD.to_owned() };
        let text = format!("{head}{body}");
        let corefile = |text: &str| {
            let parsed = crate::syntax::yaml::parse(text);
            assert!(parsed.errors.is_empty(), "{text}");
            let root = parsed.documents[0].root();
            root.path(&["data", "Corefile"]).unwrap().scalar_text().unwrap().trim_end().to_owned()
        };
        let mut expected = COREFILE.trim_end().to_owned();
        assert_eq!(corefile(&text), expected);
        let added =
            built(MANIFEST, &text, "errors", "add-directive", &[("text", "cache 30"), ("after", "forward")]).unwrap();
        expected = expected.replace("# up\n", "# up\n    cache 30\n");
        assert_eq!(corefile(&added), expected, "{added}");
        let property = built(MANIFEST, &added, "health", "add-property", &[("text", "lameduck 5s")]).unwrap();
        expected = expected.replace("health\n", "health {\n        lameduck 5s\n    }\n");
        assert_eq!(corefile(&property), expected, "{property}");
        let removed = built(MANIFEST, &property, "lameduck", "remove-directive", &[]);
        let without = removed.unwrap();
        let gone = built(MANIFEST, &without, "errors", "remove-directive", &[]).unwrap();
        assert_eq!(
            corefile(&gone),
            expected.replace("    errors\n", "").replace("health {\n        lameduck 5s\n    }", "health {\n    }"),
            "{gone}"
        );
        let bare = text.contains("\r\n");
        assert!(!bare || !gone.replace("\r\n", "").contains('\n'), "mixed line ends");
    }
}

#[test]
fn folded_texts_and_templates_are_left_alone() {
    let body = "data:\n  Corefile: >\n    .:53 {\n\n        errors\n\n    }\n";
    assert_eq!(yaml(body, "errors", "add-directive", &[("text", "x"), ("after", "")]), None);
    assert_eq!(yaml("a: b\n", "b", "remove-line", &[]), None, "no line of the scalar may take its key along");
}

#[test]
fn lines_of_plain_files() {
    let path = "nodes/n/etc/resolv.conf";
    let line = |text: &str, needle: &str, builder: &str| built(path, text, needle, builder, &[]);
    assert_eq!(line("a 1\r\nb 2\r\n", "1", "remove-line").as_deref(), Some("b 2\r\n"));
    assert_eq!(line("a 1\nb 2", "2", "remove-line").as_deref(), Some("a 1"));
    assert_eq!(line("options\tx:1  y:2\n", "y:2", "remove-word").as_deref(), Some("options\tx:1\n"));
    assert_eq!(line("options x:1\nb\n", "x:1", "remove-word").as_deref(), Some("b\n"));
    assert_eq!(line("a 1\r\nb\r", "1", "unix-line-ends").as_deref(), Some("a 1\nb"));
    assert_eq!(line("a 1  \t\r\nb\n", "1", "trim-line").as_deref(), Some("a 1\r\nb\n"));
    let owned = "# Generated by NetworkManager\nnameserver 1.1.1.1\n";
    assert_eq!(line(owned, "1.1.1.1", "remove-line"), None, "NetworkManager would write it again");
    assert_eq!(built("nodes/n/run/x/resolv.conf", "nameserver 1\n", "1", "remove-line", &[]), None);
    let unit = "[Service]\nExecStart=/k \\\n  --a\n";
    assert_eq!(
        built("nodes/n/etc/systemd/system/k.service", unit, "--a", "remove-line", &[]),
        None,
        "it continues a line"
    );
}

#[test]
fn flags_go_with_the_blanks_and_lines_that_are_theirs() {
    let gone = |path: &str, text: &str, needle: &str| built(path, text, needle, "remove-flag", &[]);
    let env = |text: &str, needle: &str| gone("nodes/n/etc/default/kubelet", text, needle);
    assert_eq!(env("A=\"--x=1 --dns=2\"\n", "2").as_deref(), Some("A=\"--x=1\"\n"));
    assert_eq!(env("A=\"--dns=2 --x=1\"\n", "2").as_deref(), Some("A=\"--x=1\"\n"));
    assert_eq!(env("A=--dns=2\r\nB=1\r\n", "2").as_deref(), Some("A=\r\nB=1\r\n"));
    assert_eq!(env("A=2\n", "2"), None, "no flag stands there");
    assert_eq!(env("A=\"--dns=2\"\n", "2").as_deref(), Some("A=\"\"\n"), "the quotes are those of the variable");
    let unit = |text: &str| gone("nodes/n/etc/systemd/system/k.service", text, "2");
    assert_eq!(
        unit("[Service]\nExecStart=/k \\\n  --dns=2 \\\n  --v=1\n").as_deref(),
        Some("[Service]\nExecStart=/k \\\n  --v=1\n")
    );
    assert_eq!(
        unit("[Service]\nExecStart=/k \\\n  --v=1 \\\n  --dns=2\nRestart=no\n").as_deref(),
        Some("[Service]\nExecStart=/k \\\n  --v=1\nRestart=no\n")
    );
    let quoted = unit("[Service]\nExecStart=/k \"--dns=2\" --v=1\n");
    assert_eq!(quoted.as_deref(), Some("[Service]\nExecStart=/k --v=1\n"), "an empty pair of quotes is an argument");
    let lines = unit("[Service]\nExecStart=/k \\\n  '--dns=2' \\\n  --v=1\n");
    assert_eq!(lines.as_deref(), Some("[Service]\nExecStart=/k \\\n  --v=1\n"));
    assert_eq!(
        yaml("args:\n- --v=1\n- --dns=2 # why\n", "--dns=2", "remove-flag", &[]).as_deref(),
        Some("args:\n- --v=1\n")
    );
}

#[test]
fn line_ends_that_are_written_out_stay_of_one_kind() {
    let add = |body: &str| yaml(body, "health", "add-directive", &[("text", "ready"), ("after", "health")]);
    let corefile = |eol: &str| format!("data:\n  Corefile: \".:53 {{{eol}  health{eol}}}{eol}\"\n");
    for eol in ["\\n", "\\r\\n"] {
        let want = corefile(eol).replace("health", &format!("health{eol}  ready"));
        assert_eq!(add(&corefile(eol)), Some(want));
    }
}

#[test]
fn joined_lines_become_a_block() {
    let block = |body: &str| yaml(body, "a.server", "block-text", &[]);
    assert_eq!(
        block("data:\n    a.server:\n       x:53 {\n           log\n       }\n    b: 1\n").as_deref(),
        Some("data:\n    a.server: |\n       x:53 {\n           log\n       }\n    b: 1\n")
    );
    assert_eq!(
        block("data:\r\n  a.server: >-\r\n    x {\r\n      log\r\n    }\r\n").as_deref(),
        None,
        "without its last line end it would be another text"
    );
    assert_eq!(
        block("data:\n  a.server: >\n    x {\n    }\n").as_deref(),
        Some("data:\n  a.server: |\n    x {\n    }\n")
    );
    assert_eq!(block("data: {a.server: x}\n"), None);
    assert_eq!(block("data:\n  a.server: one line\n"), None);
    assert_eq!(block("data:\n  a.server:\n    x {\n    } # why\n"), None, "the comment would become text");
}

#[test]
fn lines_of_a_packaged_block_get_a_block_of_their_own() {
    let moved = |body: &str, needle: &str| yaml(body, needle, "move-to-block", &[("key", "a.server")]);
    assert_eq!(
        moved("data:\n  a.override: |\n    # why\n    forward x.org 10.0.0.1\n", "forward").as_deref(),
        Some(
            "data:\n  a.server: |\n    # why\n    x.org:53 {\n        errors\n        cache 30\n        forward . 10.0.0.1\n    }\n"
        )
    );
    let quoted = moved("data:\n  a.override: \"forward x.org 10.0.0.1\\n\"\n", "forward").unwrap();
    assert!(quoted.contains("a.server: \"x.org:53 {\\n    errors"), "{quoted}");
    assert_eq!(
        moved("data:\n  a.override: |\n    forward x.org 10.0.0.1\n    log\n", "forward"),
        None,
        "it is not alone"
    );
    assert_eq!(moved("data:\n  a.override: |\n    forward . 10.0.0.1\n", "forward"), None, "the root has its block");
    assert_eq!(moved("data:\n  b.override: |\n    forward x.org 10.0.0.1\n", "forward"), None, "another key");
    assert_eq!(
        moved("data:\n  a.override: |\n    hosts {\n      10.0.0.1 x.org\n    }\n", "hosts"),
        None,
        "who answers below?"
    );
    let gone = yaml("data:\n  a.override: |\n    forward . 10.0.0.1\n  b: x\n", "forward", "remove-directive", &[]);
    assert_eq!(gone.as_deref(), Some("data:\n  b: x\n"));
}

#[test]
fn parts_of_lists_go_with_their_comma() {
    let part = |body: &str, needle: &str, part: &str| yaml(body, needle, "remove-part", &[("part", part)]);
    assert_eq!(
        part("a: [-localip, \"1.1.1.1,2.2.2.2\"]\n", "1.1.1.1,2.2.2.2", "2.2.2.2").as_deref(),
        Some("a: [-localip, \"1.1.1.1\"]\n")
    );
    assert_eq!(part("a: [\"1.1.1.1,2.2.2.2\"]\n", "1.1.1.1,2.2.2.2", "1.1.1.1").as_deref(), Some("a: [\"2.2.2.2\"]\n"));
    assert_eq!(part("a: [\"1.1.1.1\"]\n", "1.1.1.1", "3.3.3.3"), None);
    let flag = |text: &str| part(&format!("a:\n- {text}\n"), text, "1.1.1.1");
    assert_eq!(flag("-localip=1.1.1.1,2.2.2.2").as_deref(), Some("a:\n- -localip=2.2.2.2\n"));
    assert_eq!(flag("-localip=2.2.2.2,1.1.1.1").as_deref(), Some("a:\n- -localip=2.2.2.2\n"));
    assert_eq!(flag("-localip=1.1.1.1"), None, "nothing would be left");
}

#[test]
fn a_text_is_replaced_wherever_it_stands_as_a_word() {
    let replaced = |text: &str, find: &str, new: &str| {
        yaml(&format!("a: {text}\n"), text, "replace-text", &[("find", find), ("text", new)])
            .map(|got| got.trim_start_matches("a: ").trim_end().to_owned())
    };
    assert_eq!(replaced("x.local,y.x.local", "x.local", "z").as_deref(), Some("z,y.z"));
    assert_eq!(replaced("ax.local x.local-b x.local", "x.local", "z").as_deref(), Some("ax.local x.local-b z"));
    assert_eq!(replaced("ax.local", "x.local", "z"), None);
}

#[test]
fn units_of_packages_get_a_drop_in() {
    let unit = "[Unit]\nDescription=k\n\n[Service]\nExecStart=/k --dns=1 \\\n  --v=2\nEnvironmentFile=/etc/x1\n";
    let path = "nodes/n/usr/lib/systemd/system/k.service";
    let drop_in = |texts: &[(&str, &str)], needle: &str| {
        let snapshot = Snapshot::from_texts(texts.iter().copied());
        let at = unit.find(needle).unwrap();
        draft(&snapshot, Span::new(at, at + needle.len()), "replace-text", &[("text", "9")]).unwrap()
    };
    let got = drop_in(&[(path, unit)], "1").unwrap();
    assert!(got.edits.is_empty());
    let [file] = got.creates.as_slice() else { panic!("{:?}", got.creates) };
    assert_eq!(file.path, "nodes/n/etc/systemd/system/k.service.d/90-dnslint.conf");
    assert_eq!(file.text, "[Service]\nExecStart=\nExecStart=/k --dns=9 \\\n  --v=2\n");
    let later = ("nodes/n/usr/lib/systemd/system/k.service.d/95-site.conf", "[Service]\nRestart=no\n");
    let got = drop_in(&[(path, unit), later], "1").unwrap();
    assert!(got.creates[0].path.ends_with("/95-site_dnslint.conf"), "{:?}", got.creates);
    assert_eq!(drop_in(&[(path, unit)], "/etc/x1"), None, "a list of files does not start anew");
    assert_eq!(drop_in(&[(path, unit)], "Description=k"), None, "another section");
    let twice = format!("{unit}ExecStart=/other\n");
    assert_eq!(drop_in(&[(path, &twice)], "1"), None, "the other command would be lost");
    let run = [("nodes/n/run/systemd/system/k.service", unit)];
    assert!(drop_in(&run, "1").unwrap().edits.is_empty(), "a program writes it anew");
    for directory in ["etc", "usr/local/lib"] {
        let path = format!("nodes/n/{directory}/systemd/system/k.service");
        let own = [(path.as_str(), unit)];
        assert_eq!(drop_in(&own, "1").unwrap().edits.len(), 1, "the administrator's own unit is edited: {path}");
    }
}

#[test]
fn mistakes_of_rules_are_told() {
    let snapshot = Snapshot::from_texts([("m.yaml", "a: b\n")]);
    let error =
        |builder: &str, arguments: &[(&str, &str)]| draft(&snapshot, Span::new(3, 4), builder, arguments).unwrap_err();
    assert_eq!(error("set-value", &[]), "the fix builder `set-value` needs the argument `value`");
    assert_eq!(error("remove-line", &[("x", "1")]), "the fix builder `remove-line` has no argument `x`");
    assert_eq!(error("paint", &[]), "unknown fix builder `paint`");
}
