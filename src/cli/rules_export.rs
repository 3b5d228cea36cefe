//! `dnslint rules export`: a rule for the API server.

use super::io::Io;
use super::nearest::hint;
use super::rule_files::{self, With};
use crate::lint::export::admission_policy;
use std::path::PathBuf;

const HELP: &str = "\
A rule on pods can be exported when everything that it looks at follows from the pod's specification: hostNetwork, dnsPolicy, \
dnsConfig. What cannot be exported is named, with its place in the rule. The policy judges Pods and the pod templates of \
workloads as Kubernetes 1.30 and newer evaluate it; errors are denied, warnings and infos give a warning.";

/// Arguments of `rules export`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct ExportArgs {
    /// The rule
    #[arg(value_name = "RULE")]
    rule: String,

    /// As a ValidatingAdmissionPolicy
    #[arg(long, required = true)]
    vap: bool,

    /// With the ValidatingAdmissionPolicyBinding that puts it into force everywhere
    #[arg(long)]
    binding: bool,

    /// Look for the rule in this directory or file too (repeatable)
    #[arg(long, value_name = "DIR_OR_FILE")]
    rules: Vec<PathBuf>,
}

/// Prints the policy.
///
/// # Errors
/// A rule that does not exist, a rule file that cannot be read, a failed write.
pub fn run(args: &ExportArgs, io: &mut Io<'_>) -> Result<u8, String> {
    let dirs = [rule_files::of_current_directory(), args.rules.clone()].concat();
    let mut loaded = rule_files::load(&dirs, With::BuiltIn)?;
    if !loaded.problems.is_empty() {
        return Ok(rule_files::report(&loaded, io));
    }
    let Some(rule) = loaded.rules.get(&args.rule) else {
        let known = loaded.rules.rules().iter().map(|rule| rule.id.as_str());
        return Err(format!("there is no rule `{}`{}", args.rule, hint(&args.rule, known)));
    };
    match admission_policy(&loaded.rules, rule) {
        Ok(policy) => {
            let mut text = policy.manifest();
            if args.binding {
                text.push_str("---\n");
                text.push_str(&policy.binding());
            }
            io.print(text.as_bytes()).map(|()| super::EXIT_CLEAN)
        }
        Err(problems) => {
            loaded.problems = problems;
            Ok(rule_files::report(&loaded, io))
        }
    }
}
