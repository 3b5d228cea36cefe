//! The names that a library asks for, in order (glibc `res_query.c`, musl `lookup_name.c`, Go `dnsclient_unix.go`).

/// Longest label, in bytes (RFC 1035, section 2.3.4).
const MAX_LABEL: usize = 63;
/// Longest name without its last dot, in bytes.
const MAX_NAME: usize = 253;
/// Bytes of a name with its search domain for which musl has room.
const MUSL_NAME_BUFFER: usize = 255;
/// Tries of musl for a packet that no server understands (`attempts:2`).
const MALFORMED_TRIES: usize = 2;

/// A resolver library, as far as the order of names depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Library {
    /// GNU libc.
    Glibc,
    /// musl from 1.2.4 on.
    Musl,
    /// musl up to 1.2.3, which sends malformed names and gives up at illegal ones.
    #[serde(rename = "musl-1.2.3")]
    MuslBefore124,
    /// Go's own resolver.
    Go,
}

impl Library {
    /// The name that people use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Glibc => "glibc",
            Self::Musl => "musl",
            Self::MuslBefore124 => "musl before 1.2.4",
            Self::Go => "Go",
        }
    }
}

/// One name that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "kind", content = "name", rename_all = "lowercase")]
pub enum Candidate {
    /// A fully qualified name, with its last dot.
    Name(String),
    /// A packet that no server can read (old musl, `search .`); the look-up ends there with a time-out.
    Malformed,
}

impl Candidate {
    /// The name, unless the packet is malformed.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Malformed => None,
        }
    }
}

/// How a look-up ends when no candidate exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Failure {
    /// The name does not exist (`EAI_NONAME`, Go: no such host).
    NoName,
    /// No usable answer (`EAI_AGAIN`).
    Again,
}

/// The names of one look-up.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Candidates {
    /// The names in order; one that the search list has twice is asked twice.
    pub names: Vec<Candidate>,
    /// How the look-up ends when none of them exists.
    pub failure: Failure,
}

impl Candidates {
    /// Queries that are sent when no name exists and every server answers at once; `types` is 2 for A and AAAA.
    #[must_use]
    pub fn packets(&self, types: usize) -> usize {
        let tries = |c: &Candidate| if *c == Candidate::Malformed { MALFORMED_TRIES } else { 1 };
        self.names.iter().map(|c| types * tries(c)).sum()
    }
}

/// The names that `library` asks for on behalf of `name`, supposing that none exists.
///
/// A name that cannot be put into a query is not asked, nor is one that is no host name to glibc (`res_hnok()`: letters,
/// digits, `-`, `_`, no `-` in front). A name with a last dot is asked alone. With `ndots` dots or more the name itself comes first, and musl asks nothing
/// else; with fewer it comes last. A search domain that makes no legal name ends the list for glibc, is skipped by
/// musl and Go, and fails the look-up in musl before 1.2.4 unless the name has more than 255 bytes. `.` is the root to glibc only.
#[must_use]
pub fn candidates(library: Library, name: &str, search: &[&str], ndots: usize) -> Candidates {
    let as_is = || Candidate::Name(absolute(name));
    let done = |names| Candidates { names, failure: Failure::NoName };
    if library == Library::Glibc && !is_host_name(name) {
        return done(Vec::new());
    }
    if !is_legal(&absolute(name)) {
        return done(Vec::new());
    }
    if name.ends_with('.') {
        return done(vec![as_is()]);
    }
    let as_is_first = name.matches('.').count() >= ndots;
    if as_is_first && matches!(library, Library::Musl | Library::MuslBefore124) {
        return done(vec![as_is()]);
    }
    let mut list = List { names: Vec::new(), root_seen: as_is_first };
    if as_is_first {
        list.names.push(as_is());
    }
    for domain in search {
        match list.add(library, name, domain) {
            Next::Go => {}
            Next::Stop => break,
            Next::Fail(failure) => return Candidates { names: list.names, failure },
        }
    }
    if !list.root_seen {
        list.names.push(as_is());
    }
    done(list.names)
}

/// What follows a search domain.
enum Next {
    Go,
    Stop,
    Fail(Failure),
}

struct List {
    names: Vec<Candidate>,
    root_seen: bool,
}

impl List {
    fn add(&mut self, library: Library, name: &str, domain: &str) -> Next {
        if domain == "." {
            return match library {
                Library::Glibc => {
                    self.root_seen = true;
                    self.names.push(Candidate::Name(absolute(name)));
                    Next::Go
                }
                Library::MuslBefore124 => {
                    self.names.push(Candidate::Malformed);
                    Next::Fail(Failure::Again)
                }
                Library::Musl | Library::Go => Next::Go,
            };
        }
        let domain = if library == Library::Glibc { domain.strip_prefix('.').unwrap_or(domain) } else { domain };
        let full = absolute(&format!("{name}.{domain}"));
        if is_legal(&full) {
            self.names.push(Candidate::Name(full));
            return Next::Go;
        }
        match library {
            Library::Glibc => Next::Stop,
            // what is too long for its buffer is skipped
            Library::MuslBefore124 if name.len() + 1 + domain.len() > MUSL_NAME_BUFFER => Next::Go,
            Library::MuslBefore124 => Next::Fail(Failure::NoName),
            Library::Musl | Library::Go => Next::Go,
        }
    }
}

/// The name with one last dot.
fn absolute(name: &str) -> String {
    format!("{}.", name.strip_suffix('.').unwrap_or(name))
}

/// Whether every label of a fully qualified name has 1 to 63 bytes, and the whole at most 253 without its last dot.
fn is_legal(name: &str) -> bool {
    let bare = name.strip_suffix('.').unwrap_or(name);
    bare.len() <= MAX_NAME && bare.split('.').all(|label| (1..=MAX_LABEL).contains(&label.len()))
}

/// Whether glibc looks the name up at all.
fn is_host_name(name: &str) -> bool {
    !name.starts_with('-') && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn musl_never_searches_from_ndots_on() {
        let names = |library| candidates(library, "web.ns", &["a.test"], 1).names.len();
        assert_eq!((names(Library::Glibc), names(Library::Musl), names(Library::Go)), (2, 1, 2));
    }

    #[test]
    fn what_is_no_host_name_is_not_asked() {
        for (name, glibc, musl) in
            [("x_y", 2, 2), ("*", 0, 2), ("a+b", 0, 2), ("-a", 0, 2), ("a-", 2, 2), ("a..b", 0, 0)]
        {
            let names = |library| candidates(library, name, &["a.test"], 5).names.len();
            assert_eq!((names(Library::Glibc), names(Library::Musl)), (glibc, musl), "{name}");
        }
        assert_eq!(candidates(Library::Glibc, &"x".repeat(64), &["a.test"], 5).names, []);
    }

    #[test]
    fn long_names_are_not_asked() {
        let long = vec!["x".repeat(62); 4].join(".");
        let got = candidates(Library::Glibc, "web", &[&long, "a.test"], 5);
        assert_eq!(got.names, [Candidate::Name("web.".into())]);
        assert_eq!(candidates(Library::Go, "web", &["a.test", &long, "b.test"], 5).names.len(), 3);
    }
}
