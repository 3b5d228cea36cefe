//! `coredns-parse`: server blocks, keys and words with their lines, or the first error.

use crate::common::coredns::{parse_case, vectors};
use crate::common::oracle::{Seed, judge};
use crate::oracle_coredns::any;
use dnslint::analysis::coredns::{Binary, directive_known};
use dnslint::syntax::corefile::{Corefile, CorefileError, FileIndex, Version};
use serde_json::{Map, Value, json};

/// How many Corefiles are made.
pub const CASES: usize = 2_600;

const JUDGE: Binary = Binary::CoreDns(Some(Version::new(1, 14, 7)));

const KEYS: [&str; 20] = [
    ".",
    ".:53",
    "a.org",
    "b.org:5300",
    "tls://c.org",
    "10.0.0.0/8",
    "a.org,",
    "b.org,c.org",
    "{$ZONE}",
    ".:{$PORT}",
    "\"d.org\"",
    "é.org",
    "dns://.:53",
    "{%ZONE%}",
    "e.org{",
    ",",
    "\"\"",
    "f.org:",
    "import",
    "{$TWO}",
];

const NAMES: [&str; 14] = [
    "errors",
    "log",
    "forward",
    "cache",
    "hosts",
    "health",
    "loop",
    "reload",
    "whoami",
    "kubernetes",
    "rewrite",
    "chache",
    "\"log\"",
    "{$NAME}",
];

const WORDS: [&str; 34] = [
    ".",
    "10.0.0.1",
    "30",
    "a.b",
    "a#b",
    "\"x y\"",
    "\"x \\\" y\"",
    "\"\"",
    "a\\",
    "\\\"q\\\"",
    "{$A}",
    "x{$A}y",
    "{$NOPE}",
    "{$A:1}",
    "{%A%}",
    "{$TWO}",
    "{$}",
    "{}",
    "}",
    "{",
    "a{",
    "a}",
    "{a",
    "\"a\nb\"",
    "\"a\\nb\"",
    "é",
    "a\u{a0}b",
    "\u{2003}",
    "#c",
    "# c d",
    "fallthrough",
    "{{ .Name }}",
    "`x`",
    "'x'",
];

const IMPORTS: [&str; 18] = [
    "one",
    "two",
    "three",
    "a.conf",
    "b.conf",
    "sub/c.conf",
    "sub/*.conf",
    "*.conf",
    "none/*.x",
    "none",
    "sub",
    "s*b",
    "*/*",
    "one two",
    "",
    "\"\"",
    "{$FILE}",
    "./a.conf",
];

const FILES: [(&str, &str); 9] = [
    ("a.conf", "log\nerrors\n"),
    ("a.conf", "x.org {\n\tlog\n}\n"),
    ("a.conf", "log {\n\tclass all\n}\n"),
    ("b.conf", "import a.conf\nreload"),
    ("b.conf", "\n\n  forward . 10.0.0.1 # c\n"),
    ("b.conf", "(four) {\nlog\n}\n"),
    ("sub/c.conf", "import d.conf\n"),
    ("sub/d.conf", "cache 30 {\nsuccess 1\n}"),
    ("sub/d.conf", "}\n"),
];

const SPLICES: [&str; 26] = [
    "{",
    "}",
    "\"",
    "\\",
    "#",
    ",",
    "\n",
    "\r\n",
    " ",
    "\t",
    "{\n",
    "\n}",
    " }",
    "\n}\n}\n",
    "import one\n",
    "import a.conf\n",
    "\u{feff}",
    "\u{a0}",
    "\u{2003}",
    "\u{85}",
    "\u{b}",
    "\r",
    "é",
    "{$A}",
    "(one)",
    "\n\n",
];

/// Ends of lines: most are plain.
fn end(seed: &mut Seed) -> &'static str {
    any(seed, &["\n", "\n", "\n", "\n", "\n", "\n\n", "\r\n", " # c\n", " \n", " \\\n", "\t\n"])
}

fn blank(seed: &mut Seed) -> &'static str {
    any(seed, &[" ", " ", " ", " ", "  ", "\t"])
}

fn words(seed: &mut Seed, text: &mut String) {
    for _ in 0..seed.below(4) {
        text.push_str(blank(seed));
        text.push_str(if seed.chance(55) { any(seed, &WORDS[..4]) } else { any(seed, &WORDS) });
    }
}

fn directive(seed: &mut Seed, depth: usize) -> String {
    let mut text = "\t".repeat(depth);
    if seed.chance(18) {
        return format!("{text}import {}{}", any(seed, &IMPORTS), end(seed));
    }
    text.push_str(if seed.chance(90) { any(seed, &NAMES[..11]) } else { any(seed, &NAMES) });
    words(seed, &mut text);
    if seed.chance(25) && depth < 3 {
        text.push_str(if seed.chance(80) { " {" } else { "{" });
        text.push_str(if seed.chance(85) { end(seed) } else { " " });
        for _ in 0..seed.below(3) {
            text.push_str(&directive(seed, depth + 1));
        }
        text.push_str(&"\t".repeat(depth));
        text.push('}');
    }
    text + end(seed)
}

fn block(seed: &mut Seed) -> String {
    let snippet = seed.chance(20);
    let mut text = String::new();
    if snippet {
        text.push_str(any(seed, &["(one)", "(two)", "(three)", "(one)", "()", "(a b)", "\"(two)\""]));
    } else {
        for at in 0..=seed.below(3).saturating_sub(1) {
            let separator = if at == 0 { "" } else { any(seed, &[" ", ", ", ",\n", ",", " ,", "\n"]) };
            text.push_str(separator);
            text.push_str(if seed.chance(75) { any(seed, &KEYS[..6]) } else { any(seed, &KEYS) });
        }
    }
    let bare = seed.chance(8);
    text.push_str(if bare { "" } else { any(seed, &[" {", " {", " {", " {", "{", "\n{"]) });
    text.push_str(if seed.chance(94) { end(seed) } else { " " });
    for _ in 0..seed.below(4) {
        text.push_str(&directive(seed, 1));
    }
    if !bare && seed.chance(97) {
        text.push('}');
    }
    text + end(seed)
}

/// One to three changes at any place of the text.
fn mutate(seed: &mut Seed, text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=seed.below(3) {
        let at = seed.below(chars.len() + 1);
        match seed.below(4) {
            0 if at < chars.len() => drop(chars.remove(at)),
            1 => chars.truncate(if seed.chance(20) { at } else { chars.len() }),
            _ => drop(chars.splice(at..at, any(seed, &SPLICES).chars())),
        }
    }
    chars.into_iter().collect()
}

/// A Corefile with the files beside it, right or wrong.
pub fn case(seed: &mut Seed) -> Value {
    let mut conf = String::new();
    for _ in 0..=seed.below(3) {
        if seed.chance(8) {
            conf.push_str(&format!("import {}{}", any(seed, &IMPORTS), end(seed)));
        }
        conf.push_str(&block(seed));
    }
    if seed.chance(45) {
        conf = mutate(seed, &conf);
    }
    let mut case = json!({"conf": conf});
    if conf.contains("import") {
        let files: Map<String, Value> =
            (0..4).map(|_| seed.pick(&FILES)).map(|(name, text)| ((*name).to_owned(), json!(text))).collect();
        case["files"] = Value::Object(files);
    }
    if conf.contains("{$") || conf.contains("{%") {
        case["env"] =
            json!({"A": "va l", "ZONE": "z.org", "PORT": "54", "TWO": "t.org u.org", "NAME": "log", "FILE": "a.conf"});
    }
    if seed.chance(30) {
        case["any_directive"] = json!(true);
    }
    case
}

fn lines(corefile: &Corefile, name: &str, block: usize) -> Value {
    let mut all: Vec<Vec<String>> = Vec::new();
    for token in corefile.blocks[block].tokens_of(name) {
        let mut place = token.line.to_string();
        if token.file != FileIndex::MAIN {
            let path = &corefile.file(token.file).unwrap().name;
            place = format!("{place}:{}", path.rsplit('/').next().unwrap());
        }
        if all.last().is_none_or(|line| line[0] != place) {
            all.push(vec![place]);
        }
        all.last_mut().unwrap().push(token.text.clone());
    }
    json!(all)
}

fn outcome(case: &Value) -> Value {
    let valid = |name: &str| directive_known(name, &JUDGE);
    let any = case["any_directive"].as_bool().unwrap_or_default();
    let limit = (!any).then_some(&valid as &dyn Fn(&str) -> bool);
    let corefile = parse_case(case["conf"].as_str().unwrap(), case, limit);
    if let Some(error) = corefile.first_error() {
        return json!(CorefileError::coredns_text(error));
    }
    let block = |(at, block): (usize, &dnslint::syntax::corefile::ServerBlock)| {
        let keys: Vec<&str> = block.keys.iter().map(|key| key.expanded.as_str()).collect();
        let names = block.directives.iter().map(|directive| &directive.name);
        let directives: Map<String, Value> = names.map(|name| (name.clone(), lines(&corefile, name, at))).collect();
        json!([keys, directives])
    };
    corefile.blocks.iter().enumerate().map(block).collect()
}

#[test]
fn corefiles_are_parsed_like_coredns() {
    let mut cases: Vec<Value> = vectors("parse")
        .into_iter()
        .map(|vector| {
            let any = !vector["valid_directives"].as_bool().unwrap_or_default();
            let mut case = json!({"conf": vector["in"], "any_directive": any});
            for field in ["files", "env"].into_iter().filter(|field| vector[field].is_object()) {
                case[field] = vector[field].clone();
            }
            case
        })
        .collect();
    let mut seed = Seed::new(20_25);
    cases.extend((0..CASES).map(|_| case(&mut seed)));
    judge("coredns-parse", &cases, outcome, &[]);
}
