//! The command line: one file a subcommand; the only room that prints, writes and exits.

mod baseline;
mod check;
mod completions;
pub mod config;
mod config_command;
mod disk;
pub mod engine;
pub mod explain;
mod facts;
mod fix;
mod fmt;
mod graph;
mod io;
mod nearest;
mod output;
mod render;
mod render_args;
mod replace;
mod resolv_conf;
mod rule_files;
mod rules;
mod rules_export;
mod rules_test;
mod select;
mod trace;
pub mod values;
mod version;

pub use io::{Env, Io};

use clap::{CommandFactory as _, Parser};
use engine::{BuiltIn, Engine};
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::process::ExitCode;

/// Nothing found at or above `--fail-on`.
pub const EXIT_CLEAN: u8 = 0;
/// Findings, or something would change.
pub const EXIT_FINDINGS: u8 = 1;
/// Usage, configuration, a PATH that does not exist, or unreadable input with `--strict`.
pub const EXIT_ERROR: u8 = 2;

/// The compiler and linter for the DNS of Kubernetes and k3s nodes.
///
/// Reads what decides name resolution on the nodes of a cluster (node files and manifests together), works out what
/// the kubelet, k3s, CoreDNS, the node cache, glibc and musl make of it, and reports what is or will be broken.
#[derive(Debug, Parser)]
#[command(name = "dnslint", version, arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Find what is wrong with the DNS of a cluster
    Check(Box<check::CheckArgs>),
    /// Print the facts that rules speak about, as JSON
    Facts(facts::FactsArgs),
    /// Predict /etc/resolv.conf of a pod, byte for byte
    ResolvConf(resolv_conf::ResolvConfArgs),
    /// Follow a name from a pod or node to the server that answers it
    Trace(trace::TraceArgs),
    /// Format Corefiles, in files of their own and inside ConfigMaps
    Fmt(fmt::FmtArgs),
    /// Draw who asks whom for which names: text, Mermaid, Graphviz, SVG or JSON
    Graph(Box<graph::GraphArgs>),
    /// Generate the node cache, resolver configuration and node settings that fit a cluster
    Render(Box<render::RenderArgs>),
    /// Say what a rule finds, why, and what to do about it
    #[command(visible_alias = "rule")]
    Explain(explain::ExplainArgs),
    /// List and test rules, and print the schema of rule files
    Rules(rules::RulesArgs),
    /// Show, describe or start the configuration
    Config(config_command::ConfigArgs),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
    /// Print the version
    Version(version::VersionArgs),
}

/// Runs the program with the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    let (stdin, stdout, stderr) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    let is_terminal = stdout.is_terminal();
    let env = |name: &str| std::env::var(name).ok();
    let mut io =
        Io { stdin: &mut stdin.lock(), stdout: &mut stdout.lock(), stderr: &mut stderr.lock(), is_terminal, env: &env };
    ExitCode::from(run(std::env::args_os(), &BuiltIn, &mut io))
}

/// Runs the program: arguments (the program's name first) in, exit code out.
#[must_use]
pub fn run(args: impl IntoIterator<Item = OsString>, engine: &dyn Engine, io: &mut Io<'_>) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, io),
    };
    let done = match &cli.command {
        Command::Check(args) => check::run(args, engine, io),
        Command::Facts(args) => facts::run(args, io),
        Command::ResolvConf(args) => resolv_conf::run(args, io),
        Command::Trace(args) => trace::run(args, io),
        Command::Fmt(args) => fmt::run(args, io),
        Command::Graph(args) => graph::run(args, io),
        Command::Render(args) => render::run(args, io),
        Command::Explain(args) => explain::run(args, io),
        Command::Rules(args) => rules::run(args, io),
        Command::Config(args) => config_command::run(args, io),
        Command::Completions(args) => io.print(&completions::script(args, &mut Cli::command())).map(|()| EXIT_CLEAN),
        Command::Version(args) => io.print(version::text(args).as_bytes()).map(|()| EXIT_CLEAN),
    };
    done.unwrap_or_else(|message| {
        io.message(&format!("error: {}\n", crate::report::sanitize(&message)));
        EXIT_ERROR
    })
}

/// Prints help and version to standard output, and usage errors to standard error.
fn usage(error: &clap::Error, io: &mut Io<'_>) -> u8 {
    let text = error.render();
    if error.use_stderr() {
        io.message(&crate::report::sanitize(&text.to_string()));
        io.message("\n");
        return EXIT_ERROR;
    }
    let color = io.report_options(values::ColorChoice::Auto).color;
    let text = if color { text.ansi().to_string() } else { text.to_string() };
    if io.print(text.as_bytes()).is_ok() { EXIT_CLEAN } else { EXIT_ERROR }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
