//! musl: `name_from_dns_search` of `lookup_name.c` over `__res_msend_rc` of `res_msend.c`.

use super::{Course, Ending, Reply, Wire};
use crate::analysis::trace::candidates::{Candidate, Candidates, Failure, Library};
use crate::analysis::trace::wait::Timing;
use std::collections::VecDeque;

/// What a candidate came to.
enum End {
    Found,
    /// The search goes on.
    NoName,
    Stop(Ending),
}

pub(super) fn play(library: Library, timing: &Timing<'_>, list: &Candidates, mut wire: Wire<'_>) -> Course {
    // musl knows no option for TCP
    wire.tcp = false;
    if timing.attempts == 0 {
        return wire.end(Ending::Crash);
    }
    let is_old = library == Library::MuslBefore124;
    for (index, candidate) in list.names.iter().enumerate() {
        match ask(&mut wire, index, *candidate == Candidate::Malformed, timing, is_old) {
            End::Found => return wire.end(Ending::Found),
            End::Stop(ending) => return wire.end(ending),
            End::NoName => {}
        }
    }
    wire.end(if list.failure == Failure::Again { Ending::Again } else { Ending::NoName })
}

/// One interval: every type that has no answer yet goes to every server, then the replies are read as they come.
fn round(wire: &mut Wire<'_>, candidate: usize, malformed: bool, servers: usize, answers: &mut [Option<Reply>]) {
    let mut replies = VecDeque::new();
    for (place, _) in answers.iter().enumerate().filter(|(_, answer)| answer.is_none()) {
        for server in 0..servers {
            replies.push_back((server, place, wire.send(server, candidate, place == 1)));
        }
    }
    // a SERVFAIL is asked again at once, so often in one interval
    let mut repeats = 2 * answers.len();
    while let Some((server, place, reply)) = replies.pop_front().filter(|_| !malformed) {
        let Some(answer) = answers.get_mut(place).filter(|answer| answer.is_none()) else { continue };
        match reply {
            Reply::Answer | Reply::Truncated | Reply::Nodata | Reply::Lame | Reply::Nxdomain => *answer = Some(reply),
            Reply::Servfail if repeats > 0 => {
                repeats -= 1;
                replies.push_back((server, place, wire.send(server, candidate, place == 1)));
            }
            _ => {}
        }
        if answers.iter().all(Option::is_some) {
            return;
        }
    }
}

/// All servers at once; the first `NOERROR` or `NXDOMAIN` for a type counts, whoever sends it.
fn ask(wire: &mut Wire<'_>, candidate: usize, malformed: bool, timing: &Timing<'_>, is_old: bool) -> End {
    let limit = timing.timeout.saturating_mul(1000);
    let interval = (limit / timing.attempts.max(1)).max(1);
    let mut answers: Vec<Option<Reply>> = vec![None; wire.types];
    let mut time = 0;
    while time < limit {
        round(wire, candidate, malformed, timing.nameservers, &mut answers);
        if answers.iter().all(Option::is_some) {
            break;
        }
        time = time.saturating_add(interval).min(limit);
    }
    wire.wait(time);
    let mut found = false;
    for answer in answers {
        match answer {
            None => return End::Stop(Ending::Again),
            Some(Reply::Nxdomain) => return End::NoName,
            // up to 1.2.3 the truncated answer, which has no records, is taken as it is
            Some(Reply::Truncated) => found |= !is_old,
            Some(reply) => found |= reply == Reply::Answer,
        }
    }
    match found {
        true => End::Found,
        false => End::Stop(if is_old { Ending::NoName } else { Ending::Nodata }),
    }
}
