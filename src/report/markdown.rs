//! A Markdown table, for job summaries and review comments.

use super::Report;
use super::others;
use super::sanitize::sanitize_line;
use std::fmt::Write as _;

/// Summary, table of findings, coverage.
pub fn render(report: &Report<'_>) -> String {
    let mut summary = report.summary.text(true);
    let rest = summary.split_off(summary.find('\n').unwrap_or(summary.len()));
    let mut out = format!("### dnslint\n\n{}\n", escape(&summary));
    if !report.diagnostics.is_empty() {
        out.push_str("\n| Severity | Rule | Place | Finding |\n| --- | --- | --- | --- |\n");
    }
    for d in report.diagnostics {
        let at = d.primary();
        let line = report.files.position(at.file, at.span.start).line;
        let place = format!("{}:{line}", report.files.path(at.file));
        let rule = match d.url.as_deref().filter(|u| linkable(u)) {
            Some(url) => format!("[{}]({url})", escape(&d.rule)),
            None => escape(&d.rule),
        };
        let message = escape(&others::message(d));
        let _ = writeln!(out, "| {} | {rule} | {} | {message} |", d.severity.as_str(), escape(&place));
    }
    for (index, line) in rest.trim().lines().enumerate() {
        let _ = writeln!(out, "{}- {}", if index == 0 { "\n" } else { "" }, escape(line));
    }
    out
}

/// Whether an address can stand in a Markdown link as it is.
fn linkable(url: &str) -> bool {
    (url.starts_with("https://") || url.starts_with("http://"))
        && url.chars().all(|c| c.is_ascii_graphic() && !"()<>[]|\\\"".contains(c))
}

/// Text that Markdown shows as it is: no markup, no HTML, no mention, no table cell.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in sanitize_line(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // As an entity it names nobody.
            '@' => out.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' | '$' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_cannot_mark_up_mention_or_break_the_table() {
        assert_eq!(escape("a|b\n<img> @me `x` [l](u)"), "a\\|b &lt;img&gt; &#64;me \\`x\\` \\[l\\](u)");
        assert!(!linkable("javascript:alert(1)"));
        assert!(!linkable("https://e/)|x"));
    }
}
