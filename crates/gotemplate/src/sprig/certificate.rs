//! Certificates and private keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha1::{Digest, Sha1};

use super::der::{
    BIT_STRING, OCTET_STRING, OID, SEQUENCE, SET, bit_string, integer, pem, read, read_all,
    read_pem, sequence, tagged,
};
use super::rsa_key::PrivateKey;
use crate::function::{Args, Row, Scope, Type};
use crate::object::Object;
use crate::value::{Map, Value};
use crate::{Error, Result};

use Type::{Certificate as Cert, Int, List, String as Text};

pub(crate) const TABLE: &[Row] = &[
    Row("genPrivateKey", &[Text], None, private_key),
    Row("buildCustomCert", &[Text, Text], None, build_custom),
    Row("genCA", &[Text, Int], None, |s, a| authority(s, a, PrivateKey::rsa(s, CERTIFICATE_BITS)?)),
    Row("genCAWithKey", &[Text, Int, Text], None, |s, a| authority(s, a, given_key(&a.text(2))?)),
    Row("genSelfSignedCert", &[Text, List, List, Int], None, |s, a| {
        self_signed(s, a, PrivateKey::rsa(s, CERTIFICATE_BITS)?)
    }),
    Row("genSelfSignedCertWithKey", &[Text, List, List, Int, Text], None, |s, a| {
        self_signed(s, a, given_key(&a.text(4))?)
    }),
    Row("genSignedCert", &[Text, List, List, Int, Cert], None, |s, a| {
        signed(s, a, PrivateKey::rsa(s, CERTIFICATE_BITS)?)
    }),
    Row("genSignedCertWithKey", &[Text, List, List, Int, Cert, Text], None, |s, a| {
        signed(s, a, given_key(&a.text(5))?)
    }),
];

const CERTIFICATE_BITS: u32 = 2048;
const PRIVATE_KEY_BITS: u32 = 4096;

/// Sprig's certificate: `.Cert` and `.Key`, both PEM.
struct Certificate {
    cert: String,
    key: String,
}

impl Object for Certificate {
    fn type_name(&self) -> String {
        Cert.name().to_owned()
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Cert" => Some(Value::string(self.cert.as_str())),
            "Key" => Some(Value::string(self.key.as_str())),
            _ => None,
        }
    }

    fn to_value(&self) -> Value {
        let map = Map::new();
        map.set("Cert", Value::string(self.cert.as_str()));
        map.set("Key", Value::string(self.key.as_str()));
        Value::Map(map)
    }
}

fn private_key(scope: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let key = match args.text(0).as_str() {
        "" | "rsa" => PrivateKey::rsa(scope, PRIVATE_KEY_BITS)?,
        "ecdsa" => PrivateKey::p256(scope),
        "ed25519" => PrivateKey::ed25519(scope),
        "dsa" => {
            return Err(Error::new("failed to generate private key: DSA is not supported"));
        }
        other => return Ok(Value::string(format!("Unknown type {other}"))),
    };
    key.pem().map(Value::string)
}

fn given_key(text: &str) -> Result<PrivateKey> {
    PrivateKey::parse(text).map_err(|error| Error(format!("parsing private key: {error}")))
}

fn build_custom(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let decode = |index: usize, what: &str| {
        let bytes = STANDARD.decode(args.str(index).as_bytes());
        bytes
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .map_err(|_| Error(format!("unable to decode base64 {what}")))
    };
    let cert = decode(0, "certificate")?;
    let key = decode(1, "private key")?;
    let (_, der) = read_pem(&cert).ok_or_else(|| Error::new("unable to decode certificate"))?;
    Parent::read(&der)?;
    PrivateKey::parse(&key).map_err(|e| Error(format!("error parsing private key: {e}")))?;
    Ok(Value::object(Certificate { cert, key }))
}

/// What a certificate says of its subject.
struct Template {
    common_name: String,
    addresses: Vec<std::net::IpAddr>,
    names: Vec<String>,
    days: i64,
    authority: bool,
}

impl Template {
    fn of(args: Args<'_>) -> Result<Self> {
        let items = |index: usize| args.list(index).map(crate::List::items).unwrap_or_default();
        let mut addresses = Vec::new();
        for value in items(1) {
            let text = value.as_str().ok_or_else(|| not_text("error parsing ip", value))?.text();
            let parsed = text.parse();
            addresses.push(parsed.map_err(|_| Error(format!("error parsing ip: {text}")))?);
        }
        let mut names = Vec::new();
        for value in items(2) {
            let problem = "error processing alternate dns name";
            let text = value.as_str().ok_or_else(|| not_text(problem, value))?;
            names.push(text.text().into_owned());
        }
        let days = args.int(3);
        Ok(Self { common_name: args.text(0), addresses, names, days, authority: false })
    }
}

fn not_text(problem: &str, value: &Value) -> Error {
    let shown = crate::gofmt::to_text(value).unwrap_or_default();
    Error(format!("{problem}: {} is not a string", shown.text()))
}

/// What signing needs to know of the issuer.
struct Parent {
    subject: Vec<u8>,
    key_id: Option<Vec<u8>>,
}

impl Parent {
    fn read(der: &[u8]) -> Result<Self> {
        Self::find(der).ok_or_else(|| {
            Error::new("error parsing certificate: decodedCert.Bytes: x509: malformed certificate")
        })
    }

    fn find(der: &[u8]) -> Option<Self> {
        let (certificate, rest) = read(der)?;
        if !rest.is_empty() || certificate.tag != SEQUENCE {
            return None;
        }
        let (body, _) = read(certificate.content)?;
        let fields = read_all(body.content)?;
        // The version is optional: [0] when present.
        let first = usize::from(fields.first()?.tag == 0xa0);
        let subject = fields.get(first + 4)?.whole.to_vec();
        let extensions = fields.iter().find(|field| field.tag == 0xa3);
        let key_id = extensions.and_then(|field| {
            let (list, _) = read(field.content)?;
            read_all(list.content)?.iter().find_map(|extension| {
                let parts = read_all(extension.content)?;
                let is_key_id = parts.first()?.content == SUBJECT_KEY_ID;
                let (value, _) = read(parts.last()?.content)?;
                is_key_id.then(|| value.content.to_vec())
            })
        });
        Some(Self { subject, key_id })
    }
}

const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 0x0e];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 0x23];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
const TRUE: &[u8] = &[1, 1, 0xff];

fn authority(scope: &Scope<'_>, args: Args<'_>, key: PrivateKey) -> Result<Value> {
    let template = Template {
        common_name: args.text(0),
        addresses: Vec::new(),
        names: Vec::new(),
        days: args.int(1),
        authority: true,
    };
    issue(scope, &template, &key, None)
}

fn self_signed(scope: &Scope<'_>, args: Args<'_>, key: PrivateKey) -> Result<Value> {
    issue(scope, &Template::of(args)?, &key, None)
}

fn signed(scope: &Scope<'_>, args: Args<'_>, key: PrivateKey) -> Result<Value> {
    let (cert, signer) = match args.any(4) {
        Value::Object(object) => {
            let text = |name| object.field(name).and_then(|v| v.as_str().cloned());
            (text("Cert").unwrap_or_default(), text("Key").unwrap_or_default())
        }
        _ => return Err(Error::new("unable to decode certificate")),
    };
    let (_, der) =
        read_pem(&cert.text()).ok_or_else(|| Error::new("unable to decode certificate"))?;
    let parent = Parent::read(&der)?;
    let signer = PrivateKey::parse(&signer.text())
        .map_err(|e| Error(format!("error parsing private key: {e}")))?;
    issue(scope, &Template::of(args)?, &key, Some((&parent, &signer)))
}

fn common_name(name: &str) -> Vec<u8> {
    const COMMON_NAME: &[u8] = &[0x55, 4, 3];
    const PRINTABLE: u8 = 0x13;
    const UTF8: u8 = 0x0c;
    if name.is_empty() {
        return sequence(&[]);
    }
    let printable = name.chars().all(|c| c.is_ascii_alphanumeric() || " '()+,-./:=?".contains(c));
    let tag = if printable { PRINTABLE } else { UTF8 };
    let attribute = sequence(&[&tagged(OID, COMMON_NAME), &tagged(tag, name.as_bytes())]);
    sequence(&[&tagged(SET, &attribute)])
}

fn time(moment: Timestamp) -> Vec<u8> {
    const UTC_TIME: u8 = 0x17;
    const GENERALIZED: u8 = 0x18;
    let moment = moment.to_zoned(TimeZone::UTC);
    if (1950..2050).contains(&moment.year()) {
        tagged(UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").to_string().as_bytes())
    } else {
        tagged(GENERALIZED, moment.strftime("%Y%m%d%H%M%SZ").to_string().as_bytes())
    }
}

fn extension(id: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { TRUE } else { &[] };
    sequence(&[&tagged(OID, id), critical, &tagged(OCTET_STRING, value)])
}

fn extensions(template: &Template, key: &PrivateKey, issuer_id: Option<&[u8]>) -> Result<Vec<u8>> {
    // digitalSignature, keyEncipherment, and keyCertSign for an authority.
    let (unused, usage) = if template.authority { (2, 0xa4) } else { (5, 0xa0) };
    let mut list = vec![extension(KEY_USAGE, true, &tagged(BIT_STRING, &[unused, usage]))];
    let purposes = sequence(&[&tagged(OID, SERVER_AUTH), &tagged(OID, CLIENT_AUTH)]);
    list.push(extension(EXTENDED_KEY_USAGE, false, &purposes));
    let constraints: &[&[u8]] = if template.authority { &[TRUE] } else { &[] };
    list.push(extension(BASIC_CONSTRAINTS, true, &sequence(constraints)));
    if template.authority {
        let id = Sha1::digest(key.public_bits()?);
        list.push(extension(SUBJECT_KEY_ID, false, &tagged(OCTET_STRING, &id)));
    }
    if let Some(id) = issuer_id {
        list.push(extension(AUTHORITY_KEY_ID, false, &sequence(&[&tagged(0x80, id)])));
    }
    let mut names: Vec<Vec<u8>> =
        template.names.iter().map(|name| tagged(0x82, name.as_bytes())).collect();
    names.extend(template.addresses.iter().map(|address| match address {
        std::net::IpAddr::V4(v4) => tagged(0x87, &v4.octets()),
        std::net::IpAddr::V6(v6) => tagged(0x87, &v6.octets()),
    }));
    if !names.is_empty() {
        let value = tagged(SEQUENCE, &names.concat());
        list.push(extension(ALTERNATIVE_NAMES, template.common_name.is_empty(), &value));
    }
    Ok(tagged(0xa3, &tagged(SEQUENCE, &list.concat())))
}

/// Makes and signs a certificate; without an issuer it signs itself.
fn issue(
    scope: &Scope<'_>,
    template: &Template,
    key: &PrivateKey,
    issuer: Option<(&Parent, &PrivateKey)>,
) -> Result<Value> {
    let mut serial = [0_u8; 16];
    scope.environment().random(&mut serial);
    let now = scope.environment().now();
    let seconds = template.days.saturating_mul(86_400);
    let end = now
        .checked_add(jiff::SignedDuration::from_secs(seconds))
        .map_err(|_| Error::new("error creating certificate: validity out of range"))?;
    let subject = common_name(&template.common_name);
    let (parent_subject, signer) = match issuer {
        Some((parent, signer)) => (parent.subject.as_slice(), signer),
        None => (subject.as_slice(), key),
    };
    let issuer_id = issuer
        .filter(|(parent, _)| parent.subject != subject)
        .and_then(|(parent, _)| parent.key_id.as_deref());
    let algorithm = signer.signature_algorithm();
    let version = tagged(0xa0, &integer(&[2]));
    let body = sequence(&[
        &version,
        &integer(&serial),
        &algorithm,
        parent_subject,
        &sequence(&[&time(now), &time(end)]),
        &subject,
        &key.public_info()?,
        &extensions(template, key, issuer_id)?,
    ]);
    let signature = bit_string(&signer.sign(&body));
    let whole = sequence(&[&body, &algorithm, &signature]);
    let cert = pem("CERTIFICATE", &whole);
    Ok(Value::object(Certificate { cert, key: key.pem()? }))
}
