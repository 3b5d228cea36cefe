//! Keys of the custom ConfigMap: which no import reads, and under which name a text would be read elsewhere.

use crate::analysis::coredns::default_build_has;
use crate::analysis::facts::container;
use crate::analysis::views::dns_server::CustomKeyView;
use crate::model::Cluster;
use crate::model::dns_server::{CustomKey, DnsServer, ServerConfig};
use crate::source::Located;
use crate::syntax::corefile::{FileIndex, ImportOutcome, ImportSite, ServerBlock, directory_of, matches_glob};

/// The ending of keys with whole server blocks, by the convention of AKS, k3s and RKE2.
const SERVER: &str = ".server";
/// The ending of keys with lines of the packaged block.
const OVERRIDE: &str = ".override";

/// The keys that no import reads.
pub fn ignored(config: &ServerConfig) -> Vec<Located<CustomKeyView>> {
    let reason = if config.corefile.imports.is_empty() {
        "the Corefile has no import"
    } else {
        "no import pattern of the Corefile matches it (they end in .override and .server)"
    };
    let view = |key: &CustomKey| {
        let (name, suggestion) = (key.key.value.clone(), suggested(config, key));
        key.key.with(CustomKeyView { key: name, reason: reason.to_owned(), suggestion })
    };
    config.custom.iter().filter(|key| !key.imported).map(view).collect()
}

/// The key with the ending that an import reads: `.override` for lines of the packaged block, `.server` for blocks.
fn suggested(config: &ServerConfig, key: &CustomKey) -> Option<String> {
    let ending = if default_build_has(&key.first_word) { OVERRIDE } else { SERVER };
    let suffix = format!("*{ending}");
    config.corefile.imports.iter().find(|import| import.argument.ends_with(&suffix))?;
    let name = &key.key.value;
    let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
    let new = format!("{stem}{ending}");
    (!stem.is_empty() && !config.custom.iter().any(|other| other.key.value == new)).then_some(new)
}

/// The key under which the text of a file, which holds server blocks, would be read as lines of `block`.
#[must_use]
pub fn as_lines_of(cluster: &Cluster, server: &DnsServer, file: FileIndex, block: &ServerBlock) -> Option<String> {
    renamed(cluster, server, file, (SERVER, OVERRIDE), |site| holds(block, site))
}

/// The key under which the text of a file, which holds lines of a block, would be read as server blocks.
#[must_use]
pub fn as_blocks(cluster: &Cluster, server: &DnsServer, file: FileIndex) -> Option<String> {
    let blocks = &server.config.as_ref()?.corefile.blocks;
    renamed(cluster, server, file, (OVERRIDE, SERVER), |site| !blocks.iter().any(|block| holds(block, site)))
}

fn holds(block: &ServerBlock, site: &ImportSite) -> bool {
    block.file == site.place.file && block.span.covers(site.place.span)
}

/// The name of an imported file with another ending, if an import that stands where it should reads that one.
fn renamed(
    cluster: &Cluster,
    server: &DnsServer,
    file: FileIndex,
    (old, new): (&str, &str),
    stands_right: impl Fn(&ImportSite) -> bool,
) -> Option<String> {
    let corefile = &server.config.as_ref()?.corefile;
    let path = &corefile.file(file).filter(|_| file != FileIndex::MAIN)?.name;
    let wanted = format!("{}{new}", path.strip_suffix(old)?);
    let reads = |site: &&ImportSite| {
        site.outcome != ImportOutcome::Refused && matches_glob(&site.pattern, &wanted) && stands_right(site)
    };
    corefile.imports.iter().find(reads)?;
    let directory = directory_of(&wanted);
    let name = wanted.strip_prefix(directory)?.trim_start_matches('/');
    mounts_every_key(cluster, server, directory).then(|| name.to_owned())
}

/// Whether the volume at a directory brings all keys of its ConfigMap, and so one with a new name, too; taken for granted
/// where there is no workload.
fn mounts_every_key(cluster: &Cluster, server: &DnsServer, directory: &str) -> bool {
    let Some(index) = server.workload else { return true };
    let pod = cluster.objects.workloads.get(index).map(|workload| &workload.pod);
    let mounts = container(cluster, server).into_iter().flat_map(|container| &container.mounts);
    let mount = mounts.into_iter().find(|mount| mount.mount_path.value.trim_end_matches('/') == directory);
    let volumes = pod.into_iter().flat_map(|pod| &pod.volumes);
    let volume = volumes.into_iter().find(|volume| mount.is_some_and(|mount| mount.name.value == volume.name.value));
    let source = volume.and_then(|volume| volume.config_map.as_ref());
    source.is_some_and(|source| source.items.is_empty())
}
