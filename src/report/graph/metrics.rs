//! How wide a text will be, without a font: rather too wide than too narrow.

use unicode_width::UnicodeWidthChar as _;

/// Width in thousandths of the font size, after the widest of the common sans-serif fonts (DejaVu Sans, Verdana).
fn thousandths(c: char) -> u32 {
    match c {
        'i' | 'j' | 'l' | '\'' | '|' => 300,
        ' ' | '.' | ',' | ':' | ';' | 'I' | 'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '!' | '·' | '-' => 400,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' | '→' => 980,
        'a'..='z' | '0'..='9' | '_' | '/' => 630,
        'A'..='Z' | '+' | '=' | '<' | '>' | '#' | '~' => 760,
        _ if c.is_ascii() => 700,
        _ => 1000 * u32::try_from(c.width().unwrap_or(1).clamp(1, 2)).unwrap_or(1),
    }
}

/// The width of a text in a font of `size` units, bold ones a little more.
pub fn width(text: &str, size: u32, bold: bool) -> i32 {
    let sum: u32 = text.chars().map(thousandths).fold(0, u32::saturating_add);
    let weight = if bold { 108 } else { 100 };
    let units = u64::from(sum) * u64::from(size) * weight / 100_000;
    i32::try_from(units).unwrap_or(i32::MAX).saturating_add(1)
}
