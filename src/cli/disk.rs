//! The files that the command line itself reads and writes: configuration, baseline, reports.
#![expect(clippy::disallowed_methods, reason = "only source and cli touch the disk")]

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Most bytes of a configuration or baseline file.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The text of a regular file.
///
/// # Errors
/// A sentence without the path: not there, not a regular file, too big, not UTF-8.
pub fn read(path: &Path) -> Result<String, String> {
    let meta = fs::metadata(path).map_err(|e| reason(&e))?;
    if !meta.is_file() {
        return Err("not a regular file".to_owned());
    }
    let mut text = String::new();
    let file = fs::File::open(path).map_err(|e| reason(&e))?;
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(|e| reason(&e))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(format!("larger than {} MiB", MAX_BYTES / 1024 / 1024));
    }
    Ok(text)
}

/// Writes a file anew.
///
/// # Errors
/// A sentence with the path.
pub fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|e| format!("cannot write {}: {}", path.display(), reason(&e)))
}

/// Why a path that was named cannot be read, if so; symbolic links count as what they point to.
pub fn missing(path: &Path) -> Option<String> {
    fs::metadata(path).err().map(|e| reason(&e))
}

/// The directory from which the configuration of `path` is searched upward.
pub fn search_start(path: &Path) -> Option<PathBuf> {
    let full = fs::canonicalize(path).or_else(|_| std::path::absolute(path)).ok()?;
    if full.is_dir() { Some(full) } else { full.parent().map(Path::to_path_buf) }
}

/// The nearest file of one of these names from `start` upward; the search ends at the directory that holds `.git`.
///
/// Symbolic links are passed over: the directory may be somebody else's, and its link could lead anywhere.
pub fn find_upward(start: &Path, names: &[&str]) -> Option<PathBuf> {
    for dir in start.ancestors() {
        if let Some(found) = names.iter().map(|name| dir.join(name)).find(|path| is_plain_file(path)) {
            return Some(found);
        }
        if dir.join(".git").exists() {
            return None;
        }
    }
    None
}

fn is_plain_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file())
}

/// The operating system's reason, in lower case and without its number.
pub(super) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::InvalidData => "not UTF-8 text".to_owned(),
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or("").to_lowercase()
        }
    }
}

/// Most files of one rule directory.
const MAX_RULE_FILES: usize = 2000;
/// Depth to which rule directories are entered: the directory itself, its groups, and one more.
const MAX_RULE_DEPTH: usize = 3;

/// The rule files below directories (and files that are named themselves), sorted: shown path, `<group>/<file>`, text.
pub fn rule_files(paths: &[PathBuf]) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for path in paths {
        collect_rules(path, MAX_RULE_DEPTH, &mut found);
    }
    found.sort();
    found.truncate(MAX_RULE_FILES);
    found
}

fn collect_rules(path: &Path, depth: usize, found: &mut Vec<(String, String, String)>) {
    if path.is_dir() {
        let Ok(entries) = fs::read_dir(path) else { return };
        let mut paths: Vec<PathBuf> = entries.filter_map(|e| e.ok().map(|e| e.path())).take(MAX_RULE_FILES).collect();
        paths.sort();
        if depth > 0 {
            paths.iter().for_each(|below| collect_rules(below, depth - 1, found));
        }
        return;
    }
    let yaml = path.extension().is_some_and(|e| e == "yaml" || e == "yml");
    if !yaml || !is_plain_file(path) {
        return;
    }
    let Ok(text) = read(path) else { return };
    let name = |part: Option<&std::ffi::OsStr>| part.map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let group = name(path.parent().and_then(Path::file_name));
    found.push((path.display().to_string(), format!("{group}/{}", name(path.file_name())), text));
}
