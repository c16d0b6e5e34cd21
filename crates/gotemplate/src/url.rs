//! Go's `net/url`, as far as `urlParse`, `urlJoin` and `urlquery` need it.

use crate::quote::quote;
use crate::{Error, Result};

/// A parsed URL; `path`, `fragment` and userinfo are unescaped.
#[derive(Debug, Clone, Default)]
pub(crate) struct Url {
    pub(crate) scheme: String,
    pub(crate) opaque: String,
    pub(crate) user: Option<(Vec<u8>, Option<Vec<u8>>)>,
    pub(crate) host: String,
    pub(crate) path: Vec<u8>,
    pub(crate) raw_path: String,
    pub(crate) query: String,
    pub(crate) force_query: bool,
    pub(crate) fragment: Vec<u8>,
}

/// Where an escaped text stands: each place has its own reserved characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Path,
    UserPassword,
    Host,
    Query,
    Fragment,
}

fn should_escape(byte: u8, place: Place) -> bool {
    if byte.is_ascii_alphanumeric() {
        return false;
    }
    match (byte, place) {
        (b'-' | b'_' | b'.' | b'~', _) => false,
        (
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':'
            | b'[' | b']' | b'<' | b'>' | b'"',
            Place::Host,
        ) => false,
        (b'$' | b'&' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'?' | b'@', place) => match place
        {
            Place::Path => byte == b'?',
            Place::UserPassword => matches!(byte, b'@' | b'/' | b'?' | b':'),
            Place::Fragment => false,
            Place::Query | Place::Host => true,
        },
        (b'!' | b'(' | b')' | b'*', Place::Fragment) => false,
        _ => true,
    }
}

fn escape(text: &[u8], place: Place) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text {
        match byte {
            b' ' if place == Place::Query => out.push('+'),
            byte if should_escape(*byte, place) => {
                out.push('%');
                out.extend(hex_digits(*byte));
            }
            byte => out.push(char::from(*byte)),
        }
    }
    out
}

/// The two upper-case hexadecimal digits of a byte.
fn hex_digits(byte: u8) -> [char; 2] {
    [byte >> 4, byte & 15]
        .map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or('0').to_ascii_uppercase())
}

/// Go's `url.QueryEscape`.
pub(crate) fn query_escape(text: &[u8]) -> String {
    escape(text, Place::Query)
}

fn unescape(text: &str, place: Place) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if *byte != b'%' {
            if place == Place::Host && *byte < 0x80 && should_escape(*byte, place) {
                let shown = quote(&[*byte]);
                return Err(Error(format!("invalid character {shown} in host name")));
            }
            out.push(*byte);
            continue;
        }
        let (digits, after) = tail.split_at_checked(2).unwrap_or((tail, &[]));
        let code = std::str::from_utf8(digits)
            .ok()
            .filter(|d| d.len() == 2)
            .and_then(|d| u8::from_str_radix(d, 16).ok());
        let Some(code) = code else {
            let mut shown = vec![b'%'];
            shown.extend_from_slice(digits);
            return Err(Error(format!("invalid URL escape {}", quote(&shown))));
        };
        out.push(code);
        rest = after;
    }
    Ok(out)
}

/// Go's `url.Parse`.
pub(crate) fn parse(text: &str) -> Result<Url> {
    let wrap = |error: Error| Error(format!("parse {}: {}", quote(text.as_bytes()), error.0));
    let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
    let mut url = parse_without_fragment(rest).map_err(wrap)?;
    url.fragment = unescape(fragment, Place::Fragment).map_err(wrap)?;
    Ok(url)
}

fn parse_without_fragment(text: &str) -> Result<Url> {
    if text.bytes().any(|b| b < b' ' || b == 0x7f) {
        return Err(Error::new("net/url: invalid control character in URL"));
    }
    let mut url = Url::default();
    if text == "*" {
        url.path = b"*".to_vec();
        return Ok(url);
    }
    let (scheme, rest) = scheme(text)?;
    url.scheme = scheme.to_ascii_lowercase();
    let mut rest = rest;
    if rest.ends_with('?') && rest.matches('?').count() == 1 {
        url.force_query = true;
        rest = rest.strip_suffix('?').unwrap_or(rest);
    } else if let Some((before, query)) = rest.split_once('?') {
        query.clone_into(&mut url.query);
        rest = before;
    }
    if !rest.starts_with('/') {
        if !url.scheme.is_empty() {
            rest.clone_into(&mut url.opaque);
            return Ok(url);
        }
        if rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
            return Err(Error::new("first path segment in URL cannot contain colon"));
        }
    }
    let authority =
        rest.strip_prefix("//").filter(|r| !url.scheme.is_empty() || !r.starts_with('/'));
    if let Some(authority) = authority {
        let end = authority.find('/').unwrap_or(authority.len());
        let (authority, tail) = authority.split_at_checked(end).unwrap_or((authority, ""));
        parse_authority(authority, &mut url)?;
        rest = tail;
    }
    url.path = unescape(rest, Place::Path)?;
    if escape(&url.path, Place::Path) != rest {
        rest.clone_into(&mut url.raw_path);
    }
    Ok(url)
}

fn scheme(text: &str) -> Result<(&str, &str)> {
    for (index, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if index > 0 => {}
            ':' if index == 0 => return Err(Error::new("missing protocol scheme")),
            ':' => {
                let (scheme, rest) = text.split_at_checked(index).unwrap_or((text, ""));
                return Ok((scheme, rest.strip_prefix(':').unwrap_or(rest)));
            }
            _ => return Ok(("", text)),
        }
    }
    Ok(("", text))
}

fn parse_authority(authority: &str, url: &mut Url) -> Result<()> {
    let Some((userinfo, host)) = authority.rsplit_once('@') else {
        url.host = host_of(&url.scheme, authority)?;
        return Ok(());
    };
    url.host = host_of(&url.scheme, host)?;
    let valid = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
    if !userinfo.chars().all(valid) {
        return Err(Error::new("net/url: invalid userinfo"));
    }
    url.user = Some(match userinfo.split_once(':') {
        None => (unescape(userinfo, Place::UserPassword)?, None),
        Some((name, password)) => {
            (unescape(name, Place::UserPassword)?, Some(unescape(password, Place::UserPassword)?))
        }
    });
    Ok(())
}

fn host_of(scheme: &str, host: &str) -> Result<String> {
    match host.rfind('[') {
        Some(0) => check_literal(host)?,
        Some(_) => return Err(Error::new("invalid IP-literal")),
        None => {
            // Only of web addresses is a second colon refused: databases name several hosts with their ports.
            let strict = matches!(scheme, "http" | "https");
            let colon = if strict { host.find(':') } else { host.rfind(':') };
            check_port(colon.and_then(|at| host.get(at..)).unwrap_or_default())?;
        }
    }
    Ok(String::from_utf8_lossy(&unescape(host, Place::Host)?).into_owned())
}

fn check_port(port: &str) -> Result<()> {
    let digits = port.strip_prefix(':');
    if port.is_empty() || digits.is_some_and(|d| d.bytes().all(|b| b.is_ascii_digit())) {
        return Ok(());
    }
    Err(Error(format!("invalid port {} after host", quote(port.as_bytes()))))
}

/// What stands in brackets has to be an IPv6 address, maybe with a zone.
fn check_literal(host: &str) -> Result<()> {
    let Some((inner, port)) = host.strip_prefix('[').and_then(|inner| inner.rsplit_once(']'))
    else {
        return Err(Error::new("missing ']' in host"));
    };
    check_port(port)?;
    let inner = unescape(inner, Place::Host)?;
    let inner = String::from_utf8_lossy(&inner);
    let address = inner.split_once('%').map_or(&*inner, |(address, _)| address);
    if address.parse::<std::net::Ipv6Addr>().is_ok() {
        return Ok(());
    }
    if address.parse::<std::net::Ipv4Addr>().is_ok() {
        return Err(Error::new("invalid IP-literal"));
    }
    let shown = quote(inner.as_bytes());
    Err(Error(format!("invalid host: ParseAddr({shown}): unable to parse IP")))
}

impl Url {
    /// The host without its port.
    pub(crate) fn hostname(&self) -> &str {
        if let Some(inner) = self.host.strip_prefix('[') {
            return inner.split(']').next().unwrap_or_default();
        }
        match self.host.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => &self.host,
        }
    }

    /// The userinfo, escaped.
    pub(crate) fn userinfo(&self) -> String {
        match &self.user {
            None => String::new(),
            Some((name, None)) => escape(name, Place::UserPassword),
            Some((name, Some(password))) => {
                let name = escape(name, Place::UserPassword);
                format!("{name}:{}", escape(password, Place::UserPassword))
            }
        }
    }

    fn escaped_path(&self) -> String {
        if !self.raw_path.is_empty()
            && unescape(&self.raw_path, Place::Path).is_ok_and(|path| path == self.path)
        {
            return self.raw_path.clone();
        }
        if self.path == b"*" {
            return "*".to_owned();
        }
        escape(&self.path, Place::Path)
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.scheme.is_empty() {
            write!(f, "{}:", self.scheme)?;
        }
        if !self.opaque.is_empty() {
            f.write_str(&self.opaque)?;
        } else {
            if !self.scheme.is_empty() || !self.host.is_empty() || self.user.is_some() {
                if !self.host.is_empty() || !self.path.is_empty() || self.user.is_some() {
                    f.write_str("//")?;
                }
                if self.user.is_some() {
                    write!(f, "{}@", self.userinfo())?;
                }
                f.write_str(&escape(self.host.as_bytes(), Place::Host))?;
            }
            let path = self.escaped_path();
            if !path.is_empty() && !path.starts_with('/') && !self.host.is_empty() {
                f.write_str("/")?;
            }
            f.write_str(&path)?;
        }
        if self.force_query || !self.query.is_empty() {
            write!(f, "?{}", self.query)?;
        }
        if !self.fragment.is_empty() {
            write!(f, "#{}", escape(&self.fragment, Place::Fragment))?;
        }
        Ok(())
    }
}
