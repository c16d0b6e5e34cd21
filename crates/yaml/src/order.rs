//! The order go-yaml v2 gives the keys of a map: natural, so that `a10` comes after `a9`.

use crate::resolve::Rules;
use std::cmp::Ordering;

/// Sorts by key. A merge sort of our own: go-yaml's order is not transitive for every input (long
/// runs of digits wrap around), which the standard library's sort may answer with a panic.
pub(crate) fn sort_by_key<T>(items: &mut Vec<T>, rules: Rules, key: impl Fn(&T) -> &str + Copy) {
    let sorted = items
        .windows(2)
        .all(|pair| matches!(pair, [a, b] if compare(key(a), key(b), rules) != Ordering::Greater));
    if sorted {
        return;
    }
    let right = items.split_off(items.len() / 2);
    let mut left = std::mem::take(items);
    let mut right = right;
    sort_by_key(&mut left, rules, key);
    sort_by_key(&mut right, rules, key);
    *items = merge(left, right, |a, b| compare(key(a), key(b), rules) == Ordering::Less);
}

fn merge<T>(left: Vec<T>, right: Vec<T>, less: impl Fn(&T, &T) -> bool) -> Vec<T> {
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let mut left = left.into_iter().peekable();
    let mut right = right.into_iter().peekable();
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if less(b, a) { right.next() } else { left.next() };
        merged.extend(next);
    }
    merged.extend(left);
    merged.extend(right);
    merged
}

/// Compares two keys as go-yaml does: letters after other characters, runs of digits by value.
pub(crate) fn compare(a: &str, b: &str, rules: Rules) -> Ordering {
    let common = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).count();
    let mut rest_a = a.chars().skip(common);
    let mut rest_b = b.chars().skip(common);
    let (Some(x), Some(y)) = (rest_a.next(), rest_b.next()) else {
        return a.chars().count().cmp(&b.chars().count());
    };
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => x.cmp(&y),
        (false, false) => {
            compare_digits(tail(a, common), tail(b, common), same_number(a, common, x, y))
                .then(x.cmp(&y))
        }
        (x_letter, _) => {
            let after_digit = rules == Rules::V3 && ends_in_digit(a, common);
            if x_letter == after_digit { Ordering::Less } else { Ordering::Greater }
        }
    }
}

fn tail(text: &str, chars: usize) -> &str {
    text.char_indices().nth(chars).and_then(|(at, _)| text.get(at..)).unwrap_or_default()
}

fn ends_in_digit(text: &str, chars: usize) -> bool {
    chars.checked_sub(1).and_then(|last| text.chars().nth(last)).is_some_and(|c| c.is_ascii_digit())
}

/// Whether the difference lies inside a number whose first digits, not all zero, are common; a
/// zero at the difference then counts like any other digit.
fn same_number(text: &str, common: usize, x: char, y: char) -> bool {
    if x != '0' && y != '0' {
        return false;
    }
    let before: Vec<char> = text.chars().take(common).collect();
    before.iter().rev().take_while(|c| c.is_ascii_digit()).any(|c| *c != '0')
}

fn compare_digits(a: &str, b: &str, same_number: bool) -> Ordering {
    let start = i64::from(same_number);
    let (a_value, a_length) = digits(a, start);
    let (b_value, b_length) = digits(b, start);
    a_value.cmp(&b_value).then(a_length.cmp(&b_length))
}

fn digits(text: &str, start: i64) -> (i64, usize) {
    let mut value = start;
    let mut length = 0;
    for b in text.bytes().take_while(u8::is_ascii_digit) {
        value = value.wrapping_mul(10).wrapping_add(i64::from(b - b'0'));
        length += 1;
    }
    (value, length)
}
