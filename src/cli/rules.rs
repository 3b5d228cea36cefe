//! `dnslint rules`: what rules there are.

use super::engine::Engine;
use super::io::Io;
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
    /// List every rule with its group, severity and summary
    List(ListArgs),
    /// Print the JSON Schema of rule files
    Schema,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Further rules from this directory or file
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand.
///
/// # Errors
/// A rule file with a mistake, or a failed write.
pub fn run(args: &RulesArgs, engine: &dyn Engine, io: &mut Io<'_>) -> Result<u8, String> {
    let text = match &args.command {
        RulesCommand::List(list) => listing(list, engine)?,
        RulesCommand::Schema => {
            let schema = crate::lint::schema::rule_file_schema();
            serde_json::to_string_pretty(&schema).map_err(|e| e.to_string())? + "\n"
        }
    };
    io.print(text.as_bytes())?;
    Ok(super::EXIT_CLEAN)
}

fn listing(args: &ListArgs, engine: &dyn Engine) -> Result<String, String> {
    let catalogue = engine.catalogue(&args.rules);
    if let Some(problem) = catalogue.problems.first() {
        return Err(format!("{}: {}", problem.path, problem.message));
    }
    let severity = |rule: &crate::report::RuleInfo| rule.severity.map_or("", |s| s.as_str());
    if args.json {
        let list: Vec<_> = catalogue
            .rules
            .iter()
            .map(|rule| {
                serde_json::json!({
                    "id": rule.id, "group": rule.group, "severity": severity(rule), "summary": rule.summary, "url": rule.url,
                })
            })
            .collect();
        return serde_json::to_string_pretty(&list).map(|text| text + "\n").map_err(|e| e.to_string());
    }
    let width = catalogue.rules.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    let mut text = String::new();
    for rule in &catalogue.rules {
        let _ = writeln!(text, "{:width$}  {:10} {:7}  {}", rule.id, rule.group, severity(rule), rule.summary);
    }
    Ok(text)
}
