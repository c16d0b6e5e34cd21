//! Whom to trust over TLS, and who we are.
//!
//! The certificate authorities of the system are read once and kept: reading them for every request
//! of every repository costs more than the request.

use std::sync::{Arc, OnceLock};

use rustls::{
    ClientConfig, RootCertStore,
    client::Resumption,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use crate::{Credentials, Error, TlsIdentity, error::Doing as _};

/// The TLS configuration for these credentials.
pub(super) fn config(credentials: &Credentials) -> Result<ClientConfig, Error> {
    static ANONYMOUS: OnceLock<ClientConfig> = OnceLock::new();
    if credentials.ca.is_some() || credentials.tls.is_some() {
        let mut config = build(roots(credentials.ca.as_deref())?, credentials.tls.as_ref())?;
        // A session made with one identity must not be resumed by another.
        config.resumption = Resumption::disabled();
        return Ok(config);
    }
    if let Some(config) = ANONYMOUS.get() {
        return Ok(config.clone());
    }
    let config = build(system_roots().clone(), None)?;
    Ok(ANONYMOUS.get_or_init(|| config).clone())
}

fn build(roots: RootCertStore, identity: Option<&TlsIdentity>) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .doing(|| "cannot set up TLS".to_owned())?
        .with_root_certificates(roots);
    let Some(identity) = identity else { return Ok(builder.with_no_client_auth()) };
    let unreadable = |what: &str| Error::Invalid(format!("'{what}' cannot be read as PEM"));
    let chain = CertificateDer::pem_slice_iter(identity.certificate.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .ok()
        .filter(|chain| !chain.is_empty())
        .ok_or_else(|| unreadable("tls.crt"))?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.expose().as_bytes());
    let key = key.map_err(|_| unreadable("tls.key"))?;
    builder.with_client_auth_cert(chain, key).map_err(|error| {
        Error::Invalid(format!("'tls.crt' and 'tls.key' do not go together: {error}"))
    })
}

fn roots(pem: Option<&str>) -> Result<RootCertStore, Error> {
    let mut roots = system_roots().clone();
    let Some(pem) = pem else { return Ok(roots) };
    let unreadable = || Error::Invalid("'ca.crt' cannot be read as PEM certificates".to_owned());
    let given = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
    let given = given.ok().filter(|given| !given.is_empty()).ok_or_else(unreadable)?;
    for certificate in given {
        roots.add(certificate).map_err(|_| unreadable())?;
    }
    Ok(roots)
}

fn system_roots() -> &'static RootCertStore {
    static SYSTEM: OnceLock<RootCertStore> = OnceLock::new();
    SYSTEM.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::debug!(%error, "cannot read a certificate authority of the system");
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found.certs);
        roots
    })
}
