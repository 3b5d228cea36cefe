//! `dnslint facts`: prints what rules can speak about.

use super::engine;
use super::io::Io;
use std::path::PathBuf;

/// Arguments of `facts`.
#[derive(Debug, clap::Args)]
pub struct FactsArgs {
    /// Cluster directory, repository of manifests, file, or a node's root
    #[arg(value_name = "PATH", default_value = ".")]
    pub paths: Vec<PathBuf>,
    /// Only views of this kind, such as `pod` or `forward`
    #[arg(long, value_name = "KIND")]
    pub on: Option<String>,
}

/// Prints the views as JSON: an object from kind to the list of subjects.
///
/// # Errors
/// An unknown kind, or a failed write.
pub fn run(args: &FactsArgs, io: &mut Io<'_>) -> Result<u8, String> {
    let kinds = engine::view_kinds();
    if let Some(kind) = args.on.as_deref().filter(|kind| !kinds.contains(kind)) {
        return Err(format!("there is no view `{kind}`; the kinds are {}", kinds.join(", ")));
    }
    let facts = engine::facts(&args.paths, args.on.as_deref());
    let text = serde_json::to_string_pretty(&facts).map_err(|e| e.to_string())?;
    io.print(format!("{text}\n").as_bytes())?;
    Ok(super::EXIT_CLEAN)
}
