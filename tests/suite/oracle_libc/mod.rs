//! glibc and musl judge how dnslint reads `resolv.conf`, and the names that it says they ask for.

mod files;
mod queries;
mod state;
mod waiting;

use dnslint::analysis::trace::candidates::{Candidates, Library, candidates};
use dnslint::syntax::resolv_conf::glibc::Glibc;
use dnslint::syntax::resolv_conf::musl::Musl;
use dnslint::syntax::resolv_conf::{Environment, ResolvConf, Resolver, glibc, musl};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;

/// The releases that Debian 12 has; the recorded answers are theirs.
const GLIBC: Glibc = Glibc::new(2, 36);
const MUSL: Musl = Musl::new(1, 2, 3);
/// How dnslint names musl 1.2.3 where names are concerned.
const MUSL_NAMES: Library = Library::MuslBefore124;

fn read(library: Library, case: &Value) -> Resolver {
    let conf = ResolvConf::parse(case["conf"].as_str().unwrap());
    let interfaces = BTreeMap::from([("lo".to_owned(), 1)]);
    let env = Environment {
        host_name: Some(case["host"].as_str().unwrap_or("testhost")),
        localdomain: case["env"]["LOCALDOMAIN"].as_str(),
        res_options: case["env"]["RES_OPTIONS"].as_str(),
        interfaces: Some(&interfaces),
    };
    match library {
        Library::Glibc => glibc::read(&conf, GLIBC, &env),
        _ => musl::read(&conf, MUSL, &env),
    }
}

fn vectors(name: &str) -> Vec<Value> {
    let path = crate::common::root().join("testdata/vectors").join(name);
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn servers(resolver: &Resolver) -> Vec<String> {
    resolver.used.iter().map(|ns| ns.value.address.to_canonical().to_string()).collect()
}

fn candidates_of(library: Library, name: &str, resolver: &Resolver) -> Candidates {
    let search: Vec<&str> = resolver.search.iter().map(|domain| domain.value.as_str()).collect();
    candidates(library, name, &search, usize::try_from(resolver.ndots.value).unwrap())
}

/// What the stub saw of one library: the servers by number, and the queries for each name.
#[derive(Default)]
struct Seen {
    servers: Vec<String>,
    asked: Vec<Value>,
}

impl Seen {
    fn number(&mut self, server: &str) -> usize {
        let known = self.servers.iter().position(|s| s == server);
        known.map_or_else(
            || {
                self.servers.push(server.to_owned());
                self.servers.len()
            },
            |index| index + 1,
        )
    }

    fn json(self) -> Value {
        json!({"asked": self.asked, "servers": self.servers})
    }
}
