//! Values as Go's standard library reads them, with its error texts: numbers, durations, addresses.

use std::net::IpAddr;

/// Nanoseconds, as Go counts durations.
pub type Nanoseconds = i64;

/// One second.
pub const SECOND: Nanoseconds = 1_000_000_000;

/// `strconv.Atoi`.
///
/// # Errors
/// Go's text.
pub fn atoi(text: &str) -> Result<i64, String> {
    text.parse::<i64>().map_err(|error| number_error("Atoi", text, &error))
}

/// `strconv.ParseUint` with base 10 and 16 or 32 bits.
///
/// # Errors
/// Go's text.
pub fn parse_uint(text: &str, max: u64) -> Result<u64, String> {
    let signed = text.starts_with('+');
    match text.parse::<u64>() {
        Ok(number) if number <= max && !signed => Ok(number),
        Ok(_) if !signed => Err(format!("strconv.ParseUint: parsing {text:?}: value out of range")),
        Ok(_) => Err(format!("strconv.ParseUint: parsing {text:?}: invalid syntax")),
        Err(error) => Err(number_error("ParseUint", text, &error)),
    }
}

fn number_error(function: &str, text: &str, error: &std::num::ParseIntError) -> String {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    let reason = match error.kind() {
        PosOverflow | NegOverflow => "value out of range",
        _ => "invalid syntax",
    };
    format!("strconv.{function}: parsing {text:?}: {reason}")
}

/// `time.ParseDuration`: numbers with mandatory units, such as `1h30m`; a bare `0` is allowed.
///
/// # Errors
/// Go's text.
pub fn duration(text: &str) -> Result<Nanoseconds, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let (negative, mut rest) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0.0_f64;
    while !rest.is_empty() {
        let number_len = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at_checked(number_len).ok_or_else(invalid)?;
        let number: f64 = number.parse().map_err(|_| invalid())?;
        let unit_len = tail.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit_len).ok_or_else(invalid)?;
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {text:?}"));
        }
        let scale = unit_scale(unit).ok_or_else(|| format!("time: unknown unit {unit:?} in duration {text:?}"))?;
        total += number * scale;
        rest = tail;
    }
    if total > 9.2e18 {
        return Err(invalid());
    }
    #[allow(clippy::cast_possible_truncation)]
    let nanoseconds = total.round() as i64;
    Ok(if negative { -nanoseconds } else { nanoseconds })
}

fn unit_scale(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1.0,
        "us" | "µs" | "μs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" => 60e9,
        "h" => 3600e9,
        _ => return None,
    })
}

/// `net.SplitHostPort`.
///
/// # Errors
/// Go's text.
pub fn split_host_port(text: &str) -> Result<(&str, &str), String> {
    let error = |reason: &str| format!("address {text}: {reason}");
    let (host, port) = text.rsplit_once(':').ok_or_else(|| error("missing port in address"))?;
    if let Some(inner) = text.strip_prefix('[') {
        let (host, rest) = inner.split_once(']').ok_or_else(|| error("missing ']' in address"))?;
        let port = match rest.strip_prefix(':') {
            Some(port) => port,
            None if rest.is_empty() => return Err(error("missing port in address")),
            None => return Err(error("missing port in address")),
        };
        if port.contains(':') {
            return Err(error("too many colons in address"));
        }
        return Ok((host, port));
    }
    if host.contains(':') {
        return Err(error("too many colons in address"));
    }
    if text.contains('[') {
        return Err(error("unexpected '[' in address"));
    }
    if text.contains(']') {
        return Err(error("unexpected ']' in address"));
    }
    Ok((host, port))
}

/// `net.ParseIP`: no zone, no leading zeros.
#[must_use]
pub fn parse_ip(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

/// The address without its `%zone` (`parse.stripZone`).
#[must_use]
pub fn strip_zone(text: &str) -> &str {
    text.rsplit_once('%').map_or(text, |(address, _)| address)
}

/// Go's `%q` for the words of a Corefile.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_units() {
        assert_eq!(duration("1h30m"), Ok(5400 * SECOND));
        assert_eq!((duration("0"), duration("-1.5s")), (Ok(0), Ok(-SECOND - SECOND / 2)));
        assert_eq!(duration("5"), Err("time: missing unit in duration \"5\"".to_owned()));
        assert_eq!(duration("5x"), Err("time: unknown unit \"x\" in duration \"5x\"".to_owned()));
        assert_eq!(duration("x"), Err("time: invalid duration \"x\"".to_owned()));
        assert!(duration("99999999999h").is_err() && duration("1..2s").is_err() && duration("").is_err());
    }

    #[test]
    fn addresses_split_like_go() {
        assert_eq!(split_host_port("[::1]:53"), Ok(("::1", "53")));
        assert_eq!(split_host_port("127.0.0.1"), Err("address 127.0.0.1: missing port in address".to_owned()));
        assert_eq!(split_host_port("::1:53"), Err("address ::1:53: too many colons in address".to_owned()));
        assert_eq!(split_host_port("10.0.0.1:"), Ok(("10.0.0.1", "")));
        assert!(split_host_port("[::1]").is_err());
    }

    #[test]
    fn numbers_have_go_errors() {
        assert_eq!(parse_uint("-1", 9), Err("strconv.ParseUint: parsing \"-1\": invalid syntax".to_owned()));
        assert_eq!(parse_uint("10", 9), Err("strconv.ParseUint: parsing \"10\": value out of range".to_owned()));
        assert_eq!(atoi("+5"), Ok(5));
    }
}
