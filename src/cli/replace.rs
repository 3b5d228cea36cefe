//! Replaces and creates files whole: whoever looks, at any moment, sees the old text or the new one.

use crate::source::LEFTOVER;
use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};

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

    /// The directory from which a real path is allowed, and the way from there.
    fn place<'p>(&'p self, real: &'p Path) -> Result<(&'p Path, &'p Path), String> {
        let within = |root: &'p PathBuf| {
            // a file that was given stands for itself alone
            let directory = if root.as_path() == real { root.parent()? } else { root.as_path() };
            let below = real.strip_prefix(directory).ok()?;
            below.components().all(|part| matches!(part, Component::Normal(_))).then_some((directory, below))
        };
        self.roots.iter().find_map(within).ok_or_else(|| "it lies outside the given paths".to_owned())
    }

    /// Replaces the text of a file, keeping its mode and owner.
    ///
    /// # Errors
    /// A sentence without the path: the file is outside the given paths, is no regular file, no longer holds `old`
    /// (somebody else wrote it meanwhile), or cannot be written.
    pub fn replace(&self, path: &Path, old: &str, new: &str) -> Result<(), String> {
        let real = fs::canonicalize(path).map_err(|e| super::disk::reason(&e))?;
        let (root, below) = self.place(&real)?;
        system::write(root, below, Some(old.as_bytes()), new.as_bytes())
    }

    /// Creates a file, and the directories above it that are missing; an existing file is never touched.
    ///
    /// # Errors
    /// A sentence without the path: outside the given paths, there already, or not to be written.
    pub fn create(&self, path: &Path, text: &str) -> Result<(), String> {
        let full = std::path::absolute(path).map_err(|e| super::disk::reason(&e))?;
        if full.components().any(|part| part == Component::ParentDir) {
            return Err("a path with `..` is not created".to_owned());
        }
        // the nearest directory that exists decides, before anything is made below it
        let existing = full.ancestors().skip(1).find(|above| above.exists());
        let real = existing.and_then(|above| Some((fs::canonicalize(above).ok()?, full.strip_prefix(above).ok()?)));
        let (directory, rest) = real.ok_or("no directory to write to")?;
        let target = directory.join(rest);
        let (root, below) = self.place(&target)?;
        if fs::symlink_metadata(&target).is_ok() {
            return Err("there is such a file already".to_owned());
        }
        system::write(root, below, None, text.as_bytes())
    }
}

/// Makes a directory that the user names, and those above it.
///
/// # Errors
/// A sentence with the path.
pub fn make_directory(path: &Path) -> Result<(), String> {
    fs::create_dir_all(path).map_err(|e| format!("cannot create {}: {}", path.display(), super::disk::reason(&e)))
}

/// Name of the file that takes the place of another: hidden, beside it, and with an ending that no program reads (k3s
/// takes every `*.yaml` of its directory), should a run be killed and leave it.
fn temporary(name: &OsStr, attempt: u8) -> String {
    format!(".{}{LEFTOVER}{}-{attempt}", name.to_string_lossy(), std::process::id())
}

#[cfg(unix)]
mod system {
    use rustix::fs::{
        AtFlags, Mode, OFlags, fchmod, fchown, fstat, fsync, linkat, mkdirat, openat, renameat, unlinkat,
    };
    use rustix::io::Errno;
    use std::fs::File;
    use std::io::{Read as _, Write as _};
    use std::os::fd::{AsFd, OwnedFd};
    use std::path::Path;

    const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::RDONLY);

    /// Bits of a mode that a file keeps.
    const KEPT: Mode =
        Mode::RWXU.union(Mode::RWXG).union(Mode::RWXO).union(Mode::SUID).union(Mode::SGID).union(Mode::SVTX);

    fn said(what: &str, error: Errno) -> String {
        match error {
            Errno::EXIST => "there is such a file already".to_owned(),
            Errno::LOOP | Errno::NOTDIR => format!("{what}: a link stands in the way"),
            other => {
                let text = std::io::Error::from(other).to_string();
                format!("{what}: {}", text.split(" (os error").next().unwrap_or("").to_lowercase())
            }
        }
    }

    /// Walks down from the root without following a link, so that nothing can be put in the way in between.
    fn open_directory(root: &Path, below: &Path, make: bool) -> Result<OwnedFd, String> {
        let mut directory = openat(rustix::fs::CWD, root, DIRECTORY, Mode::empty())
            .map_err(|e| said("cannot open the directory", e))?;
        for part in below.components() {
            let part = part.as_os_str();
            let next = match openat(&directory, part, DIRECTORY, Mode::empty()) {
                Err(Errno::NOENT) if make => {
                    match mkdirat(&directory, part, Mode::from_raw_mode(0o755)) {
                        Ok(()) | Err(Errno::EXIST) => {}
                        Err(error) => return Err(said("cannot make the directory", error)),
                    }
                    openat(&directory, part, DIRECTORY, Mode::empty())
                }
                other => other,
            };
            directory = next.map_err(|e| said("cannot open the directory", e))?;
        }
        Ok(directory)
    }

    pub(super) fn write(root: &Path, below: &Path, old: Option<&[u8]>, new: &[u8]) -> Result<(), String> {
        let name = below.file_name().ok_or("it has no name")?;
        let directory = open_directory(root, below.parent().unwrap_or(Path::new("")), old.is_none())?;
        let before = old.map(|old| current(&directory, name, old)).transpose()?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(if before.is_some() { 0o600 } else { 0o644 });
        // a run that was killed may have left one behind
        let free = (0..16).map(|attempt| super::temporary(name, attempt)).find_map(|temporary| {
            match openat(&directory, &*temporary, flags, mode) {
                Err(Errno::EXIST) => None,
                opened => Some(opened.map(|file| (temporary, file))),
            }
        });
        let (temporary, file) = free.unwrap_or(Err(Errno::EXIST)).map_err(|e| said("cannot write beside it", e))?;
        let done = fill(file, new, before).and_then(|()| {
            if before.is_some() {
                return renameat(&directory, &*temporary, &directory, name).map_err(|e| said("cannot replace it", e));
            }
            // unlike a rename, a link never replaces what came into being meanwhile
            linkat(&directory, &*temporary, &directory, name, AtFlags::empty()).map_err(|e| said("cannot make it", e))
        });
        if done.is_err() || before.is_none() {
            let _ = unlinkat(&directory, &*temporary, AtFlags::empty());
        }
        done?;
        // the new name is as lasting as the text; file systems that cannot sync a directory keep it anyway
        let _ = fsync(&directory);
        Ok(())
    }

    /// Mode, user and group of the file, which must still hold what was read.
    fn current(directory: &OwnedFd, name: &std::ffi::OsStr, old: &[u8]) -> Result<(Mode, u32, u32), String> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(directory, name, flags, Mode::empty()).map_err(|e| said("cannot read it again", e))?;
        let found = fstat(&file).map_err(|e| said("cannot read it again", e))?;
        let mut text = Vec::new();
        let limit = old.len() as u64 + 1;
        let read = File::from(file).take(limit).read_to_end(&mut text);
        if read.is_err() || text != old {
            return Err("it was changed while dnslint ran".to_owned());
        }
        Ok((Mode::from_raw_mode(found.st_mode) & KEPT, found.st_uid, found.st_gid))
    }

    fn fill(file: OwnedFd, text: &[u8], before: Option<(Mode, u32, u32)>) -> Result<(), String> {
        let mut file = File::from(file);
        file.write_all(text).map_err(|e| format!("cannot write beside it: {e}"))?;
        if let Some((mode, user, group)) = before {
            let own = fstat(&file).map_err(|e| said("cannot keep its owner", e))?;
            if (own.st_uid, own.st_gid) != (user, group) {
                let (user, group) = (rustix::fs::Uid::from_raw(user), rustix::fs::Gid::from_raw(group));
                fchown(file.as_fd(), Some(user), Some(group)).map_err(|e| said("cannot keep its owner", e))?;
            }
            fchmod(&file, mode).map_err(|e| said("cannot keep its mode", e))?;
        }
        file.sync_all().map_err(|e| format!("cannot write beside it: {e}"))
    }
}

#[cfg(not(unix))]
#[allow(clippy::disallowed_methods, reason = "only source and cli touch the disk")]
mod system {
    use std::fs::{self, OpenOptions};
    use std::io::Write as _;
    use std::path::Path;

    pub(super) fn write(root: &Path, below: &Path, old: Option<&[u8]>, new: &[u8]) -> Result<(), String> {
        let path = root.join(below);
        let directory = path.parent().ok_or("it has no directory")?;
        let said = |e: std::io::Error| format!("cannot write it: {e}");
        if old.is_none() {
            fs::create_dir_all(directory).map_err(said)?;
        }
        if !fs::canonicalize(directory).map_err(said)?.starts_with(root) {
            return Err("a link stands in the way".to_owned());
        }
        match old {
            Some(old) if fs::read(&path).map_err(said)? != old => {
                return Err("it was changed while dnslint ran".to_owned());
            }
            None if path.exists() => return Err("cannot make it: it exists".to_owned()),
            _ => {}
        }
        let temporary = directory.join(super::temporary(below.file_name().ok_or("it has no name")?, 0));
        let mut file = OpenOptions::new().write(true).create_new(true).open(&temporary).map_err(said)?;
        let done = file.write_all(new).and_then(|()| file.sync_all()).and_then(|()| {
            drop(file);
            if old.is_some() {
                let mode = fs::metadata(&path)?.permissions();
                fs::set_permissions(&temporary, mode)?;
            }
            fs::rename(&temporary, &path)
        });
        if done.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        done.map_err(said)
    }
}

#[cfg(unix)]
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test lays out its own files")]
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
    fn a_link_that_is_put_in_the_way_is_not_followed() {
        let (dir, inside, _) = place();
        let root = fs::canonicalize(&inside).unwrap();
        symlink(dir.path(), root.join("dir")).unwrap();
        symlink(dir.path().join("secret"), root.join("link")).unwrap();
        // as if the link had come after the path was resolved
        for below in ["dir/secret", "link"] {
            let error = system::write(&root, Path::new(below), Some(b"old"), b"new").unwrap_err();
            assert!(error.contains("a link stands in the way"), "{below}: {error}");
        }
        assert!(system::write(&root, Path::new("dir/new"), None, b"new").unwrap_err().contains("link"));
        assert_eq!(fs::read_to_string(dir.path().join("secret")).unwrap(), "old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_given_file_stands_for_itself_alone() {
        let (_dir, inside, _) = place();
        fs::write(inside.join("b"), "old").unwrap();
        let one = Writable::new(&[inside.join("a")]);
        assert!(one.replace(&inside.join("b"), "old", "new").unwrap_err().contains("outside"));
        assert!(one.create(&inside.join("c"), "new").unwrap_err().contains("outside"));
        one.replace(&inside.join("a"), "old", "new").unwrap();
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
        let path = inside.join("etc/rancher/k3s/config.yaml.d/90-dnslint.yaml");
        writable.create(&path, "x\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "x\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert!(writable.create(&path, "y\n").unwrap_err().contains("already"));
        symlink("nowhere", inside.join("dangling")).unwrap();
        assert!(writable.create(&inside.join("dangling"), "x").unwrap_err().contains("already"));
    }
}
