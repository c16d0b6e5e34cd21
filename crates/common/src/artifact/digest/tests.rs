use super::{Algorithm, Digest};

/// Digests of `abc`, as the standards publish them.
const ABC: &[(&str, &str)] = &[
    ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    ("sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
        "sha384",
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
    ),
    (
        "sha512",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ),
    ("blake3", "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"),
];

#[test]
fn known_digests() {
    for (name, hex) in ABC {
        let algorithm: Algorithm = name.parse().unwrap();
        let digest = Digest::of(algorithm, b"abc");
        let text = format!("{name}:{hex}");
        assert_eq!(digest.to_string(), text);
        assert_eq!(text.parse(), Ok(digest));
        assert_eq!(hex.len(), algorithm.size() * 2);
    }
}

#[test]
fn refuses_what_is_no_digest() {
    let short = "sha256:ba7816bf";
    let upper = format!("sha1:{}", ABC[0].1.to_uppercase());
    for text in
        ["", "abc", ":", "md5:900150983cd24fb0d6963f7d28e17f72", short, &upper, "sha1:é", "sha1:zz"]
    {
        let error = text.parse::<Digest>().unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }
}
