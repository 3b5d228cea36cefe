//! The few ways in which the disk is touched: listing, looking at an entry, reading a regular file.
#![expect(clippy::disallowed_methods, reason = "the source room reads the disk, here and nowhere else")]

use super::problem::ProblemKind;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// What a directory entry is, links not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ItemKind {
    File,
    Directory,
    /// The target as written.
    Link(String),
    /// A device, FIFO or socket.
    Special,
}

/// One name of a directory.
#[derive(Debug)]
pub(crate) struct Item {
    /// The name; bytes that are not UTF-8 are replaced.
    pub name: String,
    /// Where it is on disk.
    pub path: PathBuf,
    /// What it is.
    pub kind: io::Result<ItemKind>,
}

/// Why a file gave no text.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The operating system refused.
    Io(io::Error),
    /// It is not a file that may be read, or too large.
    Refused(ProblemKind),
}

/// The content of a text file.
#[derive(Debug)]
pub(crate) struct Text {
    pub text: String,
    /// Whether invalid UTF-8 was replaced.
    pub lossy: bool,
}

/// What a run that was killed leaves beside the file that it was about to replace: hidden, and behind the file's name this
/// word with the number of the process.
pub const LEFTOVER: &str = ".dnslint-";

fn is_leftover(name: &str) -> bool {
    name.starts_with('.') && name.contains(LEFTOVER)
}

/// The names of a directory, sorted, without left-overs; `None` when there are more than `limit`.
pub(crate) fn list(directory: &Path, limit: usize) -> io::Result<Option<Vec<Item>>> {
    let mut items = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if items.len() >= limit {
            return Ok(None);
        }
        let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        if is_leftover(&name) {
            continue;
        }
        let kind = entry.file_type().and_then(|kind| kind_of(kind, &path));
        items.push(Item { name, path, kind });
    }
    items.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.path.cmp(&b.path)));
    Ok(Some(items))
}

/// What stands at a path, links not followed.
pub(crate) fn look(path: &Path) -> io::Result<ItemKind> {
    kind_of(fs::symlink_metadata(path)?.file_type(), path)
}

fn kind_of(kind: fs::FileType, path: &Path) -> io::Result<ItemKind> {
    Ok(if kind.is_symlink() {
        ItemKind::Link(fs::read_link(path)?.to_string_lossy().into_owned())
    } else if kind.is_dir() {
        ItemKind::Directory
    } else if kind.is_file() {
        ItemKind::File
    } else {
        ItemKind::Special
    })
}

/// Whether a directory stands at a path, links followed.
pub(crate) fn is_directory(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_dir())
}

/// What stands at a path that the user gave, links followed.
pub(crate) fn look_through(path: &Path) -> io::Result<ItemKind> {
    kind_of(fs::metadata(path)?.file_type(), path)
}

/// The path without links; the path itself where that fails.
pub(crate) fn real_path(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Size of a regular file in bytes; anything else is refused, and never opened (opening a FIFO would wait forever).
pub(crate) fn size(path: &Path, limit: u64) -> Result<u64, ReadError> {
    let found = fs::symlink_metadata(path).map_err(ReadError::Io)?;
    if !found.is_file() {
        return Err(ReadError::Refused(ProblemKind::NotRegular));
    }
    if found.len() > limit {
        return Err(ReadError::Refused(ProblemKind::TooLarge { limit }));
    }
    Ok(found.len())
}

/// Reads a regular file of at most `limit` bytes as text.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Text, ReadError> {
    let size = size(path, limit)?;
    let file = fs::File::open(path).map_err(ReadError::Io)?;
    if !file.metadata().map_err(ReadError::Io)?.is_file() {
        return Err(ReadError::Refused(ProblemKind::NotRegular));
    }
    decode(read_limited(file, size, limit)?)
}

/// Reads standard input like a file.
pub(crate) fn read_stdin(limit: u64) -> Result<Text, ReadError> {
    decode(read_limited(io::stdin().lock(), 0, limit)?)
}

/// The size that the file system tells is not to be trusted (procfs says 0, a log grows), so the reader counts too.
fn read_limited(from: impl Read, told: u64, limit: u64) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::with_capacity(usize::try_from(told.min(limit)).unwrap_or(0));
    from.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(ReadError::Io)?;
    if bytes.len() as u64 > limit { Err(ReadError::Refused(ProblemKind::TooLarge { limit })) } else { Ok(bytes) }
}

/// Bytes at the start of a file in which a NUL marks it as binary, as git does it.
const BINARY_PROBE: usize = 8000;

/// Bytes as text; a byte order mark and all line ends are kept.
pub(crate) fn decode(bytes: Vec<u8>) -> Result<Text, ReadError> {
    if bytes.iter().take(BINARY_PROBE).any(|byte| *byte == 0) {
        return Err(ReadError::Refused(ProblemKind::Binary));
    }
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Text { text, lossy: false },
        Err(error) => Text { text: String::from_utf8_lossy(error.as_bytes()).into_owned(), lossy: true },
    })
}
