//! Go's `time.ParseInLocation`.

use jiff::Zoned;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};

use super::layout::{Chunk, chunks};
use super::{MONTHS, WEEKDAYS, head};
use std::fmt::Write as _;

use crate::{Error, Result};

/// What has been read so far.
#[derive(Default)]
struct Fields {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanos: i64,
    pm: Option<bool>,
    offset: Option<i32>,
    zone: Option<String>,
}

/// Reads a time by a layout, in a zone unless the text names an offset.
pub(crate) fn parse(layout: &str, text: &str, zone: &TimeZone) -> Result<Zoned> {
    let mut fields = Fields::default();
    let mut rest = text;
    let layout_parts = chunks(layout);
    for (index, chunk) in layout_parts.iter().enumerate() {
        let before = rest;
        rest = read(chunk, rest, &mut fields).ok_or_else(|| {
            let (text, layout) = (quoted(text), quoted(layout));
            let (found, wanted) = (quoted(before), quoted(&shown(chunk)));
            Error(format!("parsing time {text} as {layout}: cannot parse {found} as {wanted}"))
        })?;
        // A fraction may follow the seconds even when the layout has none.
        let next_fraction = matches!(layout_parts.get(index + 1), Some(Chunk::Fraction { .. }));
        if matches!(chunk, Chunk::Second | Chunk::ZeroSecond) && !next_fraction {
            rest = optional_fraction(rest, &mut fields);
        }
    }
    if !rest.is_empty() {
        let (text, extra) = (quoted(text), quoted(rest));
        return Err(Error(format!("parsing time {text}: extra text: {extra}")));
    }
    fields
        .finish(zone)
        .map_err(|what| Error(format!("parsing time {}: {what} out of range", quoted(text))))
}

impl Fields {
    fn finish(self, zone: &TimeZone) -> Result<Zoned, &'static str> {
        let year = i16::try_from(self.year).map_err(|_| "year")?;
        let hour = match self.pm {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let part = |number: i64, name| i8::try_from(number).map_err(|_| name);
        let date = if let Some(day) = self.year_day {
            let day = i16::try_from(day).map_err(|_| "day-of-year")?;
            let first = Date::new(year, 1, 1).map_err(|_| "year")?;
            first.with().day_of_year(day).build().map_err(|_| "day-of-year")?
        } else {
            let month = part(self.month.unwrap_or(1), "month")?;
            Date::new(year, month, 1).map_err(|_| "month")?;
            let day = part(self.day.unwrap_or(1), "day")?;
            Date::new(year, month, day).map_err(|_| "day")?
        };
        let nanos = i32::try_from(self.nanos).map_err(|_| "fractional second")?;
        if !(0..24).contains(&hour) {
            return Err("hour");
        }
        if !(0..60).contains(&self.minute) {
            return Err("minute");
        }
        let (hour, minute) = (part(hour, "hour")?, part(self.minute, "minute")?);
        let time =
            Time::new(hour, minute, part(self.second, "second")?, nanos).map_err(|_| "second")?;
        let zone = match (self.offset, self.zone.as_deref()) {
            (Some(0), _) => TimeZone::UTC,
            (Some(seconds), _) => {
                let wanted = Offset::from_seconds(seconds).map_err(|_| "time zone offset hour")?;
                // The local zone is kept when it has this very offset then.
                let local = DateTime::from_parts(date, time).to_zoned(zone.clone());
                match local {
                    Ok(local) if local.offset() == wanted => return Ok(local),
                    _ => wanted.to_time_zone(),
                }
            }
            (None, Some("UTC")) => TimeZone::UTC,
            (None, _) => zone.clone(),
        };
        DateTime::from_parts(date, time).to_zoned(zone).map_err(|_| "year")
    }
}

/// A text as Go's errors about times quote it: anything but printable ASCII byte by byte.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b' '..0x80 => out.push(char::from(byte)),
            byte => drop(write!(out, "\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}

fn shown(chunk: &Chunk) -> String {
    match chunk {
        Chunk::Literal(text) => text.clone(),
        Chunk::LongMonth => "January".to_owned(),
        Chunk::Month => "Jan".to_owned(),
        Chunk::NumMonth => "1".to_owned(),
        Chunk::ZeroMonth => "01".to_owned(),
        Chunk::LongWeekday => "Monday".to_owned(),
        Chunk::Weekday => "Mon".to_owned(),
        Chunk::Day => "2".to_owned(),
        Chunk::UnderDay => "_2".to_owned(),
        Chunk::ZeroDay => "02".to_owned(),
        Chunk::UnderYearDay => "__2".to_owned(),
        Chunk::ZeroYearDay => "002".to_owned(),
        Chunk::Hour => "15".to_owned(),
        Chunk::Hour12 => "3".to_owned(),
        Chunk::ZeroHour12 => "03".to_owned(),
        Chunk::Minute => "4".to_owned(),
        Chunk::ZeroMinute => "04".to_owned(),
        Chunk::Second => "5".to_owned(),
        Chunk::ZeroSecond => "05".to_owned(),
        Chunk::LongYear => "2006".to_owned(),
        Chunk::Year => "06".to_owned(),
        Chunk::UpperPm => "PM".to_owned(),
        Chunk::LowerPm => "pm".to_owned(),
        Chunk::ZoneName => "MST".to_owned(),
        Chunk::Offset { z, colon, parts } => {
            let lead = if *z { 'Z' } else { '-' };
            let between = if *colon { ":" } else { "" };
            let more = format!("{between}00").repeat(usize::from(*parts).saturating_sub(1));
            format!("{lead}07{more}")
        }
        Chunk::Fraction { separator, digits, trim } => {
            format!("{separator}{}", if *trim { "9" } else { "0" }.repeat(*digits))
        }
    }
}

/// Reads one part; gives what follows it, or `None` when it does not fit.
fn read<'t>(chunk: &Chunk, text: &'t str, fields: &mut Fields) -> Option<&'t str> {
    let mut rest = text;
    match chunk {
        Chunk::Literal(literal) => return text.strip_prefix(literal.as_str()),
        Chunk::LongMonth => fields.month = Some(name(&mut rest, &MONTHS, false)? + 1),
        Chunk::Month => fields.month = Some(name(&mut rest, &MONTHS, true)? + 1),
        Chunk::NumMonth => fields.month = Some(digits(&mut rest, 1, 2)?),
        Chunk::ZeroMonth => fields.month = Some(digits(&mut rest, 2, 2)?),
        Chunk::LongWeekday => drop(name(&mut rest, &WEEKDAYS, false)?),
        Chunk::Weekday => drop(name(&mut rest, &WEEKDAYS, true)?),
        Chunk::Day => fields.day = Some(digits(&mut rest, 1, 2)?),
        Chunk::UnderDay => {
            rest = rest.strip_prefix(' ').unwrap_or(rest);
            fields.day = Some(digits(&mut rest, 1, 2)?);
        }
        Chunk::ZeroDay => fields.day = Some(digits(&mut rest, 2, 2)?),
        Chunk::UnderYearDay => {
            rest = rest.trim_start_matches(' ');
            fields.year_day = Some(digits(&mut rest, 1, 3)?);
        }
        Chunk::ZeroYearDay => fields.year_day = Some(digits(&mut rest, 3, 3)?),
        Chunk::Hour => fields.hour = digits(&mut rest, 1, 2)?,
        Chunk::Hour12 => fields.hour = digits(&mut rest, 1, 2)?,
        Chunk::ZeroHour12 => fields.hour = digits(&mut rest, 2, 2)?,
        Chunk::Minute => fields.minute = digits(&mut rest, 1, 2)?,
        Chunk::ZeroMinute => fields.minute = digits(&mut rest, 2, 2)?,
        Chunk::Second => fields.second = digits(&mut rest, 1, 2)?,
        Chunk::ZeroSecond => fields.second = digits(&mut rest, 2, 2)?,
        Chunk::LongYear => fields.year = digits(&mut rest, 4, 4)?,
        Chunk::Year => {
            let year = digits(&mut rest, 2, 2)?;
            fields.year = if year >= 69 { 1900 + year } else { 2000 + year };
        }
        Chunk::UpperPm => {
            let (half, tail) = rest.split_at_checked(2)?;
            fields.pm = Some(match half {
                "PM" => true,
                "AM" => false,
                _ => return None,
            });
            rest = tail;
        }
        Chunk::LowerPm => {
            let (half, tail) = rest.split_at_checked(2)?;
            fields.pm = Some(match half {
                "pm" => true,
                "am" => false,
                _ => return None,
            });
            rest = tail;
        }
        Chunk::ZoneName => {
            let size = rest.bytes().take_while(u8::is_ascii_uppercase).count();
            let (zone, tail) = rest.split_at_checked(size).filter(|(z, _)| z.len() >= 3)?;
            fields.zone = Some(zone.to_owned());
            rest = tail;
        }
        Chunk::Offset { z, colon, parts } => {
            if *z && let Some(tail) = rest.strip_prefix('Z') {
                fields.offset = Some(0);
                return Some(tail);
            }
            fields.offset = Some(offset(&mut rest, *colon, *parts)?);
        }
        Chunk::Fraction { digits, trim, .. } => {
            if *trim {
                return Some(optional_fraction(rest, fields));
            }
            let (text, tail) = rest.split_at_checked(digits + 1)?;
            fields.nanos = nanos(text.strip_prefix(['.', ','])?)?;
            rest = tail;
        }
    }
    Some(rest)
}

fn optional_fraction<'t>(text: &'t str, fields: &mut Fields) -> &'t str {
    let Some(tail) = text.strip_prefix(['.', ',']) else { return text };
    let size = tail.bytes().take_while(u8::is_ascii_digit).count();
    let Some((digits, rest)) = tail.split_at_checked(size) else { return text };
    match nanos(digits) {
        Some(value) => {
            fields.nanos = value;
            rest
        }
        None => text,
    }
}

fn nanos(digits: &str) -> Option<i64> {
    let padded = format!("{digits:0<9}");
    (!digits.is_empty()).then(|| padded.get(..9)?.parse().ok()).flatten()
}

/// Reads between `least` and `most` digits.
fn digits(text: &mut &str, least: usize, most: usize) -> Option<i64> {
    let size = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at_checked(size).filter(|(d, _)| d.len() >= least)?;
    *text = rest;
    digits.parse().ok()
}

/// Reads a name of a list, whatever its case; gives its place.
fn name(text: &mut &str, names: &[&str], short: bool) -> Option<i64> {
    for (index, name) in names.iter().enumerate() {
        let wanted = if short { head(name) } else { name };
        if let Some((found, rest)) = text.split_at_checked(wanted.len())
            && found.eq_ignore_ascii_case(wanted)
        {
            *text = rest;
            return i64::try_from(index).ok();
        }
    }
    None
}

fn offset(text: &mut &str, colon: bool, parts: u8) -> Option<i32> {
    let mut rest = *text;
    let sign = match rest.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    rest = rest.get(1..)?;
    let mut seconds = digits(&mut rest, 2, 2)? * 3600;
    for scale in [60, 1].into_iter().take(usize::from(parts).saturating_sub(1)) {
        if colon {
            rest = rest.strip_prefix(':')?;
        }
        seconds += digits(&mut rest, 2, 2)? * scale;
    }
    *text = rest;
    i32::try_from(seconds * sign).ok()
}
