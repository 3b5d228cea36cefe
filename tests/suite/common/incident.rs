//! The recorded incidents: what each blames, and whether a finding stands there.

use dnslint::diagnostic::Diagnostic;
use dnslint::source::Snapshot;
use serde::Deserialize;
use std::fs;
use std::path::Path;

#[derive(Deserialize)]
pub struct Case {
    pub negative: bool,
    pub expect: Option<Expect>,
    #[serde(default)]
    pub tolerate: Vec<String>,
}

#[derive(Deserialize)]
pub struct Expect {
    pub rule: String,
    #[serde(default)]
    pub or: Vec<String>,
    pub at: Vec<Place>,
}

#[derive(Deserialize)]
pub struct Place {
    pub path: String,
    pub line: Option<String>,
    #[serde(default)]
    pub absent: bool,
}

impl Case {
    pub fn read(folder: &Path) -> Self {
        serde_saphyr::from_str(&fs::read_to_string(folder.join("case.yaml")).unwrap()).unwrap()
    }
}

impl Expect {
    /// Whether the finding is of a rule that names the cause.
    pub fn is_rule(&self, finding: &Diagnostic) -> bool {
        finding.rule == self.rule || self.or.contains(&finding.rule)
    }

    /// Whether the finding stands on a blamed line.
    pub fn is_at(&self, snapshot: &Snapshot, finding: &Diagnostic) -> bool {
        self.at.iter().any(|place| touches(snapshot, finding, place))
    }
}

fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether some label stands in the place's file and on a line that contains the blamed text (or lies within it).
fn touches(snapshot: &Snapshot, diagnostic: &Diagnostic, place: &Place) -> bool {
    let wanted = squeeze(place.line.as_deref().unwrap_or_default());
    diagnostic.labels.iter().any(|label| {
        let file = snapshot.file(label.location.file);
        let first = file.position(label.location.span.start).line;
        let last = file.position(label.location.span.end).line;
        file.path == place.path
            && (place.absent
                || wanted.is_empty()
                || file.text.lines().skip(first - 1).take(last - first + 1).any(|line| {
                    let line = squeeze(line);
                    !line.is_empty() && (line.contains(&wanted) || wanted.contains(&line))
                }))
    })
}
