//! The serde serializer that turns any view struct into a [`ViewValue`] and reads [`Located`] back.
//!
//! [`Located`]: crate::source::Located

use super::{Data, ViewValue};
use crate::source::{FileId, LOCATED_MARKER, Location, Span};
use serde::ser::{self, Serialize};
use std::fmt;
use std::sync::Arc;

/// Deepest nesting of a view; deeper values are refused.
pub const MAX_VIEW_DEPTH: usize = 64;

/// A view that cannot be held as a [`ViewValue`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewError(String);

impl fmt::Display for ViewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ViewError {}

impl ser::Error for ViewError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Takes over a serialisable value with the origins of its [`Located`](crate::source::Located) parts.
///
/// # Errors
/// Nesting beyond [`MAX_VIEW_DEPTH`], map keys that are no scalars, and errors of the value's own `Serialize`.
pub fn to_view<T: Serialize + ?Sized>(value: &T) -> Result<ViewValue, ViewError> {
    value.serialize(Writer { depth: 0 })
}

#[derive(Clone, Copy)]
struct Writer {
    depth: usize,
}

impl Writer {
    fn deeper(self) -> Result<Self, ViewError> {
        if self.depth >= MAX_VIEW_DEPTH {
            return Err(ViewError(format!("the view is nested deeper than {MAX_VIEW_DEPTH} levels")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

fn int<T: TryInto<i64>>(value: T) -> ViewValue {
    Data::Int(value.try_into().unwrap_or(i64::MAX)).into()
}

fn text(value: &str) -> ViewValue {
    Data::Str(Arc::from(value)).into()
}

fn variant_of(variant: &str, value: ViewValue) -> ViewValue {
    Data::Map(vec![(Arc::from(variant), value)]).into()
}

type Fallible = Result<ViewValue, ViewError>;

impl ser::Serializer for Writer {
    type Ok = ViewValue;
    type Error = ViewError;
    type SerializeSeq = ListWriter;
    type SerializeTuple = ListWriter;
    type SerializeTupleStruct = ListWriter;
    type SerializeTupleVariant = ListWriter;
    type SerializeMap = MapWriter;
    type SerializeStruct = MapWriter;
    type SerializeStructVariant = MapWriter;

    fn serialize_bool(self, value: bool) -> Fallible {
        Ok(Data::Bool(value).into())
    }
    fn serialize_i8(self, value: i8) -> Fallible {
        Ok(int(value))
    }
    fn serialize_i16(self, value: i16) -> Fallible {
        Ok(int(value))
    }
    fn serialize_i32(self, value: i32) -> Fallible {
        Ok(int(value))
    }
    fn serialize_i64(self, value: i64) -> Fallible {
        Ok(int(value))
    }
    fn serialize_u8(self, value: u8) -> Fallible {
        Ok(int(value))
    }
    fn serialize_u16(self, value: u16) -> Fallible {
        Ok(int(value))
    }
    fn serialize_u32(self, value: u32) -> Fallible {
        Ok(int(value))
    }
    fn serialize_u64(self, value: u64) -> Fallible {
        Ok(int(value))
    }
    fn serialize_f32(self, value: f32) -> Fallible {
        Ok(Data::Float(value.into()).into())
    }
    fn serialize_f64(self, value: f64) -> Fallible {
        Ok(Data::Float(value).into())
    }
    fn serialize_char(self, value: char) -> Fallible {
        Ok(text(value.encode_utf8(&mut [0; 4])))
    }
    fn serialize_str(self, value: &str) -> Fallible {
        Ok(text(value))
    }
    fn serialize_bytes(self, value: &[u8]) -> Fallible {
        Ok(text(&String::from_utf8_lossy(value)))
    }
    fn serialize_none(self) -> Fallible {
        Ok(Data::Null.into())
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Fallible {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Fallible {
        Ok(Data::Null.into())
    }
    fn serialize_unit_struct(self, _: &'static str) -> Fallible {
        Ok(Data::Null.into())
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Fallible {
        Ok(text(variant))
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Fallible {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Fallible {
        Ok(variant_of(variant, value.serialize(self.deeper()?)?))
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<ListWriter, ViewError> {
        ListWriter::new(self.deeper()?, None, false)
    }
    fn serialize_tuple(self, _: usize) -> Result<ListWriter, ViewError> {
        ListWriter::new(self.deeper()?, None, false)
    }
    fn serialize_tuple_struct(self, name: &'static str, _: usize) -> Result<ListWriter, ViewError> {
        ListWriter::new(self.deeper()?, None, name == LOCATED_MARKER)
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<ListWriter, ViewError> {
        ListWriter::new(self.deeper()?, Some(variant), false)
    }
    fn serialize_map(self, _: Option<usize>) -> Result<MapWriter, ViewError> {
        Ok(MapWriter { writer: self.deeper()?, entries: Vec::new(), key: None, variant: None, sorted: true })
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<MapWriter, ViewError> {
        Ok(MapWriter { writer: self.deeper()?, entries: Vec::new(), key: None, variant: None, sorted: false })
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<MapWriter, ViewError> {
        Ok(MapWriter { writer: self.deeper()?, entries: Vec::new(), key: None, variant: Some(variant), sorted: false })
    }
}

struct ListWriter {
    writer: Writer,
    items: Vec<ViewValue>,
    variant: Option<&'static str>,
    located: bool,
}

impl ListWriter {
    fn new(writer: Writer, variant: Option<&'static str>, located: bool) -> Result<Self, ViewError> {
        Ok(Self { writer, items: Vec::new(), variant, located })
    }

    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ViewError> {
        self.items.push(value.serialize(self.writer)?);
        Ok(())
    }

    fn finish(self) -> Fallible {
        if self.located {
            return located(self.items);
        }
        let list = ViewValue::from(Data::List(self.items));
        Ok(self.variant.map_or_else(|| list.clone(), |variant| variant_of(variant, list.clone())))
    }
}

/// Puts (origins, value) together; origins of a nested [`Located`](crate::source::Located) follow the outer ones.
fn located(items: Vec<ViewValue>) -> Fallible {
    let mut items = items.into_iter();
    let (Some(origins), Some(mut value)) = (items.next(), items.next()) else {
        return Err(ViewError("a located value without origins or value".to_owned()));
    };
    let mut places: Vec<Location> =
        origins.as_list().unwrap_or_default().iter().filter_map(|o| origin(o.as_list()?)).collect();
    for inner in std::mem::take(&mut value.origins) {
        if !places.contains(&inner) {
            places.push(inner);
        }
    }
    value.origins = places;
    value.located = true;
    Ok(value)
}

fn origin(parts: &[ViewValue]) -> Option<Location> {
    let number = |index: usize| match parts.get(index)?.data {
        Data::Int(value) => usize::try_from(value).ok(),
        _ => None,
    };
    let file = u32::try_from(number(0)?).ok()?;
    Some(Location::new(FileId(file), Span::new(number(1)?, number(2)?)))
}

struct MapWriter {
    writer: Writer,
    entries: Vec<(Arc<str>, ViewValue)>,
    key: Option<Arc<str>>,
    variant: Option<&'static str>,
    sorted: bool,
}

impl MapWriter {
    fn finish(mut self) -> Fallible {
        if self.sorted {
            self.entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        let map = ViewValue::from(Data::Map(self.entries));
        Ok(match self.variant {
            Some(variant) => variant_of(variant, map),
            None => map,
        })
    }
}

macro_rules! list_writer {
    ($($trait:ident::$method:ident),*) => {$(
        impl ser::$trait for ListWriter {
            type Ok = ViewValue;
            type Error = ViewError;
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ViewError> {
                self.push(value)
            }
            fn end(self) -> Fallible {
                self.finish()
            }
        }
    )*};
}

list_writer!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

macro_rules! struct_writer {
    ($($trait:ident),*) => {$(
        impl ser::$trait for MapWriter {
            type Ok = ViewValue;
            type Error = ViewError;
            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), ViewError> {
                let value = value.serialize(self.writer)?;
                self.entries.push((Arc::from(key), value));
                Ok(())
            }
            fn end(self) -> Fallible {
                self.finish()
            }
        }
    )*};
}

struct_writer!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for MapWriter {
    type Ok = ViewValue;
    type Error = ViewError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ViewError> {
        self.key = Some(match key.serialize(self.writer)?.data {
            Data::Str(text) => text,
            Data::Int(value) => value.to_string().into(),
            Data::Bool(value) => value.to_string().into(),
            _ => return Err(ViewError("a map key that is no string, number or truth value".to_owned())),
        });
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ViewError> {
        let value = value.serialize(self.writer)?;
        let key = self.key.take().ok_or_else(|| ViewError("a map value without key".to_owned()))?;
        self.entries.push((key, value));
        Ok(())
    }

    fn end(self) -> Fallible {
        self.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn depth_is_bounded() {
        let mut value = json!(1);
        for _ in 0..MAX_VIEW_DEPTH {
            value = json!([value]);
        }
        assert!(to_view(&value).is_ok());
        assert!(to_view(&json!([value])).is_err());
    }

    #[test]
    fn enums_numbers_and_keys() {
        #[derive(serde::Serialize)]
        enum Shape {
            Unit,
            New(u64),
            Tuple(i8, bool),
            Struct { a: f32 },
        }
        let shapes = (Shape::Unit, Shape::New(u64::MAX), Shape::Tuple(-1, true), Shape::Struct { a: 0.5 });
        let keyed: std::collections::BTreeMap<u8, char> = [(1, 'x')].into();
        let value = to_view(&(shapes, keyed, Some(()), b"\xff".as_slice())).unwrap().to_json();
        assert_eq!(
            value,
            json!([["Unit", {"New": i64::MAX}, {"Tuple": [-1, true]}, {"Struct": {"a": 0.5}}], {"1": "x"}, null, [255]])
        );
        assert!(to_view(&std::collections::BTreeMap::from([((1, 2), 3)])).is_err());
    }
}
