//! `dnslint.toml`: the long flags of `check` as keys, and `[rules.<id>]` for single rules.

use super::disk;
use super::engine::RuleSettings;
use super::nearest::hint;
use super::values::{Distribution, FailOn, ProxyMode, version};
use crate::diagnostic::{Confidence, Diagnostic, MemoryFiles, Severity};
use crate::report::Format;
use crate::source::{FileId, Location, Span, Spanned};
use clap::ValueEnum;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// Names of the file, in the order of preference within one directory.
pub const NAMES: [&str; 2] = ["dnslint.toml", ".dnslint.toml"];

/// Rule id of what is wrong with a configuration.
const INVALID: &str = "invalid-config";

/// Keys of the top level; all but `rules` and `rule-dirs` (the flag `--rules`) are long flags.
pub(super) const KEYS: [&str; 16] = [
    "assume",
    "baseline",
    "coredns-version",
    "extend-select",
    "fail-on",
    "ignore",
    "k8s-version",
    "min-confidence",
    "min-severity",
    "no-ignores",
    "output-format",
    "proxy-mode",
    "rule-dirs",
    "rules",
    "select",
    "strict",
];

/// Keys of `[rules.<id>]`.
const RULE_KEYS: [&str; 3] = ["enabled", "params", "severity"];

/// Most levels of `params` below a rule.
const MAX_PARAM_DEPTH: usize = 8;

/// A configuration; what is `None` or empty was not said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// `output-format`.
    pub output_format: Option<Format>,
    /// `select`.
    pub select: Vec<Spanned<String>>,
    /// `extend-select`.
    pub extend_select: Vec<Spanned<String>>,
    /// `ignore`.
    pub ignore: Vec<Spanned<String>>,
    /// `min-severity`.
    pub min_severity: Option<Severity>,
    /// `min-confidence`.
    pub min_confidence: Option<Confidence>,
    /// `fail-on`.
    pub fail_on: Option<FailOn>,
    /// `rule-dirs`, against the directory of the file.
    pub rule_dirs: Vec<PathBuf>,
    /// `assume`.
    pub assume: Option<Distribution>,
    /// `k8s-version`.
    pub k8s_version: Option<String>,
    /// `coredns-version`.
    pub coredns_version: Option<String>,
    /// `proxy-mode`.
    pub proxy_mode: Option<ProxyMode>,
    /// `strict`.
    pub strict: bool,
    /// `no-ignores`.
    pub no_ignores: bool,
    /// `baseline`, against the directory of the file.
    pub baseline: Option<PathBuf>,
    /// `[rules.<id>]`, with the place of the id.
    pub rules: BTreeMap<String, (Span, RuleSettings)>,
    /// The places of parameters, by rule and name.
    pub param_spans: BTreeMap<(String, String), Span>,
}

/// A configuration file that was read, with what is wrong with it.
pub struct Loaded {
    /// Where the file is.
    pub path: PathBuf,
    /// What it says, as far as it could be understood.
    pub config: Config,
    /// The file, for diagnostics; its id is 0.
    pub files: MemoryFiles,
    /// What is wrong.
    pub errors: Vec<Diagnostic>,
}

impl Loaded {
    /// Adds an error at a place of the file.
    pub fn error(&mut self, span: Span, message: String) {
        self.errors.push(error(span, message));
    }
}

fn error(span: Span, message: String) -> Diagnostic {
    Diagnostic::new(INVALID, Severity::Error, message, Location::new(FileId(0), span))
}

/// Reads and checks a configuration file.
///
/// # Errors
/// A sentence with the path, where the file cannot be read at all.
pub fn load(path: &Path) -> Result<Loaded, String> {
    let text = disk::read(path).map_err(|why| format!("configuration {}: {why}", path.display()))?;
    let shown = path.to_string_lossy().into_owned();
    Ok(Loaded { path: path.to_owned(), ..parse(&shown, &text, path.parent().unwrap_or(Path::new(""))) })
}

/// Checks the text of a configuration file; `dir` is what its paths are relative to.
#[must_use]
pub fn parse(path: &str, text: &str, dir: &Path) -> Loaded {
    let mut files = MemoryFiles::new();
    files.add(path, text);
    let mut reader = Reader { dir, errors: Vec::new() };
    let mut config = Config::default();
    match DeTable::parse(text) {
        Ok(table) => reader.top(table.get_ref(), &mut config),
        Err(e) => {
            let span = e.span().map_or(Span::new(0, 0), |s| Span::new(s.start, s.end));
            reader.errors.push(error(span, format!("not TOML: {}", e.message().replace('\n', ", "))));
        }
    }
    reader.errors.sort_by_key(|e| e.primary().span);
    Loaded { path: PathBuf::from(path), config, files, errors: reader.errors }
}

type Value<'t> = toml::Spanned<DeValue<'t>>;

fn span<T>(value: &toml::Spanned<T>) -> Span {
    let range = value.span();
    Span::new(range.start, range.end)
}

/// Reads values and collects what is wrong with them.
struct Reader<'d> {
    dir: &'d Path,
    errors: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn top(&mut self, table: &DeTable<'_>, config: &mut Config) {
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "output-format" => config.output_format = self.word(value),
                "select" => config.select = self.list(value),
                "extend-select" => config.extend_select = self.list(value),
                "ignore" => config.ignore = self.list(value),
                "min-severity" => config.min_severity = self.word(value),
                "min-confidence" => config.min_confidence = self.word(value),
                "fail-on" => config.fail_on = self.word(value),
                "rule-dirs" => config.rule_dirs = self.list(value).iter().map(|d| self.dir.join(&d.value)).collect(),
                "assume" => config.assume = self.word(value),
                "k8s-version" => config.k8s_version = self.version(value),
                "coredns-version" => config.coredns_version = self.version(value),
                "proxy-mode" => config.proxy_mode = self.word(value),
                "strict" => config.strict = self.boolean(value).unwrap_or(false),
                "no-ignores" => config.no_ignores = self.boolean(value).unwrap_or(false),
                "baseline" => config.baseline = self.string(value).map(|file| self.dir.join(file)),
                "rules" => self.rules(value, config),
                other => self.unknown(key, other, KEYS.into_iter()),
            }
        }
    }

    fn unknown(&mut self, key: &toml::Spanned<impl Sized>, name: &str, known: impl Iterator<Item = &'static str>) {
        self.errors.push(error(span(key), format!("unknown key `{name}`{}", hint(name, known))));
    }

    fn wrong(&mut self, value: &Value<'_>, wanted: &str) {
        let found = match value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        self.errors.push(error(span(value), format!("expected {wanted}, found {found}")));
    }

    fn string(&mut self, value: &Value<'_>) -> Option<String> {
        if let DeValue::String(text) = value.get_ref() {
            return Some(text.to_string());
        }
        self.wrong(value, "a string");
        None
    }

    fn boolean(&mut self, value: &Value<'_>) -> Option<bool> {
        if let DeValue::Boolean(value) = value.get_ref() {
            return Some(*value);
        }
        self.wrong(value, "true or false");
        None
    }

    fn list(&mut self, value: &Value<'_>) -> Vec<Spanned<String>> {
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(value, "an array of strings");
            return Vec::new();
        };
        items.iter().filter_map(|item| self.string(item).map(|text| Spanned::new(text, span(item)))).collect()
    }

    fn word<T: ValueEnum>(&mut self, value: &Value<'_>) -> Option<T> {
        let text = self.string(value)?;
        if let Ok(word) = T::from_str(&text, false) {
            return Some(word);
        }
        let values: Vec<_> = T::value_variants().iter().filter_map(ValueEnum::to_possible_value).collect();
        let names: Vec<&str> = values.iter().map(clap::builder::PossibleValue::get_name).collect();
        let message = format!("expected one of {}, found `{text}`{}", names.join(", "), hint(&text, names.clone()));
        self.errors.push(error(span(value), message));
        None
    }

    fn version(&mut self, value: &Value<'_>) -> Option<String> {
        let text = self.string(value)?;
        version(&text).map_err(|message| self.errors.push(error(span(value), message))).ok()
    }

    fn rules(&mut self, value: &Value<'_>, config: &mut Config) {
        let DeValue::Table(table) = value.get_ref() else {
            self.wrong(value, "tables `[rules.<id>]` (directories with rules go into `rule-dirs`)");
            return;
        };
        for (id, value) in table {
            let DeValue::Table(keys) = value.get_ref() else {
                self.wrong(value, "a table");
                continue;
            };
            let settings = self.rule(keys);
            if let Some(DeValue::Table(params)) = keys.get("params").map(toml::Spanned::get_ref) {
                let place = |(name, _): (&toml::Spanned<_>, _)| {
                    let name: &toml::Spanned<std::borrow::Cow<'_, str>> = name;
                    ((id.get_ref().to_string(), name.get_ref().to_string()), span(name))
                };
                config.param_spans.extend(params.iter().map(place));
            }
            config.rules.insert(id.get_ref().to_string(), (span(id), settings));
        }
    }

    fn rule(&mut self, table: &DeTable<'_>) -> RuleSettings {
        let mut settings = RuleSettings::default();
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("severity", _) => settings.severity = self.word(value),
                ("enabled", _) => settings.enabled = self.boolean(value),
                ("params", DeValue::Table(params)) => {
                    for (name, value) in params {
                        let value = self.param(value, 0);
                        settings.params.insert(name.get_ref().to_string(), value);
                    }
                }
                ("params", _) => self.wrong(value, "a table"),
                (other, _) => self.unknown(key, other, RULE_KEYS.into_iter()),
            }
        }
        settings
    }

    fn param(&mut self, value: &Value<'_>, depth: usize) -> serde_json::Value {
        use serde_json::Value as Json;
        if depth >= MAX_PARAM_DEPTH {
            self.errors.push(error(span(value), format!("nested deeper than {MAX_PARAM_DEPTH} levels")));
            return Json::Null;
        }
        match value.get_ref() {
            DeValue::String(text) => Json::from(text.as_ref()),
            DeValue::Boolean(value) => Json::from(*value),
            DeValue::Integer(number) => {
                let parsed = i64::from_str_radix(number.as_str(), number.radix());
                parsed.map_or_else(
                    |_| {
                        self.errors.push(error(span(value), "number out of range".to_owned()));
                        Json::Null
                    },
                    Json::from,
                )
            }
            DeValue::Float(number) => number.as_str().parse::<f64>().map_or(Json::Null, Json::from),
            DeValue::Datetime(date) => Json::from(date.to_string()),
            DeValue::Array(items) => items.iter().map(|item| self.param(item, depth + 1)).collect(),
            DeValue::Table(table) => {
                table.iter().map(|(k, v)| (k.get_ref().to_string(), self.param(v, depth + 1))).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Files as _;

    fn errors(text: &str) -> Vec<String> {
        let loaded = parse("dnslint.toml", text, Path::new(""));
        let show = |e: &Diagnostic| {
            let p = loaded.files.position(FileId(0), e.primary().span.start);
            format!("{}:{} {}", p.line, p.column, e.message)
        };
        loaded.errors.iter().map(show).collect()
    }

    #[test]
    fn every_key_is_read() {
        let text = "output-format = 'json'\nselect = ['coredns', 'x']\nextend-select = ['y']\nignore = ['z']\n\
                    min-severity = 'warning'\nmin-confidence = 'medium'\nfail-on = 'never'\nrule-dirs = ['r']\n\
                    assume = 'k3s'\nk8s-version = 'v1.32'\ncoredns-version = '1.12.0'\nproxy-mode = 'ipvs'\n\
                    strict = true\nno-ignores = true\nbaseline = 'b.json'\n\
                    [rules.x]\nseverity = 'info'\nenabled = false\nparams = { limit = 0x10, words = ['a'] }\n";
        let loaded = parse("dnslint.toml", text, Path::new("/repo"));
        assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
        let c = loaded.config;
        assert_eq!(c.output_format, Some(Format::Json));
        assert_eq!(c.select.iter().map(|s| s.value.as_str()).collect::<Vec<_>>(), ["coredns", "x"]);
        assert_eq!((c.extend_select.len(), c.ignore.len()), (1, 1));
        assert_eq!((c.min_severity, c.min_confidence), (Some(Severity::Warning), Some(Confidence::Medium)));
        assert_eq!((c.fail_on, c.assume), (Some(FailOn::Never), Some(Distribution::K3s)));
        assert_eq!((c.k8s_version.as_deref(), c.coredns_version.as_deref()), (Some("1.32"), Some("1.12.0")));
        assert_eq!((c.proxy_mode, c.strict, c.no_ignores), (Some(ProxyMode::Ipvs), true, true));
        assert_eq!(c.rule_dirs, [PathBuf::from("/repo/r")]);
        assert_eq!(c.baseline, Some(PathBuf::from("/repo/b.json")));
        let (_, rule) = &c.rules["x"];
        assert_eq!((rule.severity, rule.enabled), (Some(Severity::Info), Some(false)));
        assert_eq!(rule.params["limit"], 16);
        assert_eq!(rule.params["words"], serde_json::json!(["a"]));
    }

    #[test]
    fn errors_point_into_the_file_and_all_are_told() {
        let text = "fail_on = 'error'\nstrict = 'yes'\nassume = 'k3'\nselect = 'ALL'\nignore = [1]\n\
                    k8s-version = 'new'\n[rules.x]\nseverty = 'info'\n[rules]\ny = 1\n";
        let want = [
            "1:1 unknown key `fail_on` (did you mean `fail-on`?)",
            "2:10 expected true or false, found a string",
            "3:10 expected one of k3s, kubeadm, rke2, kubespray, found `k3` (did you mean `k3s`?)",
            "4:10 expected an array of strings, found a string",
            "5:11 expected a string, found a number",
            "6:15 expected a version such as 1.32 or v1.32.4",
            "8:1 unknown key `severty` (did you mean `severity`?)",
            "10:5 expected a table, found a number",
        ];
        assert_eq!(errors(text), want);
    }

    #[test]
    fn broken_toml_is_one_error_with_a_place() {
        let found = errors("strict = true\nselect = [\n");
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("3:1 not TOML: ") || found[0].starts_with("2:"), "{found:?}");
        let deep = format!("[rules.x.params]\na = {}1{}\n", "[".repeat(5000), "]".repeat(5000));
        assert!(!errors(&deep).is_empty());
    }
}
