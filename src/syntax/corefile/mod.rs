//! The Corefile of CoreDNS: words, imports, server blocks and directives with the places they come from.
//!
//! The grammar follows the `caddyfile` package of coredns/caddy: what CoreDNS refuses is an error here with the same
//! text and line, and what it accepts gives the same words for each plugin. After an error reading goes on at the next
//! plausible place, so that later blocks are still known. Nothing here knows what a plugin means.

mod cidr;
mod dispenser;
mod env;
mod error;
mod folded;
mod format;
mod import;
mod importer;
mod keys;
mod lexer;
mod oddities;
mod parser;
mod recovery;
mod stream;
mod token;
mod tree;
mod version;
mod words;

pub use dispenser::{Dispenser, DispenserError};
pub use error::{CorefileError, CorefileWarning, ErrorKind, WarningKind};
pub use folded::looks_folded;
pub use format::{Formatted, Shape, Unformattable, format};
pub use import::{
    Import, ImportOutcome, ImportResolver, ImportSite, ImportedFile, NoImports, absolute_pattern, directory_of,
    has_wildcard, matches_glob,
};
pub use keys::{
    KeyError, Transport, ZoneKey, follows_rfc1035, is_domain_name, normalize_name, origins_from_args, parse_key,
    split_host_port, split_transport,
};
pub use lexer::{Lexed, lex, lex_all};
pub use parser::{Options, parse};
pub use token::{FileIndex, ImportIndex, Place, SourceFile, Token};
pub use tree::{Corefile, Directive, Key, Property, ServerBlock, Snippet};
pub use version::Version;
