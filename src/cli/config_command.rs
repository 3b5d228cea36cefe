//! `dnslint config`: which configuration applies, what it may say, and a first one.

use super::config::{self, Config};
use super::disk;
use super::engine::{self, BuiltIn, Engine as _};
use super::io::Io;
use super::rule_files;
use super::values::{Distribution, FailOn, ProxyMode, word};
use super::{EXIT_CLEAN, EXIT_ERROR};
use crate::diagnostic::{Confidence, Severity, sort};
use crate::report::{Format, Report, ReportOptions, Summary, render, sanitize};
use clap::ValueEnum;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

/// What `config init` writes.
const FIRST: &str = include_str!("dnslint.toml");

/// Arguments of `config`.
#[derive(Debug, clap::Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, clap::Subcommand)]
enum ConfigCommand {
    /// Print the configuration that applies to a path, checked
    Show(ShowArgs),
    /// Print the JSON Schema of dnslint.toml, for editors
    Schema,
    /// Write a dnslint.toml with every key, commented out
    Init(InitArgs),
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// The path whose configuration is looked for, upward to the repository's root
    #[arg(value_name = "PATH", default_value = ".")]
    path: PathBuf,
}

#[derive(Debug, clap::Args)]
struct InitArgs {
    /// The directory that gets the file
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

/// Runs the subcommand.
///
/// # Errors
/// A file that cannot be read or written.
pub fn run(args: &ConfigArgs, io: &mut Io<'_>) -> Result<u8, String> {
    match &args.command {
        ConfigCommand::Show(show) => self::show(show, io),
        ConfigCommand::Schema => io.print(engine::pretty(&schema()?)?.as_bytes()).map(|()| EXIT_CLEAN),
        ConfigCommand::Init(init) => {
            for name in config::NAMES {
                let path = init.dir.join(name);
                if disk::missing(&path).is_none() {
                    return Err(format!("{} exists already", path.display()));
                }
            }
            let path = init.dir.join("dnslint.toml");
            disk::write(&path, FIRST)?;
            io.print(format!("wrote {}\n", sanitize(&path.to_string_lossy())).as_bytes()).map(|()| EXIT_CLEAN)
        }
    }
}

fn show(args: &ShowArgs, io: &mut Io<'_>) -> Result<u8, String> {
    let Some(start) = disk::search_start(&args.path).filter(|_| disk::missing(&args.path).is_none()) else {
        return Err(format!("cannot read {}", args.path.display()));
    };
    let found = disk::find_upward(&start, &config::NAMES);
    let mut loaded = found.as_deref().map(config::load).transpose()?;
    let own = rule_files::own_directory(found.as_deref(), &args.path);
    let named = loaded.as_ref().map(|l| l.config.rule_dirs.clone()).unwrap_or_default();
    let dirs: Vec<PathBuf> = own.iter().cloned().chain(named).collect();
    let catalogue = BuiltIn.catalogue(&dirs)?;
    if let Some(loaded) = &mut loaded {
        super::check::check_names(loaded, &catalogue);
    }
    let (errors, files) = match &mut loaded {
        Some(loaded) if catalogue.problems.is_empty() => (loaded.errors.clone(), &loaded.files),
        _ => (catalogue.problems.clone(), &catalogue.files),
    };
    if !errors.is_empty() {
        let mut errors = errors;
        sort(&mut errors, files);
        let summary = Summary::default();
        let report = Report { diagnostics: &errors, files, summary: &summary, rules: &[] };
        io.message(&render(Format::Full, &report, &ReportOptions { quiet: true, ..ReportOptions::default() }));
        return Ok(EXIT_ERROR);
    }
    let shown = |path: &std::path::Path| sanitize(&path.to_string_lossy().replace('\n', " "));
    let mut text = match &found {
        Some(path) => format!("# {}\n", shown(path)),
        None => "# no dnslint.toml here: the defaults apply\n".to_owned(),
    };
    if let Some(own) = own {
        let _ = writeln!(text, "# rules in {} are loaded", shown(&own));
    }
    text.push_str(&(sanitize(&toml(&loaded.map(|l| l.config).unwrap_or_default())) + "\n"));
    io.print(text.as_bytes()).map(|()| EXIT_CLEAN)
}

/// A string, list or table as TOML writes it in one line.
fn value(value: &Json) -> String {
    match value {
        Json::Array(items) => format!("[{}]", items.iter().map(self::value).collect::<Vec<_>>().join(", ")),
        Json::Object(map) => {
            let entry = |(key, value): (&String, &Json)| format!("{} = {}", key_of(key), self::value(value));
            format!("{{ {} }}", map.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        // JSON escapes what TOML's basic strings escape, in the same way.
        other => other.to_string(),
    }
}

/// A bare key where TOML allows it.
fn key_of(key: &str) -> String {
    let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if bare { key.to_owned() } else { json!(key).to_string() }
}

/// The effective settings, defaults included where they have a word.
fn toml(config: &Config) -> String {
    let list = |items: &[crate::source::Spanned<String>]| json!(items.iter().map(|s| &s.value).collect::<Vec<_>>());
    let mut keys: BTreeMap<&str, Json> = BTreeMap::new();
    keys.insert("output-format", json!(config.output_format.unwrap_or(Format::Full).as_str()));
    keys.insert("fail-on", json!(word(config.fail_on.unwrap_or(FailOn::Warning))));
    keys.insert("min-severity", json!(config.min_severity.unwrap_or(Severity::Info).as_str()));
    keys.insert("min-confidence", json!(config.min_confidence.unwrap_or(Confidence::Low).as_str()));
    keys.insert("strict", json!(config.strict));
    keys.insert("no-ignores", json!(config.no_ignores));
    let select = list(&config.select);
    keys.insert("select", if config.select.is_empty() { json!([crate::lint::ALL]) } else { select });
    keys.insert("extend-select", list(&config.extend_select));
    keys.insert("ignore", list(&config.ignore));
    keys.insert("rule-dirs", json!(config.rule_dirs.iter().map(|d| d.to_string_lossy()).collect::<Vec<_>>()));
    let words = [
        ("assume", config.assume.map(word)),
        ("proxy-mode", config.proxy_mode.map(word)),
        ("k8s-version", config.k8s_version.clone()),
        ("coredns-version", config.coredns_version.clone()),
        ("baseline", config.baseline.as_ref().map(|b| b.to_string_lossy().into_owned())),
    ];
    keys.extend(words.into_iter().filter_map(|(key, said)| Some((key, json!(said?)))));
    let mut text: String = keys.iter().map(|(key, said)| format!("{key} = {}\n", value(said))).collect();
    for (id, (_, settings)) in &config.rules {
        let _ = writeln!(text, "\n[rules.{}]", key_of(id));
        if let Some(enabled) = settings.enabled {
            let _ = writeln!(text, "enabled = {enabled}");
        }
        if let Some(severity) = settings.severity {
            let _ = writeln!(text, "severity = {}", json!(severity.as_str()));
        }
        if !settings.params.is_empty() {
            let _ = writeln!(text, "params = {}", value(&json!(settings.params)));
        }
    }
    text
}

fn words<T: ValueEnum>() -> Json {
    let names = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    json!({"enum": names.map(|value| value.get_name().to_owned()).collect::<Vec<_>>()})
}

/// JSON Schema of the configuration; the rules in it are the ones of dnslint, and others are allowed.
fn schema() -> Result<Json, String> {
    let catalogue = BuiltIn.catalogue(&[])?;
    let names = || {
        let mut names: Vec<&str> = catalogue.rules.iter().flat_map(|r| [r.id.as_str(), r.group.as_str()]).collect();
        names.push(crate::lint::ALL);
        names.sort_unstable();
        names.dedup();
        json!({"type": "array", "items": {"anyOf": [{"enum": names}, {"type": "string"}]}})
    };
    let rules: BTreeMap<&str, Json> =
        catalogue.rules.iter().map(|r| (r.id.as_str(), rule_schema(&r.summary, catalogue.params.get(&r.id)))).collect();
    let text = json!({"type": "string"});
    Ok(json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dnslint.toml",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "assume": words::<Distribution>(),
            "baseline": text,
            "coredns-version": text,
            "extend-select": names(),
            "fail-on": words::<FailOn>(),
            "ignore": names(),
            "k8s-version": text,
            "min-confidence": words::<Confidence>(),
            "min-severity": words::<Severity>(),
            "no-ignores": {"type": "boolean"},
            "output-format": words::<Format>(),
            "proxy-mode": words::<ProxyMode>(),
            "rule-dirs": {"type": "array", "items": text},
            "rules": {
                "type": "object",
                "properties": rules,
                "additionalProperties": rule_schema("A rule of your own", None)
            },
            "select": names(),
            "strict": {"type": "boolean"}
        }
    }))
}

/// Schema of `[rules.<id>]`; without known parameters any are allowed.
fn rule_schema(summary: &str, params: Option<&BTreeMap<String, Json>>) -> Json {
    let known = params.map(|params| {
        let typed =
            |(name, default): (&String, &Json)| (name.clone(), json!({"type": kind(default), "default": default}));
        let properties: serde_json::Map<String, Json> = params.iter().map(typed).collect();
        json!({"type": "object", "properties": properties, "additionalProperties": false})
    });
    json!({
        "type": "object",
        "description": summary,
        "additionalProperties": false,
        "properties": {
            "enabled": {"type": "boolean"},
            "severity": words::<Severity>(),
            "params": known.unwrap_or_else(|| json!({"type": "object"}))
        }
    })
}

const fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn what_is_shown_can_be_read_back() {
        let text = "ignore = [\"pod\"]\nassume = \"k3s\"\n[rules.x]\nseverity = \"info\"\nparams = {a = [1, \"b\\u001b\"], \"c d\" = {e = true}}\n";
        let first = config::parse("dnslint.toml", text, Path::new("")).config;
        let again = config::parse("dnslint.toml", &toml(&first), Path::new(""));
        assert!(again.errors.is_empty(), "{:?}", again.errors);
        assert_eq!(again.config.rules["x"].1, first.rules["x"].1);
        assert_eq!((again.config.ignore.len(), again.config.assume), (1, first.assume));
    }

    /// The file that `config init` writes, with every setting switched on, is understood key by key.
    #[test]
    fn the_first_configuration_names_every_key() {
        let uncommented: String = FIRST.lines().map(|l| format!("{}\n", l.strip_prefix("#:").unwrap_or(l))).collect();
        let loaded = config::parse("dnslint.toml", &uncommented, Path::new(""));
        assert!(loaded.errors.is_empty(), "{:?}\n{uncommented}", loaded.errors);
        let schema = schema().unwrap();
        for key in schema["properties"].as_object().unwrap().keys().filter(|key| *key != "rules") {
            assert!(FIRST.contains(&format!("\n#:{key} = ")), "{key} is missing");
        }
        let plain = config::parse("dnslint.toml", FIRST, Path::new(""));
        assert!(plain.errors.is_empty() && plain.config == Config::default());
        assert!(config::KEYS.iter().all(|key| schema["properties"].get(key).is_some()));
    }
}
