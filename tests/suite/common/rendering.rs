//! `dnslint render` as it is called.

use dnslint::cli::engine::BuiltIn;
use dnslint::cli::{Io, run};
use std::ffi::OsString;

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
