//! `dnslint rules`: what rules there are, what a rule file may say, whether rules do what their samples say.

use super::engine;
use super::io::Io;
use super::nearest::hint;
use super::rule_files::{self, With};
use super::rules_export;
use super::rules_test::{self, TestArgs};
use super::values::TextFormat;
use crate::diagnostic::Severity;
use crate::lint::Rule;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Arguments of `rules`.
#[derive(Debug, clap::Args)]
pub struct RulesArgs {
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Debug, clap::Subcommand)]
enum RulesCommand {
    /// List rules with their group, severity and summary
    List(ListArgs),
    /// Run the samples of your rules
    Test(TestArgs),
    /// Print a rule on pods as a policy of the API server
    Export(rules_export::ExportArgs),
    /// Print the JSON Schema of rule files, for editors
    Schema,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Only these rules or groups
    #[arg(value_name = "RULE")]
    names: Vec<String>,

    /// Only rules of this severity
    #[arg(long, value_enum, value_name = "LEVEL")]
    severity: Option<Severity>,

    /// Only rules that look at this view, such as `pod`
    #[arg(long, value_name = "KIND")]
    on: Option<String>,

    /// Only rules that offer a fix
    #[arg(long)]
    fixable: bool,

    /// Only rules that are not dnslint's own
    #[arg(long)]
    user: bool,

    /// List the rules of this directory or file too (repeatable)
    #[arg(long, value_name = "DIR_OR_FILE")]
    rules: Vec<PathBuf>,

    /// How the list is written
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    output_format: TextFormat,
}

/// Runs the subcommand.
///
/// # Errors
/// A rule file that cannot be read, a name that does not exist, or a failed write.
pub fn run(args: &RulesArgs, io: &mut Io<'_>) -> Result<u8, String> {
    match &args.command {
        RulesCommand::List(list) => listing(list, io),
        RulesCommand::Test(test) => rules_test::run(test, io),
        RulesCommand::Export(export) => rules_export::run(export, io),
        RulesCommand::Schema => {
            let schemas = crate::analysis::collect::schemas();
            let schema = crate::lint::editor::rule_file_schema(&schemas);
            io.print(engine::pretty(&schema)?.as_bytes()).map(|()| super::EXIT_CLEAN)
        }
    }
}

fn listing(args: &ListArgs, io: &mut Io<'_>) -> Result<u8, String> {
    let dirs = [rule_files::of_current_directory(), args.rules.clone()].concat();
    let loaded = rule_files::load(&dirs, With::BuiltIn)?;
    if !loaded.problems.is_empty() {
        return Ok(rule_files::report(&loaded, io));
    }
    let rules = loaded.rules.rules();
    for name in &args.names {
        if !rules.iter().any(|rule| rule.id == *name || rule.group == *name) {
            let words = rules.iter().flat_map(|rule| [rule.id.as_str(), rule.group.as_str()]);
            return Err(format!("there is no rule or group `{name}`{}", hint(name, words)));
        }
    }
    let kinds = engine::view_kinds();
    if let Some(kind) = args.on.as_deref().filter(|kind| !kinds.contains(kind)) {
        return Err(format!("there is no view `{kind}`{}", hint(kind, kinds)));
    }
    let list: Vec<&Rule> = rules.iter().filter(|rule| args.wants(rule)).collect();
    let text = match args.output_format {
        TextFormat::Text if list.is_empty() => "no rule fits\n".to_owned(),
        TextFormat::Json => engine::pretty(&list.iter().map(|rule| entry(rule)).collect::<Vec<_>>())?,
        TextFormat::Text => table(&list),
    };
    io.print(text.as_bytes())?;
    Ok(super::EXIT_CLEAN)
}

impl ListArgs {
    fn wants(&self, rule: &Rule) -> bool {
        (self.names.is_empty() || self.names.iter().any(|name| rule.id == *name || rule.group == *name))
            && self.severity.is_none_or(|severity| rule.severity == severity)
            && self.on.as_ref().is_none_or(|on| rule.on == *on)
            && (!self.fixable || rule.fixable.is_some())
            && (!self.user || !rule.is_builtin)
    }
}

fn entry(rule: &Rule) -> serde_json::Value {
    serde_json::json!({
        "id": rule.id,
        "group": rule.group,
        "severity": rule.severity,
        "confidence": rule.confidence,
        "summary": rule.summary,
        "on": rule.on,
        "fixable": rule.fixable,
        "needs": rule.needs,
        "params": rule.params,
        "references": rule.references,
        "builtin": rule.is_builtin,
    })
}

fn table(list: &[&Rule]) -> String {
    let width = list.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    let group = list.iter().map(|rule| rule.group.len()).max().unwrap_or(0);
    let mut text = String::new();
    for rule in list {
        let severity = rule.severity.as_str();
        let _ = writeln!(text, "{:width$}  {:group$}  {severity:7}  {}", rule.id, rule.group, rule.summary);
    }
    crate::report::sanitize(&text) + "\n"
}
