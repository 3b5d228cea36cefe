//! What could not be read, and why: never a silent gap.

use std::fmt;

/// Why a path or file was not (or not faithfully) read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProblemKind {
    /// The given path does not exist.
    Missing,
    /// The operating system refused (permissions, I/O error).
    Unreadable,
    /// A file exceeds [`Limits::file_bytes`](super::Limits::file_bytes).
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// All files together exceed [`Limits::total_bytes`](super::Limits::total_bytes); this one and later ones were left.
    TotalTooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// More files or directory entries than [`Limits`](super::Limits) allows; the rest was left.
    TooMany {
        /// The limit as a count.
        limit: usize,
    },
    /// A directory lies deeper than [`Limits::depth`](super::Limits::depth).
    TooDeep {
        /// The limit as a number of directories.
        limit: usize,
    },
    /// A device, FIFO or socket; it was not opened.
    NotRegular,
    /// Symbolic links that lead back to themselves, or more than 40 in a row.
    LinkLoop,
    /// A symbolic link that leaves the given path; it was not followed.
    LinkEscapes,
    /// A symbolic link to something that does not exist.
    LinkDangling,
    /// The file holds NUL bytes, so it is not text.
    Binary,
    /// The file is not UTF-8; invalid bytes were replaced, and no fix will be offered for it.
    InvalidUtf8,
    /// Templates (Helm, Jinja) that their tool has not rendered; they were skipped.
    Templated {
        /// How many files were skipped.
        files: usize,
    },
    /// The file was named explicitly, but neither its path nor its content says what it is.
    Unrecognised,
}

impl ProblemKind {
    /// A stable name for configuration and machine-readable output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "path-missing",
            Self::Unreadable => "unreadable",
            Self::TooLarge { .. } => "file-too-large",
            Self::TotalTooLarge { .. } => "input-too-large",
            Self::TooMany { .. } => "too-many-files",
            Self::TooDeep { .. } => "too-deep",
            Self::NotRegular => "not-a-regular-file",
            Self::LinkLoop => "link-loop",
            Self::LinkEscapes => "link-escapes",
            Self::LinkDangling => "link-dangling",
            Self::Binary => "binary-file",
            Self::InvalidUtf8 => "invalid-utf8",
            Self::Templated { .. } => "unrendered-template",
            Self::Unrecognised => "unrecognised-file",
        }
    }

    /// Whether something the user asked for was left out (what `--strict` objects to), rather than merely noted.
    #[must_use]
    pub const fn loses_input(self) -> bool {
        !matches!(self, Self::InvalidUtf8 | Self::Templated { .. } | Self::LinkDangling)
    }
}

/// One thing that was not read as asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InputProblem {
    /// The path as shown.
    pub path: String,
    /// What is wrong with it.
    pub kind: ProblemKind,
    /// One sentence for people, without the path.
    pub message: String,
}

impl InputProblem {
    /// A problem with the message that belongs to its kind.
    pub(crate) fn new(path: impl Into<String>, kind: ProblemKind) -> Self {
        Self { path: path.into(), kind, message: kind.to_string() }
    }

    /// An error of the operating system.
    pub(crate) fn io(path: impl Into<String>, error: &std::io::Error) -> Self {
        let message = format!("cannot be read: {}", io_reason(error));
        Self { path: path.into(), kind: ProblemKind::Unreadable, message }
    }
}

/// The error in the words of its kind: the same on every platform, without error numbers.
pub(crate) fn io_reason(error: &std::io::Error) -> String {
    error.kind().to_string()
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(f, "does not exist"),
            Self::Unreadable => write!(f, "cannot be read"),
            Self::TooLarge { limit } => write!(f, "is larger than {limit} bytes (limit file-bytes); skipped"),
            Self::TotalTooLarge { limit } => {
                write!(
                    f,
                    "all files together exceed {limit} bytes (limit total-bytes); this and the following are skipped"
                )
            }
            Self::TooMany { limit } => write!(f, "holds more than {limit} entries (limit files); the rest is skipped"),
            Self::TooDeep { limit } => write!(f, "lies more than {limit} directories deep (limit depth); skipped"),
            Self::NotRegular => write!(f, "is a device, FIFO or socket; not opened"),
            Self::LinkLoop => write!(f, "is a symbolic link that leads back to itself"),
            Self::LinkEscapes => write!(f, "is a symbolic link that leaves the given path; not followed"),
            Self::LinkDangling => write!(f, "is a symbolic link to a file that does not exist"),
            Self::Binary => write!(f, "is not a text file; skipped"),
            Self::InvalidUtf8 => write!(f, "is not UTF-8; invalid bytes are shown as U+FFFD"),
            Self::Templated { files: 1 } => {
                write!(f, "is an unrendered template; skipped (render it with its tool and pass the result)")
            }
            Self::Templated { files } => write!(
                f,
                "and {} more are unrendered templates; skipped (render them with their tool and pass the result)",
                files.saturating_sub(1)
            ),
            Self::Unrecognised => write!(f, "is no kind of file that dnslint knows, by its path or its content"),
        }
    }
}
