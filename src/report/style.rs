//! ANSI colours and OSC 8 links, or neither.

use crate::diagnostic::Severity;

/// What a piece of text is, from which its colour follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// No colour.
    Plain,
    /// Headline text.
    Bold,
    /// Line numbers and rules of a frame, secondary marks.
    Gutter,
    /// A mark or a word of that severity.
    Severity(Severity),
    /// A removed line.
    Removed,
    /// An added line.
    Added,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Gutter => "1;34",
            Self::Severity(Severity::Error) => "1;31",
            Self::Severity(Severity::Warning) => "1;33",
            Self::Severity(Severity::Info) => "1;36",
            Self::Removed => "31",
            Self::Added => "32",
        }
    }
}

/// Paints text if colours are on.
#[derive(Clone, Copy, Debug)]
pub struct Painter {
    /// Whether colours are on.
    pub color: bool,
}

impl Painter {
    /// `text` in `style`; nothing around an empty text.
    pub fn paint(self, style: Style, text: &str) -> String {
        if !self.color || text.is_empty() || style == Style::Plain {
            return text.to_owned();
        }
        format!("\x1b[{}m{text}\x1b[0m", style.code())
    }
}

/// `text` as a link to `url`, unless the address holds anything but printable ASCII.
pub fn hyperlink(text: &str, url: &str) -> String {
    if url.is_empty() || !url.chars().all(|c| c.is_ascii_graphic()) {
        return text.to_owned();
    }
    format!("\x1b]8;;{url}\x1b\\{text}\x1b]8;;\x1b\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_cannot_smuggle_escapes() {
        assert_eq!(hyperlink("x", "https://e/\x1b\\\x1b[31m"), "x");
        assert_eq!(hyperlink("x", "https://e/"), "\x1b]8;;https://e/\x1b\\x\x1b]8;;\x1b\\");
    }

    #[test]
    fn no_colour_means_no_escape() {
        assert_eq!(Painter { color: false }.paint(Style::Bold, "x"), "x");
        assert_eq!(Painter { color: true }.paint(Style::Gutter, "x"), "\x1b[1;34mx\x1b[0m");
    }
}
