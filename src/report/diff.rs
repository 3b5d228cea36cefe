//! A unified diff on its way out: exact for a pipe, coloured and harmless for a terminal.

use super::sanitize::sanitize_char;
use super::style::{Painter, Style};

/// A diff as it is printed. Only for a terminal are characters that could steer it replaced: what goes to a file or a
/// pipe must stay what `git apply` takes.
#[must_use]
pub fn show_diff(diff: &str, color: bool, is_terminal: bool) -> String {
    if !color && !is_terminal {
        return diff.to_owned();
    }
    let painter = Painter { color };
    let harmless = |c: char| if c == '\t' { c } else { sanitize_char(c) };
    let line = |line: &str| {
        let text: String = if is_terminal { line.chars().map(harmless).collect() } else { line.to_owned() };
        painter.paint(style_of(line), &text) + "\n"
    };
    diff.split_terminator('\n').map(line).collect()
}

fn style_of(line: &str) -> Style {
    match line.as_bytes().first() {
        _ if line.starts_with("--- ") || line.starts_with("+++ ") => Style::Bold,
        Some(b'-') => Style::Removed,
        Some(b'+') => Style::Added,
        Some(b'@') => Style::Gutter,
        _ => Style::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_for_a_pipe_and_harmless_for_a_terminal() {
        let diff = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-\ta\x1b[31m\r\n+b\n";
        assert_eq!(show_diff(diff, false, false), diff);
        let shown = show_diff(diff, true, true);
        assert!(shown.contains("\x1b[32m+b\x1b[0m\n") && shown.contains("-\ta\u{241b}[31m\u{240d}"), "{shown:?}");
    }
}
