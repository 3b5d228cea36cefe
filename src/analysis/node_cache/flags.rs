//! Arguments with which node-cache ends at its start (`parseAndValidateFlags` and `runPeriodic` in cmd/node-cache of
//! kubernetes/dns; Go's `flag` and `strconv`).

use super::cache::{Cache, is_variable};
use crate::analysis::coredns::{Nanoseconds, SECOND, duration};
use crate::analysis::facts::container_flag_word;
use crate::analysis::views::node_cache::FlagProblemView;
use crate::model::pillar::PILLAR;
use crate::source::Located;

/// Flags that are true or false; a value stands behind `=` alone.
const SWITCHES: [&str; 4] = ["setupinterface", "setupiptables", "skipteardown", "reloadwithsignal"];
/// What Go takes as a truth value (`strconv.ParseBool`).
const TRUTH: [&str; 12] = ["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"];
/// Ports, and the word of the message about them.
const PORTS: [(&str, &str); 2] = [("health-port", "healthcheck port"), ("dns.port", "port")];

/// Every argument that ends the process, in the order of its flags.
pub fn problems(cache: &Cache<'_>) -> Vec<Located<FlagProblemView>> {
    let value = |name: &str| {
        let known = |value: &Located<String>| !value.value.contains(PILLAR) && !is_variable(&value.value);
        container_flag_word(cache.cluster, cache.server, name).filter(|(value, _)| known(value))
    };
    let interval = value("syncinterval").and_then(|(value, lead)| interval(&value, &lead));
    let ports = PORTS.iter().filter_map(|(name, word)| port(name, word, &value(name)?.0));
    interval.into_iter().chain(ports).chain(SWITCHES.iter().filter_map(|name| switch(cache, name))).collect()
}

/// The flag is a duration, and the process multiplies it by a second: `60ns` are 60 seconds, `30s` overflow.
fn interval(value: &Located<String>, lead: &str) -> Option<Located<FlagProblemView>> {
    let text = value.value.as_str();
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.trim_matches('0').is_empty();
    let view = |reason: String, logged: String, repaired: Option<String>| {
        let flag = "-syncinterval".to_owned();
        Some(value.with(FlagProblemView { flag, reason, logged, repaired, lead: lead.to_owned() }))
    };
    let Ok(read) = duration(text) else {
        let logged = format!("invalid value {text:?} for flag -syncinterval: parse error");
        return view(format!("`{text}` is no duration"), logged, plain.then(|| format!("{text}ns")));
    };
    if ticks(read) > 0 {
        return None;
    }
    let seconds = read / SECOND;
    let reason = format!("`{text}` overflows, since it is multiplied by a second");
    let repaired = (seconds > 0).then(|| format!("{seconds}ns"));
    view(reason, "panic: non-positive interval for NewTicker".to_owned(), repaired)
}

/// What Go's ticker is given.
const fn ticks(read: Nanoseconds) -> Nanoseconds {
    read.wrapping_mul(SECOND)
}

fn port(name: &str, word: &str, value: &Located<String>) -> Option<Located<FlagProblemView>> {
    if value.value.parse::<i64>().is_ok() {
        return None;
    }
    let text = &value.value;
    Some(value.with(FlagProblemView {
        flag: format!("-{name}"),
        reason: format!("`{text}` is no number"),
        logged: format!("Error parsing flags - invalid {word} specified - {text:?}, Exiting"),
        repaired: None,
        lead: String::new(),
    }))
}

fn switch(cache: &Cache<'_>, name: &str) -> Option<Located<FlagProblemView>> {
    let words = cache.container?.command.iter().chain(&cache.container?.args);
    let mut given = words.filter_map(|word| {
        let bare = word.value.strip_prefix("--").or_else(|| word.value.strip_prefix('-'))?;
        Some(word.with(bare.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
    });
    let value =
        given.next_back().filter(|value| !TRUTH.contains(&value.value.as_str()) && !is_variable(&value.value))?;
    let text = &value.value;
    Some(value.with(FlagProblemView {
        flag: format!("-{name}"),
        reason: format!("`{text}` is neither true nor false"),
        logged: format!("invalid boolean value {text:?} for -{name}: parse error"),
        repaired: None,
        lead: String::new(),
    }))
}
