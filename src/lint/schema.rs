//! Rule files as they are written; `compile` turns them into proved rules.

use super::text::{Text, span_of};
use crate::diagnostic::{Applicability, Confidence, Severity};
use crate::source::Span;
use schemars::{JsonSchema, json_schema};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// A rule, complete by itself: one file `rules/<group>/<id>.yaml`.
///
/// Expressions are CEL over `subject` (and `item` where `each` is given), `params` and `cluster`; messages and texts
/// are minijinja templates over the same names. Every field that they name is checked when the rule is loaded.
#[derive(Clone, Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleFile {
    /// Kebab-case name of the problem, equal to the file's name; reads well after "allow" and is never reused.
    pub id: Text,
    /// The group, equal to the name of the file's folder.
    pub group: Text,
    /// How bad a finding is.
    pub severity: Severity,
    /// How sure the rule is that a finding is true.
    #[serde(default = "high")]
    pub confidence: Confidence,
    /// One line that says what the rule finds.
    pub summary: Text,
    /// The version of dnslint that introduced the rule.
    #[serde(default)]
    pub since: Option<Text>,
    /// The view kind whose subjects the rule looks at.
    pub on: Text,
    /// CEL over `subject`: which subjects are bad.
    #[serde(default)]
    pub when: Option<Text>,
    /// A path (or several) to lists of the subject: one finding per element, which is bound to `item`.
    #[serde(default)]
    pub each: Several<Text>,
    /// CEL over `item` and `subject`: which items are bad.
    #[serde(default, rename = "where")]
    pub filter: Option<Text>,
    /// Other severities in some circumstances; the first whose `when` holds wins.
    #[serde(default)]
    pub escalate: Vec<EscalationEntry>,
    /// One sentence that is true of this input.
    pub message: Text,
    /// The places that show it, in evidence order; exactly one is primary (the first where none says so).
    #[serde(default)]
    pub labels: Vec<LabelEntry>,
    /// Further true sentences.
    #[serde(default)]
    pub notes: Several<Conditional>,
    /// What to do about it.
    #[serde(default)]
    pub help: Several<Conditional>,
    /// Why it is a problem, for `dnslint explain` (Markdown).
    pub why: Text,
    /// Documentation of the behaviour: man pages, upstream source, issues.
    #[serde(default)]
    pub references: Vec<Text>,
    /// Ways to mend it, best first.
    #[serde(default)]
    pub fix: Several<FixEntry>,
    /// Inputs without which the rule cannot decide and stays silent; named in the coverage summary.
    #[serde(default)]
    pub needs: Several<Text>,
    /// Thresholds and lists that `dnslint.toml` may override: `name: default`, or `name: {default: …, doc: …}`. The
    /// default gives the type; an empty list is one of texts.
    #[serde(default)]
    pub params: BTreeMap<String, Param>,
    /// Whether many subjects with the same finding are reported as one (default: for pods, kubelets, units and resolver files).
    #[serde(default)]
    pub fold: Option<bool>,
    /// Samples; a rule without them has the folder `testdata/rules/<id>/`.
    #[serde(default)]
    pub tests: Option<Samples>,
}

const fn high() -> Confidence {
    Confidence::High
}

/// Another severity under a condition.
#[derive(Clone, Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EscalationEntry {
    /// CEL.
    pub when: Text,
    /// The severity then.
    #[serde(default)]
    pub severity: Option<Severity>,
    /// The confidence then.
    #[serde(default)]
    pub confidence: Option<Confidence>,
}

/// A place to mark.
#[derive(Clone, Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelEntry {
    /// Path from `item` or `subject`. A list gives one label per element, bound to `it` and counted by `index`.
    pub at: Text,
    /// Whether this is the place to edit.
    #[serde(default)]
    pub primary: bool,
    /// A few words (template); a label whose text comes out empty is only marked.
    #[serde(default)]
    pub text: Option<Text>,
    /// CEL (over `it` too): leave the label out where this is false.
    #[serde(default, rename = "if")]
    pub condition: Option<Text>,
}

/// A text that may stand under a condition: `text` or `{if: CEL, text: …}`.
#[derive(Clone, Debug)]
pub struct Conditional {
    /// CEL.
    pub condition: Option<Text>,
    /// Template.
    pub text: Text,
}

/// A fix: which builder makes the edits, and how safe they are.
#[derive(Clone, Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FixEntry {
    /// Name of the builder.
    #[serde(rename = "use")]
    pub builder: Text,
    /// Path to what is edited (default: the primary label's).
    #[serde(default)]
    pub at: Option<Text>,
    /// How safe applying it is.
    #[serde(default = "not_safe")]
    pub safety: Applicability,
    /// What applying it does, as an imperative sentence (template).
    pub title: Text,
    /// CEL: offer the fix only where this holds.
    #[serde(default, rename = "if")]
    pub condition: Option<Text>,
    /// Arguments of the builder; texts are templates.
    #[serde(default, rename = "with")]
    pub arguments: BTreeMap<String, Text>,
}

const fn not_safe() -> Applicability {
    Applicability::Unsafe
}

/// A parameter: its default, and what it means.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// The value unless `dnslint.toml` gives another one of the same type.
    pub default: serde_json::Value,
    /// What it means.
    pub doc: Option<String>,
}

impl<'de> Deserialize<'de> for Param {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let declared = value.as_object().filter(|map| map.len() == 2);
        let declared =
            declared.and_then(|map| Some((map.get("default")?.clone(), map.get("doc")?.as_str()?.to_owned())));
        Ok(match declared {
            Some((default, doc)) => Self { default, doc: Some(doc) },
            None => Self { default: value, doc: None },
        })
    }
}

impl JsonSchema for Param {
    fn schema_name() -> Cow<'static, str> {
        "Param".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        json_schema!({
            "description": "A default, or a default with its meaning; the default gives the type.",
            "anyOf": [
                {
                    "type": "object",
                    "properties": {"default": true, "doc": {"type": "string"}},
                    "required": ["default", "doc"],
                    "additionalProperties": false
                },
                {"not": {"type": "null"}}
            ]
        })
    }
}

/// Samples that stand in the rule file itself.
#[derive(Clone, Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Samples {
    /// Inputs in which the rule must find something.
    #[serde(default)]
    pub bad: Vec<Sample>,
    /// Near misses in which it must find nothing.
    #[serde(default)]
    pub good: Vec<Sample>,
}

/// A small input.
#[derive(Clone, Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// What the sample shows.
    pub name: String,
    /// Paths and texts of its files.
    pub files: BTreeMap<String, String>,
}

/// Something that is written as one entry or as a list of them.
#[derive(Clone, Debug)]
pub struct Several<T>(pub Vec<T>);

impl<T> Default for Several<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// An entry that may be written as a plain scalar, as a mapping, or as either.
trait Entry: Sized {
    /// What is said where neither form fits.
    const EXPECTED: &'static str;
    /// The entry for a scalar, if there is such a form.
    fn from_scalar(text: Text) -> Option<Self>;
    /// The entry for a mapping.
    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error>;
}

impl Entry for Text {
    const EXPECTED: &'static str = "a text";
    fn from_scalar(text: Text) -> Option<Self> {
        Some(text)
    }
    fn from_map<'de, A: MapAccess<'de>>(_: A) -> Result<Self, A::Error> {
        Err(de::Error::custom("expected a text, found a mapping"))
    }
}

impl Entry for Conditional {
    const EXPECTED: &'static str = "a text, or a mapping with if and text";
    fn from_scalar(text: Text) -> Option<Self> {
        Some(Self { condition: None, text })
    }
    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        let written = ConditionalMap::deserialize(de::value::MapAccessDeserializer::new(map))?;
        Ok(Self { condition: Some(written.condition), text: written.text })
    }
}

impl Entry for FixEntry {
    const EXPECTED: &'static str = "a mapping with use, safety and title";
    fn from_scalar(_: Text) -> Option<Self> {
        None
    }
    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        Self::deserialize(de::value::MapAccessDeserializer::new(map))
    }
}

/// What a short form can look like before its place is known.
enum Raw<T> {
    Scalar(String),
    One(T),
    Many(Vec<T>),
}

struct RawVisitor<T> {
    list: bool,
    entry: PhantomData<T>,
}

impl<'de, T: Deserialize<'de> + Entry> Visitor<'de> for RawVisitor<T> {
    type Value = Raw<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)?;
        if self.list { f.write_str(" (or a list)") } else { Ok(()) }
    }
    fn visit_str<E: de::Error>(self, value: &str) -> Result<Raw<T>, E> {
        Ok(Raw::Scalar(value.to_owned()))
    }
    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Raw<T>, E> {
        Ok(Raw::Scalar(value.to_string()))
    }
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Raw<T>, E> {
        Ok(Raw::Scalar(value.to_string()))
    }
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Raw<T>, E> {
        Ok(Raw::Scalar(value.to_string()))
    }
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Raw<T>, E> {
        Ok(Raw::Scalar(value.to_string()))
    }
    fn visit_unit<E: de::Error>(self) -> Result<Raw<T>, E> {
        Ok(Raw::Many(Vec::new()))
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Raw<T>, A::Error> {
        T::from_map(map).map(Raw::One)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw<T>, A::Error> {
        if !self.list {
            return Err(de::Error::invalid_type(de::Unexpected::Seq, &self));
        }
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::Many(items))
    }
}

struct RawList<T>(Raw<T>);
struct RawEntry<T>(Raw<T>);

impl<'de, T: Deserialize<'de> + Entry> Deserialize<'de> for RawList<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor { list: true, entry: PhantomData }).map(Self)
    }
}

impl<'de, T: Deserialize<'de> + Entry> Deserialize<'de> for RawEntry<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor { list: false, entry: PhantomData }).map(Self)
    }
}

impl<T: Entry> Raw<T> {
    fn entries<E: de::Error>(self, span: Span) -> Result<Vec<T>, E> {
        match self {
            Self::Many(items) => Ok(items),
            Self::One(item) => Ok(vec![item]),
            Self::Scalar(value) => T::from_scalar(Text { value, span })
                .map(|item| vec![item])
                .ok_or_else(|| E::custom(format!("expected {}", T::EXPECTED))),
        }
    }
}

impl<'de, T: Deserialize<'de> + Entry> Deserialize<'de> for Several<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = serde_saphyr::Spanned::<RawList<T>>::deserialize(deserializer)?;
        spanned.value.0.entries(span_of(&spanned.referenced)).map(Self)
    }
}

#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ConditionalMap {
    /// CEL: leave the text out where this is false.
    #[serde(rename = "if")]
    condition: Text,
    /// Template.
    text: Text,
}

impl<'de> Deserialize<'de> for Conditional {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = serde_saphyr::Spanned::<RawEntry<Self>>::deserialize(deserializer)?;
        let entries = spanned.value.0.entries(span_of(&spanned.referenced))?;
        entries.into_iter().next().ok_or_else(|| de::Error::custom(format!("expected {}", Self::EXPECTED)))
    }
}

impl JsonSchema for Conditional {
    fn schema_name() -> Cow<'static, str> {
        "Conditional".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let map = generator.subschema_for::<ConditionalMap>();
        json_schema!({ "anyOf": [{ "type": "string" }, map] })
    }
}

impl<T: JsonSchema> JsonSchema for Several<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Several_{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_forms_keep_their_places() {
        let file = "id: a\ngroup: g\nseverity: error\nsummary: s\non: toy\nmessage: m\nwhy: w\neach: subject.x\nhelp: {if: a, text: b}\nnotes:\n- one\n- {if: subject.y, text: two}\nneeds: [k, l]\nfix: {use: f, title: t, with: {n: 3}}\n";
        let rule: RuleFile = serde_saphyr::from_str(file).unwrap();
        let texts = |texts: &[Text]| texts.iter().map(|t| t.span.text(file).to_owned()).collect::<Vec<_>>();
        assert_eq!(texts(&rule.each.0), ["subject.x"]);
        assert_eq!(texts(&rule.needs.0), ["k", "l"]);
        assert_eq!(rule.help.0[0].condition.as_ref().unwrap().span.text(file), "a");
        assert_eq!(rule.notes.0[0].text.span.text(file), "one");
        assert_eq!(rule.notes.0[1].condition.as_ref().unwrap().span.text(file), "subject.y");
        assert_eq!(rule.fix.0[0].arguments["n"].value, "3");
        assert_eq!(rule.fix.0[0].safety, Applicability::Unsafe);
    }
}
