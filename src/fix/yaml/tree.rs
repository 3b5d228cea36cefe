//! Values without their text: what an edit is expected to give, with aliases and merge keys followed.

use super::locate::Step;
use crate::fix::build::Arguments;
use crate::syntax::yaml::{Kind, NodeRef, Scalar};

/// Most values of a document that are compared.
const MAX_VALUES: usize = 2_000_000;

/// A plain value.
#[derive(Clone, Debug)]
pub(super) enum Tree {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Str(String),
    Seq(Vec<Tree>),
    /// Keys in the order of the text.
    Map(Vec<(String, Tree)>),
}

impl Tree {
    /// The value of a node; `None` where it is too large.
    pub(super) fn of(node: NodeRef<'_>) -> Option<Self> {
        Self::within(node, &mut MAX_VALUES.clone())
    }

    fn within(node: NodeRef<'_>, budget: &mut usize) -> Option<Self> {
        *budget = budget.checked_sub(1)?;
        Some(match node.kind() {
            Kind::Null => Self::Null,
            Kind::Seq => Self::Seq(node.items().map(|item| Self::within(item, budget)).collect::<Option<_>>()?),
            Kind::Map => {
                let mut entries = Vec::new();
                for entry in node.entries() {
                    entries.push((entry.name()?.into_owned(), Self::within(entry.value, budget)?));
                }
                Self::Map(entries)
            }
            Kind::Scalar => match node.scalar()? {
                Scalar::Null => Self::Null,
                Scalar::Bool(value) => Self::Bool(value),
                Scalar::Int(value) => Self::Int(value),
                Scalar::Float(value) => Self::Float(value),
                Scalar::Str(text) => Self::Str(text.to_owned()),
            },
        })
    }

    /// Reads a value; `None` where the text is not one YAML value.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let parsed = crate::syntax::yaml::parse(text);
        let [document] = parsed.documents.as_slice() else { return None };
        if parsed.errors.is_empty() { Self::of(document.root()) } else { None }
    }

    /// The argument `yaml` of a builder, in which texts such as `$name` stand for other arguments: these may hold
    /// anything and never become more than a text.
    pub(super) fn argument(arguments: &Arguments<'_>) -> Option<Self> {
        let mut tree = Self::parse(arguments.get("yaml")?)?;
        tree.fill_in(arguments);
        Some(tree)
    }

    fn fill_in(&mut self, arguments: &Arguments<'_>) {
        match self {
            Self::Str(text) => {
                if let Some(value) = text.strip_prefix('$').and_then(|name| arguments.get(name)) {
                    value.clone_into(text);
                }
            }
            Self::Seq(items) => items.iter_mut().for_each(|item| item.fill_in(arguments)),
            Self::Map(entries) => {
                for (key, value) in entries {
                    if let Some(name) = key.strip_prefix('$').and_then(|name| arguments.get(name)) {
                        name.clone_into(key);
                    }
                    value.fill_in(arguments);
                }
            }
            _ => {}
        }
    }

    /// Whether both are the same for Kubernetes: the order of keys says nothing.
    pub(super) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits(),
            (Self::Str(a), Self::Str(b)) => a == b,
            (Self::Seq(a), Self::Seq(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b)),
            (Self::Map(a), Self::Map(b)) => {
                let (mut a, mut b): (Vec<_>, Vec<_>) = (a.iter().collect(), b.iter().collect());
                a.sort_by(|x, y| x.0.cmp(&y.0));
                b.sort_by(|x, y| x.0.cmp(&y.0));
                a.len() == b.len() && a.iter().zip(b).all(|((k, a), (l, b))| k == l && a.same(b))
            }
            _ => false,
        }
    }

    /// The part at a path.
    pub(super) fn at_mut(&mut self, path: &[Step]) -> Option<&mut Self> {
        let mut value = self;
        for step in path {
            value = match (step, value) {
                (Step::Key(name), Self::Map(entries)) => {
                    entries.iter_mut().find(|(key, _)| key == name).map(|(_, value)| value)?
                }
                (Step::Index(index), Self::Seq(items)) => items.get_mut(*index)?,
                _ => return None,
            };
        }
        Some(value)
    }

    /// Takes the part at a path out of the collection that holds it.
    pub(super) fn take(&mut self, path: &[Step]) -> Option<()> {
        let (last, parent) = path.split_last()?;
        match (last, self.at_mut(parent)?) {
            (Step::Key(name), Self::Map(entries)) => {
                let at = entries.iter().position(|(key, _)| key == name)?;
                entries.remove(at);
            }
            (Step::Index(index), Self::Seq(items)) if *index < items.len() => {
                items.remove(*index);
            }
            _ => return None,
        }
        Some(())
    }

    /// Adds what `patch` has: keys that are not there, items that are not there, other scalars.
    pub(super) fn merge(&mut self, patch: &Self) {
        match (self, patch) {
            (Self::Map(own), Self::Map(new)) => {
                for (key, value) in new {
                    match own.iter_mut().find(|(known, _)| known == key) {
                        Some((_, known)) => known.merge(value),
                        None => own.push((key.clone(), value.clone())),
                    }
                }
            }
            (Self::Seq(own), Self::Seq(new)) => {
                for item in new {
                    if !own.iter().any(|known| known.same(item)) {
                        own.push(item.clone());
                    }
                }
            }
            (own, new) => *own = new.clone(),
        }
    }
}
