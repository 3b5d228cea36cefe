//! A configuration document as these analyses read it, independent of the YAML reader.

use super::origin::joined;
use crate::source::Located;

/// Nesting beyond which a value is neither merged nor printed in detail.
pub(super) const MAX_DEPTH: usize = 64;

/// A YAML or JSON value whose parts know their place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigValue {
    /// Null, or nothing.
    Null,
    /// A scalar, as Go prints it after YAML 1.1 typing: `yes` is `true`, `0644` is `420`.
    Scalar(String),
    /// A list.
    List(Vec<Located<Self>>),
    /// A map, in file order.
    Map(Vec<(Located<String>, Located<Self>)>),
}

impl ConfigValue {
    /// The value of a key; the last one where the key is repeated.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Located<Self>> {
        let Self::Map(entries) = self else { return None };
        entries.iter().rev().find(|(name, _)| name.value == key).map(|(_, value)| value)
    }

    /// The text of a scalar.
    #[must_use]
    pub fn as_scalar(&self) -> Option<&str> {
        if let Self::Scalar(text) = self { Some(text) } else { None }
    }

    /// The text that Go's `fmt.Sprint` prints for it: a map becomes `[{key value}]`, which is what k3s makes of
    /// `- resolv-conf: /x` (`convert.ToString` over yaml.v2's `MapSlice`). Null is empty, but `<nil>` inside others.
    #[must_use]
    pub fn go_text(&self) -> String {
        let mut text = String::new();
        if *self != Self::Null {
            self.write_go(&mut text, 0);
        }
        text
    }

    fn write_go(&self, out: &mut String, depth: usize) {
        if depth > MAX_DEPTH {
            out.push('…');
            return;
        }
        let blank = |out: &mut String, index| {
            if index > 0 {
                out.push(' ')
            }
        };
        match self {
            Self::Null => out.push_str("<nil>"),
            Self::Scalar(text) => out.push_str(text),
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    blank(out, index);
                    item.value.write_go(out, depth + 1);
                }
                out.push(']');
            }
            Self::Map(entries) => {
                out.push('[');
                for (index, (key, value)) in entries.iter().enumerate() {
                    blank(out, index);
                    out.push('{');
                    out.push_str(&key.value);
                    out.push(' ');
                    value.value.write_go(out, depth + 1);
                    out.push('}');
                }
                out.push(']');
            }
        }
    }
}

/// A value as one text for people: the items of a list joined by commas, everything else as Go prints it.
#[must_use]
pub fn display_text(value: &Located<ConfigValue>) -> Located<String> {
    let ConfigValue::List(items) = &value.value else { return value.with(value.value.go_text()) };
    let text = items.iter().map(|item| item.value.go_text()).collect::<Vec<_>>().join(",");
    let origins = if items.is_empty() { value.origins.clone() } else { joined(items) };
    Located::from_origins(text, origins)
}

/// Texts joined by commas, with the origins of all.
#[must_use]
pub fn comma_text(values: &[Located<String>]) -> Located<String> {
    let text = values.iter().map(|value| value.value.as_str()).collect::<Vec<_>>().join(",");
    Located::from_origins(text, joined(values))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(text: &str) -> Located<ConfigValue> {
        Located::default_value(ConfigValue::Scalar(text.to_owned()))
    }

    #[test]
    fn go_prints_maps_in_brackets() {
        let key = |text: &str| Located::default_value(text.to_owned());
        let map = ConfigValue::Map(vec![
            (key("resolv-conf"), scalar("/x")),
            (key("n"), Located::default_value(ConfigValue::Null)),
        ]);
        assert_eq!(map.go_text(), "[{resolv-conf /x} {n <nil>}]");
        assert_eq!(
            ConfigValue::List(vec![scalar("a"), Located::default_value(map)]).go_text(),
            "[a [{resolv-conf /x} {n <nil>}]]"
        );
        assert_eq!(ConfigValue::Null.go_text(), "");
    }

    #[test]
    fn deep_values_are_cut() {
        let mut value = scalar("x");
        for _ in 0..200 {
            value = Located::default_value(ConfigValue::List(vec![value]));
        }
        assert!(value.value.go_text().contains('…'));
    }
}
