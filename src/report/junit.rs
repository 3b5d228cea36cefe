//! JUnit XML: one test suite a file, one failed test case a finding; a clean run is one passed case.

use super::Report;
use super::others;
use super::sanitize::{sanitize, sanitize_line};
use crate::diagnostic::{Diagnostic, Files};
use std::fmt::Write as _;

/// The report as JUnit XML.
pub fn render(report: &Report<'_>) -> String {
    let total = report.diagnostics.len();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(out, "<testsuites name=\"dnslint\" tests=\"{}\" failures=\"{total}\">", total.max(1));
    if total == 0 {
        out.push_str("  <testsuite name=\"dnslint\" tests=\"1\" failures=\"0\">\n");
        out.push_str("    <testcase name=\"no findings\" classname=\"dnslint\"/>\n  </testsuite>\n");
    }
    // The findings are sorted by path, so those of one file stand together.
    for group in report.diagnostics.chunk_by(|a, b| a.primary().file == b.primary().file) {
        let Some(first) = group.first() else { continue };
        let path = escape(&sanitize_line(report.files.path(first.primary().file)));
        let n = group.len();
        let _ = writeln!(out, "  <testsuite name=\"{path}\" tests=\"{n}\" failures=\"{n}\">");
        for d in group {
            write_case(d, report.files, &path, &mut out);
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn write_case(d: &Diagnostic, files: &dyn Files, path: &str, out: &mut String) {
    let at = files.position(d.primary().file, d.primary().span.start);
    let rule = escape(&sanitize_line(&d.rule));
    let message = escape(&others::message(d));
    let _ = writeln!(out, "    <testcase name=\"{rule} {}:{}\" classname=\"{path}\">", at.line, at.column);
    let mut body = format!("{path}:{}:{}: {message}", at.line, at.column);
    if let Some(help) = &d.help {
        let _ = write!(body, "\nhelp: {}", escape(&sanitize(help)));
    }
    let _ = writeln!(out, "      <failure type=\"{}\" message=\"{message}\">{body}</failure>", d.severity.as_str());
    out.push_str("    </testcase>\n");
}

/// Escapes for text and double-quoted attributes; sanitised text holds no character that XML 1.0 forbids.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_input_stays_text() {
        assert_eq!(escape("<a b=\"1\">&]]>"), "&lt;a b=&quot;1&quot;&gt;&amp;]]&gt;");
    }
}
