//! Services of a node: the unit with its drop-ins, its environment, and the command line that comes out.

use crate::source::{FileId, FileKind, Location, Lookup, NodeRoot, Snapshot, Span};
use crate::syntax::env_file;
use crate::syntax::systemd::{
    self, Candidate, DropIn, Effective, Environment, EnvironmentFile, ExpandedWord, FileState, IneffectiveReason,
    Specifiers, Traced, Unit,
};
use std::collections::{BTreeMap, BTreeSet};

/// A service of systemd as it would run.
#[derive(Clone, Debug)]
pub struct Process {
    /// Unit name, e.g. `kubelet.service`.
    pub unit: String,
    /// The unit file, where the snapshot has it (a drop-in alone is possible).
    pub file: Option<FileId>,
    /// Whether the unit is masked, so that nothing can start it.
    pub masked: bool,
    /// The unit with its drop-ins.
    pub effective: Effective,
    /// Drop-ins that look as if they should apply and do not.
    pub ineffective: Vec<IneffectiveDropIn>,
    /// Its environment, as far as files tell.
    pub environment: Environment,
    /// Environment files that are named without `-` and are not in the snapshot.
    pub missing_environment_files: Vec<Traced>,
    /// The program and its arguments; empty where the unit does not start.
    pub argv: Vec<ExpandedWord>,
    /// References in the command line whose variable no file sets.
    pub unset: Vec<String>,
}

/// A drop-in without effect.
#[derive(Clone, Debug)]
pub struct IneffectiveDropIn {
    /// The file.
    pub file: FileId,
    /// Why, as a clause.
    pub reason: String,
    /// Another file of the same name replaces it, as an administrator intends.
    pub shadowed: bool,
}

impl Process {
    /// The last part of the program's path.
    #[must_use]
    pub fn program(&self) -> &str {
        self.argv.first().map_or("", |word| word.text.as_str().rsplit('/').next().unwrap_or(""))
    }

    /// The arguments behind the program.
    #[must_use]
    pub fn arguments(&self) -> &[ExpandedWord] {
        self.argv.get(1..).unwrap_or_default()
    }

    /// The place of `ExecStart=`, else the start of the unit file.
    #[must_use]
    pub fn location(&self) -> Option<Location> {
        let command = self.effective.exec_start.first().map(|command| command.assignment);
        command.or_else(|| self.file.map(|file| Location::new(file, Span::new(0, 0))))
    }
}

/// Words in a unit's name or text that make it worth reading.
const INTERESTING: [&str; 6] = ["kubelet", "k3s", "rke2", "dnsmasq", "hyperkube", "tailscaled"];

/// The services of a node that matter for DNS, by unit name.
#[must_use]
pub fn services(snapshot: &Snapshot, root: &NodeRoot) -> BTreeMap<String, Process> {
    let files = UnitFiles::read(snapshot, root);
    files.names().into_iter().map(|name| (name.clone(), files.process(snapshot, root, &name))).collect()
}

/// All unit files and drop-ins of a node.
struct UnitFiles {
    files: Vec<UnitFile>,
}

struct UnitFile {
    path: String,
    file: Option<FileId>,
    unit: Unit,
    state: FileState,
}

impl UnitFiles {
    fn read(snapshot: &Snapshot, root: &NodeRoot) -> Self {
        let files = root.paths().filter(|path| path.contains("/systemd/")).filter_map(|path| match root.lookup(path) {
            Lookup::File { file, .. } => {
                let source = snapshot.file(file);
                let relevant =
                    matches!(source.kind, FileKind::SystemdUnit | FileKind::SystemdDropIn) || path.contains(".d/");
                let unit = relevant.then(|| systemd::parse(&source.text))?;
                let state = FileState::of(&source.text, &unit);
                Some(UnitFile { path: path.to_owned(), file: Some(file), unit, state })
            }
            Lookup::Dangling { chain, .. } if chain.last().is_some_and(|target| target == "/dev/null") => {
                Some(UnitFile { path: path.to_owned(), file: None, unit: Unit::default(), state: FileState::Masked })
            }
            _ => None,
        });
        Self { files: files.collect() }
    }

    fn candidates(&self) -> Vec<Candidate<'_>> {
        self.files.iter().map(|f| Candidate { path: &f.path, state: f.state }).collect()
    }

    /// Service names that a unit file or a drop-in directory of this node stands for.
    fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for file in &self.files {
            let mut parts = file.path.rsplit('/');
            let (last, parent) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
            let name = if last.ends_with(".service") { Some(last) } else { parent.strip_suffix(".d") };
            let Some(name) = name.filter(|n| n.ends_with(".service") && *n != ".service") else { continue };
            let speaks = |text: &str| INTERESTING.iter().any(|word| text.contains(word));
            let exec = file.unit.all("Service", "ExecStart").any(|a| speaks(&a.value));
            if speaks(name) || exec {
                names.insert(name.to_owned());
            }
        }
        names
    }

    fn get(&self, path: &str) -> Option<&UnitFile> {
        self.files.iter().find(|f| f.path == path)
    }

    fn process(&self, snapshot: &Snapshot, root: &NodeRoot, name: &str) -> Process {
        let candidates = self.candidates();
        let found = systemd::find_unit(name, &candidates);
        let main = found.and_then(|unit| self.get(unit.path));
        let dropins = systemd::dropins_for(name, &candidates);
        let applied: Vec<DropIn<'_>> = dropins
            .applied
            .iter()
            .filter_map(|d| {
                let file = self.get(d.path)?;
                Some(DropIn { name: d.name, file: file.file?, unit: &file.unit })
            })
            .collect();
        let empty = Unit::default();
        let (file, unit) = main.map_or((None, &empty), |m| (m.file, &m.unit));
        let anchor = file.or_else(|| applied.first().map(|d| d.file)).unwrap_or(FileId(u32::MAX));
        let specifiers = Specifiers::for_unit(name);
        let effective = systemd::merge((anchor, unit), &applied, &specifiers);
        let mut process = Process {
            unit: name.to_owned(),
            file,
            masked: found.is_some_and(|f| f.masked),
            ineffective: dropins
                .ineffective
                .iter()
                .filter_map(|i| {
                    let shadowed = matches!(i.reason, IneffectiveReason::Shadowed { .. });
                    Some(IneffectiveDropIn { file: self.get(i.path)?.file?, reason: reason_text(&i.reason), shadowed })
                })
                .collect(),
            environment: Environment::default(),
            missing_environment_files: Vec::new(),
            argv: Vec::new(),
            unset: Vec::new(),
            effective,
        };
        process.run(snapshot, root);
        process
    }
}

impl Process {
    /// Works out environment and command line.
    fn run(&mut self, snapshot: &Snapshot, root: &NodeRoot) {
        let mut missing = Vec::new();
        self.environment = self.effective.environment(|file| {
            let found = environment_file(snapshot, root, file);
            if found.is_none() && !file.optional && !file.is_glob() {
                missing.push(file.path.clone());
            }
            found.unwrap_or_default()
        });
        self.missing_environment_files = missing;
        if let Some(command) = self.effective.exec_start.last() {
            let expansion = systemd::expand(&command.command, &self.environment);
            self.unset = expansion.unset.into_iter().map(|u| u.name).collect();
            self.argv = expansion.words;
        }
    }
}

fn environment_file(snapshot: &Snapshot, root: &NodeRoot, file: &EnvironmentFile) -> Option<Vec<(String, Traced)>> {
    match root.lookup(file.path.as_str()) {
        Lookup::File { file, .. } => Some(env_file::parse(&snapshot.file(file).text, None).variables(file)),
        _ => None,
    }
}

fn reason_text(reason: &IneffectiveReason<'_>) -> String {
    match reason {
        IneffectiveReason::WrongSuffix => "its name does not end in .conf".to_owned(),
        IneffectiveReason::Hidden => "its name starts with a dot".to_owned(),
        IneffectiveReason::WrongDirectory { expected } => format!("systemd reads drop-ins from {expected}"),
        IneffectiveReason::Nested { expected } => {
            format!("systemd does not enter sub-directories; it reads {expected}")
        }
        IneffectiveReason::Masked { by } => format!("{by} masks it"),
        IneffectiveReason::Shadowed { by } => format!("{by} has the same name and a higher priority"),
        IneffectiveReason::NoSectionHeader => "it has no section header, so that every line is ignored".to_owned(),
    }
}
