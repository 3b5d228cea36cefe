//! Tells a YAML text from a template of one (Helm, Jinja).

/// Whether the text seems to be a template that makes YAML: `{{ … }}` outside quotes, block texts and comments, or a
/// Jinja statement `{% … %}`.
///
/// A guess from single lines, for the choice of words: such a file fails as YAML, or would as soon as it is rendered.
#[must_use]
pub fn looks_templated(text: &str) -> bool {
    if !text.contains("{{") && !text.contains("{%") {
        return false;
    }
    let mut block_indent: Option<usize> = None;
    for line in text.lines() {
        let content = line.trim_start_matches([' ', '\t']);
        if content.is_empty() {
            continue;
        }
        let indent = line.len() - content.len();
        if block_indent.is_some_and(|parent| indent > parent) {
            if is_statement(content) {
                return true;
            }
            continue;
        }
        block_indent = None;
        match scan_line(content) {
            LineEnd::Template => return true,
            LineEnd::BlockText => block_indent = Some(indent),
            LineEnd::Other => {}
        }
    }
    false
}

enum LineEnd {
    Template,
    BlockText,
    Other,
}

fn is_statement(content: &str) -> bool {
    content.split_once("{%").is_some_and(|(_, rest)| rest.contains("%}"))
}

/// Looks at the unquoted parts of a line.
fn scan_line(content: &str) -> LineEnd {
    let mut quote: Option<u8> = None;
    let mut before = b' ';
    let mut unquoted_end = "";
    for (at, byte) in content.bytes().enumerate() {
        let rest = content.get(at..).unwrap_or("");
        match quote {
            Some(open) if byte == open && (open == b'\'' || before != b'\\') => quote = None,
            Some(_) => {}
            None if matches!(byte, b'"' | b'\'') && matches!(before, b' ' | b'[' | b'{' | b',' | b':') => {
                quote = Some(byte);
            }
            None if byte == b'#' && matches!(before, b' ' | b'\t') => break,
            None if rest.starts_with("{{") || rest.starts_with("{%") => return LineEnd::Template,
            None => unquoted_end = content.get(..=at).unwrap_or(unquoted_end),
        }
        before = byte;
    }
    if opens_block_text(unquoted_end) { LineEnd::BlockText } else { LineEnd::Other }
}

/// Whether a line ends in `|`, `>` or one of them with indicators (`|-`, `>2+`).
fn opens_block_text(line: &str) -> bool {
    let head = line.trim_end().trim_end_matches(|c: char| matches!(c, '+' | '-') || c.is_ascii_digit());
    let Some(before) = head.strip_suffix(['|', '>']) else { return false };
    before.is_empty() || before.ends_with([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::looks_templated;

    #[test]
    fn templates_are_told_from_yaml() {
        let templates = [
            "{{- if .Values.x }}\na: 1\n{{- end }}\n",
            "a: {{ .Values.x }}\n",
            "a: x-{{ .Release.Name }}\n",
            "a: 'q' {{ x }}\n",
            "a: |\n  text\n{{ include \"x\" . }}\n",
            "a: |\n  {% for n in nodes %}\n  {{ n }}\n  {% endfor %}\n",
            "{% if x %}\na: 1\n{% endif %}\n",
            "a: it's {{ x }}\n",
        ];
        let plain = [
            "",
            "a: {b: {c: d}}\n",
            "a: \"{{ foo }}\"\nb: '{{ bar }}'\n",
            "# {{ x }}\na: 1 # {{ y }}\n",
            "Corefile: |\n  template IN A {\n    answer \"{{ .Name }} 60 IN A 1.2.3.4\"\n  }\n",
            "a: |-  # c\n\n    {{ x }}\nb: 1\n",
            "- >2+\n    {{ x }}\n",
            "a: \"x \\\" {{ y }}\"\n",
        ];
        for text in templates {
            assert!(looks_templated(text), "{text:?}");
        }
        for text in plain {
            assert!(!looks_templated(text), "{text:?}");
        }
    }
}
