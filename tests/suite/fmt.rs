//! `dnslint fmt`: every Corefile of the test data, the command's output and exit codes, and git's view of its diffs.

use crate::common::{folders, root, snapshot};
use dnslint::cli::engine::BuiltIn;
use dnslint::cli::{Io, run};
use dnslint::fix::corefile_format::format_all;
use dnslint::model::assemble;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders that hold Corefiles, good and bad ones.
fn clusters() -> Vec<PathBuf> {
    let data = root().join("testdata");
    let mut all = folders(&data.join("clusters"));
    all.extend(folders(&data.join("incidents")));
    all.extend(folders(&data.join("rules")).iter().flat_map(|rule| folders(rule)));
    all
}

#[test]
fn every_corefile_of_the_test_data_is_stable_once_formatted() {
    let (mut changed, mut formatted) = (0, 0);
    for dir in clusters() {
        let before = snapshot(&dir);
        let done = format_all(&before, &assemble(&before));
        formatted += done.files.len();
        changed += done.changed.len();
        let after = before.with_texts(&done.changed, []);
        let again = format_all(&after, &assemble(&after));
        assert!(again.changed.is_empty(), "{}: formatting twice changes it twice", dir.display());
        assert_eq!(again.refused.len(), done.refused.len(), "{}", dir.display());
    }
    assert!(changed > 100 && formatted > changed, "{changed} of {formatted}");
}

/// Formatting is not an opinion about meaning: what the rules find stays the same.
#[test]
fn findings_stay() {
    for dir in folders(&root().join("testdata/clusters")) {
        let before = snapshot(&dir);
        let done = format_all(&before, &assemble(&before));
        let after = before.with_texts(&done.changed, []);
        let rules = |snapshot| -> Vec<String> {
            let mut ids: Vec<String> = crate::common::check(snapshot, &[]).into_iter().map(|d| d.rule).collect();
            ids.sort();
            ids
        };
        assert_eq!(rules(&before), rules(&after), "{}", dir.display());
    }
}

struct Output {
    code: u8,
    stdout: String,
    stderr: String,
}

fn fmt(args: &[&str], stdin: &str) -> Output {
    let words = ["dnslint", "fmt"].iter().chain(args).map(OsString::from);
    let (mut stdout, mut stderr, mut input) = (Vec::new(), Vec::new(), stdin.as_bytes());
    let mut io = Io { stdin: &mut input, stdout: &mut stdout, stderr: &mut stderr, is_terminal: false, env: &|_| None };
    let code = run(words, &BuiltIn, &mut io);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Output { code, stdout: text(stdout), stderr: text(stderr) }
}

const UGLY: &str = ".:53 {\n  errors\n\tforward  .  10.0.0.2   # the office\n}\n";
const NICE: &str = ".:53 {\n    errors\n    forward . 10.0.0.2 # the office\n}\n";

#[test]
fn standard_input_to_standard_output() {
    let done = fmt(&["-"], UGLY);
    assert_eq!((done.code, done.stdout.as_str(), done.stderr.as_str()), (0, NICE, ""));
    let manifest = "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: coredns\ndata:\n  Corefile: |\n    .:53 {\n     log\n    }\n";
    let done = fmt(&["-", "--stdin-filename", "cm.yaml"], manifest);
    assert_eq!((done.code, done.stdout), (0, manifest.replace("     log", "        log")));
    assert_eq!(fmt(&["-"], "kind: Pod\napiVersion: v1\nmetadata: {name: x}\n").code, 2);
    assert_eq!(fmt(&["-", "."], "").code, 2);
}

#[test]
fn what_cannot_be_formatted_is_named_and_left() {
    let done = fmt(&["-"], ".:53 {\n  errors }\n}\n");
    assert_eq!((done.code, done.stdout.as_str()), (2, ".:53 {\n  errors }\n}\n"));
    assert!(done.stderr.starts_with("error: <stdin>:2:10: not formatted: "), "{}", done.stderr);
}

fn laid_out(dir: &Path) {
    fs::create_dir_all(dir.join("manifests")).unwrap();
    fs::write(dir.join("Corefile"), UGLY).unwrap();
    fs::write(dir.join("nice.Corefile"), NICE).unwrap();
    let manifest = format!(
        "# ours\r\napiVersion: v1\r\nkind: ConfigMap\r\nmetadata:\r\n  name: coredns\r\ndata:\r\n  Corefile: |\r\n    {}",
        UGLY.trim_end().replace('\n', "\r\n    ")
    );
    fs::write(dir.join("manifests/cm.yaml"), manifest.replace('\t', "  ")).unwrap();
}

#[test]
fn check_and_diff_write_nothing_and_git_applies_the_diff() {
    let dir = tempfile::tempdir().unwrap();
    laid_out(dir.path());
    let path = dir.path().to_str().unwrap();
    let done = fmt(&["--check", path], "");
    assert_eq!(done.code, 1);
    assert_eq!(done.stdout.lines().count(), 2, "{}", done.stdout);
    assert_eq!(done.stderr, "2 files would be reformatted, 1 file already formatted\n");
    assert_eq!(fs::read_to_string(dir.path().join("Corefile")).unwrap(), UGLY);

    let diff = fmt(&["--diff", path], "");
    assert_eq!(diff.code, 1);
    // shown paths are absolute here; git wants them below its directory
    let patch = diff.stdout.replace(path, "").replace("a//", "a/").replace("b//", "b/");
    let other = tempfile::tempdir().unwrap();
    laid_out(other.path());
    fs::write(other.path().join("patch"), patch).unwrap();
    let git = Command::new("git").args(["apply", "--whitespace=nowarn", "patch"]).current_dir(other.path()).output();
    match git {
        Ok(done) => assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr)),
        Err(_) => {
            println!("git is not here: its view of the diff is not tested");
            return;
        }
    }

    let done = fmt(&[path], "");
    assert_eq!((done.code, done.stdout.as_str()), (0, ""));
    assert_eq!(done.stderr, "2 files reformatted, 1 file already formatted\n");
    for file in ["Corefile", "nice.Corefile", "manifests/cm.yaml"] {
        let read = |dir: &Path| fs::read_to_string(dir.join(file)).unwrap();
        assert_eq!(read(dir.path()), read(other.path()), "{file}");
    }
    assert_eq!(fs::read_to_string(dir.path().join("Corefile")).unwrap(), NICE);
    let again = fmt(&[path], "");
    assert_eq!((again.code, again.stderr.as_str()), (0, "3 files already formatted\n"));
    assert_eq!(fmt(&["--check", path], "").code, 0);
}
