//! Host objects: what a Go struct, or a type with methods, is to a template.

use crate::function::Scope;
use crate::value::Value;
use crate::{Result, Str};

/// An object of the host with fields and methods (`.Capabilities`, `.Files`, a certificate).
pub trait Object {
    /// Go's name of the type, used in errors and by `typeOf`.
    fn type_name(&self) -> String;

    /// Go's kind: `struct`, `ptr`, `map` or `slice`.
    fn kind_name(&self) -> &'static str {
        "struct"
    }

    /// A field's value; `None` when there is no such field.
    fn field(&self, name: &str) -> Option<Value>;

    /// Calls a method; `None` when there is no such method.
    fn method(
        &self,
        _scope: &mut Scope<'_>,
        _name: &str,
        _args: &[Value],
    ) -> Option<Result<Value>> {
        None
    }

    /// The entries to range over by sorted key, for objects that are maps or slices.
    fn entries(&self) -> Option<Vec<(Value, Value)>> {
        None
    }

    /// The text of an object with a `String()` method.
    fn stringer(&self) -> Option<Str> {
        None
    }

    /// The text of an object whose `String()` method is that of its pointer: what an action prints. A function gets a copy,
    /// which has no such method.
    fn printed(&self) -> Option<Str> {
        self.stringer()
    }

    /// The entries of an object that is a map to `[]byte`, sorted: far less than [`Object::to_value`]
    /// makes of them.
    fn byte_entries(&self) -> Option<Vec<(&str, &[u8])>> {
        None
    }

    /// The object as plain data, for printing and marshalling.
    fn to_value(&self) -> Value;
}
