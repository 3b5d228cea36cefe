//! The tours of the documentation: each starts with findings, changes the cluster, and ends without any.

use crate::common::pages::{dnslint, with_fresh_output};
use crate::common::{assert_none, compare, copy, root};
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

#[test]
fn every_tour_ends_clean() {
    let path = root().join("docs/tours.md");
    // by tour: its directory, and the exit codes of its checks
    let mut tours: Vec<(TempDir, Vec<i32>)> = Vec::new();
    let fresh = with_fresh_output(&fs::read_to_string(&path).unwrap(), |section, command| {
        while tours.len() < section {
            tours.push((tempfile::tempdir().unwrap(), Vec::new()));
        }
        let (directory, checks) = &mut tours[section - 1];
        Some(perform(command, directory.path(), checks))
    });
    assert_eq!(tours.len(), 4);
    for (_, checks) in &tours {
        assert_eq!((checks.first(), checks.last()), (Some(&1), Some(&0)), "{checks:?}");
    }
    assert_none(&compare(&path, &fresh).into_iter().collect::<Vec<_>>());
}

/// Runs one command of a page and gives its output; a check leaves its exit code.
fn perform(command: &str, directory: &Path, checks: &mut Vec<i32>) -> String {
    let words: Vec<&str> = command.split_whitespace().collect();
    match words.as_slice() {
        ["dnslint", name, ..] => {
            let (text, run) = dnslint(command, directory);
            assert_ne!(run.status.code(), Some(2), "{command}: {}", String::from_utf8_lossy(&run.stderr));
            checks.extend(run.status.code().filter(|_| *name == "check"));
            text
        }
        ["cp", "-r", from, to] => {
            let to = directory.join(to);
            if to.exists() {
                fs::remove_dir_all(&to).unwrap();
            }
            copy(&root().join(from), &to);
            String::new()
        }
        ["rm", paths @ ..] => {
            for path in paths {
                fs::remove_file(directory.join(path)).unwrap();
            }
            String::new()
        }
        ["sed", ..] => {
            let run = Command::new("sed").args(&words[1..]).current_dir(directory).output().unwrap();
            assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
            String::new()
        }
        _ => panic!("no tour can run `{command}`"),
    }
}
