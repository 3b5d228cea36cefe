//! Values as Go's standard library reads them, with its error texts: numbers, durations, addresses.

use regex::{Regex, RegexBuilder};
use std::net::IpAddr;

/// Nanoseconds, as Go counts durations.
pub type Nanoseconds = i64;

/// One second.
pub const SECOND: Nanoseconds = 1_000_000_000;

/// Memory that one compiled expression may take, in bytes.
const REGEX_LIMIT: usize = 1 << 20;

/// `regexp.Compile`. Go's syntax (RE2) is that of `regex` but for a few escapes; those give `None`.
#[must_use]
pub fn regexp(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(pattern).size_limit(REGEX_LIMIT).dfa_size_limit(REGEX_LIMIT).build().ok()
}

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

/// `strconv.ParseInt` with base 10 and 32 bits.
///
/// # Errors
/// Go's text.
pub fn parse_int32(text: &str) -> Result<i32, String> {
    text.parse::<i32>().map_err(|error| number_error("ParseInt", text, &error))
}

/// `strconv.ParseUint` with base 0 and 16 bits: `0x`, `0o`, `0b` and a leading `0` set the base.
///
/// # Errors
/// Go's text.
pub fn parse_uint16_any(text: &str) -> Result<u16, String> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match lower.get(..2) {
        Some("0x") => (lower.get(2..), 16),
        Some("0o") => (lower.get(2..), 8),
        Some("0b") => (lower.get(2..), 2),
        Some(two) if two.starts_with('0') => (lower.get(1..), 8),
        _ => (Some(lower.as_str()), 10),
    };
    let digits = digits.filter(|digits| !digits.starts_with(['+', '-'])).unwrap_or_default();
    u16::from_str_radix(digits, radix).map_err(|error| number_error("ParseUint", text, &error))
}

/// `hex.DecodeString`.
///
/// # Errors
/// Go's text.
pub fn decode_hex(text: &str) -> Result<(), String> {
    match text.chars().find(|c| !c.is_ascii_hexdigit()) {
        Some(bad) => Err(format!("encoding/hex: invalid byte: U+{:04X} '{bad}'", u32::from(bad))),
        None if text.len() % 2 == 1 => Err("encoding/hex: odd length hex string".to_owned()),
        None => Ok(()),
    }
}

/// What `regexp.Compile` says of brackets that do not match, the mistake that people make; other mistakes are not seen.
///
/// # Errors
/// Go's text.
pub fn check_brackets(pattern: &str) -> Result<(), String> {
    let error = |reason: &str, part: &str| Err(format!("error parsing regexp: {reason}: `{part}`"));
    let (mut open, mut class) = (0_usize, None::<usize>);
    let mut chars = pattern.char_indices();
    while let Some((at, c)) = chars.next() {
        match (c, class) {
            ('\\', _) if chars.next().is_none() => return error("trailing backslash at end of expression", ""),
            ('[', None) => class = Some(at),
            // a bracket right behind `[` or `[^` is a member of the class
            (']', Some(start)) if !matches!(pattern.get(start..at), Some("[" | "[^")) => class = None,
            ('(', None) => open += 1,
            (')', None) if open == 0 => return error("unexpected )", pattern),
            (')', None) => open -= 1,
            _ => {}
        }
    }
    match class {
        Some(start) => error("missing closing ]", pattern.get(start..).unwrap_or_default()),
        None if open > 0 => error("missing closing )", pattern),
        None => Ok(()),
    }
}

/// `time.Duration.String`: `1.5s`, `2m0s`, `500ms`.
#[must_use]
pub fn show_duration(value: Nanoseconds) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let total = value.unsigned_abs();
    let fraction = |unit: u64, name: &str| {
        let digits = unit.ilog10() as usize;
        let rest = format!("{:0digits$}", total % unit).trim_end_matches('0').to_owned();
        let point = if rest.is_empty() || digits == 0 { String::new() } else { format!(".{rest}") };
        format!("{sign}{}{point}{name}", total / unit)
    };
    match total {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{total}ns"),
        1_000..1_000_000 => fraction(1_000, "µs"),
        1_000_000..1_000_000_000 => fraction(1_000_000, "ms"),
        _ => {
            let seconds = total / 1_000_000_000;
            let rest = format!("{:09}", total % 1_000_000_000).trim_end_matches('0').to_owned();
            let point = if rest.is_empty() { String::new() } else { format!(".{rest}") };
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            let lead = match (hours, minutes) {
                (0, 0) => String::new(),
                (0, minutes) => format!("{minutes}m"),
                (hours, minutes) => format!("{hours}h{minutes}m"),
            };
            format!("{sign}{lead}{}{point}s", seconds % 60)
        }
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
    let error = |reason: &str| if text.is_empty() { reason.to_owned() } else { format!("address {text}: {reason}") };
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
    fn durations_are_shown_like_go() {
        for (value, want) in [
            (0, "0s"),
            (SECOND / 2, "500ms"),
            (SECOND * 3 / 2, "1.5s"),
            (90 * SECOND, "1m30s"),
            (25 * 3600 * SECOND, "25h0m0s"),
            (-5 * SECOND, "-5s"),
            (1500, "1.5µs"),
            (7, "7ns"),
        ] {
            assert_eq!(show_duration(value), want);
        }
    }

    #[test]
    fn brackets_of_expressions_match() {
        for ok in ["(.*)\\.a", "[)]", "[]a]", "\\(", "[^]]", "a{2}"] {
            assert_eq!(check_brackets(ok), Ok(()), "{ok}");
        }
        assert_eq!(check_brackets("(a"), Err("error parsing regexp: missing closing ): `(a`".to_owned()));
        assert_eq!(check_brackets("a)"), Err("error parsing regexp: unexpected ): `a)`".to_owned()));
        assert_eq!(check_brackets("x[a"), Err("error parsing regexp: missing closing ]: `[a`".to_owned()));
    }

    #[test]
    fn numbers_have_go_errors() {
        assert_eq!(parse_uint("-1", 9), Err("strconv.ParseUint: parsing \"-1\": invalid syntax".to_owned()));
        assert_eq!(parse_uint("10", 9), Err("strconv.ParseUint: parsing \"10\": value out of range".to_owned()));
        assert_eq!(atoi("+5"), Ok(5));
        assert_eq!((parse_uint16_any("0xffee"), parse_uint16_any("010")), (Ok(0xffee), Ok(8)));
        assert_eq!(parse_uint16_any("ff"), Err("strconv.ParseUint: parsing \"ff\": invalid syntax".to_owned()));
        assert_eq!(decode_hex("0z"), Err("encoding/hex: invalid byte: U+007A 'z'".to_owned()));
    }
}
