//! Corefiles with the files beside them, as the tests of the Corefile's model read them.

use dnslint::analysis::coredns::{
    Binary, FileState, SetupProblem, Surroundings, check_with, directive_known, first_fatal,
};
use dnslint::syntax::corefile::{
    Corefile, CorefileError, Import, ImportResolver, ImportedFile, Options, matches_glob, parse,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// Stands for the absolute directory of the Corefile.
pub const DIR: &str = "/<dir>";

/// Files beside a Corefile, by absolute path below [`DIR`].
pub struct Files(BTreeMap<String, String>);

impl Files {
    /// Those in the field `files` of a case.
    pub fn of(case: &Value) -> Self {
        let files = case["files"].as_object().into_iter().flatten();
        Self(files.map(|(name, text)| (format!("{DIR}/{name}"), text.as_str().unwrap().to_owned())).collect())
    }

    fn directories(&self) -> Vec<String> {
        self.0.keys().filter_map(|path| path.rsplit_once('/')).map(|(dir, _)| dir.to_owned()).collect()
    }
}

impl ImportResolver for Files {
    fn glob(&self, pattern: &str) -> Import {
        if let Some(dir) = self.directories().into_iter().find(|dir| dir != DIR && matches_glob(pattern, dir)) {
            return Import::Directory(dir);
        }
        let found = self.0.iter().filter(|(path, _)| matches_glob(pattern, path));
        let files: Vec<ImportedFile> =
            found.map(|(path, text)| ImportedFile { path: path.clone(), text: text.clone() }).collect();
        if files.is_empty() { Import::NoMatch } else { Import::Files(files) }
    }
}

impl Surroundings for Files {
    fn file(&self, path: &str) -> FileState {
        let absolute = if path.starts_with('/') { path.to_owned() } else { format!("{DIR}/{path}") };
        match self.0.get(&absolute) {
            Some(text) => FileState::Text(text.clone()),
            None if path == "." => FileState::Directory,
            None if path == "/etc/hosts" => FileState::Text(String::new()),
            None => FileState::Missing,
        }
    }

    fn has_interface(&self, name: &str) -> Option<bool> {
        Some(name == "lo")
    }
}

/// Parses the Corefile `text` beside the files and in the environment of a case; `valid` restricts directives.
pub fn parse_case(text: &str, case: &Value, valid: Option<&dyn Fn(&str) -> bool>) -> Corefile {
    let files = Files::of(case);
    let env = |name: &str| case["env"][name].as_str().map(str::to_owned);
    let options =
        Options { main_file_name: "Corefile", directory: DIR, env: &env, valid_directives: valid, imports: &files };
    parse(text, &options)
}

/// A start of the binary on the field `conf` of a case: what it would print, and all problems.
pub fn start(case: &Value, binary: Binary) -> (Option<String>, Vec<SetupProblem>) {
    let valid = |name: &str| directive_known(name, &binary);
    let corefile = parse_case(case["conf"].as_str().unwrap_or_default(), case, Some(&valid));
    let problems = check_with(&corefile, &binary, &Files::of(case));
    let parse_error = corefile.first_error().map(CorefileError::coredns_text);
    let setup_error = first_fatal(&problems).and_then(|problem| problem.coredns_message.clone());
    (parse_error.or(setup_error), problems)
}

/// A section of the vectors that the real CoreDNS produced.
pub fn vectors(section: &str) -> Vec<Value> {
    let path = super::root().join("testdata/vectors/vectors-coredns.yaml");
    let all: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    all[section].as_array().unwrap().clone()
}
