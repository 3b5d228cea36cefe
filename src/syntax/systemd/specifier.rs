//! `%` specifiers of unit files (systemd `src/core/unit-printf.c`, `systemd.unit(5)` "Specifiers").

use super::environment::MAX_ARGUMENTS_LEN;
use super::traced::Traced;
use crate::source::Span;
use std::borrow::Cow;

/// What specifiers are resolved from: the unit's name and what the snapshot knows of the node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Specifiers {
    /// Full name, as `k3s-agent.service`.
    pub unit: String,
    /// Host name of the node (`%H`, `%l`, `%q`), if known.
    pub host_name: Option<String>,
    /// Machine id (`%m`), if known.
    pub machine_id: Option<String>,
}

/// A specifier that cannot be resolved by any version of systemd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecifierError {
    /// A letter or digit that is no specifier; the span covers `%` and it.
    Unknown(Span),
    /// The result is longer than an argument list may be.
    TooLong,
}

/// A word with its specifiers replaced.
pub(super) struct Resolved {
    pub text: Traced,
    /// Whether a specifier was left as it is because the snapshot does not tell its value.
    pub unstated: bool,
}

enum Meaning<'a> {
    Value(Cow<'a, str>),
    Unstated,
    NoSpecifier,
}

impl Specifiers {
    /// Specifiers for a unit of a node about which nothing else is known.
    #[must_use]
    pub fn for_unit(unit: &str) -> Self {
        Self { unit: unit.to_owned(), ..Self::default() }
    }

    /// Name without its type suffix: `%N`.
    fn name(&self) -> &str {
        self.unit.rsplit_once('.').map_or(self.unit.as_str(), |(name, _)| name)
    }

    /// `%p`: the name up to `@`.
    fn prefix(&self) -> &str {
        self.name().split_once('@').map_or(self.name(), |(prefix, _)| prefix)
    }

    /// `%i`: the name behind `@`, or nothing.
    fn instance(&self) -> &str {
        self.name().split_once('@').map_or("", |(_, instance)| instance)
    }

    /// `%j`: the prefix behind its last dash.
    fn final_component(&self) -> &str {
        self.prefix().rsplit_once('-').map_or(self.prefix(), |(_, last)| last)
    }

    /// `%f`: instance or prefix as an absolute path.
    fn path(&self) -> String {
        let name = if self.instance().is_empty() { self.prefix() } else { self.instance() };
        let path = unescaped(name);
        if path.starts_with('/') { path } else { format!("/{path}") }
    }

    fn meaning(&self, letter: char) -> Meaning<'_> {
        let known = |text| Meaning::Value(Cow::Borrowed(text));
        match letter {
            '%' => known("%"),
            'n' => known(&self.unit),
            'N' => known(self.name()),
            'p' => known(self.prefix()),
            'P' => Meaning::Value(unescaped(self.prefix()).into()),
            'i' => known(self.instance()),
            'I' => Meaning::Value(unescaped(self.instance()).into()),
            'j' => known(self.final_component()),
            'J' => Meaning::Value(unescaped(self.final_component()).into()),
            'f' => Meaning::Value(self.path().into()),
            't' => known("/run"),
            'S' => known("/var/lib"),
            'C' => known("/var/cache"),
            'L' => known("/var/log"),
            'E' => known("/etc"),
            'D' => known("/usr/share"),
            'T' => known("/tmp"),
            'V' => known("/var/tmp"),
            'd' => Meaning::Value(format!("/run/credentials/{}", self.unit).into()),
            'h' => known("/root"),
            'u' | 'g' => known("root"),
            'U' | 'G' => known("0"),
            'H' => self.host_name.as_deref().map_or(Meaning::Unstated, known),
            'l' => self.host_name.as_deref().map_or(Meaning::Unstated, |h| known(h.split('.').next().unwrap_or(h))),
            'm' => self.machine_id.as_deref().map_or(Meaning::Unstated, known),
            'a' | 'A' | 'b' | 'B' | 'c' | 'M' | 'o' | 'q' | 'r' | 'R' | 's' | 'v' | 'w' | 'W' | 'y' | 'Y' => {
                Meaning::Unstated
            }
            _ => Meaning::NoSpecifier,
        }
    }

    /// Replaces the specifiers of a word. `%` before anything but a letter or digit stays as it is.
    pub(super) fn resolve(&self, word: &Traced) -> Result<Resolved, SpecifierError> {
        let text = word.as_str();
        let mut resolved = Resolved { text: Traced::default(), unstated: false };
        let mut copied = 0;
        let mut next = 0;
        while let Some(at) = text.get(next..).and_then(|rest| rest.find('%')).map(|found| next + found) {
            let Some(letter) = text.get(at + 1..).and_then(|rest| rest.chars().next()) else { break };
            let source = Span::new(at, at + 1 + letter.len_utf8());
            next = source.end;
            match self.meaning(letter) {
                Meaning::Value(value) => {
                    resolved.text.push_range(word, Span::new(copied, at));
                    if let Some(origin) = word.cover(source) {
                        resolved.text.push_str(&value, origin);
                    }
                    copied = next;
                }
                Meaning::Unstated => resolved.unstated = true,
                Meaning::NoSpecifier if letter.is_ascii_alphanumeric() => return Err(SpecifierError::Unknown(source)),
                Meaning::NoSpecifier => {}
            }
            if resolved.text.len() > MAX_ARGUMENTS_LEN {
                return Err(SpecifierError::TooLong);
            }
        }
        resolved.text.push_range(word, Span::new(copied, text.len()));
        Ok(resolved)
    }
}

/// Undoes the escaping of unit names: `-` is `/`, `\xNN` a byte (`unit_name_unescape()`).
fn unescaped(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some(c) = rest.chars().next() {
        let code = rest.strip_prefix("\\x").and_then(|r| r.get(..2)).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let taken = match (code, c) {
            (Some(byte), _) => {
                bytes.push(byte);
                4
            }
            (None, '-') => {
                bytes.push(b'/');
                1
            }
            (None, _) => {
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                c.len_utf8()
            }
        };
        rest = rest.get(taken..).unwrap_or("");
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Location};

    fn resolve(unit: &str, text: &str) -> Result<String, SpecifierError> {
        let word = Traced::verbatim(text, FileId(0), 0);
        Specifiers::for_unit(unit).resolve(&word).map(|r| r.text.as_str().to_owned())
    }

    #[test]
    fn names_of_templates_and_prefixes() {
        let text = "%n %N %p %i %I %j %f %%";
        assert_eq!(
            resolve("k3s-agent@gw-a.service", text).unwrap(),
            "k3s-agent@gw-a.service k3s-agent@gw-a k3s-agent gw-a gw/a agent /gw/a %"
        );
        assert_eq!(resolve("k3s.service", text).unwrap(), "k3s.service k3s k3s   k3s /k3s %");
        assert_eq!(resolve("a\\x2db.service", "%P").unwrap(), "a-b");
    }

    #[test]
    fn stray_percent_stays_and_unknown_letters_fail() {
        assert_eq!(resolve("q.service", "50% %/ %é %").unwrap(), "50% %/ %é %");
        assert_eq!(resolve("q.service", "a%Zb"), Err(SpecifierError::Unknown(Span::new(1, 3))));
        assert_eq!(resolve("q.service", "%H").unwrap(), "%H");
    }

    #[test]
    fn the_expansion_points_at_the_specifier() {
        let word = Traced::verbatim("/etc/default/%N.env", FileId(0), 10);
        let resolved = Specifiers::for_unit("k3s.service").resolve(&word).unwrap();
        assert_eq!(resolved.text.as_str(), "/etc/default/k3s.env");
        let place = resolved.text.slice(Span::new(13, 16)).location();
        assert_eq!(place, Some(Location::new(FileId(0), Span::new(23, 25))));
    }
}
