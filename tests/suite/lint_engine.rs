//! The rule engine on a toy view: loading, evaluating, placing, folding, selecting, identifying and suppressing.

use dnslint::analysis::collect::{self, Assumptions};
use dnslint::analysis::view::{Schemas, View, ViewSet, ViewValue};
use dnslint::diagnostic::{Applicability, Diagnostic, Edit, Files, Severity};
use dnslint::fix::{Draft, Workshop};
use dnslint::lint::suppress::{AnnotationIgnore, Date, Suppressions, suppress};
use dnslint::lint::{
    AllFiles, FixBuilders, FixRequest, LintOptions, LintResult, MissingInput, RuleSet, RuleSettings, RuleSource,
    Selection, finish, fold, run,
};
use dnslint::model::assemble;
use dnslint::source::{FileId, Located, Location, Snapshot, Span};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeSet;

/// A resolver file.
#[derive(Serialize, JsonSchema)]
struct Toy {
    /// Its nameservers.
    nameservers: Vec<Located<Server>>,
    /// Who uses it.
    used_by: Vec<Located<String>>,
    /// How many nameservers count.
    limit: u8,
    /// What writes it.
    owner: Option<Owner>,
    /// Which library reads it.
    reader: Reader,
    /// A default that no text says.
    ndots: Located<u8>,
}

#[derive(Serialize, JsonSchema)]
struct Server {
    /// Its address.
    address: String,
    /// Where its port was given.
    port: Option<Located<u16>>,
}

#[derive(Serialize, JsonSchema)]
struct Owner {
    name: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Reader {
    Glibc,
    #[allow(dead_code, reason = "a word of the schema")]
    Musl,
}

impl View for Toy {
    const KIND: &'static str = "toy";
    const DOC: &'static str = "A resolver file.";
}

/// A workload.
#[derive(Serialize, JsonSchema)]
struct Pod {
    image: Located<String>,
}

impl View for Pod {
    const KIND: &'static str = "pod";
    const DOC: &'static str = "A workload.";
}

/// The whole cluster.
#[derive(Serialize, JsonSchema)]
struct Cluster {
    nodes: u32,
}

impl View for Cluster {
    const KIND: &'static str = "cluster";
    const DOC: &'static str = "The cluster.";
}

fn schemas() -> Schemas {
    Schemas::new().with::<Toy>().with::<Pod>().with::<Cluster>()
}

struct Texts(Vec<(String, String)>);

impl Texts {
    fn new(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }

    fn at(&self, file: usize, needle: &str) -> Location {
        let start = self.0[file].1.find(needle).unwrap_or_else(|| panic!("no {needle}"));
        Location::new(FileId(file as u32), Span::new(start, start + needle.len()))
    }
}

impl Files for Texts {
    fn path(&self, file: FileId) -> &str {
        self.0.get(file.index()).map_or("", |(path, _)| path)
    }
    fn text(&self, file: FileId) -> &str {
        self.0.get(file.index()).map_or("", |(_, text)| text)
    }
}

/// Removes the line of `at`; `refuse` fails, `nothing` has nothing to offer.
struct Builders;

impl FixBuilders for Builders {
    fn names(&self) -> Vec<&str> {
        vec!["remove-line", "refuse", "nothing"]
    }
    fn build(&self, request: &FixRequest<'_>) -> Result<Option<Draft>, String> {
        match request.builder {
            "refuse" => Err(format!("no argument {:?}", request.arguments)),
            "nothing" => Ok(None),
            _ => {
                let edit = |at: &Location| Edit { file: at.file, span: at.span, text: String::new() };
                let edits: Vec<Edit> = request.at.iter().map(edit).collect();
                Ok((!edits.is_empty()).then_some(Draft { edits, creates: Vec::new() }))
            }
        }
    }
}

const HEAD: &str = "id: toy-rule\ngroup: resolver\nseverity: warning\nsummary: A toy\non: toy\nwhy: Because.\n";

fn source(rest: &str) -> RuleSource {
    RuleSource::new("rules/resolver/toy-rule.yaml", "resolver/toy-rule.yaml", format!("{HEAD}{rest}"))
}

fn named(id: &str, rest: &str) -> RuleSource {
    let text = format!("{HEAD}{rest}").replace("id: toy-rule", &format!("id: {id}"));
    RuleSource::new(format!("rules/resolver/{id}.yaml"), &format!("resolver/{id}.yaml"), text)
}

fn load_all(sources: Vec<RuleSource>) -> (RuleSet, Vec<Diagnostic>) {
    RuleSet::load(sources, &schemas(), &Builders.names())
}

fn load(rest: &str) -> RuleSet {
    let (set, problems) = load_all(vec![source(rest)]);
    assert!(problems.is_empty(), "{}", shown(&problems, &set));
    set
}

/// `path:line:column "marked": severity: message [rule] (help)` for each finding.
fn shown(diagnostics: &[Diagnostic], files: &dyn Files) -> String {
    let line = |d: &Diagnostic| {
        let at = d.primary();
        let before = files.text(at.file).get(..at.span.start).unwrap_or("");
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        let help = d.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        let (path, marked) = (files.path(at.file), files.quoted(at));
        format!("{path}:{line}:{column} {marked:?}: {}: {} [{}]{help}\n", d.severity.as_str(), d.message, d.rule)
    };
    diagnostics.iter().map(line).collect()
}

fn labels(diagnostic: &Diagnostic, files: &dyn Files) -> Vec<String> {
    let label = |l: &dnslint::diagnostic::Label| {
        format!("{}{}: {}", if l.primary { "*" } else { "" }, files.quoted(l.location), l.text)
    };
    diagnostic.labels.iter().map(label).collect()
}

fn texts() -> Texts {
    Texts::new(&[
        ("a/resolv.conf", "nameserver 127.0.0.1\nnameserver 8.8.8.8\nnameserver 9.9.9.9\nport 5353\n"),
        ("a/kubelet.yaml", "resolvConf: /etc/resolv.conf\nowner: nm\n"),
    ])
}

fn toy(files: &Texts) -> Located<Toy> {
    let server = |address: &str, port: Option<Located<u16>>| {
        let at = files.at(0, &format!("nameserver {address}"));
        Located::at(Server { address: address.to_owned(), port }, at)
    };
    let port = Located::at(5353, files.at(0, "port 5353"));
    let value = Toy {
        nameservers: vec![server("127.0.0.1", None), server("8.8.8.8", None), server("9.9.9.9", Some(port))],
        used_by: vec![Located::at("kubelet".to_owned(), files.at(1, "resolvConf: /etc/resolv.conf"))],
        limit: 2,
        owner: None,
        reader: Reader::Glibc,
        ndots: Located::default_value(1),
    };
    Located::at(value, Location::new(FileId(0), Span::new(0, 20)))
}

fn views(files: &Texts) -> ViewSet {
    let mut views = ViewSet::default();
    views.add(&toy(files), Some("Node/a".to_owned()));
    views.add(&Located::default_value(Cluster { nodes: 3 }), None);
    views
}

fn check(set: &RuleSet, options: &LintOptions) -> LintResult {
    let files = texts();
    run(set, &views(&files), &files, &Builders, options).unwrap()
}

fn found(rest: &str) -> String {
    let set = load(rest);
    let files = texts();
    let result = check(&set, &LintOptions::default());
    shown(&result.diagnostics, &AllFiles { snapshot: &files, rules: &set })
}

#[test]
fn every_mistake_of_a_rule_file_is_shown_at_its_place() {
    let cases = [
        ("message: m\nwen: true\n", "8:1 \"wen\": unknown field `wen` (did you mean `when`?)"),
        ("message: [m]\n", "7:10 \"[\": expected string scalar\n"),
        ("when: true\n", ":1:1 \"id: toy-rule\": the field `message` is missing"),
        ("message: m\nmessage: n\n", "8:1 \"message\": duplicate mapping key: message"),
        ("message: \"m\n", "8:1 \"\": invalid indentation in multiline quoted scalar\n"),
        (
            "message: m\nwhen: subject.limt > 1\n",
            "8:15 \"limt\": `subject` has no field `limt` (did you mean `limit`?)",
        ),
        (
            "message: m\nwhen: >-\n  subject.limit > 1\n  && subject.nope\n",
            "10:14 \"nope\": `subject` has no field `nope`",
        ),
        (
            "message: m\nwhen: \"subject.reader == 'gibc'\"\n",
            "8:26 \"'gibc'\": \"gibc\" is none of the values \"glibc\", \"musl\" (did you mean `glibc`?)",
        ),
        ("message: m\nwhen: subject.limit\n", "8:7 \"subject.limit\": a condition must be a bool, this is an int"),
        ("message: m\nwhen: subject.limit >\n", "8:22 \"\": syntax error: mismatched input '<EOF>'"),
        ("message: m\nwhen: lookup(subject.limit)\n", "8:7 \"lookup\": unknown function `lookup`"),
        (
            "message: m\nwhen: subject.limit == '2'\n",
            "8:7 \"subject.limit == '2'\": `subject.limit` is an int and is never equal to a string",
        ),
        (
            "message: m\nwhen: subject.owner.name == 'x'\n",
            "8:7 \"subject.owner\": `subject.owner` may be absent (guard it: has(subject.owner) && …)",
        ),
        ("message: m\nwhere: item.x\n", "8:8 \"item.x\": `where` needs `each`"),
        ("message: m\neach: subject.limit\n", "8:7 \"subject.limit\": `each` needs a list, `subject.limit` is an int"),
        (
            "message: m\neach: subject.nameserver\n",
            "8:15 \"nameserver\": `subject` has no field `nameserver` (did you mean `nameservers`?)",
        ),
        ("message: m\neach: item.x\n", "8:7 \"item\": a path starts with subject, not with `item`"),
        ("message: m\neach: subject.nameservers[x]\n", "8:26 \"[x]\": expected a plain path"),
        (
            "message: m\neach: subject.nameservers\nwhere: item.adress == ''\n",
            "9:13 \"adress\": `item` has no field `adress` (did you mean `address`?)",
        ),
        ("message: \"{{ item.address }}\"\n", "7:14 \"item\": unknown variable `item`"),
        ("message: \"{{ subject.limt }}\"\n", "7:22 \"limt\": `subject` has no field `limt` (did you mean `limit`?)"),
        ("message: \"{{ subject.limit | shout }}\"\n", "7:30 \"shout\": filter shout is unknown (filters: join"),
        ("message: \"{{ subject.limit \"\n", "unexpected end of"),
        (
            "message: \"{{ subject.owner.name }}\"\n",
            "7:21 \".owner.name\": `subject.owner.name` is undefined (this happens where every value that may be absent is absent",
        ),
        ("message: \"{{ subject.nameservers }}\"\n", "the value is a list; write | join(\", \")"),
        ("message: \"{% set a = 1 %}{{ a }}\"\n", "7:14 \"set\": `set` is no statement of rule texts"),
        ("message: m\nlabels: [{at: item}]\n", "8:15 \"item\": a path starts with subject, not with `item`"),
        (
            "message: m\nlabels: [{at: subject.usedby}]\n",
            "8:23 \"usedby\": `subject` has no field `usedby` (did you mean `used_by`?)",
        ),
        (
            "message: m\nlabels: [{at: subject.limit, primary: true}, {at: subject.reader, primary: true}]\n",
            "8:51 \"subject.reader\": only one label can be primary",
        ),
        (
            "message: m\nlabels: [{at: subject.used_by, text: \"{{ it.name }}\"}]\n",
            "8:45 \"name\": `it` is a string and has no fields",
        ),
        (
            "message: m\nlabels: [{at: subject.used_by, if: it > 1}]\n",
            "8:36 \"it > 1\": cannot order a string and an int",
        ),
        ("message: m\nescalate: [{when: subject.limit, severity: error}]\n", "a condition must be a bool"),
        (
            "message: m\nescalate: [{when: true, severity: fatal}]\n",
            "8:35 \"fatal\": unknown value `fatal` (known here: info, warning, error)",
        ),
        ("message: m\nnotes: [{if: subject.nope, text: t}]\n", "8:22 \"nope\": `subject` has no field `nope`"),
        ("message: m\nhelp: {if: true, txt: t}\n", "\"txt\": unknown field `txt` (did you mean `text`?)"),
        (
            "message: m\nfix: {use: remove-lin, title: t}\n",
            "8:12 \"remove-lin\": unknown fix builder `remove-lin` (did you mean `remove-line`?)",
        ),
        ("message: m\nfix: {use: remove-line, title: t, at: subject.x}\n", "8:47 \"x\": `subject` has no field `x`"),
        (
            "message: m\nfix: {use: remove-line, title: t, with: {a: \"{{ nope }}\"}}\n",
            "\"nope\": unknown variable `nope`",
        ),
        (
            "message: m\nparams: {max: 3}\nwhen: params.mx > 3\n",
            "9:14 \"mx\": `params` has no field `mx` (did you mean `max`?)",
        ),
        ("message: m\nparams: {max: 3}\nwhen: params.max == 'a'\n", "is never equal to a string"),
        ("message: m\nneeds: [Kubelet-Config]\n", "8:9 \"Kubelet-Config\": `Kubelet-Config` is not in snake_case"),
        ("message: m\nreferences: [\"http://x\"]\n", "a reference is a URL that starts with https://"),
        ("message: \" \"\n", "7:10 \"\\\" \\\"\": the text is empty"),
        (
            "message: m\nwhen: cluster.nods > 1\n",
            "8:15 \"nods\": `cluster` has no field `nods` (did you mean `nodes`?)",
        ),
        (
            "message: m\nwhen: subject.nameservers.all(a, subject.nameservers.all(b, subject.nameservers.all(c, a == c)))\n",
            "comprehensions may be nested 2 deep",
        ),
    ];
    let mut wrong = Vec::new();
    for (rest, want) in cases {
        let (set, problems) = load_all(vec![source(rest)]);
        let got = shown(&problems, &set).replace(": error: ", ": ").replace(" [rule-file]", "");
        let placed = problems.iter().all(|p| p.rule == "rule-file" && p.primary().file.0 >= 1 << 31);
        if !got.contains(want) || !set.rules().is_empty() || !placed {
            wrong.push(format!("{rest}  want {want}\n  got  {got}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn identity_is_checked() {
    let text = format!("{HEAD}message: m\n");
    let problem = |relative: &str, text: &str| {
        let (set, problems) = load_all(vec![RuleSource::new(relative, relative, text)]);
        shown(&problems, &set)
    };
    assert!(
        problem("resolver/other.yaml", &text)
            .contains("1:5 \"toy-rule\": error: the rule `toy-rule` stands in a file named `other`")
    );
    assert!(
        problem("kubelet/toy-rule.yaml", &text)
            .contains("2:8 \"resolver\": error: the group `resolver` is not the folder `kubelet`")
    );
    assert_eq!(problem("toy-rule.yaml", &text), "", "a user's rule may lie in the directory itself");
    assert!(problem("x.yaml", &text.replace("toy-rule", "Toy_Rule")).contains("is not in kebab-case"));
    assert!(
        problem("resolver/toy-rule.yaml", &text.replace("on: toy", "on: tpy"))
            .contains("5:5 \"tpy\": error: unknown view kind `tpy` [rule-file] (did you mean `toy`?)")
    );
    assert!(problem("resolver/toy-rule.yaml", &"x".repeat(100_000)).contains("65536 are allowed"));
    let (set, problems) = load_all(vec![source("message: m\n"), source("message: n\n")]);
    assert!(shown(&problems, &set).contains("the rule `toy-rule` exists already, in rules/resolver/toy-rule.yaml"));
    assert_eq!(set.rules().len(), 1);
}

#[test]
fn items_labels_and_origins() {
    let set = load(concat!(
        "each: subject.nameservers\n",
        "where: item.address.isLoopback() || has(item.port)\n",
        "message: \"{{ item.address }} is one of {{ subject.nameservers | plural('server', 'servers') }}\"\n",
        "labels:\n",
        "- {at: item.port, text: \"port {{ it }}\"}\n",
        "- {at: item.address, primary: true, text: here}\n",
        "- {at: subject.used_by, text: \"{{ index }}. {{ it }}\"}\n",
        "- {at: subject.ndots, text: a default has no place}\n",
        "- {at: subject.nameservers, if: \"it.address == '8.8.8.8'\", text: fallback}\n",
        "notes:\n- {if: has(item.port), text: \"asks port {{ item.port }}\"}\n- always\n",
        "help: [\"one\", {if: cluster.nodes > 1, text: two}]\n",
        "references: [https://example.org/a]\n",
    ));
    let files = texts();
    let result = check(&set, &LintOptions::default());
    assert_eq!(
        shown(&result.diagnostics, &files),
        concat!(
            "a/resolv.conf:1:1 \"nameserver 127.0.0.1\": warning: 127.0.0.1 is one of 3 servers [toy-rule] (one\ntwo)\n",
            "a/resolv.conf:3:1 \"nameserver 9.9.9.9\": warning: 9.9.9.9 is one of 3 servers [toy-rule] (one\ntwo)\n",
        )
    );
    let [first, second] = result.diagnostics.as_slice() else { panic!() };
    assert_eq!(
        labels(first, &files),
        ["*nameserver 127.0.0.1: here", "resolvConf: /etc/resolv.conf: 1. kubelet", "nameserver 8.8.8.8: fallback"]
    );
    assert_eq!(labels(second, &files)[..2], ["port 5353: port 5353", "*nameserver 9.9.9.9: here"]);
    assert_eq!(first.notes, ["always"]);
    assert_eq!(second.notes, ["asks port 5353", "always"]);
    assert_eq!(first.object.as_deref(), Some("Node/a"));
    assert_eq!(first.url.as_deref(), Some("https://example.org/a"));
    assert_eq!(first.labels.iter().filter(|label| label.primary).count(), 1);
}

#[test]
fn a_primary_without_place_falls_back() {
    let subject = found("message: m\nlabels: [{at: subject.ndots}]\n");
    assert_eq!(subject, "a/resolv.conf:1:1 \"nameserver 127.0.0.1\": warning: m [toy-rule]\n", "the subject itself");
    let other = found("message: m\nlabels: [{at: subject.ndots, primary: true}, {at: subject.used_by}]\n");
    assert_eq!(other, "a/kubelet.yaml:1:1 \"resolvConf: /etc/resolv.conf\": warning: m [toy-rule]\n", "another label");
    let item = found("message: m\neach: subject.nameservers\nwhere: has(item.port)\n");
    assert_eq!(item, "a/resolv.conf:3:1 \"nameserver 9.9.9.9\": warning: m [toy-rule]\n", "the item");

    let set = load("message: m\n");
    let mut views = ViewSet::default();
    let nowhere = toy(&texts()).value;
    views.add(&Located::default_value(nowhere), None);
    let result = run(&set, &views, &texts(), &Builders, &LintOptions::default()).unwrap();
    assert!(
        shown(&result.diagnostics, &set).starts_with(
            "rules/resolver/toy-rule.yaml:7:10 \"m\": error: the rule `toy-rule` failed: no part of the finding stands in a file [rule-evaluation]"
        ),
        "{}",
        shown(&result.diagnostics, &set)
    );
}

#[test]
fn conditions_guard_and_escalate() {
    assert_eq!(found("when: has(subject.owner)\nmessage: \"{{ subject.owner.name }}\"\n"), "");
    assert_eq!(found("when: subject.limit > 2\nmessage: m\n"), "");
    let escalate = "message: m\nescalate:\n- {when: subject.limit > 5, severity: info}\n- {when: \"subject.reader == 'glibc'\", severity: error, confidence: medium}\n- {when: true, severity: info}\n";
    assert!(found(escalate).contains("error: m"));
    let set = load(escalate);
    let settings = RuleSettings { severity: Some(Severity::Info), ..RuleSettings::default() };
    let options = LintOptions { rules: [("toy-rule".to_owned(), settings)].into(), ..LintOptions::default() };
    assert_eq!(check(&set, &options).diagnostics[0].severity, Severity::Info, "the configuration wins");
    let options = LintOptions { min_severity: Some(Severity::Error), ..LintOptions::default() };
    assert_eq!(check(&set, &options).diagnostics.len(), 1, "escalated before it is filtered");
}

#[test]
fn several_lists_are_one_each() {
    let text = found("each: [subject.nameservers, subject.nameservers]\nwhere: has(item.port)\nmessage: m\n");
    assert_eq!(text.lines().count(), 1, "equal findings are one: {text}");
}

#[test]
fn parameters_and_their_overrides() {
    let set = load(
        "params: {max: 3, names: [a]}\nwhen: subject.nameservers.size() > params.max\nmessage: more than {{ params.max }}\n",
    );
    assert!(check(&set, &LintOptions::default()).diagnostics.is_empty());
    let with = |name: &str, value| {
        let settings = RuleSettings { params: [(name.to_owned(), value)].into(), ..RuleSettings::default() };
        LintOptions { rules: [("toy-rule".to_owned(), settings)].into(), ..LintOptions::default() }
    };
    assert_eq!(check(&set, &with("max", json!(2))).diagnostics[0].message, "more than 2");
    let refused =
        |options: &LintOptions| run(&set, &views(&texts()), &texts(), &Builders, options).unwrap_err().to_string();
    assert_eq!(refused(&with("maxx", json!(2))), "the rule `toy-rule` has no parameter `maxx` (did you mean `max`?)");
    assert_eq!(refused(&with("max", json!("2"))), "the parameter `max` of `toy-rule` must be like its default 3");
    assert_eq!(
        refused(&with("names", json!([1]))),
        "the parameter `names` of `toy-rule` must be like its default [\"a\"]"
    );
}

#[test]
fn selection() {
    let sources = ["first-rule", "second-rule"].map(|id| named(id, "message: m\n"));
    let (set, problems) = load_all(sources.into());
    assert!(problems.is_empty());
    let ran = |select: &[&str], ignore: &[&str], off: &[&str]| {
        let list = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let off =
            off.iter().map(|id| ((*id).to_owned(), RuleSettings { enabled: Some(false), ..RuleSettings::default() }));
        let options =
            LintOptions { select: list(select), ignore: list(ignore), rules: off.collect(), ..LintOptions::default() };
        run(&set, &views(&texts()), &texts(), &Builders, &options)
            .map(|r| r.ran.into_iter().collect::<Vec<_>>().join(" "))
    };
    let both = Ok("first-rule second-rule".to_owned());
    assert_eq!(ran(&[], &[], &[]), both);
    assert_eq!(ran(&["ALL"], &[], &[]), both);
    assert_eq!(ran(&["resolver"], &[], &[]), both);
    assert_eq!(ran(&["lint"], &[], &[]), Ok(String::new()));
    assert_eq!(ran(&["first-rule"], &[], &[]), Ok("first-rule".to_owned()));
    assert_eq!(ran(&[], &["first-rule"], &[]), Ok("second-rule".to_owned()));
    assert_eq!(ran(&["first-rule"], &["resolver"], &[]), Ok("first-rule".to_owned()), "an id beats a group");
    assert_eq!(ran(&[], &[], &["first-rule"]), Ok("second-rule".to_owned()));
    assert_eq!(ran(&["first-rule"], &[], &["first-rule"]), Ok("first-rule".to_owned()));
    let error = |select: &[&str], ignore: &[&str], off: &[&str]| ran(select, ignore, off).unwrap_err().to_string();
    assert_eq!(error(&["frist-rule"], &[], &[]), "there is no rule or group `frist-rule` (did you mean `first-rule`?)");
    assert_eq!(error(&[], &["resolvr"], &[]), "there is no rule or group `resolvr` (did you mean `resolver`?)");
    assert_eq!(error(&[], &[], &["resolver"]), "there is no rule `resolver`");
}

#[test]
fn missing_inputs_silence_rules_and_are_told() {
    let set = load("needs: kubelet_config\nmessage: m\n");
    let missing = |object: Option<&str>| MissingInput {
        need: "kubelet_config".to_owned(),
        what: "kubelet configuration of node a".to_owned(),
        object: object.map(ToOwned::to_owned),
    };
    let with = |missing: Vec<MissingInput>| check(&set, &LintOptions { missing, ..LintOptions::default() });
    let silent = with(vec![missing(Some("Node/a"))]);
    assert!(silent.diagnostics.is_empty());
    assert_eq!(silent.coverage[0].missing, "kubelet configuration of node a");
    assert_eq!(silent.coverage[0].rules, ["toy-rule"]);
    assert!(with(vec![missing(None)]).diagnostics.is_empty());
    assert_eq!(with(vec![missing(Some("Node/b"))]).diagnostics.len(), 1, "another node's input");
    assert!(with(Vec::new()).coverage.is_empty());
}

#[test]
fn fixes_are_built_per_place() {
    let set = load(concat!(
        "each: subject.nameservers\nwhere: item.address.isLoopback()\nmessage: m\nfix:\n",
        "- {use: nothing, title: t}\n",
        "- {use: remove-line, at: item, safety: safe, title: \"remove {{ item.address }}\"}\n",
        "- {use: remove-line, at: subject.ndots, title: a default has no text}\n",
        "- {use: remove-line, if: has(item.port), title: never}\n",
    ));
    let result = check(&set, &LintOptions::default());
    let [fix] = result.diagnostics[0].fixes.as_slice() else { panic!("{:?}", result.diagnostics) };
    assert_eq!((fix.title.as_str(), fix.applicability), ("remove 127.0.0.1", Applicability::Safe));
    assert_eq!(fix.edits, [Edit { file: FileId(0), span: Span::new(0, 20), text: String::new() }]);
    assert_eq!(set.rules()[0].fixable, Some(Applicability::Safe));

    let set = load("message: m\nfix: {use: refuse, title: t, with: {a: \"{{ subject.limit }}\"}}\n");
    let result = check(&set, &LintOptions::default());
    assert!(
        shown(&result.diagnostics, &set).contains(
            "8:12 \"refuse\": error: the rule `toy-rule` failed: no argument {\"a\": \"2\"} [rule-evaluation]"
        )
    );
}

#[test]
fn a_rule_that_fails_is_a_finding() {
    for (rest, want) in [
        (
            "message: m\nwhen: subject.nameservers[7].address == ''\n",
            "8:7 \"subject.nameservers[7].address == ''\": error: the rule `toy-rule` failed: Index out of bounds",
        ),
        (
            "message: m\nwhen: ip(string(subject.limit)) == ''\n",
            "failed: Error executing function 'ip': \"2\" is no IP address",
        ),
        ("message: m\nwhen: 1 / (subject.limit - 2) == 1\n", "failed: Division by zero"),
        ("message: \"{{ subject.nameservers[3].address }}\"\n", "7:10"),
    ] {
        let text = found(rest);
        assert!(text.contains(want) && text.contains("[rule-evaluation]"), "{rest}{text}");
    }
}

#[test]
fn equal_subjects_are_evaluated_once_and_folded() {
    let count = 1000;
    let lines: String = (0..count).map(|n| format!("image: alpine # {n:04}\n")).collect();
    let files = Texts::new(&[("pods.yaml", lines.as_str())]);
    let mut views = ViewSet::default();
    for n in 0..count {
        let image = Located::at("alpine".to_owned(), Location::new(FileId(0), Span::new(n * 21, n * 21 + 13)));
        let at = Location::new(FileId(0), Span::new(n * 21, n * 21 + 21));
        views.add(&Located::at(Pod { image }, at), Some(format!("Deployment/default/p{n:04}")));
    }
    let rule = "message: m\nlabels: [{at: subject.image, text: this}]\nfix: {use: remove-line, title: t}\n";
    let pods = |fold: &str| {
        let text = format!("{HEAD}{rule}{fold}").replace("on: toy", "on: pod");
        let (set, problems) = load_all(vec![RuleSource::new("toy-rule.yaml", "toy-rule.yaml", text)]);
        assert!(problems.is_empty());
        run(&set, &views, &files, &Builders, &LintOptions::default()).unwrap()
    };
    let each = pods("fold: false\n");
    assert_eq!((each.diagnostics.len(), each.stats.evaluations, each.stats.subjects), (count, 1, count));
    let found = pods("").diagnostics;
    assert_eq!(found.len(), count, "each can be suppressed and known by itself");
    let folded = fold(found, &files);
    let [one] = folded.as_slice() else { panic!("{} findings", folded.len()) };
    assert_eq!(one.object.as_deref(), Some("Deployment/default/p0000"));
    assert_eq!(one.others.len(), count - 1);
    let second = one.others.first().unwrap();
    assert_eq!(second.object.as_deref(), Some("Deployment/default/p0001"));
    assert_eq!((second.location.span, second.fingerprint.len()), (Span::new(21, 34), 16));
    assert_eq!(labels(one, &files)[..2], ["*image: alpine: this", "image: alpine: here too"]);
    assert_eq!(one.labels.len(), 11);
    assert_eq!(one.fixes[0].edits.len(), count, "the fix mends them all");
}

#[test]
fn many_subjects_of_few_shapes_cost_what_the_shapes_cost() {
    const SHAPES: usize = 20;
    let files = Texts::new(&[("pods.yaml", "x".repeat(100_000).as_str())]);
    let text = format!("{HEAD}message: m\nwhen: subject.image == 'image-7'\n").replace("on: toy", "on: pod");
    let (set, _) = load_all(vec![RuleSource::new("toy-rule.yaml", "toy-rule.yaml", text)]);
    let cost = |count: usize| {
        let pod = |n: usize| {
            let at = Location::new(FileId(0), Span::new(n, n + 1));
            let image = Located::at(format!("image-{}", n % SHAPES), at);
            (Located::at(Pod { image }, at), Some(format!("Pod/default/p{n}")))
        };
        let mut views = ViewSet::default();
        views.add_all((0..count).into_par_iter().map(pod));
        let contents: BTreeSet<_> = views.of("pod").iter().map(|pod| std::ptr::from_ref(pod.content())).collect();
        let result = run(&set, &views, &files, &Builders, &LintOptions::default()).unwrap();
        assert_eq!((result.stats.subjects, result.diagnostics.len()), (count, count / SHAPES));
        let last = result.diagnostics.last().unwrap();
        assert_eq!(last.primary().span.start, count - SHAPES + 7, "each finding stands at its own place");
        (result.stats.evaluations, contents.len())
    };
    assert_eq!(cost(SHAPES), (SHAPES, SHAPES));
    assert_eq!(cost(100_000), (SHAPES, SHAPES), "a content is judged once and held once");
}

/// Pods of twenty shapes: what the resolver sees differs, not only their names.
fn pods(count: usize) -> String {
    let pod = |n: usize| {
        let policy = ["Default", "ClusterFirst", "None", "ClusterFirstWithHostNet"][n % 4];
        let (ndots, image) = (n % 5 + 1, ["alpine:3.20", "debian:12"][n % 2]);
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p{n}, namespace: n{}, uid: u{n}}}\nspec:\n  dnsPolicy: {policy}\n  \
             dnsConfig:\n    nameservers: [10.0.0.{ndots}]\n    options: [{{name: ndots, value: \"{ndots}\"}}]\n  containers:\n  \
             - name: main\n    image: {image}\n---\n",
            n % 3
        )
    };
    (0..count).map(pod).collect()
}

#[test]
fn a_thousand_pods_of_a_manifest_are_judged_as_twenty() {
    let evaluations = |count: usize| {
        let snapshot = Snapshot::from_texts([("pods.yaml", pods(count))]);
        let [cluster] = assemble(&snapshot).try_into().unwrap_or_else(|_| panic!("one cluster"));
        let views = collect::views(&snapshot, &cluster, &Assumptions::default()).views;
        assert_eq!(views.of("pod").len(), count);
        let fixes = Workshop::new(&snapshot);
        run(dnslint::builtin_rules(), &views, &snapshot, &fixes, &LintOptions::default()).unwrap().stats.evaluations
    };
    let few = evaluations(20);
    assert!(few > 20, "{few}");
    assert_eq!(evaluations(1000), few);
}

#[test]
fn few_equal_findings_are_not_folded() {
    let files = Texts::new(&[("pods.yaml", "abc")]);
    let mut views = ViewSet::default();
    for n in 0..3 {
        let at = Location::new(FileId(0), Span::new(n, n + 1));
        views.add(&Located::at(Pod { image: Located::at("x".to_owned(), at) }, at), None);
    }
    let text = format!("{HEAD}message: m\n").replace("on: toy", "on: pod");
    let (set, _) = load_all(vec![RuleSource::new("toy-rule.yaml", "toy-rule.yaml", text)]);
    let found = run(&set, &views, &files, &Builders, &LintOptions::default()).unwrap().diagnostics;
    assert_eq!(fold(found, &files).len(), 3);
}

#[test]
fn order_and_fingerprints_are_stable() {
    let files = |prefix: &str| {
        let text = format!("{prefix}nameserver 1.1.1.1\nnameserver 1.1.1.1\nsearch a\n");
        Texts::new(&[("b.conf", text.as_str()), ("a.conf", "x\n")])
    };
    let findings = |files: &Texts| {
        let text = files.text(FileId(0));
        let first = text.find("nameserver").unwrap();
        let at = |start: usize, len: usize| Location::new(FileId(0), Span::new(start, start + len));
        let second = first + 19;
        let search = text.find("search").unwrap();
        let new = |rule: &str, at| Diagnostic::new(rule, Severity::Error, "m", at);
        let mut all = vec![
            new("r", at(search, 8)),
            new("r", at(second, 18)),
            new("q", at(first, 18)),
            new("r", at(first, 18)),
            new("r", at(first, 18)),
            new("z", Location::new(FileId(1), Span::new(0, 1))),
        ];
        finish(&mut all, files);
        all
    };
    let (plain, shifted) = (findings(&files("")), findings(&files("# a comment\n\n")));
    let order: Vec<String> = plain.iter().map(|d| format!("{}:{}", d.rule, files("").quoted(d.primary()))).collect();
    assert_eq!(
        order,
        ["z:x", "q:nameserver 1.1.1.1", "r:nameserver 1.1.1.1", "r:nameserver 1.1.1.1", "r:search a"],
        "by path, position and rule; exact repetitions are dropped"
    );
    let prints = |all: &[Diagnostic]| all.iter().map(|d| d.fingerprint.clone()).collect::<Vec<_>>();
    assert_eq!(prints(&plain), prints(&shifted), "lines above do not matter");
    let mut unique = prints(&plain);
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), plain.len(), "repeats are counted");
    assert_eq!(plain[0].fingerprint, "162f2de75a642fb5", "the value is part of baselines: it never changes");
}

fn suppressed(text: &str, annotations: &[(&str, &str, &str)], options: &LintOptions) -> (usize, String) {
    let files = Texts::new(&[("Corefile", text)]);
    let set = load("message: m\n");
    let mut views = ViewSet::default();
    let mut value = toy(&texts()).value;
    value.used_by = text
        .find("RELATED")
        .map(|at| Located::at("x".to_owned(), Location::new(FileId(0), Span::new(at, at + 7))))
        .into_iter()
        .collect();
    let at = text.find("BAD").unwrap_or(0);
    views.add(&Located::at(value, Location::new(FileId(0), Span::new(at, at + 3))), Some("Node/a".to_owned()));
    let set = match text.contains("RELATED") {
        true => load("message: m\nlabels: [{at: subject}, {at: subject.used_by}]\n"),
        false => set,
    };
    let result = run(&set, &views, &files, &Builders, options).unwrap();
    assert_eq!(result.diagnostics.len(), usize::from(!options.ignore.contains(&"toy-rule".to_owned())));
    let annotations: Vec<AnnotationIgnore> = annotations
        .iter()
        .map(|(object, rule, reason)| AnnotationIgnore {
            object: (*object).to_owned(),
            rule: (*rule).to_owned(),
            reason: (*reason).to_owned(),
            location: Location::new(FileId(0), Span::new(0, 1)),
        })
        .collect();
    let sources =
        Suppressions { files: &files, scan: &[FileId(0)], annotations: &annotations, today: Date::parse("2026-01-15") };
    let selection = Selection::new(&set, options).unwrap();
    let done = suppress(result.diagnostics, &sources, &selection, &result.ran);
    (done.suppressed.len(), shown(&done.kept, &files))
}

#[test]
fn suppressions_in_comments() {
    let options = LintOptions::default();
    for text in [
        "BAD # dnslint: ignore[toy-rule] known\n",
        "BAD ; dnslint: ignore[toy-rule]\n",
        "BAD // dnslint: ignore[toy-rule]\n",
        "# dnslint: ignore[toy-rule] known\nBAD\n",
        "x\n  # dnslint: ignore[ toy-rule ] known\n\n  # another comment\n  BAD\n",
        "# dnslint: ignore[toy-rule]\r\nBAD\r\n",
        "BAD\n# dnslint: file-ignore[toy-rule] all of it\n",
        "BAD # dnslint: ignore[toy-rule] until=2026-01-15\n",
        "data:\n  Corefile: |\n    # dnslint: ignore[toy-rule]\n    BAD {\n    }\n",
        "BAD\nRELATED # dnslint: ignore[toy-rule]\n",
        "# dnslint: ignore[toy-rule]\n# dnslint: ignore[toy-rule]\nBAD\n",
    ] {
        assert_eq!(suppressed(text, &[], &options), (1, String::new()), "{text}");
    }
    let bad = "\"BAD\": warning: m [toy-rule]";
    for (text, want) in [
        (
            "BAD\n# dnslint: ignore[toy-rule]\n",
            "\"toy-rule\": warning: nothing here has the finding `toy-rule` [unused-ignore] (remove the suppression)",
        ),
        ("x # dnslint: ignore[toy-rule]\nBAD\n", "[unused-ignore]"),
        (
            "BAD # dnslint: ignore[toy-rul]\n",
            "1:23 \"toy-rul\": warning: there is no rule `toy-rul` to ignore [unused-ignore] (did you mean `toy-rule`?)",
        ),
        (
            "BAD # dnslint: ignore known\n",
            "1:7 \"dnslint: ignore known\": warning: the suppression names no rule [unused-ignore]",
        ),
        ("BAD # dnslint: ignore[]\n", "the suppression names no rule"),
        ("BAD # dnslint: ignore[toy-rule] until=2026-02-30\n", "`2026-02-30` is no date"),
        (
            "BAD # dnslint: ignore[toy-rule] until=2026-01-14\n",
            "the suppression of `toy-rule` ended on 2026-01-14 [expired-ignore] (mend the finding",
        ),
        ("BAD # dnslint: see the documentation\n", ""),
        ("BAD dnslint: ignore[toy-rule]\n", ""),
    ] {
        let (count, kept) = suppressed(text, &[], &options);
        assert!(count == 0 && kept.contains(bad) && kept.contains(want), "{text}{kept}");
        assert_eq!(kept.lines().count(), if want.is_empty() { 1 } else { 2 }, "{text}{kept}");
    }
    let (count, kept) = suppressed("BAD # dnslint: ignore[unused-ignore, toy-rule]\n", &[], &options);
    assert_eq!((count, kept.as_str()), (1, ""), "a rule that has no file is known");
}

#[test]
fn suppressions_of_rules_that_did_not_run_are_not_unused() {
    let options = LintOptions { ignore: vec!["toy-rule".to_owned()], ..LintOptions::default() };
    assert_eq!(suppressed("BAD # dnslint: ignore[toy-rule]\n", &[], &options), (0, String::new()));
    let options = LintOptions { ignore: vec!["unused-ignore".to_owned()], ..LintOptions::default() };
    assert!(!suppressed("BAD\n# dnslint: ignore[toy-rule]\n", &[], &options).1.contains("unused-ignore"));
}

#[test]
fn suppressions_in_annotations() {
    let options = LintOptions::default();
    assert_eq!(suppressed("BAD\n", &[("Node/a", "toy-rule", "known")], &options), (1, String::new()));
    let (count, kept) = suppressed("BAD\n", &[("Node/b", "toy-rule", "known")], &options);
    assert!(count == 0 && kept.contains("[unused-ignore]"), "{kept}");
    let (count, kept) = suppressed("BAD\n", &[("Node/a", "toy-rule", "until=2025-01-01 known")], &options);
    assert!(count == 0 && kept.contains("[expired-ignore]"), "{kept}");
}

#[test]
fn hostile_rule_files_neither_hang_nor_crash() {
    let big = "x".repeat(60_000);
    let bomb =
        "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c]\n";
    let texts = [
        format!("{HEAD}message: m\nwhen: {}\n", "(".repeat(1000)),
        format!("{HEAD}message: m\nwhen: {}\n", "[".repeat(1000)),
        format!("{HEAD}message: m\nwhen: {}true\n", "!".repeat(1000)),
        format!("{HEAD}message: m\nwhen: \"{}\"\n", big),
        format!("{HEAD}message: \"{}\"\n", big),
        format!("{HEAD}message: \"{}\"\n", "{{".repeat(2000)),
        format!("{HEAD}message: \"{{{{ {} }}}}\"\n", "(".repeat(2000)),
        format!("{HEAD}message: m\neach: subject{}\n", ".a".repeat(20_000)),
        format!("{HEAD}message: m\neach: subject{}\n", "[0]".repeat(20_000)),
        format!("{HEAD}message: {}m\n", "[".repeat(30_000)),
        format!("{HEAD}message: m\nparams: {}\n", "{a: ".repeat(10_000)),
        format!("{HEAD}message: \"{{{{ 'x' * 4000000000 }}}}\"\n"),
        format!("{HEAD}message: m\nwhen: subject.owner.matches('(\\\\pL{{500}}){{500}}')\n")
            .replace("subject.owner", "'x'"),
        format!("{HEAD}message: m\nwhen: \"'x'.matches('{}a{}')\"\n", "(".repeat(400), ")".repeat(400)),
        bomb.to_owned(),
        "\u{0}\u{feff}".to_owned(),
        String::new(),
        "- a\n- b\n".to_owned(),
        "--- a\n--- b\n".to_owned(),
    ];
    for text in texts {
        let (set, problems) = load_all(vec![RuleSource::new("toy-rule.yaml", "toy-rule.yaml", text.clone())]);
        let start: String = text.chars().take(200).collect();
        assert!(set.rules().is_empty() && !problems.is_empty(), "{start}");
        let size = set.text(problems[0].primary().file).len();
        assert!(problems.iter().all(|p| p.primary().span.end <= size), "{start}");
    }
}

#[test]
fn hostile_evaluations_end_as_findings() {
    let files = Texts::new(&[("a", "x")]);
    let at = Location::new(FileId(0), Span::new(0, 1));
    let mut value = toy(&texts()).value;
    value.nameservers =
        (0..5000).map(|n| Located::at(Server { address: format!("{n:0>300}"), port: None }, at)).collect();
    let mut views = ViewSet::default();
    views.add(&Located::at(value, at), None);
    for rest in [
        "message: m\nwhen: subject.nameservers.all(a, subject.nameservers.all(b, a.address + b.address != ''))\n",
        "message: m\nwhen: subject.nameservers.map(a, subject.nameservers.map(b, a)).size() > 0\n",
        "message: \"{% for a in subject.nameservers %}{% for b in subject.nameservers %}{{ a.address }}{% endfor %}{% endfor %}\"\n",
    ] {
        let set = load(rest);
        let result = run(&set, &views, &files, &Builders, &LintOptions::default()).unwrap();
        assert!(result.diagnostics[0].rule == "rule-evaluation", "{rest}{:?}", result.diagnostics[0]);
    }
    let set = load("message: \"{{ subject.nameservers | map(attribute='address') | join(' ') }}\"\n");
    let result = run(&set, &views, &files, &Builders, &LintOptions::default()).unwrap();
    let message = &result.diagnostics[0].message;
    assert!(message.ends_with('…') && message.len() < 2000, "a sentence quotes the beginning: {message}");
}

#[test]
fn thousands_of_rule_files_end_with_a_finding() {
    let sources = |count: usize, rest: &str| (0..count).map(|n| named(&format!("toy-{n}"), rest)).collect::<Vec<_>>();
    let (set, problems) = load_all(sources(10_000, "message: m\n"));
    assert_eq!(set.rules().len(), 2000);
    assert!(problems.iter().any(|p| p.message == "there are more than 2000 rule files"), "{problems:?}");
}

#[test]
fn many_greedy_rules_share_one_budget() {
    let files = Texts::new(&[("a", "x")]);
    let at = Location::new(FileId(0), Span::new(0, 1));
    let mut value = toy(&texts()).value;
    value.nameservers = (0..400).map(|n| Located::at(Server { address: n.to_string(), port: None }, at)).collect();
    let mut views = ViewSet::default();
    views.add(&Located::at(value, at), None);
    let greedy = "message: m\nwhen: subject.nameservers.exists(a, subject.nameservers.exists(b, a.address + b.address == 'x'))\n";
    let (set, problems) = load_all((0..60).map(|n| named(&format!("toy-{n}"), greedy)).collect());
    assert!(problems.is_empty());
    let result = run(&set, &views, &files, &Builders, &LintOptions::default()).unwrap();
    let cut = result.diagnostics.iter().filter(|d| d.message.contains("the rules of users together")).count();
    assert!(cut > 0 && cut < 60, "{cut}");
    assert!(result.diagnostics.iter().all(|d| d.rule == "rule-evaluation"));
}

#[test]
fn built_in_rules_are_embedded() {
    for source in dnslint::lint::builtin() {
        assert!(source.group.is_some(), "{} is in a group's folder", source.path);
        assert!(source.path.starts_with("rules/") && !source.text.is_empty());
    }
}

#[test]
fn facts_are_plain_json() {
    let files = texts();
    let views = views(&files);
    let value: &ViewValue = &views.of("toy")[0].value();
    assert_eq!(value.get_path("nameservers[2].port").map(ViewValue::to_json), Some(json!(5353)));
    assert_eq!(value.to_json()["reader"], json!("glibc"));
    assert_eq!(value.to_json()["owner"], json!(null));
}
