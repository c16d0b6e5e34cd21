//! The `format` keyword, which drafts before 2019-09 take for a check.

use super::problem::quoted;

/// Why a text is not of a format; `None` when it is, or when the format is not known.
pub(super) fn check(format: &str, text: &str) -> Option<String> {
    let result = match format {
        "regex" => gotemplate::compile_regex(text).map(|_| ()).map_err(|error| error.to_string()),
        "date" => date(text),
        "time" => time(text),
        "date-time" => date_time(text),
        "duration" => duration(text),
        "email" => email(text),
        "hostname" => hostname(text),
        "ipv4" => ipv4(text),
        "ipv6" => ipv6(text),
        "uri" | "iri" => {
            uri(text).and_then(|absolute| if absolute { Ok(()) } else { fail("relative url") })
        }
        "uri-reference" | "iri-reference" if text.contains('\\') => fail("contains \\"),
        "uri-reference" | "iri-reference" | "uri-template" => uri(text).map(|_| ()),
        "uuid" => uuid(text),
        "json-pointer" => pointer(text),
        "relative-json-pointer" => relative_pointer(text),
        "semver" => semver(text),
        _ => Ok(()),
    };
    result.err()
}

type Fit = Result<(), String>;

fn fail<T>(reason: impl Into<String>) -> Result<T, String> {
    Err(reason.into())
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn number(text: &str, digits_wanted: usize) -> Option<u32> {
    text.parse().ok().filter(|_| text.len() == digits_wanted && digits(text))
}

fn date(text: &str) -> Fit {
    let parts: Vec<&str> = text.split('-').collect();
    let broken = |found: &str, wanted: &str| {
        fail(format!(
            "parsing time {text:?} as \"2006-01-02\": cannot parse {found:?} as {wanted:?}"
        ))
    };
    let year = text.get(..4).filter(|year| digits(year));
    let (Some(_), Some(rest)) = (year, text.get(4..)) else { return broken(text, "2006") };
    let Some(rest) = rest.strip_prefix('-') else { return broken(rest, "-") };
    let month = rest.get(..2).and_then(|month| number(month, 2));
    let (Some(month), Some(tail)) = (month, rest.get(2..)) else { return broken(rest, "01") };
    let out_of_range = |what: &str| fail(format!("parsing time {text:?}: {what} out of range"));
    if !(1..=12).contains(&month) {
        return out_of_range("month");
    }
    let Some(tail) = tail.strip_prefix('-') else { return broken(tail, "-") };
    let day = tail.get(..2).and_then(|day| number(day, 2));
    let (Some(day), Some(extra)) = (day, tail.get(2..)) else { return broken(tail, "02") };
    if !extra.is_empty() {
        return fail(format!("parsing time {text:?}: extra text: {extra:?}"));
    }
    let year: u32 = parts.first().and_then(|year| year.parse().ok()).unwrap_or_default();
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if (1..=days).contains(&day) { Ok(()) } else { out_of_range("day") }
}

/// Minutes of a day.
const DAY: u32 = 24 * 60;

fn time(text: &str) -> Fit {
    if text.len() < 9 {
        return fail("less than 9 characters long");
    }
    let colon = |at: usize| text.as_bytes().get(at) == Some(&b':');
    if !colon(2) || !colon(5) {
        return fail("missing colon in correct place");
    }
    let part = |at: usize| text.get(at..at + 2).and_then(|part| number(part, 2));
    let (Some(hour), Some(minute), Some(second)) = (part(0), part(3), part(6)) else {
        return fail("invalid hour/min/sec");
    };
    if hour > 23 || minute > 59 || second > 60 {
        return fail("hour/min/sec out of range");
    }
    let mut rest = text.get(8..).unwrap_or_default();
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
        if rest.len() == fraction.len() {
            return fail("no digits in second fraction");
        }
    }
    let mut minutes = hour * 60 + minute;
    if !rest.eq_ignore_ascii_case("z") {
        if rest.len() != 6 {
            return fail("offset must be 6 characters long");
        }
        let ahead = match rest.as_bytes().first() {
            Some(b'+') => true,
            Some(b'-') => false,
            _ => return fail("offset must begin with plus/minus"),
        };
        if rest.as_bytes().get(3) != Some(&b':') {
            return fail("missing colon in offset in correct place");
        }
        let part = |from: usize| rest.get(from..from + 2).and_then(|part| number(part, 2));
        let (Some(hours), Some(more)) = (part(1), part(4)) else {
            return fail("invalid hour/min in offset");
        };
        if hours > 23 || more > 59 {
            return fail("hour/min in offset out of range");
        }
        let offset = hours * 60 + more;
        minutes = if ahead { minutes + DAY - offset } else { minutes + offset };
        if minutes >= DAY && ahead {
            minutes -= DAY;
        }
    }
    if second == 60 && minutes != 23 * 60 + 59 {
        return fail("invalid leap second");
    }
    Ok(())
}

fn date_time(text: &str) -> Fit {
    if text.len() < 20 {
        return fail("less than 20 characters long");
    }
    let (Some(day), Some(b't' | b'T'), Some(rest)) =
        (text.get(..10), text.as_bytes().get(10), text.get(11..))
    else {
        return fail("11th character must be t or T");
    };
    date(day).map_err(|reason| format!("invalid date element: {reason}"))?;
    time(rest).map_err(|reason| format!("invalid time element: {reason}"))
}

fn duration(text: &str) -> Fit {
    let Some(rest) = text.strip_prefix('P') else { return fail("must start with P") };
    if rest.is_empty() {
        return fail("nothing after P");
    }
    if let Some(weeks) = rest.strip_suffix('W') {
        return match weeks {
            "" => fail("no number in week"),
            weeks if digits(weeks) => Ok(()),
            _ => fail("invalid week"),
        };
    }
    for (index, part) in rest.split('T').enumerate() {
        let all = match index {
            0 => "YMD",
            1 if part.is_empty() => return fail("no time elements"),
            1 => "HMS",
            _ => return fail("more than one T"),
        };
        let (mut part, mut units) = (part, all);
        while !part.is_empty() {
            let after = part.trim_start_matches(|c: char| c.is_ascii_digit());
            if after.len() == part.len() {
                return fail("missing number");
            }
            let mut letters = after.chars();
            let Some(unit) = letters.next() else { return fail("missing unit") };
            match units.split_once(unit) {
                Some((_, later)) => units = later,
                None if all.contains(unit) => return fail(format!("unit {unit:?} out of order")),
                None => return fail(format!("invalid unit {unit:?}")),
            }
            part = letters.as_str();
        }
    }
    Ok(())
}

fn hostname(text: &str) -> Fit {
    let text = text.strip_suffix('.').unwrap_or(text);
    if text.len() > 253 {
        return fail("more than 253 characters long");
    }
    for label in text.split('.') {
        if label.is_empty() || label.len() > 63 {
            return fail("label must be 1 to 63 characters long");
        }
        if label.starts_with('-') {
            return fail("label starts with hyphen");
        }
        if label.ends_with('-') {
            return fail("label ends with hyphen");
        }
        if let Some(c) = label.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '-') {
            return fail(format!("invalid character {}", quoted(&c.to_string())));
        }
    }
    Ok(())
}

fn email(text: &str) -> Fit {
    if text.len() > 254 {
        return fail("more than 255 characters long");
    }
    let Some((local, domain)) = text.rsplit_once('@') else { return fail("missing @") };
    if local.len() > 64 {
        return fail("local part more than 64 characters long");
    }
    let inner = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match inner {
        Some(inner) if inner.contains(['\\', '"']) => {
            return fail("backslash and quote are not allowed within quoted local part");
        }
        Some(_) => {}
        None if local.starts_with('.') => return fail("starts with dot"),
        None if local.ends_with('.') => return fail("ends with dot"),
        None if local.contains("..") => return fail("consecutive dots"),
        None => {
            let allowed =
                |c: &char| c.is_ascii_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(*c);
            if let Some(c) = local.chars().find(|c| !allowed(c)) {
                return fail(format!("invalid character {}", quoted(&c.to_string())));
            }
        }
    }
    let address = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match address {
        Some(address) => match address.strip_prefix("IPv6:") {
            Some(six) => ipv6(six).map_err(|reason| format!("invalid ipv6 address: {reason}")),
            None => ipv4(address).map_err(|reason| format!("invalid ipv4 address: {reason}")),
        },
        None => hostname(domain).map_err(|reason| format!("invalid domain: {reason}")),
    }
}

fn ipv4(text: &str) -> Fit {
    let groups: Vec<&str> = text.split('.').collect();
    if groups.len() != 4 {
        return fail("expected four decimals");
    }
    for group in groups {
        if group.len() > 1 && group.starts_with('0') {
            return fail("leading zeros");
        }
        let number: Result<i64, _> = group.parse();
        match number {
            Ok(0..=255) => {}
            Ok(_) => return fail("decimal must be between 0 and 255"),
            Err(_) => return fail(format!("strconv.Atoi: parsing {group:?}: invalid syntax")),
        }
    }
    Ok(())
}

fn ipv6(text: &str) -> Fit {
    if !text.contains(':') {
        return fail("missing colon");
    }
    match text.parse::<std::net::Ipv6Addr>() {
        Ok(_) => Ok(()),
        Err(_) if text.contains('%') => fail("zone id is not a part of ipv6 address"),
        Err(_) => fail(format!("ParseAddr({text:?}): unable to parse IP")),
    }
}

/// Tells whether a reference has a scheme, or why it is none.
fn uri(text: &str) -> Result<bool, String> {
    let parse = |reason: &str| fail(format!("parse {text:?}: {reason}"));
    if text.chars().any(|c| c.is_ascii_control()) {
        return parse("net/url: invalid control character in URL");
    }
    let scheme = match text.split_once(':') {
        Some(("", _)) => return parse("missing protocol scheme"),
        Some((scheme, _)) if scheme.contains(['/', '?', '#']) => None,
        Some((scheme, _)) => Some(scheme),
        None => None,
    };
    let named = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    if scheme.is_some_and(|scheme| !named(scheme)) {
        return parse("first path segment in URL cannot contain colon");
    }
    let rest = match scheme {
        Some(scheme) => text.get(scheme.len() + 1..).unwrap_or_default(),
        None => text,
    };
    if let Some(after) = rest.strip_prefix("//") {
        let host = after.split(['/', '?', '#']).next().unwrap_or_default();
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        if let Some(c) = host.chars().find(|c| " \"<>\\^`{|}".contains(*c)) {
            return parse(&format!("invalid character {:?} in host name", c.to_string()));
        }
        let port = host.rsplit_once(']').map_or(host, |(_, port)| port).rsplit_once(':');
        if let Some((_, port)) = port.filter(|(_, port)| !port.is_empty() && !digits(port)) {
            return parse(&format!("invalid port {:?} after host", format!(":{port}")));
        }
    }
    match escapes(rest) {
        Ok(()) => Ok(scheme.is_some()),
        Err(bad) => parse(&format!("invalid URL escape {bad:?}")),
    }
}

/// The first `%` that two hexadecimal digits do not follow.
fn escapes(text: &str) -> Result<(), String> {
    for (at, _) in text.match_indices('%') {
        let digits = text.as_bytes().get(at + 1..at + 3);
        if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            let bad: String = text.get(at..).unwrap_or_default().chars().take(3).collect();
            return Err(bad);
        }
    }
    Ok(())
}

fn uuid(text: &str) -> Fit {
    const LENGTHS: [usize; 5] = [8, 4, 4, 4, 12];
    let groups: Vec<&str> = text.split('-').collect();
    if groups.len() != LENGTHS.len() {
        return fail("must have 5 elements");
    }
    for (index, (group, length)) in groups.iter().zip(LENGTHS).enumerate() {
        if group.len() != length {
            return fail(format!("element {} must be {length} characters long", index + 1));
        }
        if let Some(c) = group.chars().find(|c| !c.is_ascii_hexdigit()) {
            return fail(format!("non-hex character {}", quoted(&c.to_string())));
        }
    }
    Ok(())
}

fn pointer(text: &str) -> Fit {
    if !text.is_empty() && !text.starts_with('/') {
        return fail("not starting with /");
    }
    let escaped = |at: usize| matches!(text.as_bytes().get(at + 1), Some(b'0' | b'1'));
    if text.match_indices('~').all(|(at, _)| escaped(at)) {
        return Ok(());
    }
    fail("~ must be followed by 0 or 1")
}

fn relative_pointer(text: &str) -> Fit {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    match text.len() - rest.len() {
        0 => fail("must start with non-negative integer"),
        2.. if text.starts_with('0') => fail("starts with zero"),
        _ if rest == "#" => Ok(()),
        _ => pointer(rest),
    }
}

fn semver(text: &str) -> Fit {
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let (version, build) = match text.split_once('+') {
        Some((version, build)) => (version, Some(build)),
        None => (text, None),
    };
    let named = |what: &str, part: &str| match part.chars().find(|c| !letter(*c)) {
        Some(c) => {
            fail(format!("invalid character {} in {what} identifier", quoted(&c.to_string())))
        }
        None => Ok(()),
    };
    match build {
        Some("") => return fail("build is empty"),
        Some(build) => {
            for part in build.split('.') {
                if part.is_empty() {
                    return fail("build identifier is empty");
                }
                named("build", part)?;
            }
        }
        None => {}
    }
    let (core, pre) = match version.split_once('-') {
        Some((core, pre)) => (core, Some(pre)),
        None => (version, None),
    };
    for part in pre.into_iter().flat_map(|pre| pre.split('.')) {
        if part.is_empty() {
            return fail("pre-release identifier is empty");
        }
        named("pre-release", part)?;
        if digits(part) && part.len() > 1 && part.starts_with('0') {
            return fail("pre-release numeric identifier starts with zero");
        }
    }
    let parts: Vec<&str> = core.split('.').collect();
    if parts.len() != 3 {
        return fail("versionCore must have 3 numbers separated by dot");
    }
    for (name, part) in ["major", "minor", "patch"].iter().zip(parts) {
        if part.is_empty() {
            return fail(format!("{name} is empty"));
        }
        if part.len() > 1 && part.starts_with('0') {
            return fail(format!("{name} starts with zero"));
        }
        if !digits(part) {
            return fail(format!("{name} contains non-digit"));
        }
    }
    Ok(())
}
