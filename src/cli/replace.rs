//! Replaces and creates files whole: whoever looks, at any moment, sees the old text or the new one.
#![expect(clippy::disallowed_methods, reason = "only source and cli touch the disk")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The directories and files that a run may write to.
#[derive(Clone, Debug)]
pub struct Writable {
    roots: Vec<PathBuf>,
}

impl Writable {
    /// What lies at or below the paths that the user gave. Links among them count as what they point to.
    #[must_use]
    pub fn new(paths: &[PathBuf]) -> Self {
        Self { roots: paths.iter().filter_map(|path| fs::canonicalize(path).ok()).collect() }
    }

    fn allows(&self, real: &Path) -> bool {
        self.roots.iter().any(|root| real.starts_with(root))
    }

    /// Replaces the text of a file, keeping its mode and owner.
    ///
    /// # Errors
    /// A sentence without the path: the file is outside the given paths, is no regular file, no longer holds `old`
    /// (somebody else wrote it meanwhile), or cannot be written.
    pub fn replace(&self, path: &Path, old: &str, new: &str) -> Result<(), String> {
        let real = fs::canonicalize(path).map_err(|e| super::disk::reason(&e))?;
        if !self.allows(&real) {
            return Err("it lies outside the given paths".to_owned());
        }
        let meta = fs::symlink_metadata(&real).map_err(|e| super::disk::reason(&e))?;
        if !meta.is_file() {
            return Err("not a regular file".to_owned());
        }
        if fs::read(&real).map_err(|e| super::disk::reason(&e))? != old.as_bytes() {
            return Err("it was changed while dnslint ran".to_owned());
        }
        let file = temporary(&real, new)?;
        file.as_file().set_permissions(meta.permissions()).map_err(|e| super::disk::reason(&e))?;
        keep_owner(&file, &meta)?;
        persist(file, &real)
    }

    /// Creates a file, and the directories above it that are missing; an existing file is never touched.
    ///
    /// # Errors
    /// A sentence without the path: outside the given paths, there already, or not to be written.
    pub fn create(&self, path: &Path, text: &str) -> Result<(), String> {
        let full = std::path::absolute(path).map_err(|e| super::disk::reason(&e))?;
        if full.components().any(|part| part == std::path::Component::ParentDir) {
            return Err("a path with `..` is not created".to_owned());
        }
        let (Some(directory), Some(name)) = (full.parent(), full.file_name()) else {
            return Err("not the path of a file".to_owned());
        };
        // the nearest directory that exists decides, before anything is made below it
        let existing = directory.ancestors().find(|above| above.exists());
        let real = existing.and_then(|above| fs::canonicalize(above).ok());
        let (Some(existing), Some(real)) = (existing, real) else { return Err("no directory to write to".to_owned()) };
        if !self.allows(&real) {
            return Err("it lies outside the given paths".to_owned());
        }
        let below = directory.strip_prefix(existing).unwrap_or(Path::new(""));
        let directory = real.join(below);
        fs::create_dir_all(&directory).map_err(|e| super::disk::reason(&e))?;
        let target = directory.join(name);
        if fs::symlink_metadata(&target).is_ok() {
            return Err("there is such a file already".to_owned());
        }
        let file = temporary(&target, text)?;
        make_readable(&file)?;
        let done = file.persist_noclobber(&target).map_err(|e| super::disk::reason(&e.error));
        done.map(|_| sync_directory(&directory))
    }
}

/// Makes a directory that the user names, and those above it.
///
/// # Errors
/// A sentence with the path.
pub fn make_directory(path: &Path) -> Result<(), String> {
    fs::create_dir_all(path).map_err(|e| format!("cannot create {}: {}", path.display(), super::disk::reason(&e)))
}

/// A temporary file with the text, beside the file that it will become.
fn temporary(target: &Path, text: &str) -> Result<tempfile::NamedTempFile, String> {
    let directory = target.parent().unwrap_or(Path::new("."));
    let fail = |e: std::io::Error| super::disk::reason(&e);
    let mut file = tempfile::Builder::new().prefix(".dnslint-").tempfile_in(directory).map_err(fail)?;
    file.write_all(text.as_bytes()).map_err(fail)?;
    file.as_file().sync_all().map_err(fail)?;
    Ok(file)
}

fn persist(file: tempfile::NamedTempFile, target: &Path) -> Result<(), String> {
    file.persist(target).map_err(|e| super::disk::reason(&e.error))?;
    if let Some(directory) = target.parent() {
        sync_directory(directory);
    }
    Ok(())
}

/// The new name outlives a crash only once the directory is on disk; some file systems cannot be asked for that.
fn sync_directory(directory: &Path) {
    if let Ok(opened) = fs::File::open(directory) {
        let _ = opened.sync_all();
    }
}

#[cfg(unix)]
fn keep_owner(file: &tempfile::NamedTempFile, meta: &fs::Metadata) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;
    let own = file.as_file().metadata().map_err(|e| super::disk::reason(&e))?;
    if (own.uid(), own.gid()) == (meta.uid(), meta.gid()) {
        return Ok(());
    }
    std::os::unix::fs::fchown(file.as_file(), Some(meta.uid()), Some(meta.gid()))
        .map_err(|e| format!("its owner cannot be kept: {}", super::disk::reason(&e)))
}

#[cfg(not(unix))]
fn keep_owner(_: &tempfile::NamedTempFile, _: &fs::Metadata) -> Result<(), String> {
    Ok(())
}

/// A temporary file is for its owner alone; a configuration file is for everybody to read.
#[cfg(unix)]
fn make_readable(file: &tempfile::NamedTempFile) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::Permissions::from_mode(0o644);
    file.as_file().set_permissions(mode).map_err(|e| super::disk::reason(&e))
}

#[cfg(not(unix))]
fn make_readable(_: &tempfile::NamedTempFile) -> Result<(), String> {
    Ok(())
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn place() -> (tempfile::TempDir, PathBuf, Writable) {
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("in");
        fs::create_dir(&inside).unwrap();
        fs::write(inside.join("a"), "old").unwrap();
        fs::write(dir.path().join("secret"), "old").unwrap();
        let writable = Writable::new(std::slice::from_ref(&inside));
        (dir, inside, writable)
    }

    #[test]
    fn the_mode_stays_and_no_rest_is_left() {
        let (_dir, inside, writable) = place();
        let path = inside.join("a");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        writable.replace(&path, "old", "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(&inside).unwrap().count(), 1);
        assert!(writable.replace(&path, "old", "newer").unwrap_err().contains("changed"));
    }

    #[test]
    fn nothing_is_written_outside() {
        let (dir, inside, writable) = place();
        assert!(writable.replace(&dir.path().join("secret"), "old", "new").unwrap_err().contains("outside"));
        symlink(dir.path().join("secret"), inside.join("link")).unwrap();
        assert!(writable.replace(&inside.join("link"), "old", "new").unwrap_err().contains("outside"));
        symlink(dir.path(), inside.join("up")).unwrap();
        assert!(writable.create(&inside.join("up/new"), "x").unwrap_err().contains("outside"));
        assert!(writable.create(&inside.join("../new"), "x").is_err());
        assert!(!dir.path().join("new").exists());
        assert_eq!(fs::read_to_string(dir.path().join("secret")).unwrap(), "old");
    }

    #[test]
    fn links_inside_lead_to_their_file_and_stay_links() {
        let (_dir, inside, writable) = place();
        symlink("a", inside.join("link")).unwrap();
        writable.replace(&inside.join("link"), "old", "new").unwrap();
        assert!(fs::symlink_metadata(inside.join("link")).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(inside.join("a")).unwrap(), "new");
    }

    #[test]
    fn new_files_with_their_directories() {
        let (_dir, inside, writable) = place();
        let path = inside.join("etc/rancher/k3s/config.yaml.d/50-dnslint.yaml");
        writable.create(&path, "x\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "x\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert!(writable.create(&path, "y\n").unwrap_err().contains("already"));
        symlink("nowhere", inside.join("dangling")).unwrap();
        assert!(writable.create(&inside.join("dangling"), "x").unwrap_err().contains("already"));
    }
}
