//! The samples of the built-in rules: of each the smallest bad case and the good one that is nearest to it.

use super::rule::Rule;
use super::schema::Sample;

/// Name of a case, and path and text of its files.
type Case = (&'static str, &'static [(&'static str, &'static str)]);

/// Cases by rule id, bad ones first.
static SAMPLES: &[(&str, &[Case])] = include!(concat!(env!("OUT_DIR"), "/samples.rs"));

/// An input that a rule is shown on.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The rule finds something in it.
    pub is_bad: bool,
    /// Name and files.
    pub sample: Sample,
}

/// The samples to show for a rule: those of its file, else those that are built in for a built-in rule.
#[must_use]
pub fn samples(rule: &Rule) -> Vec<Shown> {
    let shown = |is_bad: bool, sample: Option<&Sample>| sample.map(|s| Shown { is_bad, sample: s.clone() });
    if let Some(own) = &rule.samples {
        return shown(true, own.bad.first()).into_iter().chain(shown(false, own.good.first())).collect();
    }
    if !rule.is_builtin {
        return Vec::new();
    }
    let found = SAMPLES.iter().find(|(id, _)| *id == rule.id).map_or(&[][..], |(_, cases)| *cases);
    found.iter().map(built_in).collect()
}

fn built_in((name, files): &Case) -> Shown {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    Shown { is_bad: name.starts_with("bad-"), sample: Sample { name: (*name).to_owned(), files } }
}
