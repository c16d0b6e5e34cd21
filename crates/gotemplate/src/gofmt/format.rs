//! `Sprintf`: the format's grammar, arguments by index, and what Go says of mistakes.

use super::{Flags, MAX_PRINTED, Printer};
use crate::Result;
use crate::text::first_rune;
use crate::value::Value;

/// The largest width or precision; beyond it Go says so.
const MAX_NUMBER: i64 = 1_000_000;

/// Go's `fmt.Sprintf`.
pub(crate) fn sprintf(format: &[u8], arguments: &[Value]) -> Result<Vec<u8>> {
    let mut run = Run { printer: Printer::default(), arguments, ..Run::default() };
    run.format(format);
    run.printer.finish()
}

#[derive(Default)]
struct Run<'a> {
    printer: Printer,
    arguments: &'a [Value],
    next: usize,
    reordered: bool,
    good_index: bool,
    after_index: bool,
}

impl Run<'_> {
    fn format(&mut self, format: &[u8]) {
        let mut rest = format;
        while !rest.is_empty() && self.printer.failed.is_none() {
            let literal = rest.iter().position(|b| *b == b'%').unwrap_or(rest.len());
            let (text, tail) = rest.split_at(literal);
            self.printer.out.extend_from_slice(text);
            let Some((_, tail)) = tail.split_first() else { break };
            rest = self.directive(tail);
            if self.printer.out.len() > MAX_PRINTED {
                self.printer.failed = Some("value is nested too deeply or too large to print");
            }
        }
        self.extra();
    }

    /// Handles what follows a percent sign; gives what follows the verb.
    fn directive<'f>(&mut self, text: &'f [u8]) -> &'f [u8] {
        self.printer.flags = Flags::default();
        self.good_index = true;
        self.after_index = false;
        let rest = self.flags(text);
        let rest = self.index(rest);
        let rest = self.width(rest);
        let rest = self.precision(rest);
        let rest = if self.after_index { rest } else { self.index(rest) };
        let Some((verb, size)) = first_rune(rest) else {
            self.printer.text("%!(NOVERB)");
            return &[];
        };
        self.verb(verb);
        rest.get(size..).unwrap_or_default()
    }

    fn flags<'f>(&mut self, mut text: &'f [u8]) -> &'f [u8] {
        while let Some((flag, rest)) = text.split_first() {
            let flags = &mut self.printer.flags;
            match flag {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => return text,
            }
            text = rest;
        }
        text
    }

    /// An argument index `[n]`.
    fn index<'f>(&mut self, text: &'f [u8]) -> &'f [u8] {
        let Some(inner) = text.strip_prefix(b"[") else { return text };
        self.reordered = true;
        let Some(end) = inner.iter().position(|b| *b == b']') else {
            self.good_index = false;
            return inner;
        };
        let (digits, rest) = inner.split_at(end);
        let rest = rest.get(1..).unwrap_or_default();
        let index = std::str::from_utf8(digits)
            .ok()
            .filter(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|d| d.parse::<usize>().ok());
        match index {
            Some(index) if index >= 1 && index <= self.arguments.len() => {
                self.next = index - 1;
                self.after_index = true;
            }
            _ => self.good_index = false,
        }
        rest
    }

    fn width<'f>(&mut self, text: &'f [u8]) -> &'f [u8] {
        if let Some(rest) = text.strip_prefix(b"*") {
            match self.star() {
                Some(width) => {
                    if width < 0 {
                        self.printer.flags.minus = true;
                        self.printer.flags.zero = false;
                    }
                    self.printer.flags.width = usize::try_from(width.unsigned_abs()).ok();
                }
                None => self.printer.text("%!(BADWIDTH)"),
            }
            self.after_index = false;
            return rest;
        }
        let (number, rest) = decimal(text);
        if number.is_some() && self.after_index {
            self.good_index = false;
        }
        self.printer.flags.width = number;
        rest
    }

    fn precision<'f>(&mut self, text: &'f [u8]) -> &'f [u8] {
        let Some(rest) = text.strip_prefix(b".") else { return text };
        if self.after_index {
            self.good_index = false;
        }
        let rest = self.index(rest);
        if let Some(rest) = rest.strip_prefix(b"*") {
            match self.star() {
                Some(precision) => self.printer.flags.precision = usize::try_from(precision).ok(),
                None => self.printer.text("%!(BADPREC)"),
            }
            self.after_index = false;
            return rest;
        }
        let (number, rest) = decimal(rest);
        self.printer.flags.precision = Some(number.unwrap_or(0));
        rest
    }

    /// A width or precision taken from the arguments.
    fn star(&mut self) -> Option<i64> {
        let number = match self.arguments.get(self.next)? {
            Value::Int(i) | Value::Int64(i) => Some(*i),
            Value::Uint8(i) => Some(i64::from(*i)),
            Value::Uint64(i) => i64::try_from(*i).ok(),
            _ => None,
        };
        self.next += 1;
        number.filter(|n| n.abs() <= MAX_NUMBER)
    }

    fn verb(&mut self, verb: char) {
        if verb == '%' {
            self.printer.out.push(b'%');
            return;
        }
        if !self.good_index {
            self.printer.text(&format!("%!{verb}(BADINDEX)"));
            return;
        }
        let Some(value) = self.arguments.get(self.next) else {
            self.printer.text(&format!("%!{verb}(MISSING)"));
            return;
        };
        self.next += 1;
        if matches!(verb, 'v' | 'w') {
            let flags = &mut self.printer.flags;
            flags.sharp_v = std::mem::take(&mut flags.sharp);
            flags.plus_v = std::mem::take(&mut flags.plus);
        }
        self.printer.argument(value, verb);
    }

    fn extra(&mut self) {
        if self.reordered || self.next >= self.arguments.len() {
            return;
        }
        self.printer.flags = Flags::default();
        self.printer.text("%!(EXTRA ");
        for (index, value) in self.arguments.iter().skip(self.next).enumerate() {
            if index > 0 {
                self.printer.text(", ");
            }
            if value.is_nil() {
                self.printer.text("<nil>");
                continue;
            }
            let name = value.type_name();
            self.printer.text(&name);
            self.printer.text("=");
            self.printer.argument(value, 'v');
        }
        self.printer.text(")");
    }
}

/// A run of decimal digits; a number too large counts as absent, as in Go.
fn decimal(text: &[u8]) -> (Option<usize>, &[u8]) {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let number = std::str::from_utf8(digits)
        .ok()
        .and_then(|d| d.parse::<i64>().ok())
        .filter(|n| *n <= MAX_NUMBER)
        .and_then(|n| usize::try_from(n).ok());
    (number, rest)
}
