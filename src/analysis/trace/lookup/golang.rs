//! Go: `goLookupIPCNAMEOrder` and `tryOneName` of `dnsclient_unix.go`.

use super::{Course, Ending, Reply, Wire, pair};
use crate::analysis::trace::candidates::Candidates;
use crate::analysis::trace::wait::Timing;

/// Rounds that are played one by one; later ones are like the last of them.
const PLAYED_ROUNDS: u64 = 8;

pub(super) fn play(timing: &Timing<'_>, list: &Candidates, mut wire: Wire<'_>) -> Course {
    let mut last = Reply::Nxdomain;
    for candidate in 0..list.names.len() {
        let (first, first_wait) = exchange(&mut wire, candidate, false, timing);
        let (second, second_wait) = match wire.types {
            2 => Some(exchange(&mut wire, candidate, true, timing)).unzip(),
            _ => (None, None),
        };
        let second_wait = second_wait.unwrap_or(0);
        // the types run side by side unless `single-request` puts them in a row
        wire.wait(if timing.one_by_one { first_wait.saturating_add(second_wait) } else { first_wait.max(second_wait) });
        match pair(first, second) {
            Ok(ending) => return wire.end(ending),
            Err(reply) => last = reply,
        }
    }
    wire.end(if matches!(last, Reply::Nxdomain | Reply::Nodata) { Ending::NoName } else { Ending::Again })
}

/// One type: the servers in order, round by round, until a reply is final.
fn exchange(wire: &mut Wire<'_>, candidate: usize, second: bool, timing: &Timing<'_>) -> (Reply, u64) {
    let rounds = timing.attempts.max(1);
    let (mut last, mut waited) = (Reply::Silent, 0_u64);
    let mut round_wait = 0;
    for _ in 0..rounds.min(PLAYED_ROUNDS) {
        round_wait = 0_u64;
        for server in 0..timing.nameservers {
            last = wire.send(server, candidate, second);
            match last {
                Reply::Answer | Reply::Truncated | Reply::Nodata | Reply::Nxdomain => {
                    return (last, waited.saturating_add(round_wait));
                }
                Reply::Silent => {
                    round_wait = round_wait.saturating_add(timing.timeout.max(1).saturating_mul(1000));
                }
                _ => {}
            }
        }
        waited = waited.saturating_add(round_wait);
    }
    let rest = rounds.saturating_sub(PLAYED_ROUNDS);
    wire.packets =
        wire.packets.saturating_add(usize::try_from(rest).unwrap_or(usize::MAX).saturating_mul(timing.nameservers));
    (last, waited.saturating_add(round_wait.saturating_mul(rest)))
}
