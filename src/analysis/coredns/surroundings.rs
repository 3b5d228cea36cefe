//! What a set-up check may ask about the machine that CoreDNS runs on.

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    /// A file with this text.
    Text(String),
    /// A directory.
    Directory,
    /// Nothing.
    Missing,
    /// The input does not tell.
    Unknown,
}

/// The file system and interfaces of the CoreDNS process, as far as the input knows them.
pub trait Surroundings {
    /// What is at a path, relative ones being relative to the working directory of the process.
    fn file(&self, path: &str) -> FileState;
    /// Whether a network interface of that name exists; `None` when it is not known.
    fn has_interface(&self, name: &str) -> Option<bool>;
}

/// Surroundings of which nothing is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct NothingKnown;

impl Surroundings for NothingKnown {
    fn file(&self, _path: &str) -> FileState {
        FileState::Unknown
    }

    fn has_interface(&self, _name: &str) -> Option<bool> {
        None
    }
}
