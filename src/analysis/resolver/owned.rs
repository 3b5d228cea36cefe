//! Entries of a generated file that its generator does not write.

use crate::analysis::effective::address::is_magic_dns;
use crate::analysis::views::resolv_conf::{ForeignEntry, ResolvConfView};
use crate::source::{FileId, Located, Location};
use crate::syntax::resolv_conf::{Line, LineKind, Owner, ResolvConf, owner};

/// Names the generator and what does not come from it.
pub fn fill(file: FileId, conf: &ResolvConf, view: &mut ResolvConfView) {
    let Some((owner, marker)) = owner(conf) else { return };
    let named = Located::at(owner.name().to_owned(), Location::new(file, marker));
    if owner.regenerates() {
        let foreign = conf.lines.iter().filter(|line| is_foreign(owner, marker.start, line));
        let entry = |line: &Line| {
            let entry = ForeignEntry { text: line.raw.trim().to_owned(), owner: named.clone() };
            Located::at(entry, Location::new(file, line.span))
        };
        view.foreign_entries = foreign.map(entry).collect();
    }
    view.owner_setting = owner.setting().map(str::to_owned);
    view.owner = Some(named);
}

/// Whether the generator cannot have written the line. Generators write their marker before their entries.
fn is_foreign(owner: Owner, marker: usize, line: &Line) -> bool {
    if matches!(line.kind, LineKind::Blank | LineKind::Comment) {
        return false;
    }
    let before_marker = line.span.end <= marker;
    let first = line.arguments().first().map_or("", |word| word.value.as_str());
    match owner {
        Owner::ResolvedStub => before_marker || line.kind == LineKind::Nameserver && first != "127.0.0.53",
        // the file with the real servers has neither options nor a stub
        Owner::ResolvedUplink => {
            before_marker || matches!(line.kind, LineKind::Options | LineKind::Domain | LineKind::Sortlist)
        }
        Owner::Tailscale => {
            before_marker || line.kind == LineKind::Nameserver && !super::address(first).is_some_and(is_magic_dns)
        }
        // dhclient is left out: its script on Amazon Linux writes options before the marker
        Owner::NetworkManager | Owner::Resolvconf | Owner::Dhcpcd | Owner::Wsl | Owner::ConnMan => before_marker,
        _ => false,
    }
}
