//! The command line: one file a subcommand; the only room that prints, writes and exits.

/// Runs the program with the process's arguments.
#[must_use]
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
