//! Host keys to accept, in the format of OpenSSH's `known_hosts`.

use base64::Engine as _;
use gix::hash::Kind;
use russh::keys::{Algorithm, HashAlg, PublicKey};

/// The parsed lines of a `known_hosts` text. Lines that cannot be read are skipped, as OpenSSH does.
#[derive(Debug)]
pub(crate) struct KnownHosts(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    hosts: String,
    revoked: bool,
    key: PublicKey,
}

/// What is known about a key that a server showed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Known,
    Unknown,
    Mismatch { expected: Vec<String> },
    Revoked,
}

impl KnownHosts {
    pub(crate) fn parse(text: &str) -> Self {
        Self(text.lines().filter_map(parse_line).collect())
    }

    /// Judges `key`, shown by the server at `host` and `port`.
    pub(crate) fn judge(&self, host: &str, port: u16, key: &PublicKey) -> Verdict {
        if self.0.iter().any(|entry| entry.revoked && entry.key.key_data() == key.key_data()) {
            return Verdict::Revoked;
        }
        let recorded: Vec<&PublicKey> = self.of(host, port).collect();
        if recorded.iter().any(|it| it.key_data() == key.key_data()) {
            return Verdict::Known;
        }
        if recorded.is_empty() {
            return Verdict::Unknown;
        }
        let expected = recorded
            .iter()
            .map(|it| format!("{} {}", it.algorithm(), it.fingerprint(HashAlg::Sha256)))
            .collect();
        Verdict::Mismatch { expected }
    }

    /// The algorithms of the keys recorded for a host.
    pub(crate) fn algorithms(&self, host: &str, port: u16) -> Vec<Algorithm> {
        self.of(host, port).map(PublicKey::algorithm).collect()
    }

    fn of(&self, host: &str, port: u16) -> impl Iterator<Item = &PublicKey> {
        let name = name(host, port);
        self.0
            .iter()
            .filter(move |entry| !entry.revoked && listed(&entry.hosts, &name))
            .map(|entry| &entry.key)
    }
}

/// How `known_hosts` writes a host: in brackets with its port unless that is 22.
pub(crate) fn name(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if port == 22 { host } else { format!("[{host}]:{port}") }
}

/// Whether two algorithm names are for the same kind of key: RSA keys sign under several names.
pub(crate) fn same_family(left: &Algorithm, right: &Algorithm) -> bool {
    left == right || (left.clone().is_rsa() && right.clone().is_rsa())
}

fn parse_line(line: &str) -> Option<Entry> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let (marker, line) = match line.strip_prefix('@') {
        Some(line) => line
            .split_once(char::is_whitespace)
            .map(|(marker, rest)| (Some(marker), rest.trim_start()))?,
        None => (None, line),
    };
    let revoked = match marker {
        None => false,
        Some("revoked") => true,
        // Host certificates are never asked for, so their authorities are of no use.
        Some(_) => return None,
    };
    let mut words = line.split_whitespace();
    let hosts = words.next()?.to_owned();
    let (algorithm, key) = (words.next()?, words.next()?);
    let key = PublicKey::from_openssh(&format!("{algorithm} {key}")).ok()?;
    Some(Entry { hosts, revoked, key })
}

/// Whether the host field `hosts` lists `name`: hashed, or comma-separated patterns with `*`, `?`
/// and negation.
fn listed(hosts: &str, name: &str) -> bool {
    if let Some(hashed) = hosts.strip_prefix("|1|") {
        return hash_matches(hashed, name).unwrap_or(false);
    }
    let mut found = false;
    for pattern in hosts.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if glob(pattern, name) => return false,
            Some(_) => {}
            None => found = found || glob(pattern, name),
        }
    }
    found
}

fn hash_matches(hashed: &str, name: &str) -> Option<bool> {
    let decode = |text: &str| base64::engine::general_purpose::STANDARD.decode(text).ok();
    let (salt, hash) = hashed.split_once('|')?;
    Some(hmac_sha1(&decode(salt)?, name.as_bytes())? == decode(hash)?)
}

/// RFC 2104 over the SHA-1 that Git needs anyway.
fn hmac_sha1(key: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    const BLOCK: usize = 64;
    let hash = |parts: [&[u8]; 2]| {
        let mut hasher = gix::hash::hasher(Kind::Sha1);
        for part in parts {
            hasher.update(part);
        }
        Some(hasher.try_finalize().ok()?.as_slice().to_vec())
    };
    let mut block = if key.len() > BLOCK { hash([key, &[]])? } else { key.to_vec() };
    block.resize(BLOCK, 0);
    let pad = |with: u8| block.iter().map(|byte| byte ^ with).collect::<Vec<_>>();
    let inner = hash([&pad(0x36), message])?;
    hash([&pad(0x5c), &inner])
}

/// Matches `*` and `?`, case-insensitively, without backtracking over more than one star.
fn glob(pattern: &str, name: &str) -> bool {
    let pattern: Vec<u8> = pattern.to_ascii_lowercase().into_bytes();
    let name = name.as_bytes();
    let (mut at, mut from, mut star) = (0, 0, None);
    while let Some(byte) = name.get(from) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at + 1, from));
                at += 1;
            }
            Some(other) if *other == b'?' || other == byte => {
                at += 1;
                from += 1;
            }
            _ => {
                let Some((after, start)) = star else { return false };
                star = Some((after, start + 1));
                at = after;
                from = start + 1;
            }
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const TWO: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA6rWI3G1sz07DnfFlrouTcysQlj2P+jpNSOEWD9OJ3X";

    fn check(lines: &str, host: &str, port: u16, key: &str) -> Verdict {
        KnownHosts::parse(lines).judge(host, port, &PublicKey::from_openssh(key).unwrap())
    }

    #[test]
    fn a_listed_key_is_known() {
        for hosts in ["example.org", "a,example.org", "*.org", "EXAMPLE.org", "ex?mple.*"] {
            assert_eq!(
                check(&format!("{hosts} {ONE}"), "example.org", 22, ONE),
                Verdict::Known,
                "{hosts}"
            );
        }
        assert_eq!(
            check(&format!("[example.org]:2222 {ONE} comment"), "example.org", 2222, ONE),
            Verdict::Known
        );
    }

    #[test]
    fn a_hashed_entry_is_matched() {
        // HMAC-SHA1 of "example.org" under the salt 0x00..0x13, made with `openssl dgst -mac HMAC`.
        let salt: Vec<u8> = (0..20).collect();
        let hash = hmac_sha1(&salt, b"example.org").unwrap();
        let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
        let line = format!("|1|{}|{} {ONE}", encode(&salt), encode(&hash));
        assert_eq!(check(&line, "example.org", 22, ONE), Verdict::Known);
        assert_eq!(check(&line, "example.com", 22, ONE), Verdict::Unknown);
    }

    #[test]
    fn the_mac_is_that_of_rfc_2202() {
        let hex = |bytes: Vec<u8>| {
            let words: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            words.concat()
        };
        assert_eq!(
            hex(hmac_sha1(&[0x0b; 20], b"Hi There").unwrap()),
            "b617318655057264e28bc0b6fb378c8ef146be00"
        );
        let long =
            hmac_sha1(&[0xaa; 80], b"Test Using Larger Than Block-Size Key - Hash Key First")
                .unwrap();
        assert_eq!(hex(long), "aa4ae5e15272d00e95705637ce8a3b55ed402112");
    }

    #[test]
    fn another_key_for_a_listed_host_is_a_mismatch() {
        let verdict = check(&format!("example.org {ONE}"), "example.org", 22, TWO);
        let Verdict::Mismatch { expected } = verdict else { panic!("{verdict:?}") };
        assert!(expected[0].starts_with("ssh-ed25519 SHA256:"), "{expected:?}");
    }

    #[test]
    fn other_hosts_ports_and_negated_patterns_are_unknown() {
        for line in [
            "example.com",
            "[example.org]:2222",
            "!example.org,*.org",
            "*.example.org",
            "# example.org",
        ] {
            assert_eq!(
                check(&format!("{line} {ONE}"), "example.org", 22, ONE),
                Verdict::Unknown,
                "{line}"
            );
        }
        assert_eq!(
            check("example.org ssh-ed25519 nonsense\n@cert-authority *", "example.org", 22, ONE),
            Verdict::Unknown
        );
    }

    #[test]
    fn a_revoked_key_is_refused_even_when_listed() {
        let lines = format!("example.org {ONE}\n@revoked * {ONE}");
        assert_eq!(check(&lines, "example.org", 22, ONE), Verdict::Revoked);
    }
}
