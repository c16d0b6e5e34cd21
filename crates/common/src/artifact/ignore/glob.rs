//! Patterns for one name: `*`, `?`, `[…]` and `\`.

/// A pattern for one name, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob(Vec<Token>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// This character.
    Literal(char),
    /// Any one character.
    One,
    /// Any number of characters.
    Many,
    /// One character of a set, or one that is not in it.
    Set { negated: bool, ranges: Vec<(char, char)> },
}

impl Glob {
    /// Takes a pattern apart; `None` if it is malformed, and so matches nothing.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut tokens = Vec::new();
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            let token = match c {
                '*' => Token::Many,
                '?' => Token::One,
                '\\' => Token::Literal(rest.next()?),
                '[' => parse_set(&mut rest)?,
                c => Token::Literal(c),
            };
            // Many stars in a row mean no more than one, and would cost more.
            if token != Token::Many || tokens.last() != Some(&Token::Many) {
                tokens.push(token);
            }
        }
        Some(Self(tokens))
    }

    /// Whether the whole name matches. Takes at most the product of both lengths in steps.
    pub(super) fn matches(&self, name: &str) -> bool {
        let (mut tokens, mut rest) = (self.0.as_slice(), name);
        // Where to go on when what follows the last star does not match: the star takes one more.
        let mut retry: Option<(&[Token], &str)> = None;
        loop {
            match (tokens.split_first(), rest.chars().next()) {
                (None, None) => return true,
                (Some((Token::Many, after)), _) => {
                    retry = Some((after, rest));
                    tokens = after;
                    continue;
                }
                (Some((token, after)), Some(c)) if token.matches(c) => {
                    tokens = after;
                    rest = after_first(rest);
                    continue;
                }
                _ => {}
            }
            let Some((after, place)) = retry else { return false };
            if place.is_empty() {
                return false;
            }
            let place = after_first(place);
            retry = Some((after, place));
            (tokens, rest) = (after, place);
        }
    }
}

fn after_first(text: &str) -> &str {
    let mut characters = text.chars();
    characters.next();
    characters.as_str()
}

impl Token {
    fn matches(&self, c: char) -> bool {
        match self {
            Self::Literal(own) => *own == c,
            Self::One => true,
            Self::Many => false,
            Self::Set { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
            }
        }
    }
}

/// The rest of a set after its `[`.
fn parse_set(rest: &mut std::str::Chars<'_>) -> Option<Token> {
    let mut ahead = rest.clone();
    let negated = matches!(ahead.next(), Some('!' | '^'));
    if negated {
        *rest = ahead;
    }
    let mut ranges = Vec::new();
    loop {
        let low = match rest.next()? {
            // A bracket that comes first stands for itself.
            ']' if !ranges.is_empty() => return Some(Token::Set { negated, ranges }),
            '[' if rest.as_str().starts_with(':') => {
                ranges.extend_from_slice(parse_class(rest)?);
                continue;
            }
            '\\' => rest.next()?,
            c => c,
        };
        let mut ahead = rest.clone();
        let high = match (ahead.next(), ahead.next()) {
            (Some('-'), Some(c)) if c != ']' => {
                let high = if c == '\\' { ahead.next()? } else { c };
                *rest = ahead;
                high
            }
            _ => low,
        };
        ranges.push((low, high));
    }
}

/// The ranges of a class such as `[:digit:]`, after its first bracket.
fn parse_class(rest: &mut std::str::Chars<'_>) -> Option<&'static [(char, char)]> {
    let (name, after) = rest.as_str().strip_prefix(':')?.split_once(":]")?;
    let ranges: &[(char, char)] = match name {
        "alnum" => &[('a', 'z'), ('A', 'Z'), ('0', '9')],
        "alpha" => &[('a', 'z'), ('A', 'Z')],
        "blank" => &[(' ', ' '), ('\t', '\t')],
        "cntrl" => &[('\0', '\x1f'), ('\x7f', '\x7f')],
        "digit" => &[('0', '9')],
        "graph" => &[('!', '~')],
        "lower" => &[('a', 'z')],
        "print" => &[(' ', '~')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "space" => &[('\t', '\r'), (' ', ' ')],
        "upper" => &[('A', 'Z')],
        "xdigit" => &[('a', 'f'), ('A', 'F'), ('0', '9')],
        _ => return None,
    };
    *rest = after.chars();
    Some(ranges)
}
