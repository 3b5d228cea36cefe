//! Makes text from inputs harmless for a terminal and a log: no control, no reordering, nothing invisible.

/// The character shown in place of `c`: control pictures for C0 and DEL, U+FFFD for C1, bidirectional controls,
/// line separators and other characters without a glyph. One character stays one character.
#[must_use]
pub fn sanitize_char(c: char) -> char {
    match c {
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('?'),
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'
        | '\u{200e}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{fffe}'..='\u{ffff}'
        | '\u{e0000}'..='\u{e007f}' => '\u{fffd}',
        _ => c,
    }
}

/// A text of several lines: `\n` stays, a `\r` before it goes, every other character is made harmless.
#[must_use]
pub fn sanitize(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, line) in text.trim_end_matches(['\n', '\r']).split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        out.extend(line.strip_suffix('\r').unwrap_or(line).chars().map(sanitize_char));
    }
    out
}

/// A text that must stay on one line: line breaks become spaces, every other character is made harmless.
#[must_use]
pub fn sanitize_line(text: &str) -> String {
    sanitize(text).replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_is_left() {
        let hostile = "\u{1b}[31m\u{7}\u{9b}2J\u{202e}evil\u{2066}\u{feff}\0\u{7f}\rx";
        let clean = sanitize(hostile);
        assert_eq!(clean, "␛[31m␇\u{fffd}2J\u{fffd}evil\u{fffd}\u{fffd}␀␡␍x");
        assert_eq!(clean.chars().count(), hostile.chars().count());
        assert!(!clean.chars().any(char::is_control));
    }

    #[test]
    fn ordinary_text_and_line_breaks_stay() {
        assert_eq!(sanitize("名前 é e\u{301}\r\nb\n"), "名前 é e\u{301}\nb");
        assert_eq!(sanitize_line("a\nb\r\nc"), "a b c");
    }

    #[test]
    fn every_c0_and_c1_control_is_replaced() {
        for c in (0..=0x9fu32).filter_map(char::from_u32).filter(|c| c.is_control()) {
            assert!(!sanitize_char(c).is_control(), "{c:?}");
        }
    }
}
