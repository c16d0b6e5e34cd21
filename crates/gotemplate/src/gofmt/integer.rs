//! Integers under every verb.

use super::{Flags, Printer};
use crate::value::Value;

impl Printer {
    /// Prints an integer given as magnitude and sign.
    pub(super) fn integer(&mut self, value: &Value, verb: char, number: (u64, bool), signed: bool) {
        match verb {
            'v' | 'd' if self.flags == Flags::default() => self.decimal(number.0, number.1),
            'v' if self.flags.sharp_v && !signed => {
                let sharp = std::mem::replace(&mut self.flags.sharp, true);
                self.based(number, 16, 'v', false);
                self.flags.sharp = sharp;
            }
            'v' | 'd' => self.based(number, 10, verb, false),
            'b' => self.based(number, 2, verb, false),
            'o' | 'O' => self.based(number, 8, verb, false),
            'x' => self.based(number, 16, verb, false),
            'X' => self.based(number, 16, verb, true),
            'c' => self.rune(number.0),
            'q' => self.rune_quoted(number.0),
            'U' => self.code_point(number.0),
            _ => self.bad_verb(value, verb),
        }
    }

    /// Prints a decimal number with nothing around it.
    pub(super) fn decimal(&mut self, mut magnitude: u64, negative: bool) {
        if negative {
            self.out.push(b'-');
        }
        let start = self.out.len();
        loop {
            self.out.push(b'0' + u8::try_from(magnitude % 10).unwrap_or_default());
            magnitude /= 10;
            if magnitude == 0 {
                break;
            }
        }
        if let Some(digits) = self.out.get_mut(start..) {
            digits.reverse();
        }
    }

    fn based(&mut self, (magnitude, negative): (u64, bool), base: u64, verb: char, upper: bool) {
        let flags = self.flags;
        let mut precision = 0;
        if let Some(wanted) = flags.precision {
            precision = wanted;
            if precision == 0 && magnitude == 0 {
                let zero = std::mem::replace(&mut self.flags.zero, false);
                self.pad(b"");
                self.flags.zero = zero;
                return;
            }
        } else if flags.zero
            && !flags.minus
            && let Some(width) = flags.width
        {
            let sign = usize::from(negative || flags.plus || flags.space);
            precision = width.saturating_sub(sign);
        }
        let mut digits = in_base(magnitude, base, upper);
        while digits.len() < precision {
            digits.insert(0, '0');
        }
        let prefix = match (base, verb) {
            (8, 'O') => "0o",
            (2, _) if flags.sharp => "0b",
            (8, _) if flags.sharp && !digits.starts_with('0') => "0",
            (16, _) if flags.sharp => {
                if upper {
                    "0X"
                } else {
                    "0x"
                }
            }
            _ => "",
        };
        let sign = if negative {
            "-"
        } else if flags.plus {
            "+"
        } else if flags.space {
            " "
        } else {
            ""
        };
        let zero = std::mem::replace(&mut self.flags.zero, false);
        self.pad(format!("{sign}{prefix}{digits}").as_bytes());
        self.flags.zero = zero;
    }

    fn code_point(&mut self, code: u64) {
        let width = self.flags.precision.unwrap_or(4).max(4);
        let mut text = format!("U+{code:0width$X}");
        if self.flags.sharp
            && let Some(c) = u32::try_from(code).ok().and_then(char::from_u32)
            && crate::quote::is_printable(c)
        {
            text.push_str(" '");
            text.push(c);
            text.push('\'');
        }
        let zero = std::mem::replace(&mut self.flags.zero, false);
        self.pad(text.as_bytes());
        self.flags.zero = zero;
    }
}

fn in_base(mut magnitude: u64, base: u64, upper: bool) -> String {
    let mut digits = Vec::new();
    loop {
        let digit = u32::try_from(magnitude % base).unwrap_or_default();
        let c = char::from_digit(digit, 16).unwrap_or('0');
        digits.push(if upper { c.to_ascii_uppercase() } else { c });
        magnitude /= base;
        if magnitude == 0 {
            break;
        }
    }
    digits.iter().rev().collect()
}
