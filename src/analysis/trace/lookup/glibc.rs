//! glibc: `__res_context_search` of `res_query.c` over `__res_context_send` of `res_send.c`.

use super::{Course, Ending, Reply, Wire, pair};
use crate::analysis::trace::candidates::Candidates;
use crate::analysis::trace::wait::{Timing, glibc_wait};

/// How the two questions of a candidate travel; a loss moves a thread on, and it never moves back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mode {
    /// Both at once from one socket.
    Parallel,
    /// One after the other (`single-request`).
    Serial,
    /// One after the other, each from its own socket (`single-request-reopen`).
    Reopen,
}

/// What a candidate came to.
enum End {
    Found(Ending),
    /// Final replies without records; the one that decides.
    Nothing(Reply),
    /// Every server failed; the last reply that was read, if any.
    Failed(Option<Reply>),
    /// Every port is closed.
    Closed,
}

/// What one server gave.
enum Served {
    Final(Reply, Option<Reply>),
    Next(Option<Reply>),
}

struct Glibc<'a, 'r> {
    timing: &'a Timing<'a>,
    wire: Wire<'r>,
    mode: Mode,
}

pub(super) fn play(name: &str, timing: &Timing<'_>, list: &Candidates, wire: Wire<'_>) -> Course {
    let mode = match (timing.reopen, timing.one_by_one) {
        (true, _) => Mode::Reopen,
        (false, true) => Mode::Serial,
        (false, false) => Mode::Parallel,
    };
    let mut glibc = Glibc { timing, wire, mode };
    let ending = glibc.search(name, list);
    glibc.wire.end(ending)
}

impl Glibc<'_, '_> {
    /// The candidates in order: a server that fails in any way but `SERVFAIL` ends the search list, and only the plain
    /// name is left; closed ports end the look-up.
    fn search(&mut self, name: &str, list: &Candidates) -> Ending {
        let plain = format!("{}.", name.strip_suffix('.').unwrap_or(name));
        let is_plain = |index: usize| list.names.get(index).and_then(|c| c.name()) == Some(plain.as_str());
        let plain_first = is_plain(0);
        // an initial look-up of the plain name decides the error; otherwise the worst of the list, or the last
        let mut saved = None;
        let (mut nodata, mut servfail, mut last) = (false, false, Ending::NoName);
        let mut index = 0;
        while index < list.names.len() {
            let mut stop = false;
            match self.candidate(index) {
                End::Found(ending) => return ending,
                End::Closed if index > 0 || !plain_first => return Ending::Again,
                End::Closed => last = Ending::Again,
                End::Nothing(Reply::Nxdomain) => last = Ending::NoName,
                End::Nothing(Reply::Nodata | Reply::Lame) => (nodata, last) = (true, Ending::Nodata),
                End::Nothing(Reply::Servfail) | End::Failed(Some(Reply::Servfail)) => {
                    (servfail, last) = (true, Ending::Again);
                }
                // a permanent failure, which getaddrinfo() does not tell from a missing name
                End::Nothing(_) => (stop, last) = (true, Ending::NoName),
                End::Failed(_) => (stop, last) = (true, Ending::Again),
            }
            if plain_first && index == 0 {
                saved = Some(last);
                index = 1;
            } else if stop {
                let tried = plain_first || (0..=index).any(is_plain);
                match (index + 1..list.names.len()).find(|next| !tried && is_plain(*next)) {
                    Some(next) => index = next,
                    None => break,
                }
            } else {
                index += 1;
            }
        }
        match saved {
            Some(saved) => saved,
            None if nodata => Ending::Nodata,
            None if servfail => Ending::Again,
            None => last,
        }
    }

    fn candidate(&mut self, candidate: usize) -> End {
        let (mut last, mut reached) = (None, false);
        let rounds = if self.timing.use_vc { 1 } else { self.timing.attempts };
        for _ in 0..rounds {
            for server in 0..self.timing.nameservers {
                let served = if self.timing.use_vc {
                    self.over_tcp(server, candidate)
                } else {
                    self.over_udp(server, candidate)
                };
                match served {
                    Served::Final(first, second) => {
                        return match pair(first, second) {
                            Ok(ending) => End::Found(ending),
                            Err(_) => End::Nothing(decisive(first, second)),
                        };
                    }
                    Served::Next(Some(Reply::Closed)) => {}
                    Served::Next(reply) => {
                        reached = true;
                        last = reply.filter(|r| *r != Reply::Silent).or(last);
                    }
                }
            }
        }
        if reached || rounds == 0 || self.timing.nameservers == 0 { End::Failed(last) } else { End::Closed }
    }

    /// `send_dg`. A loss of one of two replies repeats both to the same server, in a more careful mode.
    fn over_udp(&mut self, server: usize, candidate: usize) -> Served {
        let wait = glibc_wait(self.timing, server as u64).saturating_mul(1000);
        if self.wire.types == 1 {
            let reply = self.wire.send(server, candidate, false);
            if reply == Reply::Silent {
                self.wire.wait(wait);
            }
            return if is_final(reply) { Served::Final(reply, None) } else { Served::Next(Some(reply)) };
        }
        loop {
            let first = self.wire.send(server, candidate, false);
            if self.mode != Mode::Parallel && matches!(first, Reply::Silent | Reply::Closed) {
                // the second question follows only upon a reply
                if first == Reply::Silent {
                    self.wire.wait(wait);
                }
                return Served::Next(Some(first));
            }
            let second = self.wire.send(server, candidate, true);
            if first == Reply::Closed || second == Reply::Closed {
                return Served::Next(Some(Reply::Closed));
            }
            let lost = first == Reply::Silent || second == Reply::Silent;
            if lost {
                self.wire.wait(wait);
            }
            match (is_final(first), is_final(second)) {
                (true, true) => return Served::Final(first, Some(second)),
                (false, false) => return Served::Next(Some(if first == Reply::Silent { second } else { first })),
                _ if !lost => return Served::Final(first, Some(second)),
                _ => {}
            }
            match self.mode {
                Mode::Parallel => self.mode = Mode::Serial,
                Mode::Serial => self.mode = Mode::Reopen,
                Mode::Reopen => return Served::Final(first, Some(second)),
            }
        }
    }

    /// `send_vc`: any reply is final, and nothing but the kernel limits the wait for one.
    fn over_tcp(&mut self, server: usize, candidate: usize) -> Served {
        let first = self.wire.send(server, candidate, false);
        let second = (self.wire.types == 2 && first != Reply::Closed).then(|| self.wire.send(server, candidate, true));
        if first == Reply::Silent || second == Some(Reply::Silent) {
            self.wire.waited = None;
        }
        match (first, second) {
            (Reply::Closed | Reply::Silent, _) => Served::Next(Some(first)),
            _ => Served::Final(first, second),
        }
    }
}

/// Which of two replies without records decides: an error of the second where the first says that the name exists, and
/// the second where the first says nothing final (`__res_context_query`).
fn decisive(first: Reply, second: Option<Reply>) -> Reply {
    let says_more = !is_final(first) || matches!(first, Reply::Nodata | Reply::Lame);
    second.filter(|second| says_more && is_final(*second)).unwrap_or(first)
}

/// Whether the reply keeps glibc from asking the next server.
const fn is_final(reply: Reply) -> bool {
    matches!(reply, Reply::Answer | Reply::Truncated | Reply::Nodata | Reply::Nxdomain | Reply::Formerr)
}
