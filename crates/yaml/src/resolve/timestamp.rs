use std::fmt;

/// A moment as go-yaml reads it from a plain scalar, kept in the parts it was written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timestamp {
    year: u32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    nanos: u32,
    /// Minutes east of UTC.
    offset: i32,
}

impl Timestamp {
    /// Reads the four forms go-yaml knows: a date, a date and time separated by a space (in UTC),
    /// and RFC 3339 with `T` or `t`; months, days and the rest may have one digit.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut rest = Rest(text);
        let year = rest.digits(4)?;
        rest.eat("-")?;
        let month = rest.one_or_two()?;
        rest.eat("-")?;
        let day = rest.one_or_two()?;
        let date = Self { year, month, day, hour: 0, minute: 0, second: 0, nanos: 0, offset: 0 };
        if rest.0.is_empty() {
            return date.checked();
        }
        let zoned = rest.eat("T").or_else(|| rest.eat("t")).is_some();
        if !zoned {
            rest.eat(" ")?;
            rest.0 = rest.0.trim_start_matches(' ');
        }
        let time = Self {
            hour: rest.one_or_two()?,
            minute: rest.colon_then()?,
            second: rest.colon_then()?,
            nanos: rest.fraction()?,
            offset: if zoned { rest.offset()? } else { 0 },
            ..date
        };
        if !rest.0.is_empty() {
            return None;
        }
        time.checked()
    }

    /// The text Go's JSON has for it; a day or more away from UTC has none.
    pub(crate) fn as_json(&self) -> Option<String> {
        const DAY: u32 = 24 * 60;
        (self.offset.unsigned_abs() < DAY).then(|| self.to_string())
    }

    fn checked(self) -> Option<Self> {
        let leap = self.year.is_multiple_of(4)
            && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400));
        let days = match self.month {
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => 31,
        };
        let valid = (1..=12).contains(&self.month)
            && (1..=days).contains(&self.day)
            && self.hour < 24
            && self.minute < 60
            && self.second < 60;
        valid.then_some(self)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 with as many digits of the fraction as are needed, as Go's JSON has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}T", self.year, self.month, self.day)?;
        write!(f, "{:02}:{:02}:{:02}", self.hour, self.minute, self.second)?;
        if self.nanos > 0 {
            let digits = format!("{:09}", self.nanos);
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        if self.offset == 0 {
            return f.write_str("Z");
        }
        let sign = if self.offset < 0 { '-' } else { '+' };
        let minutes = self.offset.unsigned_abs();
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

/// What is left to read.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn eat(&mut self, prefix: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(prefix)?;
        Some(())
    }

    fn digits(&mut self, count: usize) -> Option<u32> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        self.0 = rest;
        digits.parse().ok()
    }

    fn one_or_two(&mut self) -> Option<u32> {
        self.digits(2).or_else(|| self.digits(1))
    }

    fn colon_then(&mut self) -> Option<u32> {
        self.eat(":")?;
        self.one_or_two()
    }

    /// The optional fraction of a second; what comes after nine digits is cut off.
    fn fraction(&mut self) -> Option<u32> {
        let Some(rest) = self.0.strip_prefix(['.', ',']) else {
            return Some(0);
        };
        let count = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, after) = rest.split_at_checked(count)?;
        if digits.is_empty() {
            return None;
        }
        self.0 = after;
        let nine: String = digits.chars().chain("000000000".chars()).take(9).collect();
        nine.parse().ok()
    }

    /// `Z`, or hours and minutes east of UTC.
    fn offset(&mut self) -> Option<i32> {
        if self.eat("Z").is_some() {
            return Some(0);
        }
        let sign = if self.eat("+").is_some() {
            1
        } else {
            self.eat("-")?;
            -1
        };
        let hours = i32::try_from(self.digits(2)?).ok()?;
        self.eat(":")?;
        let minutes = i32::try_from(self.digits(2)?).ok()?;
        (hours <= 24 && minutes <= 60).then_some(sign * (hours * 60 + minutes))
    }
}
