//! Modules import only to the left: source < diagnostic < syntax < model < analysis < fix < lint < render < report < cli.

use std::fs;
use std::path::{Path, PathBuf};

const ORDER: [&str; 10] =
    ["source", "diagnostic", "syntax", "model", "analysis", "fix", "lint", "render", "report", "cli"];

fn rank(room: &str) -> Option<usize> {
    ORDER.iter().position(|name| *name == room)
}

fn rust_files(dir: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// The rooms that a line of code names through `crate::<room>` or `dnslint::<room>`, groups included.
fn rooms_named(line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap_or("");
    let mut rooms = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let names = rest.strip_prefix('{').map_or_else(|| vec![rest], |group| group.split(',').collect());
        for name in names {
            let word: String = name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            rooms.push(word);
        }
    }
    rooms
}

#[test]
fn modules_import_only_to_the_left() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    let mut checked = 0;
    for (index, room) in ORDER.iter().enumerate() {
        let mut files = Vec::new();
        rust_files(&src.join(room), &mut files);
        for file in files {
            for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
                for named in rooms_named(line) {
                    checked += 1;
                    if rank(&named).is_some_and(|other| other > index) {
                        wrong.push(format!("{}:{}: {room} imports {named}", file.display(), number + 1));
                    }
                }
            }
        }
    }
    assert!(checked > 50, "the scan found only {checked} imports: it no longer sees the code");
    assert!(wrong.is_empty(), "imports to the right:\n{}", wrong.join("\n"));
}

#[test]
fn every_file_opens_with_its_purpose() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    rust_files(&root.join("src"), &mut files);
    rust_files(&root.join("tests"), &mut files);
    let bare: Vec<_> = files
        .iter()
        .filter(|file| !fs::read_to_string(file).unwrap().starts_with("//! "))
        .map(|file| file.display().to_string())
        .collect();
    assert!(bare.is_empty(), "files without a first line `//! …`:\n{}", bare.join("\n"));
}

#[test]
fn the_scan_sees_groups_and_ignores_comments() {
    assert_eq!(rooms_named("use crate::{lint, model::Cluster};"), ["lint", "model"]);
    assert_eq!(rooms_named("// use crate::cli;"), Vec::<String>::new());
    assert_eq!(rooms_named("let x = crate::source::Span::new(0, 1);"), ["source"]);
}
