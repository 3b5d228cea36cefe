//! `dnslint version`.

/// Arguments of `version`.
#[derive(Debug, clap::Args)]
pub struct VersionArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// The version as one line.
pub fn text(args: &VersionArgs) -> String {
    let version = env!("CARGO_PKG_VERSION");
    if args.json {
        format!("{{\"name\":\"dnslint\",\"version\":\"{version}\"}}\n")
    } else {
        format!("dnslint {version}\n")
    }
}
