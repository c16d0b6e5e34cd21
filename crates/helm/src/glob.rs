//! File name patterns: Go's `filepath.Match` and the `gobwas/glob` of `.Files.Glob`, as regular
//! expressions.

use regex::Regex;

/// The expression of a `filepath.Match` pattern; `None` when it is malformed.
pub(crate) fn file_match(pattern: &str) -> Option<Regex> {
    Regex::new(&format!("^(?s:{})$", translate(pattern, false)?)).ok()
}

/// True when a path fits a `filepath.Match` pattern.
pub fn matches_file(pattern: &str, path: &str) -> bool {
    file_match(pattern).is_some_and(|expression| expression.is_match(path))
}

/// The expression of a glob whose `*` stops at slashes and whose `**` does not; `None` when it is
/// malformed.
pub(crate) fn files_glob(pattern: &str) -> Option<Regex> {
    Regex::new(&format!("^(?s:{})$", translate(pattern, true)?)).ok()
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
