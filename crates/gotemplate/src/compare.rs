//! Comparison: Go's `eq`, `lt` and `reflect.DeepEqual`.

use std::cmp::Ordering;

use crate::gofmt::{sprintf, to_text};
use crate::text::Str;
use crate::value::Value;
use crate::{Error, Result};

/// The kinds that can be compared with each other.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Basic<'a> {
    Bool(bool),
    Complex(f64, f64),
    Int(i64),
    Float(f64),
    String(&'a [u8]),
    Uint(u64),
    Other,
}

fn basic(value: &Value) -> Basic<'_> {
    match value {
        Value::Bool(b) => Basic::Bool(*b),
        Value::Int(i) | Value::Int64(i) | Value::Duration(i) => Basic::Int(*i),
        Value::Uint8(i) => Basic::Uint(u64::from(*i)),
        Value::Uint64(i) => Basic::Uint(*i),
        Value::Float(f) => Basic::Float(*f),
        Value::Complex(re, im) => Basic::Complex(*re, *im),
        Value::String(s) => Basic::String(s.as_bytes()),
        _ => Basic::Other,
    }
}

fn incompatible(left: &Value, right: &Value) -> Error {
    let (left, right) = (left.type_name(), right.type_name());
    Error(format!("incompatible types for comparison: {left} and {right}"))
}

/// Go's `==` of templates.
#[expect(clippy::float_cmp, reason = "Go compares floats exactly")]
pub(crate) fn equal(left: &Value, right: &Value) -> Result<bool> {
    Ok(match (basic(left), basic(right)) {
        (Basic::Other, Basic::Other) => return others_equal(left, right),
        (Basic::Int(l), Basic::Uint(r)) => u64::try_from(l).is_ok_and(|l| l == r),
        (Basic::Uint(l), Basic::Int(r)) => u64::try_from(r).is_ok_and(|r| l == r),
        (Basic::Bool(l), Basic::Bool(r)) => l == r,
        (Basic::Int(l), Basic::Int(r)) => l == r,
        (Basic::Uint(l), Basic::Uint(r)) => l == r,
        (Basic::Float(l), Basic::Float(r)) => l == r,
        (Basic::Complex(a, b), Basic::Complex(c, d)) => a == c && b == d,
        (Basic::String(l), Basic::String(r)) => l == r,
        _ if left.is_nil() || right.is_nil() => false,
        _ => return Err(incompatible(left, right)),
    })
}

fn others_equal(left: &Value, right: &Value) -> Result<bool> {
    let nil = |value: &Value| match value {
        Value::Missing | Value::Nil => true,
        Value::List(list) => list.is_nil(),
        _ => false,
    };
    let (left_kind, right_kind) = (left.kind_name(), right.kind_name());
    if left_kind != right_kind && !left.is_nil() && !right.is_nil() {
        let l = Str::from(sprintf(b"%s", std::slice::from_ref(left))?);
        let r = to_text(right)?;
        return Err(Error(format!(
            "non-comparable types {}: {}, {}: {}",
            l.text(),
            left.type_name(),
            right.type_name(),
            r.text()
        )));
    }
    if nil(left) || nil(right) {
        return Ok(nil(left) == nil(right));
    }
    match (left, right) {
        (Value::Time(l), Value::Time(r)) => Ok(l == r),
        (Value::Object(_), Value::Object(_)) => Ok(deep_equal(left, right, 0)),
        _ => {
            let shown = Str::from(sprintf(b"%s", std::slice::from_ref(right))?);
            let name = right.type_name();
            Err(Error(format!("non-comparable type {}: {name}", shown.text())))
        }
    }
}

/// Go's `<` of templates.
pub(crate) fn less(left: &Value, right: &Value) -> Result<bool> {
    let bad = || Error::new("invalid type for comparison");
    let (l, r) = (basic(left), basic(right));
    if l == Basic::Other || r == Basic::Other {
        return Err(bad());
    }
    Ok(match (l, r) {
        (Basic::Int(l), Basic::Uint(r)) => u64::try_from(l).map_or(true, |l| l < r),
        (Basic::Uint(l), Basic::Int(r)) => u64::try_from(r).is_ok_and(|r| l < r),
        (Basic::Int(l), Basic::Int(r)) => l < r,
        (Basic::Uint(l), Basic::Uint(r)) => l < r,
        (Basic::Float(l), Basic::Float(r)) => l.partial_cmp(&r) == Some(Ordering::Less),
        (Basic::String(l), Basic::String(r)) => l < r,
        (Basic::Bool(_), Basic::Bool(_)) | (Basic::Complex(..), Basic::Complex(..)) => {
            return Err(bad());
        }
        _ => return Err(incompatible(left, right)),
    })
}

/// Deeper values are taken as unequal: they can only be cycles.
const MAX_DEPTH: usize = 500;

/// Go's `reflect.DeepEqual`: types must be the same too.
#[expect(clippy::float_cmp, reason = "Go compares floats exactly")]
pub(crate) fn deep_equal(left: &Value, right: &Value, depth: usize) -> bool {
    if depth > MAX_DEPTH {
        return false;
    }
    match (left, right) {
        (Value::Missing | Value::Nil, Value::Missing | Value::Nil) => true,
        (Value::Bool(l), Value::Bool(r)) => l == r,
        (Value::Int(l), Value::Int(r))
        | (Value::Int64(l), Value::Int64(r))
        | (Value::Duration(l), Value::Duration(r)) => l == r,
        (Value::Uint8(l), Value::Uint8(r)) => l == r,
        (Value::Uint64(l), Value::Uint64(r)) => l == r,
        (Value::Float(l), Value::Float(r)) => l == r,
        (Value::Complex(a, b), Value::Complex(c, d)) => a == c && b == d,
        (Value::String(l), Value::String(r)) => l == r,
        (Value::List(l), Value::List(r)) => {
            l.element() == r.element()
                && l.is_nil() == r.is_nil()
                && l.items().len() == r.items().len()
                && l.items().iter().zip(r.items()).all(|(l, r)| deep_equal(l, r, depth + 1))
        }
        (Value::Map(l), Value::Map(r)) => {
            if left.type_name() != right.type_name() || l.len() != r.len() {
                return false;
            }
            l.same(r)
                || l.entries()
                    .iter()
                    .zip(&r.entries())
                    .all(|((lk, lv), (rk, rv))| lk == rk && deep_equal(lv, rv, depth + 1))
        }
        (Value::Time(l), Value::Time(r)) => l == r,
        (Value::Object(l), Value::Object(r)) => {
            l.type_name() == r.type_name() && deep_equal(&l.to_value(), &r.to_value(), depth + 1)
        }
        _ => false,
    }
}
