//! How much input is read: every limit has a name, a default, and a problem that says it was reached.

use std::path::PathBuf;

/// Upper bounds on what one run reads, so that an untrusted directory can cost neither unbounded time nor memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest single file, in bytes (etcd refuses objects over 1.5 MiB, so no real manifest comes near).
    pub file_bytes: u64,
    /// Sum of the sizes of all files that are opened, in bytes.
    pub total_bytes: u64,
    /// Number of files that are opened.
    pub files: usize,
    /// Number of directory entries that are looked at, for each path and each node root.
    pub entries: usize,
    /// Number of directories below a path or a node root.
    pub depth: usize,
    /// Largest file of a node root that is read although its path says nothing to us, in bytes.
    pub unknown_file_bytes: u64,
    /// Number of such files that are read for each node root.
    pub unknown_files: usize,
    /// Number of files that may be loaded for each node after discovery because some setting names them.
    pub extra_files: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 8 << 20,
            total_bytes: 1 << 30,
            files: 200_000,
            entries: 2_000_000,
            depth: 64,
            unknown_file_bytes: 256 << 10,
            unknown_files: 4096,
            extra_files: 256,
        }
    }
}

/// How paths are turned into a [`Snapshot`](super::Snapshot).
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// The bounds on what is read.
    pub limits: Limits,
    /// Directory that shown paths are relative to; the process's current directory when absent.
    pub current_dir: Option<PathBuf>,
    /// Path under which the text of `-` is classified and shown; `<stdin>` when absent.
    pub stdin_filename: Option<String>,
    /// Bytes that stand for standard input; the process's own standard input is read when absent.
    pub stdin: Option<Vec<u8>>,
}
