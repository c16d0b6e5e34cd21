use serde_json::json;

use super::decode;

/// A length-delimited field.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2, u8::try_from(content.len()).unwrap()];
    out.extend_from_slice(content);
    out
}

fn object(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
    let of = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
    [b"k8s\0".to_vec(), field(1, &of), field(2, raw)].concat()
}

#[test]
fn a_config_map_with_labels_and_binary_data() {
    let label = [field(1, b"app"), field(2, b"web")].concat();
    let metadata = [field(1, b"settings"), field(11, &label)].concat();
    let binary = [field(1, b"blob"), field(2, &[0, 255])].concat();
    let raw = [
        field(1, &metadata),
        field(2, &[field(1, b"k"), field(2, b"v")].concat()),
        field(3, &binary),
    ]
    .concat();
    let expected = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "settings", "labels": { "app": "web" } },
        "data": { "k": "v" }, "binaryData": { "blob": "AP8=" },
    });
    assert_eq!(decode(&object("v1", "ConfigMap", &raw)).unwrap(), expected);
}

#[test]
fn inlined_fields_stand_in_their_parents_place() {
    // PodSpec.volumes[].volumeSource.secret is `secret` beside the volume's name.
    let secret = field(6, &field(1, b"tls"));
    let volume = [field(1, b"certs"), field(2, &secret)].concat();
    let raw = field(2, &field(1, &volume));
    let pod = decode(&object("v1", "Pod", &raw)).unwrap();
    assert_eq!(
        pod["spec"]["volumes"],
        json!([{ "name": "certs", "secret": { "secretName": "tls" } }])
    );
}

#[test]
fn what_is_not_the_encoding_is_refused() {
    let cases: [(&[u8], &str); 4] = [
        (b"{}", "the body lacks the protobuf prefix"),
        (b"k8s\0\x0a\x7f", "unexpected end"),
        (b"k8s\0\x0b", "wire type 3 is not in use"),
        (b"k8s\0", "no protobuf encoding of   is known"),
    ];
    for (body, expected) in cases {
        assert_eq!(decode(body).unwrap_err(), expected);
    }
}
