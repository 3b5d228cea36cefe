//! `dnslint fmt`: formats Corefiles, in files of their own and inside ConfigMaps.

use super::io::Io;
use super::replace::Writable;
use super::values::ColorChoice;
use super::{EXIT_CLEAN, EXIT_ERROR, EXIT_FINDINGS};
use crate::fix::corefile_format::{Formatting, format_all};
use crate::fix::diff::unified;
use crate::report::{sanitize, show_diff};
use crate::source::{FileId, LoadOptions, Snapshot, SourceFile};
use std::path::{Path, PathBuf};

/// Arguments of `fmt`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Indentation, spacing and empty lines change; words, comments and their order stay. What CoreDNS reads is the same \
before and after, which is proved for each file before it is written.

Exit codes:
  0  formatted, or nothing to do
  1  with --check or --diff: something would change
  2  wrong usage, or a Corefile that cannot be formatted")]
pub struct FmtArgs {
    /// Cluster directories, repositories, files, or `-` for standard input
    #[arg(value_name = "PATH", default_value = ".")]
    pub paths: Vec<PathBuf>,
    /// Write nothing; list the files that would change
    #[arg(long)]
    pub check: bool,
    /// Write nothing; print what would change as a unified diff
    #[arg(long)]
    pub diff: bool,
    /// The path that standard input is treated as
    #[arg(long, value_name = "PATH")]
    pub stdin_filename: Option<String>,
    /// When to colour
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,
    /// Print no summary
    #[arg(short, long)]
    pub quiet: bool,
}

/// Formats, or says what would change.
///
/// # Errors
/// A PATH that is not there, standard input mixed with files, or a failed write of standard output.
pub fn run(args: &FmtArgs, io: &mut Io<'_>) -> Result<u8, String> {
    let stdin = args.paths.iter().any(|path| path.as_os_str() == "-");
    if stdin && args.paths.len() > 1 {
        return Err("`-` stands alone: standard input is formatted to standard output".to_owned());
    }
    if args.stdin_filename.is_some() && !stdin {
        return Err("--stdin-filename needs `-` as PATH".to_owned());
    }
    if let Some((path, reason)) =
        args.paths.iter().filter(|_| !stdin).find_map(|path| Some((path, super::disk::missing(path)?)))
    {
        return Err(format!("{}: {reason}", path.display()));
    }
    let options = LoadOptions {
        stdin: stdin.then(|| io.read_stdin()).transpose()?,
        stdin_filename: args.stdin_filename.clone(),
        ..LoadOptions::default()
    };
    let snapshot = Snapshot::load(&args.paths, &options);
    let formatting = format_all(&snapshot, &crate::model::assemble(&snapshot));
    let refused = refusals(&snapshot, &formatting, io);
    let code = if args.diff {
        print_diff(args, &snapshot, &formatting, io)?
    } else if args.check {
        print_list(args, &snapshot, &formatting, io)?
    } else if stdin {
        print_text(&snapshot, &formatting, io)?
    } else {
        write(args, &snapshot, &formatting, io)?
    };
    Ok(if refused { EXIT_ERROR } else { code })
}

/// Names what was left as it is; whether there was anything.
fn refusals(snapshot: &Snapshot, formatting: &Formatting, io: &mut Io<'_>) -> bool {
    for (at, reason) in &formatting.refused {
        let file = snapshot.file(at.file);
        let place = file.position(at.span.start);
        let line = format!("error: {}:{}:{}: not formatted: {reason}", file.path, place.line, place.column);
        io.message(&(sanitize(&line) + "\n"));
    }
    !formatting.refused.is_empty()
}

fn changed<'s>(
    snapshot: &'s Snapshot,
    formatting: &'s Formatting,
) -> impl Iterator<Item = (&'s SourceFile, &'s String)> {
    formatting.changed.iter().map(|(id, text)| (snapshot.file(*id), text))
}

fn print_diff(args: &FmtArgs, snapshot: &Snapshot, formatting: &Formatting, io: &mut Io<'_>) -> Result<u8, String> {
    let text: String =
        changed(snapshot, formatting).map(|(file, new)| unified(&file.path, Some(&file.text), new)).collect();
    let color = io.report_options(args.color).color;
    io.print(show_diff(&text, color, io.is_terminal).as_bytes())?;
    summary(args, formatting, "would be reformatted", io);
    Ok(would_change(formatting))
}

fn print_list(args: &FmtArgs, snapshot: &Snapshot, formatting: &Formatting, io: &mut Io<'_>) -> Result<u8, String> {
    let list: String =
        changed(snapshot, formatting).map(|(file, _)| format!("would reformat: {}\n", sanitize(&file.path))).collect();
    io.print(list.as_bytes())?;
    summary(args, formatting, "would be reformatted", io);
    Ok(would_change(formatting))
}

fn print_text(snapshot: &Snapshot, formatting: &Formatting, io: &mut Io<'_>) -> Result<u8, String> {
    let Some(file) = snapshot.files.first() else { return Err("standard input could not be read".to_owned()) };
    if formatting.files.is_empty() {
        return Err("standard input is not known for a Corefile; --stdin-filename says what it is".to_owned());
    }
    let text = formatting.changed.get(&file.id).map_or(&*file.text, String::as_str);
    io.print(text.as_bytes())?;
    Ok(EXIT_CLEAN)
}

fn write(args: &FmtArgs, snapshot: &Snapshot, formatting: &Formatting, io: &mut Io<'_>) -> Result<u8, String> {
    let writable = Writable::new(&args.paths);
    let mut failed = 0;
    for (file, new) in changed(snapshot, formatting) {
        let path = file.disk_path.as_deref().unwrap_or(Path::new(&file.path));
        if let Err(reason) = writable.replace(path, &file.text, new) {
            failed += 1;
            io.message(&(sanitize(&format!("error: {}: not written: {reason}", file.path)) + "\n"));
        }
    }
    if failed > 0 {
        return Ok(EXIT_ERROR);
    }
    summary(args, formatting, "reformatted", io);
    Ok(EXIT_CLEAN)
}

fn would_change(formatting: &Formatting) -> u8 {
    if formatting.changed.is_empty() { EXIT_CLEAN } else { EXIT_FINDINGS }
}

fn summary(args: &FmtArgs, formatting: &Formatting, done: &str, io: &mut Io<'_>) {
    if args.quiet {
        return;
    }
    let refused: Vec<FileId> = formatting.refused.iter().map(|(at, _)| at.file).collect();
    let changed = formatting.changed.len();
    let same =
        formatting.files.iter().filter(|id| !formatting.changed.contains_key(id) && !refused.contains(id)).count();
    let files = |count: usize| if count == 1 { "1 file".to_owned() } else { format!("{count} files") };
    let text = match (changed, same) {
        (0, 0) if refused.is_empty() => "no Corefile found\n".to_owned(),
        (0, 0) => return,
        (0, same) => format!("{} already formatted\n", files(same)),
        (changed, 0) => format!("{} {done}\n", files(changed)),
        (changed, same) => format!("{} {done}, {} already formatted\n", files(changed), files(same)),
    };
    io.message(&text);
}
