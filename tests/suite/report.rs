//! Full-screen checks of every output format; `DNSLINT_BLESS=1` rewrites the expected files in `testdata/cli/report/`.

use dnslint::diagnostic::{
    Applicability, Confidence, Diagnostic, Edit, Files as _, Fix, Label, MemoryFiles, Overlay, Severity, sort,
};
use dnslint::report::{Coverage, Format, Report, ReportOptions, RuleInfo, Summary, render, statistics};
use dnslint::source::{FileId, Location, Span};

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: coredns\ndata:\n  Corefile: |\n    .:53 {\n        errors\n        cache 30\n        forward . /etc/resolv.conf\n    }\n";
const KUBELET: &str =
    "apiVersion: kubelet.config.k8s.io/v1beta1\nresolvConf: /etc/resolv.conf\nclusterDNS:\n- 10.96.0.10\n";
const RESOLV: &str =
    "# 由 NetworkManager 生成\r\n\tnameserver\t127.0.0.53\t# 本机\r\nsearch 例え.example e\u{301}x.example\r\n";
const HOSTILE: &str = "nameserver \u{1b}[2J\u{202e}8.8.8.8\u{2066}\u{0}\u{9b}31m\nlast";
const HOSTILE_PATH: &str = "nodes/\u{1b}[31m|a,b:c%\n::warning::x/etc/resolv.conf";

struct Fixture {
    files: MemoryFiles,
    diagnostics: Vec<Diagnostic>,
}

/// The first place of `needle` in the file.
fn find(files: &MemoryFiles, file: FileId, needle: &str) -> Location {
    let at = files.text(file).find(needle).unwrap_or_else(|| panic!("{needle} is in {}", files.path(file)));
    Location::new(file, Span::new(at, at + needle.len()))
}

fn label(location: Location, text: &str) -> Label {
    Label { location, text: text.into(), primary: false }
}

fn primary(location: Location, text: &str) -> Label {
    Label { location, text: text.into(), primary: true }
}

/// Evidence over three files, the primary label second.
fn forward_loop(files: &MemoryFiles, [config_map, kubelet, resolv]: [FileId; 3]) -> Diagnostic {
    let setting = find(files, kubelet, "/etc/resolv.conf");
    let message = "queries for . come back to this server block";
    let mut d = Diagnostic::new("forward-loop", Severity::Error, message, setting);
    d.labels = vec![
        label(find(files, config_map, "/etc/resolv.conf"), "forwards to the nameservers of this file"),
        primary(setting, "which the kubelet takes from here"),
        label(find(files, resolv, "127.0.0.53"), "and which names the pod itself"),
        label(find(files, config_map, ".:53"), "so the query comes back"),
    ];
    d.notes = vec!["kubelet 1.32 (assumed: newest known)\nCoreDNS 1.12.0 (image tag)".into()];
    d.help = Some("point resolvConf at the file that lists the real upstreams".into());
    d.url = Some("https://dnslint.dev/rules/forward-loop".into());
    d.object = Some("ConfigMap/kube-system/coredns".into());
    d.fingerprint = "f00d".into();
    let edit = Edit { file: kubelet, span: setting.span, text: "/run/systemd/resolve/resolv.conf".into() };
    d.fixes = vec![
        Fix {
            title: "read the uplink file".into(),
            applicability: Applicability::Safe,
            edits: vec![edit],
            creates: vec![],
        },
        Fix {
            title: "name the upstreams".into(),
            applicability: Applicability::Display,
            edits: vec![],
            creates: vec![],
        },
    ];
    d
}

/// Several labels on one line with wide and combining characters.
fn truncated_search(files: &MemoryFiles, resolv: FileId) -> Diagnostic {
    let at = find(files, resolv, "e\u{301}x.example");
    let message = "domain e\u{301}x.example is dropped";
    let mut d = Diagnostic::new("search-list-truncated", Severity::Warning, message, at);
    d.labels = vec![
        label(find(files, resolv, "search"), "the list"),
        label(find(files, resolv, "例え.example"), "kept"),
        primary(at, "dropped here"),
    ];
    d.confidence = Confidence::Medium;
    let edit = Edit { file: resolv, span: find(files, resolv, " e\u{301}x.example").span, text: String::new() };
    d.fixes =
        vec![Fix { title: "drop it".into(), applicability: Applicability::Unsafe, edits: vec![edit], creates: vec![] }];
    d
}

/// Escapes, bidirectional controls and workflow commands in every field.
fn hostile(files: &MemoryFiles, file: FileId) -> Diagnostic {
    let at = find(files, file, "8.8.8.8");
    let message = "\u{1b}]0;title\u{7} | <b>@me</b> \u{202e}desrever\n::error::injected %0A";
    let mut d = Diagnostic::new("resolv-conf-syntax", Severity::Warning, message, at);
    d.labels = vec![
        primary(at, "text \u{1b}[5mblink\nsecond line"),
        label(Location::new(file, Span::new(HOSTILE.len(), HOSTILE.len())), "zero length at the end"),
    ];
    d.help = Some("remove\n::stop-commands::x\nthe \u{9b}31m".into());
    d.url = Some("https://e.example/\u{1b}\\x".into());
    d
}

fn fixture() -> Fixture {
    let mut files = MemoryFiles::new();
    let config_map = files.add("manifests/coredns.yaml", CONFIG_MAP);
    let kubelet = files.add("nodes/gw/var/lib/kubelet/config.yaml", KUBELET);
    let resolv = files.add("nodes/gw/etc/resolv.conf", RESOLV);
    let bad = files.add(HOSTILE_PATH, HOSTILE);
    let long = format!("{{\"{}\": \"127.0.0.1\", \"名\": \"{}\"}}\n", "a".repeat(50_000), "é".repeat(50_000));
    let long = files.add("long.yaml", long);
    let empty = files.add("empty.conf", "");

    let loopback = |message: &str, file| {
        let needle = if file == resolv { "127.0.0.53" } else { "127.0.0.1" };
        Diagnostic::new("loopback-nameserver", Severity::Error, message, find(&files, file, needle))
    };
    let nowhere = Location::new(empty, Span::new(90, 99));
    let mut past = Diagnostic::new("resolv-conf-empty", Severity::Error, "no nameserver at all", nowhere);
    past.labels.push(label(Location::new(resolv, Span::new(5_000, 6_000)), "past the end"));
    past.labels.push(label(Location::new(FileId(77), Span::new(3, 9)), "in no file"));

    let block = find(&files, config_map, ".:53").span.start;
    let block = Location::new(config_map, Span::new(block, CONFIG_MAP.len()));
    let mut multi = Diagnostic::new("server-block-dead", Severity::Info, "this block is never reached", block);
    multi.labels = vec![primary(block, "the block"), label(find(&files, config_map, "errors"), "")];

    let mut diagnostics = vec![
        forward_loop(&files, [config_map, kubelet, resolv]),
        truncated_search(&files, resolv),
        loopback("nameserver behind tabs", resolv),
        hostile(&files, bad),
        loopback("far to the right", long),
        past,
        multi,
    ];
    sort(&mut diagnostics, &files);
    Fixture { files, diagnostics }
}

fn output(format: Format, options: &ReportOptions) -> String {
    let f = fixture();
    let gap = Coverage { missing: "Node objects".into(), rules: ["a", "b", "c", "d"].map(String::from).to_vec() };
    let summary = Summary::new(&f.diagnostics, 6, vec![gap]);
    let rules = [RuleInfo {
        id: "forward-loop".into(),
        group: "coredns".into(),
        severity: Some(Severity::Error),
        summary: "Forwarding that comes back".into(),
        help: "Point the kubelet at the uplink file.".into(),
        url: Some("https://dnslint.dev/rules/forward-loop".into()),
    }];
    let report = Report { diagnostics: &f.diagnostics, files: &f.files, summary: &summary, rules: &rules };
    render(format, &report, options)
}

fn expect(name: &str, got: &str) {
    crate::common::expect(&format!("testdata/cli/report/{name}"), got);
}

#[test]
fn every_format_is_as_expected() {
    for format in Format::ALL {
        expect(&format!("all.{}", format.as_str()), &output(format, &ReportOptions::default()));
    }
}

#[test]
fn full_in_colour_with_links() {
    let options = ReportOptions { color: true, links: true, width: 60, verbose: true, ..ReportOptions::default() };
    expect("all.color", &output(Format::Full, &options));
}

#[test]
fn ci_gets_the_address_in_full() {
    let with = |is_ci| output(Format::Full, &ReportOptions { links: true, is_ci, ..ReportOptions::default() });
    assert!(with(true).contains("= docs: https://dnslint.dev/rules/forward-loop"));
    assert!(!with(false).contains("= docs: https://dnslint.dev/rules/forward-loop"));
}

#[test]
fn no_format_lets_a_control_character_through() {
    for format in Format::ALL {
        let text = output(format, &ReportOptions::default());
        let steers = |c: &char| (c.is_control() && *c != '\n') || "\u{202e}\u{2066}".contains(*c);
        let bad: Vec<char> = text.chars().filter(steers).collect();
        assert!(bad.is_empty(), "{}: {bad:?}", format.as_str());
    }
}

#[test]
fn quiet_leaves_only_findings() {
    let quiet = ReportOptions { quiet: true, ..ReportOptions::default() };
    for format in [Format::Full, Format::Concise] {
        let text = output(format, &quiet);
        assert!(!text.contains("Found ") && !text.contains("not judged"), "{text}");
    }
}

#[test]
fn github_lines_are_single_commands() {
    let text = output(Format::Github, &ReportOptions::default());
    assert_eq!(text.lines().count(), 7);
    for line in text.lines() {
        let command = line.strip_prefix("::").unwrap();
        let (head, _) = command.split_once("::").unwrap();
        let (level, properties) = head.split_once(' ').unwrap();
        assert!(["error", "warning", "notice"].contains(&level), "{line}");
        let keys: Vec<&str> = properties.split(',').map(|p| p.split_once('=').unwrap().0).collect();
        assert!(keys.starts_with(&["file", "line", "endLine"]) && keys.ends_with(&["title"]), "{keys:?}");
    }
}

#[test]
fn json_keeps_the_contract() {
    let value: serde_json::Value = serde_json::from_str(&output(Format::Json, &ReportOptions::default())).unwrap();
    assert_eq!(value["version"], 1);
    let keys = |v: &serde_json::Value| v.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&value["summary"]), ["errors", "warnings", "infos", "files", "fixable", "unsafe_fixable", "fixed"]);
    assert_eq!(value["coverage"][0]["missing"], "Node objects");
    let found = value["diagnostics"].as_array().unwrap().iter().find(|d| d["rule"] == "forward-loop").unwrap();
    let wanted = "rule severity confidence message path line column end_line end_column object labels notes help url \
                  fingerprint fixes";
    assert_eq!(keys(found).join(" "), wanted);
    assert_eq!((&found["line"], &found["column"], &found["end_column"]), (&2.into(), &13.into(), &29.into()));
    assert_eq!(keys(&found["labels"][0]).join(" "), "path line column end_line end_column text primary");
    assert_eq!(keys(&found["fixes"][0]["edits"][0]).join(" "), "path start end text");
    let lines = output(Format::JsonLines, &ReportOptions::default());
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first, value["diagnostics"][0], "a line is an element of the document");
}

#[test]
fn sarif_has_what_the_standard_requires() {
    let value: serde_json::Value = serde_json::from_str(&output(Format::Sarif, &ReportOptions::default())).unwrap();
    assert_eq!(value["version"], "2.1.0");
    let run = &value["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    let mut prints = std::collections::BTreeSet::new();
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let place = &result["locations"][0]["physicalLocation"];
        let region = &place["region"];
        assert!(region["startLine"].as_u64().unwrap() >= 1 && region["startColumn"].as_u64().unwrap() >= 1);
        assert!(region["endLine"].as_u64() >= region["startLine"].as_u64());
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(uri.bytes().all(|b| b.is_ascii_graphic()), "{uri}");
        prints.insert(result["partialFingerprints"]["primaryLocationLineHash"].as_str().unwrap().to_owned());
        for fix in result["fixes"].as_array().into_iter().flatten() {
            assert!(!fix["artifactChanges"][0]["replacements"].as_array().unwrap().is_empty());
        }
    }
    assert_eq!((results.len(), prints.len()), (7, 7), "fingerprints are unique");
    assert!(rules.iter().all(|r| !r["help"]["text"].as_str().unwrap().is_empty()));
}

#[test]
fn a_clean_run_is_valid_everywhere() {
    let files = MemoryFiles::new();
    let summary = Summary::new(&[], 3, Vec::new());
    let report = Report { diagnostics: &[], files: &files, summary: &summary, rules: &[] };
    let show = |format| render(format, &report, &ReportOptions::default());
    assert_eq!(show(Format::Full), "No findings in 3 files.\n");
    assert_eq!(show(Format::Concise), "No findings in 3 files.\n");
    assert_eq!((show(Format::Github), show(Format::JsonLines)), (String::new(), String::new()));
    assert_eq!(show(Format::Gitlab), "[]\n");
    assert!(show(Format::Junit).contains("tests=\"1\" failures=\"0\""));
    assert_eq!(show(Format::Markdown), "### dnslint\n\nNo findings in 3 files.\n");
}

#[test]
fn statistics_count_by_rule() {
    let f = fixture();
    let summary = Summary::default();
    let report = Report { diagnostics: &f.diagnostics, files: &f.files, summary: &summary, rules: &[] };
    let text = statistics(&report);
    assert_eq!(text.lines().next(), Some("2  error    loopback-nameserver"));
    assert_eq!(text.lines().count(), 6);
}

#[test]
fn a_missing_path_has_a_frame_without_source() {
    let files = MemoryFiles::new();
    let mut overlay = Overlay::new(&files);
    let at = Location::new(overlay.add("nodes/gw"), Span::new(0, 0));
    let diagnostics = [Diagnostic::new("unreadable-input", Severity::Error, "no such file or directory", at)];
    let summary = Summary::new(&diagnostics, 0, Vec::new());
    let report = Report { diagnostics: &diagnostics, files: &overlay, summary: &summary, rules: &[] };
    let text = render(Format::Full, &report, &ReportOptions { quiet: true, ..ReportOptions::default() });
    assert_eq!(text, "error[unreadable-input]: no such file or directory\n --> nodes/gw:1:1\n\n");
}

#[test]
fn many_findings_in_one_big_file_are_all_shown() {
    let mut files = MemoryFiles::new();
    let id = files.add("big", "nameserver 10.0.0.1\n".repeat(50_000));
    let at = |line: usize| Location::new(id, Span::new(line * 20 + 11, line * 20 + 19));
    let one = |n| Diagnostic::new("r", Severity::Info, "m", at(n));
    let diagnostics: Vec<_> = (0..50_000).step_by(5).map(one).collect();
    let summary = Summary::new(&diagnostics, 1, Vec::new());
    let report = Report { diagnostics: &diagnostics, files: &files, summary: &summary, rules: &[] };
    assert!(render(Format::Full, &report, &ReportOptions::default()).len() > 100_000);
}

/// Text made of what is hard to align or to cut, and spans that need not fit it.
fn arbitrary() -> impl proptest::strategy::Strategy<Value = (String, Vec<(usize, usize, bool)>, usize)> {
    use proptest::prelude::*;
    let piece =
        prop::sample::select(vec!["a", "\n", "\r\n", "\r", "\t", "名", "e\u{301}", "\u{1b}", "\u{202e}", "\u{1f600}"]);
    let text = prop::collection::vec(piece, 0..60).prop_map(|parts| parts.concat());
    let offset = prop_oneof![9 => 0usize..120, 1 => Just(usize::MAX)];
    (text, prop::collection::vec((offset.clone(), offset, any::<bool>()), 1..6), 0usize..80)
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]
    #[test]
    fn any_text_and_any_spans_can_be_shown((text, spans, width) in arbitrary()) {
        let mut files = MemoryFiles::new();
        let ids = [files.add("a", text.clone()), files.add("b", text)];
        let mut d = Diagnostic::new("r", Severity::Error, "m", Location::new(ids[0], Span::new(0, 0)));
        d.labels = spans
            .iter()
            .enumerate()
            .map(|(i, (start, end, other))| Label {
                location: Location::new(ids[usize::from(*other)], Span::new(*start, *end)),
                text: "label".into(),
                primary: i == 0,
            })
            .collect();
        let edits = d.labels.iter().map(|l| Edit { file: l.location.file, span: l.location.span, text: "x\ny".into() });
        d.fixes = vec![Fix { title: "t".into(), applicability: Applicability::Safe, edits: edits.collect(), creates: vec![] }];
        let list = [d];
        let summary = Summary::new(&list, 2, Vec::new());
        let report = Report { diagnostics: &list, files: &files, summary: &summary, rules: &[] };
        for format in Format::ALL {
            let shown = render(format, &report, &ReportOptions { width, ..ReportOptions::default() });
            assert!(!shown.chars().any(|c| c.is_control() && c != '\n'));
        }
        let full = render(Format::Full, &report, &ReportOptions { width, quiet: true, ..ReportOptions::default() });
        assert_eq!(full.matches("label").count(), spans.len(), "every label is shown\n{full}");
        assert!(full.contains('^') || files.text(ids[0]).is_empty(), "the primary place is marked\n{full}");
    }
}
