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

/// Whether a path is a directory and no symbolic link to one.
pub fn is_plain_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir())
}

/// The nearest directory of this name from `start` upward; the search ends as that of [`find_upward`].
pub fn find_directory_upward(start: &Path, name: &str) -> Option<PathBuf> {
    for dir in start.ancestors() {
        let found = dir.join(name);
        if is_plain_directory(&found) {
            return Some(found);
        }
        if dir.join(".git").exists() {
            return None;
        }
    }
    None
}

/// Sub-directories of a directory, sorted, without links; none where it cannot be read.
pub fn folders(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let paths = entries.take(MAX_ENTRIES).filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let mut found: Vec<PathBuf> = paths.filter(|path| is_plain_directory(path)).collect();
    found.sort();
    found
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

/// Depth to which rule directories are entered: the directory itself, its groups, and one more.
const MAX_RULE_DEPTH: usize = 3;
/// Most entries of a directory that are looked at.
const MAX_ENTRIES: usize = 100_000;

/// The rule files below directories (and files that are named themselves), sorted: shown path, `<group>/<file>`, text.
/// A file that lies in a named directory itself, or is named itself, has no group. Reading stops behind `most` files.
///
/// # Errors
/// A sentence with the path: it does not exist, or a file cannot be read.
pub fn rule_files(paths: &[PathBuf], most: usize) -> Result<Vec<(String, String, String)>, String> {
    let mut found = Vec::new();
    for path in paths {
        let meta =
            fs::metadata(path).map_err(|e| format!("cannot read the rules {}: {}", path.display(), reason(&e)))?;
        if meta.is_dir() {
            collect_rules(path, MAX_RULE_DEPTH, &mut found)?;
        } else {
            found.push((path.clone(), file_name(path)));
        }
    }
    found.sort();
    found.dedup();
    found.truncate(most.saturating_add(1));
    let read = |(path, below): (PathBuf, String)| {
        let text = read(&path).map_err(|why| format!("cannot read the rule {}: {why}", path.display()))?;
        Ok((path.display().to_string(), below, text))
    };
    found.into_iter().map(read).collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Rule files below a directory; links are passed over, since they could lead anywhere, and samples are no rules.
fn collect_rules(dir: &Path, depth: usize, found: &mut Vec<(PathBuf, String)>) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("cannot read the rules {}: {}", dir.display(), reason(&e));
    let entries = fs::read_dir(dir).map_err(failed)?.take(MAX_ENTRIES);
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let name = file_name(&path);
        let is_sample = name.starts_with("bad-") || name.starts_with("good-") || name.starts_with('.');
        if is_plain_directory(&path) {
            if depth > 1 && !is_sample {
                collect_rules(&path, depth - 1, found)?;
            }
        } else if is_plain_file(&path) && path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            let below = if depth == MAX_RULE_DEPTH { name } else { format!("{}/{name}", file_name(dir)) };
            found.push((path, below));
        }
    }
    Ok(())
}
