//! Names of hosts, through the environment only.

use crate::function::{Row, Type};
use crate::value::Value;

pub(crate) const TABLE: &[Row] = &[Row("getHostByName", &[Type::String], None, |s, a| {
    let addresses = s.environment().addresses(&a.text(0));
    if addresses.is_empty() {
        return Err(crate::Error::new("invalid argument to Intn"));
    }
    let choice = u64::try_from(addresses.len()).unwrap_or(1);
    let index = usize::try_from(super::password::below(s, choice)).unwrap_or_default();
    Ok(Value::string(addresses.get(index).cloned().unwrap_or_default()))
})];
