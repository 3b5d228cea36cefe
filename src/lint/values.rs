//! View values as CEL sees them: shared, never copied, and total (an absent field is `null`).

use crate::analysis::view::{Data, ViewValue};
use cel::ExecutionError;
use cel::common::traits::{self, Container, Indexer, Iterable, Sizer};
use cel::common::types::{CelBool, CelDouble, CelInt, CelNull, CelString, LIST_TYPE, MAP_TYPE, Type};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::context::VariableResolver;
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An owned CEL value.
pub type Boxed = Box<dyn Val>;

/// A view value as a CEL value.
#[must_use]
pub fn to_cel(value: &ViewValue) -> Boxed {
    match &value.data {
        Data::Null => Box::new(CelNull),
        Data::Bool(value) => Box::new(CelBool::from(*value)),
        Data::Int(value) => Box::new(CelInt::from(*value)),
        Data::Float(value) => Box::new(CelDouble::from(*value)),
        Data::Str(value) => Box::new(CelString::from(value.to_string())),
        Data::List(items) => Box::new(List(Arc::new(items.iter().map(to_cel).collect()))),
        Data::Map(entries) => {
            Box::new(Map(Arc::new(entries.iter().map(|(key, value)| (key.to_string(), to_cel(value))).collect())))
        }
    }
}

/// The variables of one evaluation.
#[derive(Default)]
pub struct Variables<'a>(pub Vec<(&'static str, &'a dyn Val)>);

impl VariableResolver for Variables<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        self.0.iter().find(|(name, _)| *name == variable).map(|(_, value)| CowVal::Borrowed(*value))
    }
}

/// A list of a view.
#[derive(Clone, Debug)]
struct List(Arc<Vec<Boxed>>);

/// A struct or map of a view.
#[derive(Clone, Debug)]
struct Map(Arc<BTreeMap<String, Boxed>>);

impl StaticVal for List {}
impl StaticVal for Map {}

struct Elements<'b>(std::slice::Iter<'b, Boxed>);

impl<'b, 'v> traits::Iterator<'b, 'v> for Elements<'b> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        self.0.next().map(|value| &**value as &(dyn Val + 'v))
    }
}

impl Iterable for List {
    fn iter<'b, 'v>(&'b self) -> Box<dyn traits::Iterator<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(Elements(self.0.iter()))
    }
}

impl Sizer for List {
    fn size(&self) -> CelInt {
        CelInt::from(i64::try_from(self.0.len()).unwrap_or(i64::MAX))
    }
}

impl Container for List {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(self.0.iter().any(|item| item.equals(value)))
    }
}

impl List {
    fn item(&self, index: &dyn Val) -> Result<&Boxed, ExecutionError> {
        let Some(number) = index.downcast_ref::<CelInt>() else {
            return Err(unexpected(index, "int"));
        };
        let found = usize::try_from(*number.inner()).ok().and_then(|at| self.0.get(at));
        found.ok_or_else(|| ExecutionError::IndexOutOfBounds((*number.inner()).into()))
    }
}

impl Indexer for List {
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.item(index).map(|value| CowVal::Borrowed(&**value))
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.item(index).map(|value| value.clone_as_boxed())
    }
}

impl Val for List {
    fn get_type(&self) -> &Type {
        &LIST_TYPE
    }
    fn cel_type() -> &'static Type {
        &LIST_TYPE
    }
    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }
    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }
    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }
    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }
    fn equals(&self, other: &dyn Val) -> bool {
        let Some(iterable) = other.as_iterable().filter(|_| other.get_type() == &LIST_TYPE) else { return false };
        let mut others = iterable.iter();
        self.0.iter().all(|item| others.next().is_some_and(|other| item.equals(other))) && others.next().is_none()
    }
    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }
    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

/// What an absent field or key gives.
static ABSENT: CelNull = CelNull;

impl Map {
    fn value(&self, key: &dyn Val) -> Result<Option<&Boxed>, ExecutionError> {
        let key = key.downcast_ref::<CelString<'_>>().ok_or_else(|| unexpected(key, "string"))?;
        Ok(self.0.get(key.inner()))
    }
}

impl Indexer for Map {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        Ok(match self.value(key)? {
            Some(value) => CowVal::Borrowed(&**value),
            None => CowVal::Borrowed(&ABSENT),
        })
    }

    fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        Ok(match self.value(key)? {
            Some(value) => value.clone_as_boxed(),
            None => Box::new(CelNull),
        })
    }
}

impl Container for Map {
    fn contains(&self, key: &dyn Val) -> Result<bool, ExecutionError> {
        let key = key.downcast_ref::<CelString<'_>>().ok_or_else(|| unexpected(key, "string"))?;
        Ok(self.0.contains_key(key.inner()))
    }
}

impl Sizer for Map {
    fn size(&self) -> CelInt {
        CelInt::from(i64::try_from(self.0.len()).unwrap_or(i64::MAX))
    }
}

impl Val for Map {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
    }
    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }
    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }
    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }
    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }
    fn equals(&self, other: &dyn Val) -> bool {
        other.downcast_ref::<Self>().is_some_and(|other| {
            self.0.len() == other.0.len()
                && self.0.iter().zip(other.0.iter()).all(|((k, a), (l, b))| k == l && a.equals(&**b))
        })
    }
    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }
    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

fn unexpected(got: &dyn Val, want: &str) -> ExecutionError {
    ExecutionError::UnexpectedType { got: got.get_type().name().to_owned(), want: want.to_owned() }
}
