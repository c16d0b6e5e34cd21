//! File name patterns: Go's `filepath.Match` and the `gobwas/glob` of `.Files.Glob`.

use regex::Regex;

/// A pattern that is ready for use.
#[derive(Debug)]
pub(crate) enum Glob {
    /// Most patterns; compiling an expression takes longer than all that it is asked.
    Simple(Vec<Piece>),
    /// Patterns with classes or alternatives.
    Expression(Regex),
}

/// A part of a simple pattern.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    /// Any character but a slash.
    One,
    /// Any characters but slashes.
    Some,
    /// Any characters.
    All,
}

/// A `filepath.Match` pattern; `None` when it is malformed.
pub(crate) fn file_match(pattern: &str) -> Option<Glob> {
    Glob::new(pattern, false)
}

/// True when a path fits a `filepath.Match` pattern.
pub fn matches_file(pattern: &str, path: &str) -> bool {
    file_match(pattern).is_some_and(|expression| expression.is_match(path))
}

/// A glob whose `*` stops at slashes and whose `**` does not; `None` when it is malformed.
pub(crate) fn files_glob(pattern: &str) -> Option<Glob> {
    Glob::new(pattern, true)
}

impl Glob {
    fn new(pattern: &str, extended: bool) -> Option<Self> {
        if pattern.contains('[') || (extended && pattern.contains(['{', '}'])) {
            let expression = format!("^(?s:{})$", translate(pattern, extended)?);
            return Regex::new(&expression).ok().map(Self::Expression);
        }
        let mut pieces = Vec::new();
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            let c = match c {
                '*' if extended && chars.peek() == Some(&'*') => {
                    while chars.next_if_eq(&'*').is_some() {}
                    pieces.push(Piece::All);
                    continue;
                }
                '*' => {
                    pieces.push(Piece::Some);
                    continue;
                }
                '?' => {
                    pieces.push(Piece::One);
                    continue;
                }
                '\\' => chars.next()?,
                c => c,
            };
            match pieces.last_mut() {
                Some(Piece::Text(text)) => text.push(c),
                _ => pieces.push(Piece::Text(c.to_string())),
            }
        }
        Some(Self::Simple(pieces))
    }

    /// True when a path fits.
    pub(crate) fn is_match(&self, path: &str) -> bool {
        match self {
            Self::Simple(pieces) => fits(pieces, path),
            Self::Expression(expression) => expression.is_match(path),
        }
    }
}

fn fits(pieces: &[Piece], path: &str) -> bool {
    match pieces {
        [] => return path.is_empty(),
        [Piece::Text(text)] => return path == text,
        [Piece::Text(text), ..] if !path.starts_with(text) => return false,
        [.., Piece::Text(text)] if !path.ends_with(text) => return false,
        _ => {}
    }
    // The places in the path up to which the pieces so far fit, in order.
    let mut places = vec![0];
    for piece in pieces {
        let mut next: Vec<usize> = Vec::new();
        for place in places {
            let rest = path.get(place..).unwrap_or_default();
            match piece {
                Piece::Text(text) if rest.starts_with(text) => next.push(place + text.len()),
                Piece::Text(_) => {}
                Piece::One => {
                    let first = rest.chars().next().filter(|c| *c != '/');
                    next.extend(first.map(|c| place + c.len_utf8()));
                }
                Piece::Some | Piece::All => {
                    // What an earlier place reaches, this one need not reach again.
                    if next.last().is_some_and(|last| *last >= place) {
                        continue;
                    }
                    let across = *piece == Piece::All;
                    let run = rest.char_indices().take_while(|(_, c)| across || *c != '/');
                    let ends = run.map(|(at, c)| place + at + c.len_utf8());
                    next.extend(std::iter::once(place).chain(ends));
                }
            }
        }
        places = next;
    }
    places.contains(&path.len())
}

fn translate(pattern: &str, extended: bool) -> Option<String> {
    let mut out = String::new();
    let mut chars = pattern.chars().peekable();
    let mut braces = 0_usize;
    while let Some(c) = chars.next() {
        match c {
            '*' => {
                if extended && chars.peek() == Some(&'*') {
                    while chars.peek() == Some(&'*') {
                        chars.next();
                    }
                    out.push_str(".*");
                } else {
                    out.push_str("[^/]*");
                }
            }
            '?' => out.push_str("[^/]"),
            '[' => out.push_str(&class(&mut chars, extended)?),
            '{' if extended => {
                braces += 1;
                out.push_str("(?:");
            }
            '}' if braces > 0 => {
                braces -= 1;
                out.push(')');
            }
            ',' if braces > 0 => out.push('|'),
            '\\' => out.push_str(&regex::escape(chars.next()?.encode_utf8(&mut [0; 4]))),
            c => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    (braces == 0).then_some(out)
}

fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, extended: bool) -> Option<String> {
    let mut out = String::from("[");
    if matches!(chars.peek(), Some('^')) || (extended && matches!(chars.peek(), Some('!'))) {
        chars.next();
        out.push('^');
    }
    let mut empty = true;
    loop {
        let c = chars.next()?;
        match c {
            ']' if !empty => break,
            '-' if !empty => out.push('-'),
            '\\' => out.push_str(&format_code(chars.next()?)),
            c => out.push_str(&format_code(c)),
        }
        empty = false;
    }
    out.push(']');
    Some(out)
}

fn format_code(c: char) -> String {
    format!("\\x{{{:x}}}", u32::from(c))
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::{Glob, translate};

    /// Simple patterns mean what their translation to an expression means.
    #[test]
    fn patterns_are_matched_as_their_expressions_are() {
        let patterns = [
            "", "a", "*", "**", "?", "*.yaml", "a/*", "a/**", "**/c", "a*b*c", "*a*/*b", "a?c",
            "é*", "a\\*b", "*?*", "**.txt", "a**c", "***", ".?*", "*/", "/*", "a.c", "*é?",
        ];
        let paths = [
            "",
            "a",
            "b",
            "c",
            "a/b",
            "a/b/c",
            "abc",
            "a/c",
            "axxbxxc",
            "ab/xb",
            "aab/ab/ab",
            "values.yaml",
            "x/values.yaml",
            "été",
            "é",
            "a*b",
            "a.txt",
            "d/a.txt",
            ".x",
            "/",
            "//",
            "a\nc",
            "aéc",
            "abcabc",
        ];
        for pattern in patterns {
            for extended in [false, true] {
                let glob = Glob::new(pattern, extended).unwrap();
                assert!(matches!(glob, Glob::Simple(_)), "{pattern}");
                let expression = translate(pattern, extended).unwrap();
                let expression = Regex::new(&format!("^(?s:{expression})$")).unwrap();
                for path in paths {
                    let expected = expression.is_match(path);
                    assert_eq!(glob.is_match(path), expected, "{pattern} {path} {extended}");
                }
            }
        }
    }

    #[test]
    fn broken_patterns_are_none() {
        for pattern in ["a\\", "[", "[]", "a[b"] {
            assert!(Glob::new(pattern, false).is_none(), "{pattern}");
        }
        assert!(Glob::new("{a", true).is_none());
        assert!(Glob::new("{a,b}c", true).unwrap().is_match("bc"));
    }
}
