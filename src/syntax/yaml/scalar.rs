//! What kind of value a scalar is for Kubernetes: the rules of go-yaml v2 as `sigs.k8s.io/yaml` uses it.

use super::tree::{Style, Tag};
use std::borrow::Cow;
use std::fmt;

/// A scalar as Kubernetes sees it (`resolve.go` of go-yaml v2: YAML 1.1 without base-60 numbers).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// `null`, `~`, or nothing at all.
    Null,
    /// `true`, `yes`, `on`, `y`, and their opposites.
    Bool(bool),
    /// A number of the range of `int64` or `uint64`: `10`, `0755` (octal), `0o755`, `0x1F`, `0b1`, `1_000`.
    Int(i128),
    /// Any other number, `.inf` and `.nan` too.
    Float(f64),
    /// Everything else, and everything quoted.
    Str(&'a str),
}

impl fmt::Display for Scalar<'_> {
    /// Writes the value as Go prints it (`fmt.Sprint`): `0644` becomes `420`, `yes` becomes `true`, null is empty.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => f.write_str(&go_float(&format!("{value:e}"), *value)),
            Self::Str(value) => f.write_str(value),
        }
    }
}

/// The value of a scalar with its style and tag; `None` where its tag cannot hold (`!!int x`).
pub(super) fn resolve(text: &str, style: Style, tag: Tag) -> Option<Scalar<'_>> {
    match tag {
        Tag::Str | Tag::Other => return Some(Scalar::Str(text)),
        Tag::None if style != Style::Plain => return Some(Scalar::Str(text)),
        Tag::None => return Some(plain(text)),
        _ => {}
    }
    match (tag, plain(text)) {
        (Tag::Int, Scalar::Int(value)) => Some(Scalar::Int(value)),
        (Tag::Float, Scalar::Float(value)) => Some(Scalar::Float(value)),
        #[expect(clippy::cast_precision_loss, reason = "float64(int) in Go loses the same bits")]
        (Tag::Float, Scalar::Int(value)) => Some(Scalar::Float(value as f64)),
        (Tag::Bool, Scalar::Bool(value)) => Some(Scalar::Bool(value)),
        (Tag::Null, Scalar::Null) => Some(Scalar::Null),
        _ => None,
    }
}

/// Whether an unquoted text that starts like this can be anything but a string.
fn may_be_typed(text: &str) -> bool {
    text.bytes().next().is_none_or(|first| {
        matches!(
            first,
            b'0'..=b'9'
                | b'+'
                | b'-'
                | b'.'
                | b'~'
                | b'y'
                | b'Y'
                | b'n'
                | b'N'
                | b't'
                | b'T'
                | b'f'
                | b'F'
                | b'o'
                | b'O'
        )
    })
}

fn plain(text: &str) -> Scalar<'_> {
    if !may_be_typed(text) {
        return Scalar::Str(text);
    }
    word(text).or_else(|| number(text)).unwrap_or(Scalar::Str(text))
}

fn word(text: &str) -> Option<Scalar<'static>> {
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Scalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Scalar::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

fn number(text: &str) -> Option<Scalar<'static>> {
    match text.bytes().next()? {
        b'.' => float(&without_separators(text)?),
        b'0'..=b'9' | b'+' | b'-' => {
            let digits: Cow<'_, str> =
                if text.contains('_') { Cow::Owned(text.replace('_', "")) } else { Cow::Borrowed(text) };
            integer(&digits).map(Scalar::Int).or_else(|| float(&digits))
        }
        _ => None,
    }
}

/// Drops underscores that stand between two digits, as `strconv.ParseFloat` does; `None` if one stands elsewhere.
fn without_separators(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('_') {
        return Some(Cow::Borrowed(text));
    }
    let digit = |part: Option<&str>, at_end: bool| {
        let part = part.map(str::as_bytes).unwrap_or_default();
        (if at_end { part.last() } else { part.first() }).is_some_and(u8::is_ascii_digit)
    };
    let between = |(at, _): (usize, &str)| digit(text.get(..at), true) && digit(text.get(at + 1..), false);
    text.match_indices('_').all(between).then(|| Cow::Owned(text.replace('_', "")))
}

/// `strconv.ParseInt(text, 0, 64)`, then `ParseUint`.
fn integer(text: &str) -> Option<i128> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let lower = unsigned.get(..2).map(str::to_ascii_lowercase);
    let (radix, digits) = match lower.as_deref() {
        Some("0x") => (16, unsigned.get(2..)?),
        Some("0o") => (8, unsigned.get(2..)?),
        Some("0b") => (2, unsigned.get(2..)?),
        Some(two) if two.starts_with('0') => (8, unsigned.get(1..)?),
        _ => (10, unsigned),
    };
    if !digits.bytes().all(|digit| char::from(digit).is_digit(radix)) {
        return None;
    }
    let size = i128::from_str_radix(digits, radix).ok()?;
    let value = if text.starts_with('-') { -size } else { size };
    let max = if unsigned.len() == text.len() { i128::from(u64::MAX) } else { i128::from(i64::MAX) };
    (value >= i128::from(i64::MIN) && value <= max).then_some(value)
}

/// A decimal number with optional fraction and exponent; what overflows stays a string, as in Go.
fn float(text: &str) -> Option<Scalar<'static>> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let shaped = unsigned.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    if !shaped {
        return None;
    }
    text.parse::<f64>().ok().filter(|value| value.is_finite()).map(Scalar::Float)
}

/// The JSON key that `sigs.k8s.io/yaml` makes of a YAML key; `None` for null, which it refuses.
pub(super) fn key_text(text: &str, style: Style, tag: Tag) -> Option<Cow<'_, str>> {
    match resolve(text, style, tag)? {
        Scalar::Str(value) => Some(Cow::Borrowed(value)),
        Scalar::Null => None,
        // Keys are printed with the precision of a float32 (`convertToJSONableObject`).
        #[expect(clippy::cast_possible_truncation, reason = "the original truncates, too")]
        Scalar::Float(value) => Some(Cow::Owned(go_float_key(value, value as f32))),
        other => Some(Cow::Owned(other.to_string())),
    }
}

fn go_float_key(value: f64, short: f32) -> String {
    if value.is_nan() {
        ".nan".to_owned()
    } else if short.is_infinite() {
        if short > 0.0 { ".inf".to_owned() } else { "-.inf".to_owned() }
    } else {
        go_float(&format!("{short:e}"), value)
    }
}

/// `strconv.FormatFloat(value, 'g', -1, …)` from the shortest digits in scientific form.
fn go_float(scientific: &str, value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    let (digits, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return digits_at(digits, exponent);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

/// Decimal notation of `digits` (one digit before the point) times ten to the power of `exponent`.
fn digits_at(digits: &str, exponent: i32) -> String {
    let sign = if digits.starts_with('-') { "-" } else { "" };
    let all: String = digits.chars().filter(char::is_ascii_digit).collect();
    let Ok(point) = usize::try_from(exponent + 1) else {
        let zeros = usize::try_from(-exponent - 1).unwrap_or(0);
        return format!("{sign}0.{}{all}", "0".repeat(zeros));
    };
    if point == 0 {
        return format!("{sign}0.{all}");
    }
    match (all.get(..point), all.get(point..)) {
        (Some(whole), Some("")) => format!("{sign}{whole}"),
        (Some(whole), Some(fraction)) => format!("{sign}{whole}.{fraction}"),
        _ => format!("{sign}{all}{}", "0".repeat(point - all.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `fmt.Sprint` of Go, as k3s turns values of its config.yaml into flags.
    #[test]
    fn values_are_printed_as_go_prints_them() {
        let cases = [
            ("0644", "420"),
            ("yes", "true"),
            ("", ""),
            ("~", ""),
            ("1_000", "1000"),
            ("-0x1f", "-31"),
            ("1.0", "1"),
            ("1e6", "1e+06"),
            ("123456.5", "123456.5"),
            ("1234567.0", "1.234567e+06"),
            ("0.00001", "1e-05"),
            ("-0.25", "-0.25"),
            (".inf", "+Inf"),
            ("-.inf", "-Inf"),
            (".nan", "NaN"),
            ("10.43.0.10", "10.43.0.10"),
        ];
        for (text, want) in cases {
            assert_eq!(plain(text).to_string(), want, "{text}");
        }
    }

    #[test]
    fn quotes_and_tags_decide_before_the_text_does() {
        assert_eq!(resolve("yes", Style::SingleQuoted, Tag::None), Some(Scalar::Str("yes")));
        assert_eq!(resolve("12", Style::Literal, Tag::None), Some(Scalar::Str("12")));
        assert_eq!(resolve("12", Style::Plain, Tag::Str), Some(Scalar::Str("12")));
        assert_eq!(resolve("12", Style::DoubleQuoted, Tag::Int), Some(Scalar::Int(12)));
        assert_eq!(resolve("1", Style::Plain, Tag::Float), Some(Scalar::Float(1.0)));
        assert_eq!(resolve("x", Style::Plain, Tag::Int), None);
    }
}
