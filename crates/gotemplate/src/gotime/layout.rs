//! Cuts a Go layout (`2006-01-02`) into its parts.

/// A part of a layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Chunk {
    Literal(String),
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    ZoneName,
    /// `parts`: 1 hours, 2 and minutes, 3 and seconds; `z`: zero is written `Z`.
    Offset {
        z: bool,
        colon: bool,
        parts: u8,
    },
    Fraction {
        separator: char,
        digits: usize,
        trim: bool,
    },
}

/// What each fixed word of a layout means; longer words stand before their prefixes.
const WORDS: &[(&str, Chunk)] = &[
    ("January", Chunk::LongMonth),
    ("Monday", Chunk::LongWeekday),
    ("MST", Chunk::ZoneName),
    ("01", Chunk::ZeroMonth),
    ("002", Chunk::ZeroYearDay),
    ("02", Chunk::ZeroDay),
    ("03", Chunk::ZeroHour12),
    ("04", Chunk::ZeroMinute),
    ("05", Chunk::ZeroSecond),
    ("06", Chunk::Year),
    ("15", Chunk::Hour),
    ("1", Chunk::NumMonth),
    ("2006", Chunk::LongYear),
    ("2", Chunk::Day),
    ("__2", Chunk::UnderYearDay),
    ("3", Chunk::Hour12),
    ("4", Chunk::Minute),
    ("5", Chunk::Second),
    ("PM", Chunk::UpperPm),
    ("pm", Chunk::LowerPm),
    ("-070000", Chunk::Offset { z: false, colon: false, parts: 3 }),
    ("-07:00:00", Chunk::Offset { z: false, colon: true, parts: 3 }),
    ("-0700", Chunk::Offset { z: false, colon: false, parts: 2 }),
    ("-07:00", Chunk::Offset { z: false, colon: true, parts: 2 }),
    ("-07", Chunk::Offset { z: false, colon: false, parts: 1 }),
    ("Z070000", Chunk::Offset { z: true, colon: false, parts: 3 }),
    ("Z07:00:00", Chunk::Offset { z: true, colon: true, parts: 3 }),
    ("Z0700", Chunk::Offset { z: true, colon: false, parts: 2 }),
    ("Z07:00", Chunk::Offset { z: true, colon: true, parts: 2 }),
    ("Z07", Chunk::Offset { z: true, colon: false, parts: 1 }),
];

/// The parts of a layout.
pub(super) fn chunks(layout: &str) -> Vec<Chunk> {
    let mut out = Vec::new();
    let mut literal = String::new();
    let mut rest = layout;
    while let Some(c) = rest.chars().next() {
        if let Some((chunk, size)) = word(rest) {
            if !literal.is_empty() {
                out.push(Chunk::Literal(std::mem::take(&mut literal)));
            }
            out.push(chunk);
            rest = rest.get(size..).unwrap_or_default();
        } else {
            literal.push(c);
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
    }
    if !literal.is_empty() {
        out.push(Chunk::Literal(literal));
    }
    out
}

/// The word at the start of a layout and its length in bytes.
fn word(rest: &str) -> Option<(Chunk, usize)> {
    if let Some(tail) = rest.strip_prefix("_2") {
        // `_2006` is a literal underscore and a year.
        return (!tail.starts_with("006")).then_some((Chunk::UnderDay, 2));
    }
    let short = |name: &str| {
        rest.strip_prefix(name).is_some_and(|t| !t.starts_with(|c: char| c.is_ascii_lowercase()))
    };
    if let Some((word, chunk)) = WORDS.iter().find(|(word, _)| rest.starts_with(word)) {
        return Some((chunk.clone(), word.len()));
    }
    if short("Jan") {
        return Some((Chunk::Month, 3));
    }
    if short("Mon") {
        return Some((Chunk::Weekday, 3));
    }
    fraction(rest)
}

fn fraction(rest: &str) -> Option<(Chunk, usize)> {
    let separator = rest.chars().next().filter(|c| matches!(c, '.' | ','))?;
    let tail = rest.get(1..)?;
    let kind = tail.chars().next().filter(|c| matches!(c, '0' | '9'))?;
    let digits = tail.chars().take_while(|c| *c == kind).count();
    let followed = tail.get(digits..)?.starts_with(|c: char| c.is_ascii_digit());
    (!followed).then_some((Chunk::Fraction { separator, digits, trim: kind == '9' }, digits + 1))
}
