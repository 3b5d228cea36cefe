//! musl: `name_from_dns_search` of `lookup_name.c` over `__res_msend_rc` of `res_msend.c`.

use super::{Course, Ending, Reply, Wire};
use crate::analysis::trace::candidates::{Candidate, Candidates, Failure, Library};
use crate::analysis::trace::wait::Timing;

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

/// All servers at once; the first `NOERROR` or `NXDOMAIN` for a type counts, whoever sends it.
fn ask(wire: &mut Wire<'_>, candidate: usize, malformed: bool, timing: &Timing<'_>, is_old: bool) -> End {
    let limit = timing.timeout.saturating_mul(1000);
    let interval = (limit / timing.attempts.max(1)).max(1);
    let mut answers: Vec<Option<Reply>> = vec![None; wire.types];
    let mut time = 0;
    while time < limit {
        // a SERVFAIL is asked again at once, so often in one interval
        let mut repeats = 2 * wire.types;
        for server in 0..timing.nameservers {
            for (place, answer) in answers.iter_mut().enumerate() {
                let mut reply = wire.send(server, candidate, place == 1);
                while reply == Reply::Servfail && repeats > 0 && !malformed {
                    repeats -= 1;
                    reply = wire.send(server, candidate, place == 1);
                }
                let counts =
                    matches!(reply, Reply::Answer | Reply::Truncated | Reply::Nodata | Reply::Lame | Reply::Nxdomain);
                if counts && !malformed && answer.is_none() {
                    *answer = Some(reply);
                }
            }
        }
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
