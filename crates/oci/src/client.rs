//! The requests of the distribution API.

use std::collections::BTreeMap;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, LINK, WWW_AUTHENTICATE};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use crate::auth::Challenge;
use crate::{Credentials, Error, Reference};

/// How to talk to a registry.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether to use HTTP without TLS.
    pub plain_http: bool,
    /// Who we are to it.
    pub credentials: Option<Credentials>,
    /// The largest blob that is read, in bytes.
    pub max_blob: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { plain_http: false, credentials: None, max_blob: 100 << 20 }
    }
}

/// A client of one registry.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    options: Options,
    /// The header that worked last, by repository.
    tokens: Mutex<BTreeMap<String, String>>,
}

/// A manifest of an image or another artifact.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Manifest {
    /// The digest of the manifest itself.
    #[serde(skip)]
    pub digest: String,
    /// What kind of manifest it is.
    pub media_type: String,
    /// The configuration.
    pub config: Descriptor,
    /// The content, in the registry's order.
    pub layers: Vec<Descriptor>,
    /// Free annotations.
    pub annotations: BTreeMap<String, String>,
}

/// A blob that a manifest names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Descriptor {
    /// What it is.
    pub media_type: String,
    /// Its digest.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
}

#[derive(Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    errors: Vec<RefusalError>,
}

#[derive(Deserialize)]
struct RefusalError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// The largest manifest, list of tags or token that is read, in bytes; registries themselves end at 4 MiB.
const MAX_DOCUMENT: usize = 4 << 20;
/// The most pages of tags that are read.
const MAX_PAGES: usize = 1000;
/// The most tags that are kept.
const MAX_TAGS: usize = 200_000;

const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

impl Client {
    /// A client that sends its requests through `http`.
    pub fn new(http: reqwest::Client, options: Options) -> Self {
        Self { http, options, tokens: Mutex::default() }
    }

    /// The tags of a repository, in the registry's order.
    ///
    /// # Errors
    /// When the registry does not list them, or lists more than anyone can mean.
    pub async fn tags(&self, reference: &Reference) -> Result<Vec<String>, Error> {
        let mut url = self.url(reference, "tags/list?n=1000")?;
        let mut all = Vec::new();
        for _ in 0..MAX_PAGES {
            let response = self.get(reference, url.clone(), None).await?;
            let next = next_page(&url, response.headers());
            let page: Tags = json(&url, &body(&url, response, MAX_DOCUMENT).await?)?;
            all.extend(page.tags.unwrap_or_default());
            if all.len() > MAX_TAGS {
                return Err(malformed(&url, format!("more than {MAX_TAGS} tags")));
            }
            match next {
                // Other hosts never see our credentials.
                Some(next) if next.origin() == url.origin() && next != url => url = next,
                _ => return Ok(all),
            }
        }
        Err(malformed(&url, format!("more than {MAX_PAGES} pages of tags")))
    }

    /// The manifest that a reference names: by digest if it has one, else by tag, else `latest`.
    ///
    /// # Errors
    /// When there is none, or it is not what the digest says.
    pub async fn manifest(&self, reference: &Reference) -> Result<Manifest, Error> {
        let wanted = reference.digest.as_ref().or(reference.tag.as_ref());
        let wanted = wanted.map_or("latest", String::as_str);
        let url = self.url(reference, &format!("manifests/{wanted}"))?;
        let response = self.get(reference, url.clone(), Some(MANIFESTS)).await?;
        let bytes = body(&url, response, MAX_DOCUMENT).await?;
        let digest = digest(&bytes);
        if let Some(wanted) = &reference.digest {
            same_digest(&url, wanted, &digest)?;
        }
        let manifest: Manifest = json(&url, &bytes)?;
        Ok(Manifest { digest, ..manifest })
    }

    /// The content of a blob of the reference's repository.
    ///
    /// # Errors
    /// When there is none, it is too large, or it is not what its digest says.
    pub async fn blob(&self, reference: &Reference, blob: &Descriptor) -> Result<Vec<u8>, Error> {
        let url = self.url(reference, &format!("blobs/{}", blob.digest))?;
        let limit = self.options.max_blob;
        if blob.size > limit as u64 {
            return Err(Error::TooLarge { url: url.to_string(), limit });
        }
        let response = self.get(reference, url.clone(), None).await?;
        let bytes = body(&url, response, limit).await?;
        same_digest(&url, &blob.digest, &digest(&bytes))?;
        Ok(bytes)
    }

    fn url(&self, reference: &Reference, path: &str) -> Result<Url, Error> {
        let scheme = if self.options.plain_http { "http" } else { "https" };
        // What Docker users call docker.io lives elsewhere.
        let host = match reference.registry.as_str() {
            "docker.io" => "registry-1.docker.io",
            host => host,
        };
        let text = format!("{scheme}://{host}/v2/{}/{path}", reference.repository);
        Url::parse(&text)
            .map_err(|_| Error::Reference { text: reference.to_string(), why: "it is no address" })
    }

    /// Sends a request; when the registry asks who we are, tells it and sends the request again.
    async fn get(
        &self,
        reference: &Reference,
        url: Url,
        accept: Option<&str>,
    ) -> Result<Response, Error> {
        let request = |token: Option<&String>| {
            let mut request = self.http.get(url.clone());
            if let Some(accept) = accept {
                request = request.header(ACCEPT, accept);
            }
            token.into_iter().fold(request, |request, token| request.header(AUTHORIZATION, token))
        };
        let known = self.tokens.lock().await.get(&reference.repository).cloned();
        let response = send(&url, request(known.as_ref())).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return accepted(&url, response).await;
        }
        let header = response.headers().get(WWW_AUTHENTICATE).and_then(|it| it.to_str().ok());
        let challenge = header.and_then(Challenge::parse);
        let Some(challenge) = challenge else {
            return Err(Error::Unauthorized(url.to_string()));
        };
        let token = self.authorize(reference, &url, challenge).await?;
        let response = send(&url, request(Some(&token))).await?;
        let response = accepted(&url, response).await?;
        self.tokens.lock().await.insert(reference.repository.clone(), token);
        Ok(response)
    }

    /// The header that answers a challenge.
    async fn authorize(
        &self,
        reference: &Reference,
        url: &Url,
        challenge: Challenge,
    ) -> Result<String, Error> {
        use base64::Engine as _;
        let basic = self.options.credentials.as_ref().map(|it| {
            let pair = format!("{}:{}", it.username, it.password);
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
        });
        let (realm, service, scope) = match challenge {
            Challenge::Basic => {
                return basic.ok_or_else(|| Error::Unauthorized(url.to_string()));
            }
            Challenge::Bearer { realm, service, scope } => (realm, service, scope),
        };
        let mut realm =
            Url::parse(&realm).map_err(|_| malformed(url, format!("{realm:?} is no address")))?;
        if realm.scheme() != "https" && !self.options.plain_http {
            return Err(malformed(url, "it asks for credentials without TLS".to_owned()));
        }
        let scope = scope.unwrap_or_else(|| format!("repository:{}:pull", reference.repository));
        realm
            .query_pairs_mut()
            .extend_pairs(service.map(|service| ("service", service)))
            .append_pair("scope", &scope);
        let mut request = self.http.get(realm.clone());
        if let Some(basic) = basic {
            request = request.header(AUTHORIZATION, basic);
        }
        let response = accepted(&realm, send(&realm, request).await?).await?;
        let token: Token = json(&realm, &body(&realm, response, MAX_DOCUMENT).await?)?;
        let token = if token.token.is_empty() { token.access_token } else { token.token };
        Ok(format!("Bearer {token}"))
    }
}

fn malformed(url: &Url, why: String) -> Error {
    Error::Malformed { url: url.to_string(), why }
}

async fn send(url: &Url, request: RequestBuilder) -> Result<Response, Error> {
    request
        .send()
        .await
        .map_err(|source| Error::Transport { url: url.to_string(), source: source.without_url() })
}

/// The response, if it is what was asked for.
async fn accepted(url: &Url, response: Response) -> Result<Response, Error> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    match status {
        StatusCode::NOT_FOUND => Err(Error::NotFound(url.to_string())),
        StatusCode::UNAUTHORIZED => Err(Error::Unauthorized(url.to_string())),
        status => {
            let text = body(url, response, MAX_DOCUMENT).await.unwrap_or_default();
            let refusal = serde_json::from_slice::<Refusal>(&text).ok();
            let first = refusal.and_then(|refusal| refusal.errors.into_iter().next());
            let detail = first.map(|it| format!(": {}: {}", it.code.to_lowercase(), it.message));
            Err(Error::Status {
                url: url.to_string(),
                status: status.as_u16(),
                detail: detail.unwrap_or_default(),
            })
        }
    }
}

async fn body(url: &Url, mut response: Response, limit: usize) -> Result<Vec<u8>, Error> {
    let too_large = || Error::TooLarge { url: url.to_string(), limit };
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    loop {
        let chunk = response.chunk().await.map_err(|source| Error::Transport {
            url: url.to_string(),
            source: source.without_url(),
        })?;
        let Some(chunk) = chunk else { return Ok(bytes) };
        if bytes.len() + chunk.len() > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
}

fn json<'de, T: Deserialize<'de>>(url: &Url, bytes: &'de [u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| malformed(url, error.to_string()))
}

fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let digits: Vec<String> = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{}", digits.concat())
}

fn same_digest(url: &Url, wanted: &str, found: &str) -> Result<(), Error> {
    if wanted == found {
        return Ok(());
    }
    let (wanted, found) = (wanted.to_owned(), found.to_owned());
    Err(Error::Digest { url: url.to_string(), wanted, found })
}

/// The address in `Link: <…>; rel="next"`.
fn next_page(url: &Url, headers: &HeaderMap) -> Option<Url> {
    let link = headers.get(LINK)?.to_str().ok()?;
    let (address, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    if !parameters.contains("rel=\"next\"") && !parameters.contains("rel=next") {
        return None;
    }
    url.join(address).ok()
}

#[cfg(test)]
mod tests;
