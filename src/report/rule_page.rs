//! What there is to say about a rule, for the terminal, as Markdown and as JSON.

use super::sanitize::sanitize;
use super::style::{Painter, Style};
use crate::diagnostic::Severity;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr as _;

/// Lines of a file that a page shows.
const SHOWN_LINES: usize = 24;
/// Files of the good sample that a page shows.
const SHOWN_FILES: usize = 2;

/// Everything that is known of a rule.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RulePage {
    /// Rule id.
    pub id: String,
    /// Its group.
    pub group: String,
    /// Its severity, as a word.
    pub severity: &'static str,
    /// Its confidence, as a word.
    pub confidence: &'static str,
    /// One line.
    pub summary: String,
    /// The view that it looks at; absent for what dnslint reports about the linting itself.
    pub on: Option<String>,
    /// Other severities: condition (CEL) and severity.
    pub escalations: Vec<Escalation>,
    /// Why it is a problem, in Markdown.
    pub why: String,
    /// What to do about it, with words in angle brackets for what depends on the input.
    pub help: Vec<String>,
    /// Fixes that it may offer.
    pub fixes: Vec<FixTitle>,
    /// Inputs without which it stays silent.
    pub needs: Vec<String>,
    /// Its parameters.
    pub params: Vec<Parameter>,
    /// Documentation of the behaviour.
    pub references: Vec<String>,
    /// An input in which it finds something, with what it says.
    pub bad: Option<SampleShown>,
    /// A near miss on which it is silent.
    pub good: Option<SampleShown>,
}

/// A severity under a condition.
#[derive(Clone, Debug, Serialize)]
pub struct Escalation {
    /// CEL.
    pub when: String,
    /// The severity then.
    pub severity: &'static str,
}

/// A fix by its title.
#[derive(Clone, Debug, Serialize)]
pub struct FixTitle {
    /// What it does.
    pub title: String,
    /// `safe`, `unsafe` or `display`.
    pub safety: &'static str,
}

/// A parameter.
#[derive(Clone, Debug, Serialize)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its default.
    pub default: serde_json::Value,
    /// What it means.
    pub doc: Option<String>,
}

/// A sample.
#[derive(Clone, Debug, Serialize)]
pub struct SampleShown {
    /// Its name.
    pub name: String,
    /// Paths and texts.
    pub files: BTreeMap<String, String>,
    /// The files that make the difference to the other sample.
    #[serde(skip)]
    pub telling: Vec<String>,
    /// What dnslint prints for it; empty where it is silent.
    pub output: String,
}

/// A text that depends on the input, for a reader without one: `{{ item.address }}` becomes `<address>`.
///
/// `None` where statements decide what it says.
#[must_use]
pub fn without_placeholders(template: &str) -> Option<String> {
    if template.contains("{%") {
        return None;
    }
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, inside)) = rest.split_once("{{") {
        let (expression, after) = inside.split_once("}}")?;
        let path = expression.split('|').next().unwrap_or("").trim();
        let word = path.rsplit('.').next().unwrap_or(path);
        let _ = write!(text, "{before}<{}>", word.replace('_', " "));
        rest = after;
    }
    text.push_str(rest);
    Some(text)
}

impl SampleShown {
    fn shown(&self) -> Vec<(&str, String)> {
        let chosen = self.files.iter().filter(|(path, _)| self.telling.contains(path)).take(SHOWN_FILES);
        chosen.map(|(path, text)| (path.as_str(), excerpt(text))).collect()
    }
}

/// The first lines of a text.
fn excerpt(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().take(SHOWN_LINES + 1).collect();
    if lines.len() > SHOWN_LINES {
        lines.pop();
        lines.push("…");
    }
    sanitize(&lines.join("\n"))
}

impl RulePage {
    fn facts(&self) -> String {
        let mut facts = format!("group {}, confidence {}", self.group, self.confidence);
        if let Some(on) = &self.on {
            let _ = write!(facts, ", looks at `{on}`");
        }
        if !self.needs.is_empty() {
            let _ = write!(facts, ", needs {}", self.needs.join(", "));
        }
        facts
    }

    fn severities(&self) -> Vec<String> {
        self.escalations.iter().map(|e| format!("{} where `{}`", e.severity, one_line(&e.when))).collect()
    }

    fn fix_lines(&self) -> Vec<String> {
        self.fixes.iter().map(|fix| format!("{} ({})", fix.title, fix.safety)).collect()
    }

    fn param_lines(&self) -> Vec<String> {
        let line = |p: &Parameter| {
            let doc = p.doc.as_ref().map(|doc| format!(": {}", one_line(doc))).unwrap_or_default();
            format!("`{}` = `{}`{doc}", p.name, p.default)
        };
        self.params.iter().map(line).collect()
    }

    /// The page for a terminal of `width` columns, painted if `color`.
    #[must_use]
    pub fn text(&self, width: usize, color: bool) -> String {
        let painter = Painter { color };
        let mut page = Page { out: String::new(), width, painter };
        let severity = match self.severity {
            "error" => Severity::Error,
            "warning" => Severity::Warning,
            _ => Severity::Info,
        };
        let tag = painter.paint(Style::Severity(severity), &format!("{}[{}]", self.severity, sanitize(&self.id)));
        let _ = writeln!(page.out, "{tag}{}", painter.paint(Style::Bold, &format!(": {}", one_line(&self.summary))));
        page.paragraph(&self.facts(), "", "");
        self.severities().iter().for_each(|line| page.paragraph(line, "", "  "));
        page.heading("Why");
        page.markdown(&self.why);
        page.list("What to do", &self.help);
        page.list("Fixes", &self.fix_lines());
        page.list("Parameters", &self.param_lines());
        if let Some(bad) = &self.bad {
            page.heading(&format!("Bad: {}", in_words(&bad.name)));
            page.out.push_str(&indented(&bad.output, "  "));
        }
        if let Some(good) = &self.good {
            page.heading(&format!("Good: {}", in_words(&good.name)));
            for (path, text) in good.shown() {
                let path = painter.paint(Style::Gutter, &sanitize(path));
                let _ = write!(page.out, "  {path}\n{}", indented(&text, "    "));
            }
        }
        page.list("References", &self.references);
        page.out
    }

    /// The page as a Markdown section with headings from `level` on.
    #[must_use]
    pub fn markdown(&self, level: usize) -> String {
        let mut out = String::new();
        let marks = "#".repeat(level);
        let _ = writeln!(out, "{marks} {}\n\n{}\n", self.id, one_line(&self.summary));
        let _ = writeln!(out, "*{}*, {}\n", self.severity, self.facts());
        bullets(&mut out, "", &self.severities());
        let _ = writeln!(out, "{}\n", self.why.trim());
        bullets(&mut out, "What to do", &self.help);
        bullets(&mut out, "Fixes", &self.fix_lines());
        bullets(&mut out, "Parameters", &self.param_lines());
        if let Some(bad) = &self.bad {
            let _ = writeln!(out, "**Bad**: {}\n\n```text\n{}\n```\n", in_words(&bad.name), bad.output.trim_end());
        }
        if let Some(good) = &self.good {
            let _ = writeln!(out, "**Good**: {}\n", in_words(&good.name));
            for (path, text) in good.shown() {
                let _ = writeln!(out, "`{path}`\n\n```{}\n{}\n```\n", language(path), text.trim_end());
            }
        }
        let links: Vec<String> = self.references.iter().map(|r| format!("<{r}>")).collect();
        bullets(&mut out, "References", &links);
        out
    }
}

fn language(path: &str) -> &'static str {
    if path.ends_with(".yaml") || path.ends_with(".yml") { "yaml" } else { "text" }
}

/// `bad-two-words` as "two words".
fn in_words(name: &str) -> String {
    let bare = name.strip_prefix("bad-").or_else(|| name.strip_prefix("good-")).unwrap_or(name);
    sanitize(&bare.replace('-', " "))
}

fn one_line(text: &str) -> String {
    sanitize(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn indented(text: &str, by: &str) -> String {
    let line = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("{by}{line}\n") };
    text.trim_end().lines().map(line).collect()
}

fn bullets(out: &mut String, title: &str, items: &[String]) {
    if items.is_empty() {
        return;
    }
    if !title.is_empty() {
        let _ = writeln!(out, "**{title}**\n");
    }
    for item in items {
        let _ = writeln!(out, "- {}", one_line(item));
    }
    out.push('\n');
}

/// A page in the making.
struct Page {
    out: String,
    width: usize,
    painter: Painter,
}

impl Page {
    fn heading(&mut self, title: &str) {
        let title = self.painter.paint(Style::Bold, title);
        let _ = writeln!(self.out, "\n{title}");
    }

    fn list(&mut self, title: &str, items: &[String]) {
        if items.is_empty() {
            return;
        }
        self.heading(title);
        for item in items {
            self.paragraph(item, "  - ", "    ");
        }
    }

    /// Paragraphs and lists of Markdown, wrapped.
    fn markdown(&mut self, text: &str) {
        let mut paragraph = String::new();
        let mut is_first = true;
        for line in text.trim().lines().chain([""]) {
            let starts_item = line.trim_start().starts_with("- ");
            if (line.trim().is_empty() || starts_item) && !paragraph.is_empty() {
                let done = std::mem::take(&mut paragraph);
                self.paragraph(&done, "  ", if done.starts_with("- ") { "    " } else { "  " });
                is_first = false;
            }
            if line.trim().is_empty() {
                continue;
            }
            if paragraph.is_empty() && !starts_item && !is_first {
                self.out.push('\n');
            }
            let _ = write!(paragraph, "{}{}", if paragraph.is_empty() { "" } else { " " }, line.trim());
        }
    }

    /// Words within the width; `first` stands before the first line, `next` before the others.
    fn paragraph(&mut self, text: &str, first: &str, next: &str) {
        let mut line = first.to_owned();
        let mut is_empty = true;
        for word in sanitize(text).split_whitespace() {
            if !is_empty && line.width() + 1 + word.width() > self.width {
                let _ = writeln!(self.out, "{line}");
                next.clone_into(&mut line);
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line.push_str(word);
            is_empty = false;
        }
        let _ = writeln!(self.out, "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_become_words() {
        let plain = |text| without_placeholders(text);
        assert_eq!(
            plain("use {{ item.expected_address }} in `{{ x | join(', ') }}`"),
            Some("use <expected address> in `<x>`".into())
        );
        assert_eq!(plain("{% if a %}b{% endif %}"), None);
        assert_eq!(plain("{{ open"), None);
    }

    #[test]
    fn words_wrap_and_lists_stay_lists() {
        let mut page = Page { out: String::new(), width: 16, painter: Painter { color: false } };
        page.markdown("one two three four\nfive\n\nsix\n- a b c d e f g h\n- i\n\nend\n");
        assert_eq!(page.out, "  one two three\n  four five\n\n  six\n  - a b c d e f\n    g h\n  - i\n\n  end\n");
    }

    #[test]
    fn long_files_are_cut() {
        let text = "x\n".repeat(100);
        assert_eq!(excerpt(&text).lines().count(), SHOWN_LINES + 1);
        assert_eq!(excerpt("a\nb"), "a\nb");
    }
}
