//! Environment references in words: `{$NAME}` and `{%NAME%}` (`caddyfile/parse.go`, `replaceEnvVars`).

/// Characters a word may have after replacement; CoreDNS itself has no bound and can loop for ever.
const MAX_EXPANDED_LEN: usize = 64 * 1024;

/// Looks up environment variables of the CoreDNS container; `None` means unset.
pub type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// A reference that was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Replaced {
    /// The variable's name as written, which may contain anything but the end mark.
    pub name: String,
    /// Its value; `None` when it is not set (replaced by nothing).
    pub value: Option<String>,
}

/// The outcome of replacing the references of one word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expansion {
    /// The word after replacement.
    pub text: String,
    /// The references met, in order.
    pub replaced: Vec<Replaced>,
}

/// Whether the word could hold a reference at all.
pub(super) fn has_reference(text: &str) -> bool {
    text.contains("{$") || text.contains("{%")
}

/// Replaces all references of `text`; `None` when the result or the work passes the limits.
///
/// `work` is the remaining number of bytes that replacements may touch.
pub(super) fn expand(text: &str, lookup: &Lookup<'_>, work: &mut usize) -> Option<Expansion> {
    let mut expansion = Expansion { text: text.to_owned(), replaced: Vec::new() };
    replace_form(&mut expansion, ("{%", "%}"), lookup, work)?;
    replace_form(&mut expansion, ("{$", "}"), lookup, work)?;
    Some(expansion)
}

fn replace_form(
    expansion: &mut Expansion,
    (open, close): (&str, &str),
    lookup: &Lookup<'_>,
    work: &mut usize,
) -> Option<()> {
    while let Some(start) = expansion.text.find(open) {
        let Some(end) = expansion.text.get(start..).and_then(|rest| rest.find(close)).map(|at| start + at) else {
            break;
        };
        if end <= start + open.len() {
            break; // `{$}`, and `{%}` whose end mark overlaps its start
        }
        let name = expansion.text.get(start + open.len()..end).unwrap_or_default().to_owned();
        let reference = expansion.text.get(start..end + close.len()).unwrap_or_default().to_owned();
        let value = lookup(&name);
        *work = work.checked_sub(expansion.text.len())?;
        expansion.text = replace_bounded(&expansion.text, &reference, value.as_deref().unwrap_or_default())?;
        expansion.replaced.push(Replaced { name, value });
    }
    Some(())
}

fn replace_bounded(text: &str, from: &str, to: &str) -> Option<String> {
    let mut out = String::new();
    let mut parts = text.split(from);
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        if out.len() + to.len() + part.len() > text.len().max(MAX_EXPANDED_LEN) {
            return None;
        }
        out.push_str(to);
        out.push_str(part);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Option<String> {
        let lookup = |name: &str| match name {
            "A" => Some("x".to_owned()),
            "SELF" => Some("{$SELF}".to_owned()),
            "GROW" => Some("{$GROW}{$GROW}".to_owned()),
            "$" => Some("dollar".to_owned()),
            _ => None,
        };
        let mut work = 1 << 20;
        expand(text, &lookup, &mut work).map(|expansion| expansion.text)
    }

    #[test]
    fn follows_the_reference_forms() {
        for (input, want) in [
            ("{$A}/{%A%}", "x/x"),
            ("{$}{$A}", "{$}{$A}"),
            ("{%%}{$A}", "{%%}x"),
            ("{$A", "{$A"),
            ("{$$}", "dollar"),
            ("$A {$NOPE:53}", "$A "),
        ] {
            assert_eq!(run(input).as_deref(), Some(want), "{input}");
        }
    }

    #[test]
    fn endless_values_end() {
        assert_eq!(run("{$SELF}"), None);
        assert_eq!(run("{$GROW}"), None);
    }
}
