//! systemd judges what dnslint makes of units and their drop-ins.

use crate::common::oracle::{Known, Seed, judge};
use dnslint::source::FileId;
use dnslint::syntax::systemd::{
    Candidate, DropIn, Effective, FileState, ServiceCommand, Specifiers, Traced, Unit, dropins_for, find_unit, merge,
    parse,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A link to `/dev/null`, as the questions write it.
const MASK: &str = "->/dev/null";

// --- what dnslint says ---------------------------------------------------------------------------------------------

struct Loaded {
    effective: Effective,
    dropins: Vec<String>,
}

fn load(name: &str, files: &BTreeMap<String, String>) -> Option<Loaded> {
    let units: BTreeMap<&str, Unit> = files.iter().map(|(path, text)| (path.as_str(), parse(text))).collect();
    let state = |path: &str, text: &str| match text {
        MASK => FileState::Masked,
        text => FileState::of(text, &units[path]),
    };
    let candidates: Vec<_> = files.iter().map(|(path, text)| Candidate { path, state: state(path, text) }).collect();
    let id = |path: &str| FileId(u32::try_from(files.keys().position(|p| p == path).unwrap()).unwrap());
    let main = find_unit(name, &candidates).filter(|main| !main.masked)?;
    let found = dropins_for(name, &candidates);
    let dropins: Vec<_> =
        found.applied.iter().map(|a| DropIn { name: a.name, file: id(a.path), unit: &units[a.path] }).collect();
    let effective = merge((id(main.path), &units[main.path]), &dropins, &Specifiers::for_unit(name));
    Some(Loaded { effective, dropins: found.applied.iter().map(|a| a.path.to_owned()).collect() })
}

/// `shell_maybe_quote()`: how the dump shows a word.
fn quoted(word: &str) -> String {
    let special = |c: char| c.is_ascii_control() || c.is_ascii_whitespace() || "\"\\`$*?['()<>|&;!".contains(c);
    let Some(at) = word.find(special) else {
        return if word.is_empty() { "\"\"".to_owned() } else { word.to_owned() };
    };
    let mut text = format!("\"{}", &word[..at]);
    for c in word[at..].chars() {
        match c {
            '\n' => text += "\\n",
            '\t' => text += "\\t",
            '"' | '\\' | '`' | '$' => text.extend(['\\', c]),
            _ => text.push(c),
        }
    }
    text + "\""
}

fn commands(list: &[ServiceCommand]) -> Vec<String> {
    let line = |command: &ServiceCommand| {
        command.command.words.iter().map(|word| quoted(word.text.as_str())).collect::<Vec<_>>().join(" ")
    };
    list.iter().map(line).collect()
}

/// The variables of `Environment=`: the last value at the first place.
fn variables(effective: &Effective) -> Vec<String> {
    let mut list: Vec<(&str, &str)> = Vec::new();
    for assignment in &effective.environment {
        match list.iter_mut().find(|(name, _)| *name == assignment.name) {
            Some(known) => known.1 = assignment.value.as_str(),
            None => list.push((&assignment.name, assignment.value.as_str())),
        }
    }
    list.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

fn unit(case: &Value) -> Value {
    let files: BTreeMap<String, String> = serde_json::from_value(case["files"].clone()).unwrap();
    let Some(loaded) = load(case["unit"].as_str().unwrap(), &files).filter(|l| l.effective.refused.is_none()) else {
        return json!("not shown");
    };
    let effective = &loaded.effective;
    let path = |file: &dnslint::syntax::systemd::EnvironmentFile| {
        format!("{}{}", if file.optional { "-" } else { "" }, file.path.as_str())
    };
    let mut out = Map::new();
    out.insert("load".into(), json!("loaded"));
    out.insert("type".into(), json!([effective.effective_type()]));
    let mut list = |name: &str, values: Vec<String>| {
        if !values.is_empty() {
            out.insert(name.into(), json!(values));
        }
    };
    // the dump lists files without a section, too
    list("dropins", loaded.dropins.into_iter().filter(|path| files[path].contains("[Service]")).collect());
    list("user", effective.user.iter().map(|user| Traced::as_str(user).to_owned()).filter(|u| !u.is_empty()).collect());
    list("environment", variables(effective));
    list("files", effective.environment_files.iter().map(path).collect());
    list("ExecCondition", commands(&effective.exec_condition));
    list("ExecStartPre", commands(&effective.exec_start_pre));
    list("ExecStart", commands(&effective.exec_start));
    list("ExecStartPost", commands(&effective.exec_start_post));
    list("ExecStop", commands(&effective.exec_stop));
    Value::Object(out)
}

// --- units ---------------------------------------------------------------------------------------------------------

const WORDS: &[&str] = &[
    "server",
    "agent",
    "--config=/etc/k3s.yaml",
    "--resolv-conf",
    "/etc/resolv.conf",
    "--cluster-dns=10.43.0.10",
    "\"a b\"",
    "'a b'",
    "a\"b c\"d",
    "--x='a b'",
    "\"\"",
    "''",
    "$ARGS",
    "${ARGS}",
    "--x=${ARGS}",
    "$$",
    "a$b",
    "%n",
    "%N",
    "%p",
    "%i",
    "%%",
    "--x=%n",
    "%j",
    "a\\x20b",
    "\\t",
    "a\\sb",
    "\\\"",
    "\\\\",
    "\"a\\\"b\"",
    "'a\"b'",
    "a;b",
    "\\;",
    "#x",
    "a#b",
    "\\044",
    "\\u00e9",
    "ü",
    "a'b",
    "\"ab",
    "\\q",
    "%Z",
    "*",
    "a*",
    "|",
    "&&",
    ">x",
    "\\'",
    "\"a\"b",
    "a=b",
    "%f",
    "\\x",
    "~",
];
const PREFIXES: &[&str] = &["-", "+", ":", "!", "!!", "-+", ":-", "- ", "|"];
const PROGRAMS: &[&str] = &[
    "/usr/bin/kubelet",
    "/usr/local/bin/k3s",
    "/bin/sh",
    "/b/x",
    "\"/b/x y\"",
    "/b//x",
    "/b/./x/",
    "'/b/x'",
    "/b/%p",
    "kubelet",
    "b/x",
    "/b/../x",
    "$X",
    "${X}",
    "",
    "/b/x\\x20y",
    "./x",
    "/",
];
const VARIABLES: &[&str] = &[
    "A=1",
    "B=2",
    "A=3",
    "\"A=1 2\"",
    "'B=x y'",
    "C=",
    "D",
    "1A=x",
    "A-B=1",
    "\"C=%n\"",
    "D=%%",
    "E=\"x y\"",
    "F=a\\x20b",
    "G=\\q",
    "H='x",
    "=x",
    "_X=1",
    "A=$B",
    "A=${B}",
    "K=a=b",
    "L=ü",
    "\"M=a\\\"b\"",
    "N=%Z",
    "O='a'b",
    "P=a\\\\b",
    "Q=#x",
    "R=;",
];
const FILES: &[&str] = &[
    "/etc/default/k3s",
    "-/etc/default/k3s",
    "-/etc/sysconfig/%N",
    "/etc/%p.env",
    "- /etc/x",
    "\"/etc/x\"",
    "etc/x",
    "-",
    "/a/../b",
    "/etc//x",
    "/etc/./x",
    "/etc/x/",
    "/etc/a b",
    "-/etc/*.env",
    "--/etc/x",
    "/etc/%%x",
    "/etc/%Z",
    "-%n",
    "~/x",
];
const OTHER: &[&str] = &[
    "Type=simple",
    "Type=exec",
    "Type=notify",
    "Type=oneshot",
    "Type=forking",
    "Type=bogus",
    "Type=",
    "User=root",
    "User=kube",
    "User=",
    "User=%n",
    "User=a b",
    "Restart=always",
    "RestartSec=5s",
    "Foo=bar",
    "X-Foo=bar",
    "foo",
    "=x",
    " = ",
    "KillMode=process",
    "RemainAfterExit=yes",
    "WorkingDirectory=/x",
    "Type = exec",
    "type=exec",
    "Environment",
    "[Install]",
    "[Service]",
    "[Unit]",
    "[X-Foo]",
    "[Foo]",
    "[Service ]",
    " [Service]",
    "Description=x",
    "[bad",
    "ExecStart=;",
    "LimitNOFILE=1048576",
    "Type=idle",
    "Type=exec # x",
    "Type=exec\\",
    "ExecStart",
    "ExecReload=/bin/kill -s HUP $MAINPID",
    "Delegate=yes",
];
const COMMENTS: &[&str] =
    &["# comment", "; comment", "", "  # indented", "\t; x", "#Environment=A=9", "# ends with \\"];

fn some(seed: &mut Seed, list: &[&str], most: usize) -> String {
    (0..seed.below(most + 1)).map(|_| format!(" {}", seed.pick(list))).collect()
}

/// A list of words whose first entries, which are fine, come more often.
fn program(seed: &mut Seed) -> &'static str {
    if seed.chance(85) { PROGRAMS[seed.below(4)] } else { seed.pick::<&str>(PROGRAMS) }
}

fn command(seed: &mut Seed) -> String {
    let prefix = if seed.chance(12) { *seed.pick(PREFIXES) } else { "" };
    let words = if seed.chance(70) { &WORDS[..6] } else { WORDS };
    let mut text = format!("{prefix}{}{}", program(seed), some(seed, words, 4));
    if seed.chance(6) {
        text += &format!(" ; {}{}", program(seed), some(seed, words, 2));
    }
    text
}

fn setting(seed: &mut Seed) -> String {
    let name = *seed.pick(&[
        "ExecStart",
        "ExecStart",
        "ExecStart",
        "ExecStartPre",
        "ExecStartPost",
        "ExecStop",
        "ExecCondition",
    ]);
    match seed.below(20) {
        0..=5 => format!("{name}={}", command(seed)),
        6..=7 => format!("{name}="),
        8..=11 => format!("Environment={}", some(seed, VARIABLES, 3).trim_start()),
        12 => "Environment=".to_owned(),
        13..=14 => format!("EnvironmentFile={}", seed.pick(FILES)),
        15 => "EnvironmentFile=".to_owned(),
        16 => (*seed.pick(COMMENTS)).to_owned(),
        _ => (*seed.pick(OTHER)).to_owned(),
    }
}

/// The line with breaks at some of its blanks, comments between them.
fn broken(seed: &mut Seed, line: &str) -> String {
    let mut text = String::new();
    for c in line.chars() {
        if c == ' ' && seed.chance(40) {
            text += *seed.pick(&[
                " \\\n",
                "\\\n",
                " \\\n  ",
                "\\\n# comment\n",
                "\\\n; x\n  ",
                "\\\n#x \\\n",
                "\\\n\n",
                "\\ \n",
            ]);
        } else {
            text.push(c);
        }
    }
    text
}

fn body(seed: &mut Seed, is_main: bool) -> String {
    let mut text = if seed.chance(95) { "[Service]\n".to_owned() } else { String::new() };
    if is_main {
        // the only type that may have several commands
        let kind = if seed.chance(60) { "Type=oneshot\n" } else { "" };
        text += &format!("{kind}ExecStart={}\n", command(seed));
    } else if seed.chance(35) {
        text += &format!("ExecStart=\nExecStart={}\n", command(seed));
    }
    for _ in 0..seed.below(5) {
        let line = setting(seed);
        let line = if seed.chance(12) { broken(seed, &line) } else { line };
        let indent = if seed.chance(4) { "  " } else { "" };
        text += &format!("{indent}{line}{}\n", if seed.chance(4) { "  " } else { "" });
    }
    match seed.below(40) {
        0 => text = format!("\u{feff}{text}"),
        1 | 2 => text = text.replace('\n', "\r\n"),
        3 => text.truncate(text.len() - 1),
        _ => {}
    }
    text
}

const FOLDERS: &[&str] = &["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system"];
const DROPINS: &[&str] = &[
    "10-a.conf",
    "20-b.conf",
    "10-a.conf",
    "override.conf",
    "z.conf",
    "x.conf.bak",
    "x.txt",
    ".x.conf",
    "a b.conf",
    "Z.conf",
];

fn case(seed: &mut Seed, index: usize) -> Value {
    let (name, template, prefix) = match seed.below(8) {
        0 => (format!("t{index}@one.service"), Some(format!("t{index}@.service")), None),
        1 => (format!("p{index}-b-c.service"), None, Some(format!("p{index}-.service"))),
        _ => (format!("u{index}.service"), None, None),
    };
    let mut files = Map::new();
    let main = template.as_ref().filter(|_| seed.chance(80)).unwrap_or(&name);
    let folder = *seed.pick(FOLDERS);
    files.insert(format!("{folder}/{main}"), json!(body(seed, true)));
    if seed.chance(6) {
        let text = if seed.chance(30) { MASK.to_owned() } else { body(seed, true) };
        files.insert(format!("{}/{main}", seed.pick(FOLDERS)), json!(text));
    }
    for _ in 0..*seed.pick(&[0, 0, 1, 1, 2, 3]) {
        let owner = match seed.below(10) {
            0..=1 => prefix.as_ref().or(template.as_ref()).unwrap_or(&name),
            _ => &name,
        };
        let text = match seed.below(20) {
            0 => MASK.to_owned(),
            1 => String::new(),
            _ => body(seed, false),
        };
        let suffix = if seed.chance(3) { ".D" } else { ".d" };
        files.insert(format!("{}/{owner}{suffix}/{}", seed.pick(FOLDERS), seed.pick(DROPINS)), json!(text));
    }
    json!({"unit": name, "files": files})
}

/// Whether every assignment of a drop-in stands before its first section header, and there is one.
fn has_stray_assignments_alone(text: &str) -> bool {
    let line = |line: &str| line.trim_start().starts_with(|c: char| c.is_ascii_alphabetic());
    let (before, behind) = text.split_once('[').unwrap_or((text, ""));
    before.lines().any(line) && !behind.lines().skip(1).any(line)
}

/// The dump names further drop-ins, all of them of that kind, and says nothing else.
fn lists_stray_dropins(case: &Value, got: &Value, answer: &Value) -> bool {
    let list = |value: &Value| -> Vec<String> {
        let paths = value["dropins"].as_array().cloned().unwrap_or_default();
        paths.iter().map(|path| path.as_str().unwrap().to_owned()).collect()
    };
    let (ours, theirs) = (list(got), list(answer));
    let text =
        |path: &String| case["files"].as_object().unwrap().iter().find(|(name, _)| path.ends_with(name.as_str()));
    let is_stray =
        |path: &String| text(path).is_some_and(|(_, text)| has_stray_assignments_alone(text.as_str().unwrap()));
    ours.iter().all(|path| theirs.contains(path))
        && theirs.iter().filter(|path| !ours.contains(path)).all(is_stray)
        && same_but_for_dropins(got, answer)
}

fn same_but_for_dropins(got: &Value, answer: &Value) -> bool {
    let without = |value: &Value| {
        let mut value = value.clone();
        value.as_object_mut().map(|object| object.shift_remove("dropins"));
        value
    };
    without(got) == without(answer)
}

#[test]
fn systemd_units() {
    let mut seed = Seed::new(5);
    let cases: Vec<Value> = (0..2400).map(|index| case(&mut seed, index)).collect();
    let known = [Known {
        reason: "the dump lists a drop-in whose every assignment stands before its first section header (conf-parser.c)",
        is: lists_stray_dropins,
    }];
    judge("systemd-units", &cases, unit, &known);
}
