//! The vectors of kinds `envfile`, `execsplit`, `execexpand` and `dropin`: what systemd makes of units and environments.

use dnslint::source::{FileId, Span};
use dnslint::syntax::env_file;
use dnslint::syntax::kubelet_flags::parse_kubelet;
use dnslint::syntax::systemd::{
    Candidate, DropIn, Effective, Environment, FileState, ServiceCommand, Specifiers, Traced, Unit, Word, dropins_for,
    expand_words, find_unit, merge, parse,
};
use proptest::prelude::*;
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
            // A backslash that continues a line is one blank.
            let joined = source.replace('\\', " ");
            let decoded = source.starts_with(['\\', '%']);
            // a word of quotes alone stands where these stand
            let nothing = copied.is_empty() && source.starts_with(['\'', '"']);
            assert!(nothing || copied == source || copied == joined || decoded, "{id}: {copied:?} from {source:?}");
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

/// Files of `testdata/syntax/<room>/<sort>`.
fn samples(room: &str, sort: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/syntax").join(room).join(sort);
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: &std::path::PathBuf| (path.display().to_string(), std::fs::read_to_string(path).unwrap());
    paths.iter().map(read).collect()
}

/// Whether systemd would complain about a unit that stands alone (a drop-in needs no `ExecStart=` of its own).
fn complaints(text: &str) -> usize {
    let unit = parse(text);
    let effective = merge((FileId(0), &unit), &[], &Specifiers::for_unit("k3s.service"));
    unit.problems.len() + effective.problems.len() + usize::from(effective.refused.is_some())
}

fn flag_problems(text: &str) -> usize {
    let mut start = 0;
    let mut words = Vec::new();
    for line in text.lines() {
        words.push(Traced::verbatim(line, FileId(0), start));
        start += line.len() + 1;
    }
    let line = parse_kubelet(&words);
    line.positional.len() + line.flags.iter().filter(|f| f.problem.is_some()).count()
}

/// A format's name and its count of problems.
type Room = (&'static str, fn(&str) -> usize);

#[test]
fn good_samples_are_clean_and_broken_ones_are_not() {
    let count_env = |text: &str| env_file::parse(text, None).problems.len();
    let rooms: [Room; 3] = [("systemd", complaints), ("env_file", count_env), ("kubelet_flags", flag_problems)];
    for (room, count) in rooms {
        for (path, text) in samples(room, "ok") {
            assert_eq!(count(&text), 0, "{path}");
        }
        for (path, text) in samples(room, "broken") {
            assert!(count(&text) > 0, "{path}");
        }
    }
}

#[test]
fn truncated_samples_keep_their_places() {
    let all = ["systemd", "env_file"].iter().flat_map(|room| [samples(room, "ok"), samples(room, "broken")]).flatten();
    for (path, text) in all {
        for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
            check_places(&path, text.get(..end).unwrap());
        }
    }
}

/// Every origin lies in the text, and what was copied as it is stands there.
fn check_places(path: &str, text: &str) {
    let unit = parse(text);
    let effective = merge((FileId(0), &unit), &[], &Specifiers::for_unit("k3s.service"));
    for command in &effective.exec_start {
        assert_places(text, command, path);
    }
    for entry in env_file::parse(text, None).entries {
        assert_eq!(entry.key.span.text(text), entry.key.value, "{path}");
        assert!(text.get(entry.span.start..entry.span.end).is_some(), "{path}");
        let traced = entry.traced(FileId(0));
        assert_eq!(traced.as_str(), entry.value);
        for piece in traced.pieces() {
            let (copied, source) = (piece.range.text(traced.as_str()), piece.origin.at.span.text(text));
            assert!(copied == source || source.strip_prefix('\\') == Some(copied), "{path}: {copied:?} {source:?}");
        }
    }
}

proptest! {
    #[test]
    fn random_units_and_environments_keep_their_places(text in "(\\[Service\\]\n)?([-A-Za-z=$%{}\\\\'\"; \t\r\n#é\\[\\]]|ExecStart=/b |\\\\x41|\\\\\n|\n#|A=){0,60}") {
        check_places(&text, &text);
        let _ = complaints(&text);
        let _ = flag_problems(&text);
    }
}

/// A word of quotes alone, also where a backslash was to continue the text.
#[test]
fn empty_quotes_at_the_end_keep_their_places() {
    for end in ["''", "''\\", "''\\\n", "\"\"\\", "''\\\nx", "''\\\n\n", "'' \\", "a''\\", "''\\\\"] {
        for head in ["[Service]\nExecStart=/b ", "ExecStart=/b ", "[Service]\nEnvironment=A=", "A="] {
            let text = format!("{head}{end}");
            check_places(&text, &text);
            let _ = (complaints(&text), flag_problems(&text));
        }
    }
}
