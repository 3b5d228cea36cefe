//! The course of a look-up: which servers a library asks, how often, how long it waits, and what it returns.
//!
//! Each library is played with replies that the caller gives for every question; no time passes. What is played is
//! `res_send.c` and `res_query.c` of glibc, `res_msend.c` and `lookup_name.c` of musl, `dnsclient_unix.go` of Go.

mod glibc;
mod golang;
mod musl;

use super::candidates::{Library, candidates};
use super::wait::Timing;
use std::collections::{BTreeMap, BTreeSet};

/// What comes back for one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reply {
    /// Records of the type.
    Answer,
    /// The name exists, without such records.
    Nodata,
    /// The name does not exist.
    Nxdomain,
    /// `SERVFAIL`.
    Servfail,
    /// `REFUSED`.
    Refused,
    /// `NOTIMP`.
    Notimp,
    /// `FORMERR`.
    Formerr,
    /// `NOERROR` without answer, authority and recursion: a server that does not serve the name.
    Lame,
    /// Truncated over UDP, records over TCP.
    Truncated,
    /// The port is closed: an ICMP error, or a refused connection.
    Closed,
    /// Nothing.
    Silent,
}

/// One question on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Place of the server in the file.
    pub server: usize,
    /// Place of the name among the candidates.
    pub candidate: usize,
    /// It asks for AAAA (the second type), not A (the first).
    pub second: bool,
    /// How often the candidate's type was sent before, to any server.
    pub sending: usize,
}

/// How a look-up ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// Every type that exists was returned.
    Found,
    /// Only the first type (A): the other was lost or refused.
    FirstOnly,
    /// Only the second type (AAAA).
    SecondOnly,
    /// The name does not exist (`EAI_NONAME`).
    NoName,
    /// The name has no such records (`EAI_NODATA`).
    Nodata,
    /// No usable answer (`EAI_AGAIN`).
    Again,
    /// The program crashes (`attempts:0` in musl divides by zero).
    Crash,
}

impl Ending {
    /// Whether records were returned.
    #[must_use]
    pub const fn is_found(self) -> bool {
        matches!(self, Self::Found | Self::FirstOnly | Self::SecondOnly)
    }
}

/// What one look-up did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// The end.
    pub ending: Ending,
    /// Time spent waiting, in milliseconds; `None` where nothing limits it (`use-vc` with a silent server in glibc).
    pub milliseconds: Option<u64>,
    /// Questions sent.
    pub packets: usize,
    /// Places of the candidates that were asked, in order.
    pub candidates: Vec<usize>,
    /// Places of the servers that were asked.
    pub servers: BTreeSet<usize>,
    /// Whether the questions travel over TCP from the start.
    pub tcp: bool,
}

impl Course {
    /// The time as people write it: `20 s`, `2.5 s`.
    #[must_use]
    pub fn time(&self) -> String {
        match self.milliseconds {
            _ if self.ending == Ending::Crash => "the program crashes (attempts:0)".to_owned(),
            None => "no limit of its own (use-vc)".to_owned(),
            Some(ms) if ms % 1000 == 0 => format!("{} s", ms / 1000),
            Some(ms) => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        }
    }
}

/// Plays the look-up of `name` for `types` record types (one, or A and AAAA).
#[must_use]
pub fn play(
    library: Library,
    name: &str,
    timing: &Timing<'_>,
    types: usize,
    reply: &dyn Fn(Question) -> Reply,
) -> Course {
    let list = candidates(library, name, &timing.search, timing.ndots);
    let types = if library == Library::Glibc && timing.no_aaaa { 1 } else { types };
    let wire = Wire::new(reply, types, timing);
    match library {
        Library::Glibc => glibc::play(name, timing, &list, wire),
        Library::Musl | Library::MuslBefore124 => musl::play(library, timing, &list, wire),
        Library::Go => golang::play(timing, &list, wire),
    }
}

/// Questions and the clock.
struct Wire<'r> {
    reply: &'r dyn Fn(Question) -> Reply,
    types: usize,
    sent: BTreeMap<(usize, bool), usize>,
    waited: Option<u64>,
    packets: usize,
    candidates: Vec<usize>,
    servers: BTreeSet<usize>,
    tcp: bool,
}

impl<'r> Wire<'r> {
    fn new(reply: &'r dyn Fn(Question) -> Reply, types: usize, timing: &Timing<'_>) -> Self {
        Self {
            reply,
            types: types.clamp(1, 2),
            sent: BTreeMap::new(),
            waited: Some(0),
            packets: 0,
            candidates: Vec::new(),
            servers: BTreeSet::new(),
            tcp: timing.use_vc,
        }
    }

    fn send(&mut self, server: usize, candidate: usize, second: bool) -> Reply {
        if self.candidates.last() != Some(&candidate) {
            self.candidates.push(candidate);
        }
        self.servers.insert(server);
        self.packets += 1;
        let sending = self.sent.entry((candidate, second)).or_insert(0);
        let question = Question { server, candidate, second, sending: *sending };
        *sending += 1;
        (self.reply)(question)
    }

    fn wait(&mut self, milliseconds: u64) {
        self.waited = self.waited.map(|sum| sum.saturating_add(milliseconds));
    }

    fn end(self, ending: Ending) -> Course {
        Course {
            ending,
            milliseconds: self.waited,
            packets: self.packets,
            candidates: self.candidates,
            servers: self.servers,
            tcp: self.tcp,
        }
    }
}

/// What a candidate's pair of final replies gives; the second is the first where only one type is asked for.
fn pair(first: Reply, second: Option<Reply>) -> Result<Ending, Reply> {
    let has = |reply: Reply| matches!(reply, Reply::Answer | Reply::Truncated);
    let good = |reply: Reply| has(reply) || reply == Reply::Nodata;
    match second {
        None if has(first) => Ok(Ending::Found),
        None => Err(first),
        Some(second) if has(first) && has(second) => Ok(Ending::Found),
        // a type without records is no loss
        Some(second) if has(first) => Ok(if good(second) { Ending::Found } else { Ending::FirstOnly }),
        Some(second) if has(second) => Ok(if good(first) { Ending::Found } else { Ending::SecondOnly }),
        Some(_) => Err(first),
    }
}
