//! `dnslint completions`.

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// The completion script for the shell.
pub fn script(args: &CompletionsArgs, command: &mut clap::Command) -> Vec<u8> {
    let mut out = Vec::new();
    clap_complete::generate(args.shell, command, "dnslint", &mut out);
    out
}
