//! What manifests without a namespace are applied together with.

use crate::model::object::Meta;
use crate::source::FileId;

/// The folder of a manifest that names no namespace; `None` where it names one.
///
/// Such a manifest goes into whatever namespace it is applied to (`kubectl -n`, `namespace:` of a kustomization). Those of
/// one folder go together, of others it is not known.
pub type Scope = Option<String>;

/// The folder of a file of the snapshot.
pub type Folders<'a> = &'a dyn Fn(FileId) -> String;

/// The folder that an object goes with, where it names no namespace.
pub fn scope_of(meta: &Meta, folder_of: Folders<'_>) -> Scope {
    meta.namespace.origins.is_empty().then(|| folder_of(meta.location.file))
}
