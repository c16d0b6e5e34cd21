//! What passes for an address in `Chart.yaml`.

/// A mail address: something, an at sign, and a name of dotted labels.
pub(super) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let extra = |c: char| "!#$%&'*+-/=?^_`{|}~".contains(c) || c >= '\u{a0}';
    let atom = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || extra(c))
    };
    let quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    (quoted || local.split('.').all(atom)) && is_domain(domain)
}

/// At least two labels, the last of which starts with a letter.
fn is_domain(domain: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c >= '\u{a0}';
    let label = |part: &str| {
        let inner = |c: char| letter(c) || c.is_ascii_digit() || matches!(c, '-' | '_' | '~');
        let edge = |c: Option<char>| c.is_some_and(|c| letter(c) || c.is_ascii_digit());
        part.chars().all(inner) && edge(part.chars().next()) && edge(part.chars().next_back())
    };
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let Some((_, last)) = domain.rsplit_once('.') else { return false };
    domain.split('.').all(label) && last.chars().next().is_some_and(letter)
}

/// A URL with a scheme, or an absolute one.
pub(super) fn is_request_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let mut letters = scheme.chars();
    let first = letters.next().is_some_and(|c| c.is_ascii_alphabetic());
    let scheme =
        first && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    // Without a slash it is an opaque address, which is as good.
    let clean = !text.contains(|c: char| c.is_ascii_control());
    scheme && clean && is_authority(rest) && escapes_are_whole(rest)
}

fn is_authority(rest: &str) -> bool {
    let Some(rest) = rest.strip_prefix("//") else { return !rest.is_empty() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let port = match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => port,
        _ => "",
    };
    !host.contains([' ', '<', '>', '"', '^', '`', '{', '}', '\\', '|'])
        && port.chars().all(|c| c.is_ascii_digit())
}

fn escapes_are_whole(text: &str) -> bool {
    text.split('%').skip(1).all(|part| {
        part.get(..2).is_some_and(|digits| digits.chars().all(|c| c.is_ascii_hexdigit()))
    })
}

/// A web address, with or without a scheme.
pub(super) fn is_url(text: &str) -> bool {
    if text.chars().count() >= 2083 || text.len() <= 3 || text.starts_with('.') {
        return false;
    }
    let rest = match text.split_once("://") {
        Some((scheme, rest)) => {
            if !matches!(scheme, "ftp" | "tcp" | "udp" | "ws" | "wss" | "http" | "https") {
                return false;
            }
            rest
        }
        None => text,
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    if path.contains(char::is_whitespace) {
        return false;
    }
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && !port.is_empty() => (host, port),
        _ => (host, ""),
    };
    let port = port.len() <= 5 && port.chars().all(|c| c.is_ascii_digit());
    let host = host.strip_suffix('.').unwrap_or(host);
    port && is_host(host)
}

fn is_host(host: &str) -> bool {
    if host.starts_with('[') && host.ends_with(']') {
        return host.trim_matches(['[', ']']).parse::<std::net::Ipv6Addr>().is_ok();
    }
    let wide = |c: char| c.is_ascii_alphanumeric() || c >= '\u{a1}';
    let label = |part: &str| {
        let edge = |c: Option<char>| c.is_some_and(wide);
        part.chars().all(|c| wide(c) || matches!(c, '-' | '_'))
            && edge(part.chars().next())
            && edge(part.chars().next_back())
    };
    !host.is_empty() && host.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::{is_email, is_request_url, is_url};

    #[test]
    fn addresses_are_told_from_what_is_none() {
        for good in ["a@b.cd", "first.last+tag@example.co.uk", "x_y@sub-domain.example.org"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["", "a", "a@b", "@b.cd", "a@", "a b@c.de", "a@-b.cd", "a..b@c.de", "a@b..cd"] {
            assert!(!is_email(bad), "{bad}");
        }
        for good in ["https://example.com", "git://x/y", "http://localhost:8080/a?b", "mailto:x"] {
            assert!(is_request_url(good), "{good}");
        }
        for bad in ["", "example.com", "/a/b", "://x", "1http://x", "http://a b", "http://a/%zz"] {
            assert!(!is_request_url(bad), "{bad}");
        }
        for good in ["https://example.com", "example.com/a", "http://10.0.0.1:80", "localhost"] {
            assert!(is_url(good), "{good}");
        }
        for bad in ["", ".com", "mailto://x", "http://", "http://-a.com", "http://a b.com"] {
            assert!(!is_url(bad), "{bad}");
        }
    }
}
