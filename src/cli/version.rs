//! `dnslint version`.

use super::values::TextFormat;

/// Arguments of `version`.
#[derive(Debug, clap::Args)]
pub struct VersionArgs {
    /// How to print it
    #[arg(long, visible_alias = "format", value_name = "FORMAT", value_enum, default_value_t = TextFormat::Text)]
    pub output_format: TextFormat,
}

/// The version as one line.
pub fn text(args: &VersionArgs) -> String {
    let version = env!("CARGO_PKG_VERSION");
    if args.output_format == TextFormat::Json {
        format!("{{\"name\":\"dnslint\",\"version\":\"{version}\"}}\n")
    } else {
        format!("dnslint {version}\n")
    }
}
