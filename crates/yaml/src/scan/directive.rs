//! Directives, anchors and tags.

use super::{Kind, Payload, Scanner, Token};
use crate::error::{Error, Mark};

/// Digits a version number may have.
const VERSION_DIGITS: u32 = 2;

impl<'a> Scanner<'a> {
    pub(super) fn directive(&mut self) -> Result<Token<'a>, Error> {
        let start = self.input.mark();
        self.input.skip();
        let name = self.word();
        if name.is_empty() {
            return Err(self.error_in("could not find expected directive name", start));
        }
        if !self.input.is_blankz(0) {
            return Err(self.error_in("found unexpected non-alphabetical character", start));
        }
        self.input.skip_blanks();
        let (kind, payload) = match name {
            "YAML" => (Kind::VersionDirective, self.version(start)?),
            "TAG" => (Kind::TagDirective, self.tag_directive(start)?),
            _ => return Err(self.error_in("found unknown directive name", start)),
        };
        let end = self.input.mark();
        self.input.skip_blanks();
        if self.input.byte(0) == b'#' {
            self.input.skip_to_break();
        }
        if !self.input.is_breakz(0) {
            return Err(self.error_in("did not find expected comment or line break", start));
        }
        self.input.skip_line();
        Ok(Token::new(kind, start, end).with(payload))
    }

    /// Letters, digits, `_` and `-`.
    fn word(&mut self) -> &'a str {
        let rest = self.input.rest();
        let length = rest.bytes().take_while(|b| is_word(*b)).count();
        self.input.skip_bytes(length);
        rest.get(..length).unwrap_or_default()
    }

    fn version(&mut self, start: Mark) -> Result<Payload<'a>, Error> {
        let major = self.version_number(start)?;
        if self.input.byte(0) != b'.' {
            return Err(self.error_in("did not find expected digit or '.' character", start));
        }
        self.input.skip();
        Ok(Payload::Version(major, self.version_number(start)?))
    }

    fn version_number(&mut self, start: Mark) -> Result<u32, Error> {
        let mut number = 0;
        let mut digits = 0;
        while self.input.byte(0).is_ascii_digit() {
            digits += 1;
            if digits > VERSION_DIGITS {
                return Err(self.error_in("found extremely long version number", start));
            }
            number = number * 10 + u32::from(self.input.byte(0) - b'0');
            self.input.skip();
        }
        if digits == 0 {
            return Err(self.error_in("did not find expected version number", start));
        }
        Ok(number)
    }

    fn tag_directive(&mut self, start: Mark) -> Result<Payload<'a>, Error> {
        let handle = self.tag_handle(start)?;
        if handle != "!" && !handle.ends_with('!') {
            return Err(self.error_in("did not find expected '!'", start));
        }
        if !self.input.is_blank(0) {
            return Err(self.error_in("did not find expected whitespace", start));
        }
        self.input.skip_blanks();
        let mut prefix = String::new();
        if !self.tag_uri(start, &mut prefix)? {
            return Err(self.error_in("did not find expected tag URI", start));
        }
        if !self.input.is_blankz(0) {
            return Err(self.error_in("did not find expected whitespace or line break", start));
        }
        Ok(Payload::Tag(Box::new((handle.to_owned(), prefix))))
    }

    pub(super) fn anchor(&mut self, kind: Kind) -> Result<Token<'a>, Error> {
        let start = self.input.mark();
        self.input.skip();
        let name = self.word();
        let ends = self.input.is_blankz(0)
            || matches!(self.input.byte(0), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if name.is_empty() || !ends {
            let problem = "did not find expected alphabetic or numeric character";
            return Err(self.error_in(problem, start));
        }
        Ok(Token::new(kind, start, self.input.mark()).with(Payload::Name(name)))
    }

    pub(super) fn tag(&mut self) -> Result<Token<'a>, Error> {
        let start = self.input.mark();
        let (handle, suffix) = if self.input.byte(1) == b'<' {
            (String::new(), self.verbatim_tag(start)?)
        } else {
            self.shorthand_tag(start)?
        };
        if !self.input.is_blankz(0) {
            return Err(self.error_in("did not find expected whitespace or line break", start));
        }
        let payload = Payload::Tag(Box::new((handle, suffix)));
        Ok(Token::new(Kind::Tag, start, self.input.mark()).with(payload))
    }

    /// `!<tag>`.
    fn verbatim_tag(&mut self, start: Mark) -> Result<String, Error> {
        self.input.skip();
        self.input.skip();
        let mut tag = String::new();
        if !self.tag_uri(start, &mut tag)? {
            return Err(self.error_in("did not find expected tag URI", start));
        }
        if self.input.byte(0) != b'>' {
            return Err(self.error_in("did not find the expected '>'", start));
        }
        self.input.skip();
        Ok(tag)
    }

    /// `!suffix`, `!!suffix`, `!handle!suffix` or `!`.
    fn shorthand_tag(&mut self, start: Mark) -> Result<(String, String), Error> {
        let handle = self.tag_handle(start)?;
        let mut suffix = String::new();
        if handle.len() > 1 && handle.ends_with('!') {
            if !self.tag_uri(start, &mut suffix)? {
                return Err(self.error_in("did not find expected tag URI", start));
            }
            return Ok((handle.to_owned(), suffix));
        }
        suffix.push_str(handle.strip_prefix('!').unwrap_or_default());
        self.tag_uri(start, &mut suffix)?;
        if suffix.is_empty() {
            return Ok((String::new(), "!".to_owned()));
        }
        Ok(("!".to_owned(), suffix))
    }

    /// `!`, `!word` or `!word!`.
    fn tag_handle(&mut self, start: Mark) -> Result<&'a str, Error> {
        if self.input.byte(0) != b'!' {
            return Err(self.error_in("did not find expected '!'", start));
        }
        let from = self.input.offset();
        self.input.skip();
        self.word();
        if self.input.byte(0) == b'!' {
            self.input.skip();
        }
        Ok(self.input.slice(from, self.input.offset()))
    }

    /// Adds the URI that stands here to `uri`, `%` escapes undone; false if there is none.
    fn tag_uri(&mut self, start: Mark, uri: &mut String) -> Result<bool, Error> {
        let before = uri.len();
        loop {
            let byte = self.input.byte(0);
            if byte == b'%' {
                self.uri_escape(start, uri)?;
            } else if is_word(byte) || b";/?:@&=+$,.!~*'()[]".contains(&byte) {
                uri.push(char::from(byte));
                self.input.skip();
            } else {
                return Ok(uri.len() > before);
            }
        }
    }

    /// One character, as one `%xx` for each of its bytes.
    fn uri_escape(&mut self, start: Mark, uri: &mut String) -> Result<(), Error> {
        let mut bytes = Vec::new();
        let mut left = 1;
        while left > 0 {
            let hex = |at| char::from(self.input.byte(at)).to_digit(16);
            let (b'%', Some(high), Some(low)) = (self.input.byte(0), hex(1), hex(2)) else {
                return Err(self.error_in("did not find URI escaped octet", start));
            };
            let octet = u8::try_from(high << 4 | low).unwrap_or_default();
            if bytes.is_empty() {
                left = match octet {
                    0..=0x7f => 1,
                    0xc0..=0xdf => 2,
                    0xe0..=0xef => 3,
                    0xf0..=0xf7 => 4,
                    _ => {
                        let problem = "found an incorrect leading UTF-8 octet";
                        return Err(self.error_in(problem, start));
                    }
                };
            }
            bytes.push(octet);
            self.input.skip_bytes(3);
            left -= 1;
        }
        match std::str::from_utf8(&bytes) {
            Ok(text) => uri.push_str(text),
            Err(_) => {
                return Err(self.error_in("found an incorrect trailing UTF-8 octet", start));
            }
        }
        Ok(())
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}
