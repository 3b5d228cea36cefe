//! Set-up of `cache` (`plugin/cache/setup.go`).

use super::super::golang::{SECOND, atoi, duration};
use super::super::problem::{ProblemKind, Refusal};
use super::context::{Check, Outcome, Unknown, at, text_at};
use crate::syntax::corefile::{Dispenser, Place, Token, Version};

const PROPERTIES: [&str; 8] =
    ["success", "denial", "prefetch", "serve_stale", "serve_stale_policy", "servfail", "disable", "keepttl"];

/// `cache [TTL] [ZONES...] { ... }`, once.
pub(super) fn cache(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    let mut used = false;
    while d.advance() {
        if used {
            check.refuse_second(d);
            return Ok(());
        }
        used = true;
        let mut zones = d.remaining_args();
        if let Some(first) = zones.first()
            && let Ok(ttl) = atoi(&first.text)
        {
            positive_ttl(first, ttl)?;
            zones.remove(0);
        }
        warn_of_times(check, &zones);
        check.origins(&zones);
        let (mut stale, mut policy) = (false, None);
        check.properties(d, Unknown::ArgErr, &PROPERTIES, |check, d| {
            stale |= d.text() == "serve_stale";
            if d.text() == "serve_stale_policy" {
                policy = d.place();
            }
            property(check, d)
        });
        if policy.is_some() && !stale {
            return Err(Refusal::plain(policy, "serve_stale_policy requires serve_stale"));
        }
    }
    Ok(())
}

/// `cache 30s` caches nothing but a zone named `30s.`.
fn warn_of_times(check: &mut Check<'_>, zones: &[&Token]) {
    for zone in zones.iter().filter(|zone| duration(&zone.text).is_ok() || atoi(&zone.text).is_ok()) {
        let message =
            format!("`{}` is read as a zone to cache: the TTL is a number of seconds in first place", zone.text);
        check.warn(ProblemKind::OddArgument, Some(Place::of(zone)), message);
    }
}

fn positive_ttl(token: &Token, ttl: i64) -> Outcome {
    if ttl > 0 {
        return Ok(());
    }
    Err(Refusal::plain(Some(Place::of(token)), format!("cache TTL can not be zero or negative: {ttl}")))
}

fn property(check: &Check<'_>, d: &mut Dispenser<'_>) -> Result<bool, Refusal> {
    let name = d.text();
    let args = d.remaining_args();
    let count = |allowed: std::ops::RangeInclusive<usize>| {
        if allowed.contains(&args.len()) { Ok(()) } else { Err(Refusal::from(d.arg_error())) }
    };
    match name {
        "success" | "denial" => {
            count(1..=usize::MAX)?;
            capacity(&args)?;
        }
        "prefetch" => {
            count(1..=3)?;
            prefetch(&args)?;
        }
        "serve_stale" => {
            count(0..=if check.version >= Version::new(1, 14, 4) { 5 } else { 2 })?;
            serve_stale(check, d, &args)?;
        }
        "serve_stale_policy" => {
            count(1..=1)?;
            if !text_at(&args, 0).eq_ignore_ascii_case("prefer_positive") {
                return Err(bad(&args, 0, format!("invalid serve_stale_policy: {}", text_at(&args, 0))));
            }
        }
        "servfail" => {
            count(1..=1)?;
            servfail(&args)?;
        }
        "disable" => {
            count(1..=usize::MAX)?;
            if !matches!(text_at(&args, 0), "success" | "denial") {
                return Err(bad(&args, 0, "cache type for disable must be \"success\" or \"denial\""));
            }
        }
        "keepttl" => count(0..=0)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn bad(args: &[&Token], index: usize, text: impl Into<String>) -> Refusal {
    Refusal::plain(args.get(index).map(|token| Place::of(token)), text)
}

fn number(args: &[&Token], index: usize) -> Result<Option<i64>, Refusal> {
    args.get(index).map(|token| at(Some(token), atoi(&token.text))).transpose()
}

fn capacity(args: &[&Token]) -> Outcome {
    number(args, 0)?;
    if let (Some(ttl), Some(token)) = (number(args, 1)?, args.get(1)) {
        positive_ttl(token, ttl)?;
    }
    match number(args, 2)? {
        Some(min) if min < 0 => Err(bad(args, 2, format!("cache min TTL can not be negative: {min}"))),
        _ => Ok(()),
    }
}

fn prefetch(args: &[&Token]) -> Outcome {
    if let Some(amount) = number(args, 0)?.filter(|amount| *amount < 0) {
        return Err(bad(args, 0, format!("prefetch amount should be positive: {amount}")));
    }
    if let Some(time) = args.get(1) {
        at(Some(time), duration(&time.text))?;
    }
    let Some(percentage) = args.get(2) else { return Ok(()) };
    let Some(digits) = percentage.text.strip_suffix('%') else {
        let last = percentage.text.chars().last().unwrap_or(' ');
        return Err(bad(args, 2, format!("last character of percentage should be `%`, but is: {last:?}")));
    };
    let value = at(Some(percentage), atoi(digits))?;
    if (10..=90).contains(&value) {
        return Ok(());
    }
    Err(bad(args, 2, format!("percentage should fall in range [10, 90]: {value}")))
}

fn serve_stale(check: &Check<'_>, d: &Dispenser<'_>, args: &[&Token]) -> Outcome {
    if let Some(time) = args.first()
        && at(Some(time), duration(&time.text))? < 0
    {
        return Err(bad(args, 0, "invalid negative duration for serve_stale"));
    }
    let mode = text_at(args, 1).to_lowercase();
    if args.len() > 1 && mode != "immediate" && mode != "verify" {
        return Err(bad(args, 1, format!("invalid value for serve_stale refresh mode: {mode}")));
    }
    let verify = mode == "verify";
    if args.len() > if verify { 5 } else { 4 } {
        return Err(d.arg_error().into());
    }
    if let Some(time) = args.get(2).filter(|_| verify) {
        let wrap = |error| format!("invalid serve_stale verify timeout: {error}");
        if at(Some(time), duration(&time.text).map_err(wrap))? < 0 {
            return Err(bad(args, 2, "invalid negative timeout for serve_stale verify"));
        }
    }
    if check.version < Version::new(1, 14, 7) {
        return Ok(());
    }
    let next = if verify { 3 } else { 2 };
    stale_ttl(args, next)?;
    stale_recheck(args, next + 1)
}

/// TTL of stale answers: whole seconds.
fn stale_ttl(args: &[&Token], index: usize) -> Outcome {
    let Some(time) = args.get(index) else { return Ok(()) };
    let wrap = |error| format!("invalid serve_stale response TTL: {error}");
    let ttl = at(Some(time), duration(&time.text).map_err(wrap))?;
    if ttl < 0 {
        return Err(bad(args, index, "invalid negative response TTL for serve_stale"));
    }
    if ttl % SECOND != 0 {
        return Err(bad(args, index, "serve_stale response TTL must be a whole number of seconds"));
    }
    if ttl / SECOND > i64::from(u32::MAX) {
        return Err(bad(args, index, "serve_stale response TTL exceeds the DNS TTL range"));
    }
    Ok(())
}

/// Time between attempts to refresh a stale answer.
fn stale_recheck(args: &[&Token], index: usize) -> Outcome {
    let Some(time) = args.get(index) else { return Ok(()) };
    let wrap = |error| format!("invalid serve_stale failure recheck: {error}");
    let recheck = at(Some(time), duration(&time.text).map_err(wrap))?;
    if recheck < 0 {
        return Err(bad(args, index, "invalid negative failure recheck for serve_stale"));
    }
    if recheck > 300 * SECOND {
        return Err(bad(args, index, "serve_stale failure recheck cannot exceed 5 minutes"));
    }
    Ok(())
}

fn servfail(args: &[&Token]) -> Outcome {
    let value = at(args.first(), duration(text_at(args, 0)))?;
    if value < 0 {
        return Err(bad(args, 0, "invalid negative ttl for servfail"));
    }
    if value > 300 * SECOND {
        return Err(bad(args, 0, "caching SERVFAIL responses over 5 minutes is not permitted"));
    }
    Ok(())
}
