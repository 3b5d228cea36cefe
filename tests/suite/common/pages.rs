//! Pages with console blocks, whose output is what the commands print today.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Output;

/// The page with the output of every console block replaced by what `run` gives for its command; `None` leaves a block as
/// it is. `run` also gets the number of second-level headings before the block.
pub fn with_fresh_output(page: &str, mut run: impl FnMut(usize, &str) -> Option<String>) -> String {
    let mut fresh = String::new();
    let mut section = 0;
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let _ = writeln!(fresh, "{line}");
        section += usize::from(line.starts_with("## "));
        if line != "```console" {
            continue;
        }
        let Some(first) = lines.next() else { break };
        let _ = writeln!(fresh, "{first}");
        let Some(output) = first.strip_prefix("$ ").and_then(|command| run(section, command)) else { continue };
        for old in lines.by_ref() {
            if old == "```" {
                break;
            }
        }
        let _ = writeln!(fresh, "{output}```");
    }
    fresh
}

/// `dnslint …` run in a directory, without colour: what is shown, which with `2>&1` at the command's end is standard error
/// behind standard output, and how it ended.
pub fn dnslint(command: &str, directory: &Path) -> (String, Output) {
    let (command, both) = command.strip_suffix(" 2>&1").map_or((command, false), |bare| (bare, true));
    let args: Vec<&str> = command.split_whitespace().skip(1).collect();
    let run = super::program(directory).args(args).output().unwrap();
    let mut text = String::from_utf8(run.stdout.clone()).unwrap();
    if both {
        text.push_str(std::str::from_utf8(&run.stderr).unwrap());
    }
    (text, run)
}
