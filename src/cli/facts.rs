//! `dnslint facts`: prints what rules can speak about.

use super::disk;
use super::engine;
use super::io::Io;
use super::nearest::hint;
use crate::lint::editor::facts_schema;
use std::path::PathBuf;

const HELP: &str = "\
Examples:
  dnslint facts --on pod ./cluster                         what `subject` is for rules on pods
  dnslint facts --schema --on forward                      what each field means
  dnslint facts ./cluster | jq '.resolv_conf[].subject.nameservers'

Exit codes:
  0  printed
  2  wrong usage, or a PATH that does not exist";

/// Arguments of `facts`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct FactsArgs {
    /// Cluster directory, repository of manifests, file, or a node's root
    #[arg(value_name = "PATH", default_value = ".")]
    pub paths: Vec<PathBuf>,
    /// Only views of this kind, such as `pod` or `forward`
    #[arg(long, value_name = "KIND")]
    pub on: Option<String>,
    /// Print the JSON Schema of the views instead, with what each field means
    #[arg(long)]
    pub schema: bool,
}

/// Prints the views as JSON: an object from kind to the list of subjects.
///
/// # Errors
/// An unknown kind, or a failed write.
pub fn run(args: &FactsArgs, io: &mut Io<'_>) -> Result<u8, String> {
    let kinds = engine::view_kinds();
    if let Some(kind) = args.on.as_deref().filter(|kind| !kinds.contains(kind)) {
        let hint = hint(kind, kinds.iter().copied());
        return Err(format!("there is no view `{kind}`{hint}; the kinds are {}", kinds.join(", ")));
    }
    if args.schema {
        let schema = facts_schema(&crate::analysis::collect::schemas(), args.on.as_deref());
        return io.print(engine::pretty(&schema)?.as_bytes()).map(|()| super::EXIT_CLEAN);
    }
    if let Some((path, why)) = args.paths.iter().find_map(|path| Some((path, disk::missing(path)?))) {
        return Err(format!("cannot read {}: {why}", path.display()));
    }
    let facts = engine::facts(&args.paths, args.on.as_deref());
    io.print(engine::pretty(&facts)?.as_bytes())?;
    Ok(super::EXIT_CLEAN)
}
