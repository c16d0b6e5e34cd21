//! Arithmetic.

#![expect(clippy::unnecessary_wraps, reason = "the functions of a table share one signature")]

use crate::cast::{to_float, to_int};
use crate::function::{Args, Row, Scope, Type};
use crate::gofmt::to_text;
use crate::value::Value;
use crate::{Error, Result};

use Type::{Any, Float, Int, String as Text};

pub(crate) const TABLE: &[Row] = &[
    Row("atoi", &[Text], None, |_, a| Ok(Value::Int(a.text(0).parse().unwrap_or_default()))),
    Row("int", &[Any], None, |_, a| Ok(Value::Int(to_int(a.any(0))))),
    Row("int64", &[Any], None, |_, a| Ok(Value::Int64(to_int(a.any(0))))),
    Row("float64", &[Any], None, |_, a| Ok(Value::Float(to_float(a.any(0))))),
    Row("toDecimal", &[Any], None, |_, a| {
        let text = to_text(a.any(0))?;
        Ok(Value::Int64(i64::from_str_radix(&text.text(), 8).unwrap_or_default()))
    }),
    Row("add1", &[Any], None, |_, a| Ok(Value::Int64(to_int(a.any(0)).wrapping_add(1)))),
    Row("add", &[], Some(Any), |_, a| {
        Ok(Value::Int64(a.rest(0).iter().map(to_int).fold(0, i64::wrapping_add)))
    }),
    Row("sub", &[Any, Any], None, |_, a| {
        Ok(Value::Int64(to_int(a.any(0)).wrapping_sub(to_int(a.any(1)))))
    }),
    Row("div", &[Any, Any], None, |_, a| divide(a, i64::wrapping_div)),
    Row("mod", &[Any, Any], None, |_, a| divide(a, i64::wrapping_rem)),
    Row("mul", &[Any], Some(Any), |_, a| {
        Ok(Value::Int64(a.rest(0).iter().map(to_int).fold(1, i64::wrapping_mul)))
    }),
    Row("randInt", &[Int, Int], None, random_int),
    Row("add1f", &[Any], None, |_, a| Ok(decimals(to_float(a.any(0)), &[1.0], Operation::Add))),
    Row("addf", &[], Some(Any), |_, a| Ok(decimals(0.0, &floats(a, 0), Operation::Add))),
    Row("subf", &[Any], Some(Any), |_, a| {
        Ok(decimals(to_float(a.any(0)), &floats(a, 1), Operation::Subtract))
    }),
    Row("divf", &[Any], Some(Any), |_, a| {
        let divisors = floats(a, 1);
        if divisors.contains(&0.0) {
            return Err(Error::new("decimal division by 0"));
        }
        Ok(decimals(to_float(a.any(0)), &divisors, Operation::Divide))
    }),
    Row("mulf", &[Any], Some(Any), |_, a| {
        Ok(decimals(to_float(a.any(0)), &floats(a, 1), Operation::Multiply))
    }),
    Row("max", &[Any], Some(Any), |_, a| Ok(extreme(a, i64::max))),
    Row("biggest", &[Any], Some(Any), |_, a| Ok(extreme(a, i64::max))),
    Row("min", &[Any], Some(Any), |_, a| Ok(extreme(a, i64::min))),
    Row("maxf", &[Any], Some(Any), |_, a| {
        Ok(Value::Float(floats(a, 0).into_iter().fold(f64::NEG_INFINITY, f64::max)))
    }),
    Row("minf", &[Any], Some(Any), |_, a| {
        Ok(Value::Float(floats(a, 0).into_iter().fold(f64::INFINITY, f64::min)))
    }),
    Row("ceil", &[Any], None, |_, a| Ok(Value::Float(to_float(a.any(0)).ceil()))),
    Row("floor", &[Any], None, |_, a| Ok(Value::Float(to_float(a.any(0)).floor()))),
    Row("round", &[Any, Int], Some(Float), round),
];

fn divide(args: Args<'_>, operation: fn(i64, i64) -> i64) -> Result<Value> {
    let (left, right) = (to_int(args.any(0)), to_int(args.any(1)));
    if right == 0 {
        return Err(Error::new("runtime error: integer divide by zero"));
    }
    Ok(Value::Int64(operation(left, right)))
}

fn floats(args: Args<'_>, from: usize) -> Vec<f64> {
    args.rest(from).iter().map(to_float).collect()
}

fn extreme(args: Args<'_>, choose: fn(i64, i64) -> i64) -> Value {
    Value::Int64(args.rest(0).iter().map(to_int).reduce(choose).unwrap_or_default())
}

fn random_int(scope: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let (low, high) = (args.int(0), args.int(1));
    let span = high.wrapping_sub(low);
    if span <= 0 {
        return Err(Error::new("invalid argument to Intn"));
    }
    let random = super::password::below(scope, span.unsigned_abs());
    Ok(Value::Int(low.wrapping_add(random.cast_signed())))
}

fn round(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let round_on = if args.len() > 2 { args.float(2) } else { 0.5 };
    #[expect(clippy::cast_precision_loss, reason = "Go's conversion rounds too")]
    let power = 10.0_f64.powf(args.int(1) as f64);
    let digit = power * to_float(args.any(0));
    let rounded = if digit.fract() >= round_on { digit.ceil() } else { digit.floor() };
    Ok(Value::Float(rounded / power))
}

#[derive(Debug, Clone, Copy)]
enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// Decimal places that a division keeps.
const DIVISION_PLACES: u32 = 16;

/// A decimal number: coefficient times ten to the minus places.
#[derive(Debug, Clone, Copy)]
struct Decimal {
    coefficient: i128,
    places: u32,
}

impl Decimal {
    /// The shortest decimal of a float; `None` when it needs more digits than fit.
    fn of(float: f64) -> Option<Self> {
        if !float.is_finite() {
            return None;
        }
        let text = format!("{float}");
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let coefficient = format!("{whole}{fraction}").parse().ok()?;
        Some(Self { coefficient, places: u32::try_from(fraction.len()).ok()? })
    }

    fn float(self) -> f64 {
        format!("{}e-{}", self.coefficient, self.places).parse().unwrap_or_default()
    }

    fn scaled(self, places: u32) -> Option<i128> {
        self.coefficient.checked_mul(10_i128.checked_pow(places.checked_sub(self.places)?)?)
    }

    fn apply(self, other: Self, operation: Operation) -> Option<Self> {
        let places = self.places.max(other.places);
        let aligned = || Some((self.scaled(places)?, other.scaled(places)?));
        match operation {
            Operation::Add => {
                let (left, right) = aligned()?;
                Some(Self { coefficient: left.checked_add(right)?, places })
            }
            Operation::Subtract => {
                let (left, right) = aligned()?;
                Some(Self { coefficient: left.checked_sub(right)?, places })
            }
            Operation::Multiply => Some(Self {
                coefficient: self.coefficient.checked_mul(other.coefficient)?,
                places: self.places + other.places,
            }),
            Operation::Divide => {
                let (left, right) = aligned()?;
                let scaled = left.checked_mul(10_i128.pow(DIVISION_PLACES))?;
                let (mut quotient, rest) = (scaled.checked_div(right)?, scaled % right);
                // Half away from zero.
                if rest.unsigned_abs() * 2 >= right.unsigned_abs() {
                    quotient += if (left < 0) == (right < 0) { 1 } else { -1 };
                }
                Some(Self { coefficient: quotient, places: DIVISION_PLACES })
            }
        }
    }
}

/// Sprig calculates with decimals, so that 0.1 + 0.2 is 0.3; numbers with more digits than fit
/// into 128 bits fall back to floats.
fn decimals(first: f64, others: &[f64], operation: Operation) -> Value {
    let exact = || {
        let mut total = Decimal::of(first)?;
        for other in others {
            total = total.apply(Decimal::of(*other)?, operation)?;
        }
        Some(total.float())
    };
    let inexact = || {
        others.iter().fold(first, |total, other| match operation {
            Operation::Add => total + other,
            Operation::Subtract => total - other,
            Operation::Multiply => total * other,
            Operation::Divide => total / other,
        })
    };
    Value::Float(exact().unwrap_or_else(inexact))
}
