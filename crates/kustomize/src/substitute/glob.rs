//! Shell patterns, where `*` also fits slashes.

/// Whether a pattern fits a whole name; `None` if the pattern is malformed.
pub(super) fn matches(mut pattern: &[u8], mut name: &[u8]) -> Option<bool> {
    'pattern: while !pattern.is_empty() {
        let (star, chunk, rest) = split_chunk(pattern);
        pattern = rest;
        if star && chunk.is_empty() {
            return Some(true);
        }
        if let Fit::Rest(tail) = match_chunk(chunk, name)?
            && (tail.is_empty() || !pattern.is_empty())
        {
            name = tail;
            continue;
        }
        if star {
            for skipped in 1..=name.len() {
                let Fit::Rest(tail) = match_chunk(chunk, name.get(skipped..).unwrap_or_default())?
                else {
                    continue;
                };
                if pattern.is_empty() && !tail.is_empty() {
                    continue;
                }
                name = tail;
                continue 'pattern;
            }
        }
        return Some(false);
    }
    Some(name.is_empty())
}

/// Takes the stars at the beginning and what follows up to the next star.
fn split_chunk(pattern: &[u8]) -> (bool, &[u8], &[u8]) {
    let stars = pattern.iter().take_while(|b| **b == b'*').count();
    let body = pattern.get(stars..).unwrap_or_default();
    let mut in_class = false;
    let mut at = 0;
    while let Some(byte) = body.get(at) {
        match byte {
            b'\\' => at += 1,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'*' if !in_class => break,
            _ => {}
        }
        at += 1;
    }
    let (chunk, rest) = body.split_at(at.min(body.len()));
    (stars > 0, chunk, rest)
}

/// Whether the beginning of a text fits, and what is left of it then.
enum Fit<'n> {
    Rest(&'n [u8]),
    No,
}

/// Looks at the beginning of a text; `None` is a malformed pattern.
fn match_chunk<'n>(mut chunk: &[u8], mut name: &'n [u8]) -> Option<Fit<'n>> {
    while let Some((first, more)) = chunk.split_first() {
        if name.is_empty() {
            return Some(Fit::No);
        }
        match first {
            b'[' => {
                let (c, rest) = split_char(name);
                name = rest;
                let (fits, rest) = match_class(more, c)?;
                chunk = rest;
                if !fits {
                    return Some(Fit::No);
                }
            }
            b'?' => {
                name = split_char(name).1;
                chunk = more;
            }
            _ => {
                let (literal, more) =
                    if *first == b'\\' { more.split_first()? } else { (first, more) };
                match name.split_first() {
                    Some((byte, rest)) if byte == literal => name = rest,
                    _ => return Some(Fit::No),
                }
                chunk = more;
            }
        }
    }
    Some(Fit::Rest(name))
}

/// Whether a character is in a class, whose `[` is taken off, and what follows the class.
fn match_class(class: &[u8], c: char) -> Option<(bool, &[u8])> {
    let negated = class.first() == Some(&b'^');
    let mut rest = if negated { class.get(1..)? } else { class };
    let mut found = false;
    let mut ranges = 0;
    loop {
        if ranges > 0
            && let Some(after) = rest.strip_prefix(b"]")
        {
            return Some((found != negated, after));
        }
        let (low, after) = class_char(rest)?;
        let (high, after) = match after.strip_prefix(b"-") {
            Some(after) => class_char(after)?,
            None => (low, after),
        };
        rest = after;
        found |= (low..=high).contains(&c);
        ranges += 1;
    }
}

fn class_char(class: &[u8]) -> Option<(char, &[u8])> {
    let first = class.first()?;
    if matches!(first, b'-' | b']') {
        return None;
    }
    let class =
        if *first == b'\\' { class.get(1..).filter(|rest| !rest.is_empty())? } else { class };
    let (c, rest) = split_char(class);
    (!rest.is_empty() && c != char::REPLACEMENT_CHARACTER).then_some((c, rest))
}

/// The first character, or the replacement character for a byte that begins none.
fn split_char(text: &[u8]) -> (char, &[u8]) {
    for length in 1..=4.min(text.len()) {
        if let Some((head, rest)) = text.split_at_checked(length)
            && let Ok(head) = std::str::from_utf8(head)
            && let Some(c) = head.chars().next()
        {
            return (c, rest);
        }
    }
    (char::REPLACEMENT_CHARACTER, text.get(1..).unwrap_or_default())
}
