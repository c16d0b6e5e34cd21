use pgp::composed::{ArmorOptions, KeyType, SecretKeyParamsBuilder, SignedSecretKey};

use super::{Keyring, Provenance, sign};

const NOW: u64 = 4_000_000_000;

fn key(name: &str) -> SignedSecretKey {
    let mut params = SecretKeyParamsBuilder::default();
    params
        .key_type(KeyType::Ed25519Legacy)
        .can_certify(true)
        .can_sign(true)
        .primary_user_id(name.to_owned());
    params.build().unwrap().generate(rand_core::OsRng).unwrap()
}

fn ring(keys: &[&SignedSecretKey]) -> Vec<u8> {
    let blocks = keys.iter().map(|key| key.to_armored_string(ArmorOptions::default()).unwrap());
    blocks.collect::<String>().into_bytes()
}

#[test]
fn what_is_signed_is_verified_and_nothing_else() {
    let alice = key("Alice <alice@example.org>");
    let bob = key("Bob <bob@example.org>");
    let both = Keyring::parse(&ring(&[&alice, &bob])).unwrap();
    let secret = both.secret("alice").unwrap();
    assert!(!secret.is_locked());
    let metadata = "apiVersion: v2\ndescription: '- dashed'\nname: app\nversion: 1.0.0\n";
    let text = sign("app-1.0.0.tgz", b"package", metadata, (&secret, ""), NOW).unwrap();
    let provenance = Provenance::parse(&text).unwrap();
    let found = provenance.verify(&both, "app-1.0.0.tgz", b"package", NOW).unwrap();
    assert_eq!(found.signed_by, ["Alice <alice@example.org>"]);
    assert_eq!(found.fingerprint.len(), 40);
    assert_eq!(found.file_hash, super::digest(b"package"));

    let refused = |provenance: &Provenance, ring: &Keyring, name: &str, package: &[u8]| {
        provenance.verify(ring, name, package, NOW).unwrap_err().to_string()
    };
    let other = Keyring::parse(&ring(&[&bob])).unwrap();
    assert_eq!(
        refused(&provenance, &other, "app-1.0.0.tgz", b"package"),
        "openpgp: signature made by unknown entity"
    );
    let error = refused(&provenance, &both, "app-1.0.0.tgz", b"other");
    assert!(error.starts_with("sha256 sum does not match for app-1.0.0.tgz: "), "{error}");
    let error = refused(&provenance, &both, "app-2.0.0.tgz", b"package");
    assert!(error.starts_with("provenance does not contain a SHA for a file named"), "{error}");

    let changed = Provenance::parse(&text.replace("name: app", "name: apq")).unwrap();
    let error = refused(&changed, &both, "app-1.0.0.tgz", b"package");
    assert!(error.starts_with("openpgp: invalid signature"), "{error}");
}

#[test]
fn rings_may_remember_whom_gnupg_trusts() {
    let alice = key("Alice");
    let mut plain = Vec::new();
    pgp::ser::Serialize::to_writer(&alice.to_public_key(), &mut plain).unwrap();
    // A trust packet in the old and one in the new form behind every other packet.
    let mut marked = Vec::new();
    let mut rest = plain.as_slice();
    while let Some((_, length)) = super::keyring::packet(rest) {
        let (packet, tail) = rest.split_at(length);
        marked.extend_from_slice(packet);
        marked.extend([0xb0, 2, 0, 3, 0xcc, 1, 6]);
        rest = tail;
    }
    let expected = Keyring::parse(&plain).unwrap();
    assert_eq!(Keyring::parse(&marked).unwrap().public(), expected.public());
    assert_eq!(expected.public().len(), 1);
}

#[test]
fn keys_are_chosen_by_name() {
    let ring = Keyring::parse(&ring(&[&key("Same One"), &key("Same Two")])).unwrap();
    assert!(ring.secret("One").is_ok());
    let error = |id: &str| ring.secret(id).unwrap_err().to_string();
    assert_eq!(error("Same"), "more than one key contain the id \"Same\"");
    assert_eq!(error("Nobody"), "private key not found");
}

#[test]
fn what_is_no_provenance_or_key_ring_is_refused() {
    assert!(Provenance::parse("name: app").is_err());
    assert!(Provenance::parse("-----BEGIN PGP SIGNED MESSAGE-----\n").is_err());
    assert!(Keyring::parse(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nnonsense").is_err());
    let mut keybox = vec![0, 0, 0, 32, 1, 1, 0, 2, b'K', b'B', b'X', b'f'];
    keybox.resize(32, 0);
    let empty = Keyring::parse(&keybox).unwrap_err();
    assert_eq!(empty.to_string(), "reading keybox: keybox contains no OpenPGP keys");
    keybox.extend([0, 0, 0, 200, 2, 1]);
    let broken = Keyring::parse(&keybox).unwrap_err();
    assert_eq!(broken.to_string(), "reading keybox: broken blob at offset 32");
}
