//! `dnslint render` as it is called.

use super::{check, copy};
use dnslint::analysis::collect::Assumptions;
use dnslint::cli::engine::BuiltIn;
use dnslint::cli::{Io, run};
use dnslint::model::Cluster;
use dnslint::render::{Plan, Request, plan};
use dnslint::source::Snapshot;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// What it says.
pub struct Output {
    pub code: u8,
    pub stdout: String,
    pub stderr: String,
}

/// Calls it.
pub fn render(args: &[&str]) -> Output {
    let words = ["dnslint", "render"].iter().chain(args).map(OsString::from);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut io = Io {
        stdin: &mut std::io::empty(),
        stdout: &mut stdout,
        stderr: &mut stderr,
        is_terminal: false,
        env: &|_| None,
    };
    let code = run(words, &BuiltIn, &mut io);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Output { code, stdout: text(stdout), stderr: text(stderr) }
}

/// The directory of a cluster of testdata.
pub fn cluster(name: &str) -> String {
    super::root().join("testdata/clusters").join(name).to_str().unwrap().to_owned()
}

/// What comes of a request where there is no snapshot.
pub fn rendered(request: &Request) -> Plan {
    plan(request, &Snapshot::default(), &Cluster::default(), &Assumptions::default())
        .unwrap_or_else(|refusal| panic!("{request:?}: {}", refusal.reason))
}

/// A copy of a cluster of testdata with files of its own.
pub struct Copy(tempfile::TempDir);

impl Copy {
    pub fn of(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy(Path::new(&cluster(name)), dir.path());
        Self(dir)
    }

    pub fn path(&self) -> &str {
        self.0.path().to_str().unwrap()
    }

    pub fn file(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub fn write(&self, path: &str, text: &str) {
        let file = self.file(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.file(path)).unwrap()
    }

    pub fn render(&self, args: &[&str]) -> Output {
        render(&args.iter().copied().chain([self.path()]).collect::<Vec<_>>())
    }

    /// Renders into the cluster itself; a second time changes nothing.
    pub fn written(&self, args: &[&str]) -> Output {
        let all: Vec<&str> = args.iter().copied().chain(["--out", self.path()]).collect();
        let made = self.render(&all);
        assert_eq!(made.code, 0, "{}", made.stderr);
        let again = self.render(&all);
        assert!(!again.stderr.contains("replaced: ") && !again.stderr.contains("wrote: "), "{}", again.stderr);
        made
    }

    pub fn findings(&self) -> Vec<String> {
        let snapshot = super::snapshot(self.0.path());
        check(&snapshot, &[])
            .into_iter()
            .map(|d| format!("{}[{}] {}", d.severity.as_str(), d.rule, d.message))
            .collect()
    }
}
