//! The vectors of kinds `envfile`, `execsplit`, `execexpand` and `dropin`: what systemd makes of units and environments.

use dnslint::source::{FileId, Span};
use dnslint::syntax::env_file;
use dnslint::syntax::systemd::{
    Candidate, DropIn, Effective, Environment, FileState, ServiceCommand, Specifiers, Traced, Unit, Word, dropins_for,
    expand_words, find_unit, merge, parse,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// A link to `/dev/null`, as the vectors write it.
const MASK: &str = "->/dev/null";

#[derive(Deserialize)]
struct File {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    id: String,
    kind: String,
    #[serde(default)]
    systemd: Option<u32>,
    #[serde(default)]
    unit: String,
    #[serde(default, rename = "in")]
    input: Value,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    argv: Vec<String>,
    #[serde(default)]
    files: Value,
    #[serde(default)]
    out: Value,
    #[serde(default)]
    error: bool,
}

fn vectors(kind: &str) -> Vec<Vector> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/vectors/vectors-kubelet-k3s.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let file: File = serde_saphyr::from_str(&text).unwrap();
    file.vectors.into_iter().filter(|v| v.kind == kind).collect()
}

/// Runs every vector of a kind and reports all differences at once.
fn check(kind: &str, count: usize, run: impl Fn(&Vector) -> Value) {
    let vectors = vectors(kind);
    assert_eq!(vectors.len(), count, "number of {kind} vectors");
    let mut failures = String::new();
    for vector in &vectors {
        let want = if vector.error { json!("error") } else { vector.out.clone() };
        let got = run(vector);
        if got != want {
            failures.push_str(&format!("{}\n  got  {got}\n  want {want}\n", vector.id));
        }
    }
    assert!(failures.is_empty(), "{kind} vectors that differ:\n{failures}");
}

fn argv(command: &ServiceCommand) -> Vec<&str> {
    command.command.words.iter().map(|w| w.text.as_str()).collect()
}

#[test]
fn environment_files() {
    check("envfile", 10, |vector| {
        let file = env_file::parse(vector.input.as_str().unwrap(), vector.systemd);
        json!(file.last_of_each().into_iter().map(|(k, e)| (k, e.value.as_str())).collect::<BTreeMap<_, _>>())
    });
}

#[test]
fn command_lines() {
    check("execsplit", 7, |vector| {
        let text = format!("[Service]\n{}", vector.input.as_str().unwrap());
        let effective = merge((FileId(0), &parse(&text)), &[], &Specifiers::for_unit(&vector.unit));
        match effective.exec_start.as_slice() {
            _ if effective.refused.is_some() => json!("error"),
            [command] => {
                assert_places(&text, command, &vector.id);
                json!(argv(command))
            }
            several => json!(several.iter().map(argv).collect::<Vec<_>>()),
        }
    });
}

/// A byte that was copied as it is must stand at the place that it claims.
fn assert_places(text: &str, command: &ServiceCommand, id: &str) {
    for word in &command.command.words {
        for piece in word.text.pieces() {
            let copied = piece.range.text(word.text.as_str());
            let source = piece.origin.at.span.text(text);
            assert!(copied == source || source.starts_with(['\\', '%']), "{id}: {copied:?} from {source:?}");
        }
    }
}

#[test]
fn variables_in_command_lines() {
    check("execexpand", 4, |vector| {
        let mut environment = Environment::default();
        for (name, value) in &vector.env {
            environment.set(name, Traced::verbatim(value, FileId(1), 0));
        }
        let word = |text: &String| Word {
            text: Traced::verbatim(text, FileId(0), 0),
            span: Span::new(0, text.len()),
            unstated_specifier: false,
        };
        let words: Vec<Word> = vector.argv.iter().map(word).collect();
        let expansion = expand_words(&words, &environment);
        json!(expansion.words.iter().map(|w| w.text.as_str()).collect::<Vec<_>>())
    });
}

#[test]
fn drop_ins() {
    check("dropin", 4, |vector| {
        let files: BTreeMap<String, String> = serde_json::from_value(vector.files.clone()).unwrap();
        let units: BTreeMap<&str, Unit> = files.iter().map(|(path, text)| (path.as_str(), parse(text))).collect();
        let effective = load(&files, &units);
        if effective.refused.is_some() {
            return json!("error");
        }
        let environment = effective.environment(|_| Vec::new());
        let variables: BTreeMap<_, _> = environment.iter().map(|(name, value)| (name, value.as_str())).collect();
        let start: Vec<_> = effective.exec_start.iter().map(|c| argv(c).join(" ")).collect();
        json!({"environment": variables, "exec_start": start})
    });
}

fn load(files: &BTreeMap<String, String>, units: &BTreeMap<&str, Unit>) -> Effective {
    let state = |path: &str, text: &str| match text {
        MASK => FileState::Masked,
        text => FileState::of(text, &units[path]),
    };
    let candidates: Vec<_> = files.iter().map(|(path, text)| Candidate { path, state: state(path, text) }).collect();
    let name = files.keys().find_map(|path| path.rsplit('/').next().filter(|n| n.ends_with(".service"))).unwrap();
    let main = find_unit(name, &candidates).unwrap();
    let id = |path: &str| FileId(u32::try_from(files.keys().position(|p| p == path).unwrap()).unwrap());
    let found = dropins_for(name, &candidates);
    let dropins: Vec<_> =
        found.applied.iter().map(|a| DropIn { name: a.name, file: id(a.path), unit: &units[a.path] }).collect();
    merge((id(main.path), &units[main.path]), &dropins, &Specifiers::for_unit(name))
}
