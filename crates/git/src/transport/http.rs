//! Git's smart protocol over HTTP(S).
//!
//! The protocol layer's own HTTP client ignores certificate and proxy settings and cannot be
//! interrupted while it waits, so this one replaces it: requests go through the [`Wire`], redirects
//! are followed only for the first request and never from https to http, and credentials are sent to
//! the server of the URL alone.

mod tls;

use std::{
    any::Any,
    io::{self, BufRead, Cursor, Read, Write},
    sync::{Arc, Mutex, PoisonError},
};

use base64::Engine as _;
use gix::protocol::transport::{
    Protocol,
    client::blocking_io::http::{GetResponse, Http, PostBodyDataKind, PostResponse, Transport},
};
use reqwest::{
    StatusCode, Url,
    header::{
        AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, USER_AGENT,
    },
};

use crate::{Credentials, Error, Remote, RemoteUrl, error::Doing as _, wire::Wire};

/// Redirects followed before giving up; servers rename repositories, they do not play ping-pong.
const MAX_REDIRECTS: usize = 5;

/// Some servers tell Git clients from browsers by how this starts.
const AGENT: &str = concat!("git/weir-", env!("CARGO_PKG_VERSION"));

/// Opens the transport. Nothing is sent yet.
pub(super) fn open(remote: &Remote, wire: &Arc<Wire>) -> Result<Transport<Backend>, Error> {
    let url = remote.url.anonymous();
    let shown = gix::Url::from_bytes(url.as_str().as_bytes().into())
        .map_err(|error| Error::Invalid(format!("url '{}' is not allowed: {error}", remote.url)))?;
    let backend = Backend {
        wire: Arc::clone(wire),
        client: client(remote)?,
        authorization: authorization(&remote.url, &remote.credentials)?,
        url: remote.url.clone(),
        redirected: None,
    };
    Ok(Transport::new_http(backend, shown, Protocol::V2, false))
}

fn client(remote: &Remote) -> Result<reqwest::Client, Error> {
    // Proxies come from the proxy Secret or from HTTPS_PROXY and its kin, which the client reads itself.
    let mut builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    if let Some(proxy) = &remote.proxy {
        builder = builder.no_proxy().proxy(proxy.for_http()?);
    }
    builder = builder.tls_backend_preconfigured(tls::config(&remote.credentials)?);
    builder.build().doing(|| format!("cannot make an HTTP client for '{}'", remote.url))
}

fn authorization(url: &RemoteUrl, credentials: &Credentials) -> Result<Option<HeaderValue>, Error> {
    let username = credentials.username.clone().or_else(|| url.user());
    let text = match (&credentials.bearer_token, username) {
        (Some(token), _) => format!("Bearer {}", token.expose()),
        (None, Some(username)) => {
            let from_url = url.password().unwrap_or_default();
            let password =
                credentials.password.as_ref().map_or(from_url.as_str(), |it| it.expose());
            let both =
                base64::engine::general_purpose::STANDARD.encode(format!("{username}:{password}"));
            format!("Basic {both}")
        }
        (None, None) => return Ok(None),
    };
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| Error::Invalid("'bearerToken' cannot be sent as an HTTP header".to_owned()))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// The HTTP client below Git's protocol.
pub(super) struct Backend {
    wire: Arc<Wire>,
    client: reqwest::Client,
    authorization: Option<HeaderValue>,
    url: RemoteUrl,
    redirected: Option<String>,
}

impl Backend {
    /// Whether `url` is the server that the credentials are for, or that server's secure door.
    fn may_know_us(&self, url: &Url) -> bool {
        let own = self.url.anonymous();
        let upgraded = (own.scheme(), url.scheme()) == ("http", "https")
            && own.host() == url.host()
            && (own.port(), url.port()) == (None, None);
        url.origin() == own.origin() || upgraded
    }

    fn headers(&self, url: &Url, lines: impl IntoIterator<Item = impl AsRef<str>>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            let Some((name, value)) = line.as_ref().split_once(':') else { continue };
            let (Ok(name), Ok(value)) =
                (name.parse::<HeaderName>(), HeaderValue::from_str(value.trim()))
            else {
                continue;
            };
            headers.append(name, value);
        }
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        if let Some(authorization) = &self.authorization
            && self.may_know_us(url)
        {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        headers
    }

    /// Sends the first request of a conversation, following redirects that keep its tail.
    fn get_following(
        &mut self,
        url: &str,
        base: &str,
        lines: &[String],
    ) -> Result<reqwest::Response, Error> {
        let tail = url.strip_prefix(base).unwrap_or(url).to_owned();
        let mut target = parse(url)?;
        for _ in 0..=MAX_REDIRECTS {
            let request = self.client.get(target.clone()).headers(self.headers(&target, lines));
            let response = self
                .wire
                .wait(async { request.send().await.map_err(|error| self.unreachable(error)) })?;
            if !response.status().is_redirection() {
                return self.accept(response);
            }
            let next = response
                .headers()
                .get(LOCATION)
                .and_then(|location| location.to_str().ok())
                .and_then(|location| target.join(location).ok());
            target = self.redirect(&target, next, &tail)?;
        }
        Err(Error::failed(self.doing(), format!("more than {MAX_REDIRECTS} redirects")))
    }

    /// Checks a redirect and remembers the base it leads to.
    fn redirect(&mut self, from: &Url, to: Option<Url>, tail: &str) -> Result<Url, Error> {
        let refuse =
            |why: &str| Err(Error::failed(self.doing(), format!("redirect refused: {why}")));
        let Some(to) = to else { return refuse("it leads nowhere") };
        if !matches!(to.scheme(), "http" | "https")
            || (from.scheme() == "https" && to.scheme() == "http")
        {
            return refuse("it leads away from https");
        }
        let Some(base) = to.as_str().strip_suffix(tail) else {
            return refuse("it does not lead to a Git repository");
        };
        self.redirected = Some(base.to_owned());
        Ok(to)
    }

    fn accept(&self, response: reqwest::Response) -> Result<reqwest::Response, Error> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let reason = status.canonical_reason().unwrap_or("unknown status");
        let said = format!("the server of '{}' answered {} {reason}", self.url, status.as_u16());
        Err(match status {
            StatusCode::UNAUTHORIZED if self.authorization.is_none() => {
                Error::Authentication(format!("authentication required: {said}"))
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Error::Authentication(format!("authorization failed: {said}"))
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                Error::NotFound(format!("repository not found: {said}"))
            }
            _ => Error::failed(self.doing(), said),
        })
    }

    fn unreachable(&self, error: reqwest::Error) -> Error {
        // The URL in the client's own message would repeat ours, with its query.
        Error::failed(self.doing(), error.without_url())
    }

    fn doing(&self) -> String {
        format!("cannot fetch from '{}'", self.url)
    }
}

fn parse(url: &str) -> Result<Url, Error> {
    url.parse().map_err(|_| Error::Invalid("the repository's url cannot be requested".to_owned()))
}

impl Http for Backend {
    type Headers = Headers;
    type ResponseBody = Body;
    type PostBody = PostBody;

    fn get(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix::Result<GetResponse<Headers, Body>> {
        let lines: Vec<String> = headers.into_iter().map(|line| line.as_ref().to_owned()).collect();
        let response = self
            .get_following(url, base_url, &lines)
            .map_err(|error| gix::Error::from_error(self.wire.fail(error)))?;
        let exchange = Exchange::answered(Arc::clone(&self.wire), response, self.doing());
        Ok(GetResponse { headers: exchange.headers(), body: exchange.body() })
    }

    fn post(
        &mut self,
        url: &str,
        _base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
        _body: PostBodyDataKind,
    ) -> gix::Result<PostResponse<Headers, Body, PostBody>> {
        let target = parse(url).map_err(|error| gix::Error::from_error(self.wire.fail(error)))?;
        let request = self.client.post(target.clone()).headers(self.headers(&target, headers));
        let exchange = Exchange::prepared(self, request);
        Ok(PostResponse {
            post_body: exchange.post_body(),
            headers: exchange.headers(),
            body: exchange.body(),
        })
    }

    fn configure(&mut self, _config: &dyn Any) -> gix::Result {
        Ok(())
    }

    fn redirected_base_url(&self) -> Option<String> {
        self.redirected.clone()
    }
}

/// One request with its response, shared by the three ends that the protocol layer holds. The
/// request is sent when the first of the reading ends is read.
#[derive(Clone)]
struct Exchange {
    wire: Arc<Wire>,
    state: Arc<Mutex<State>>,
    doing: String,
}

enum State {
    Prepared { request: Box<reqwest::RequestBuilder>, body: Vec<u8>, accept: Accept },
    Answered(Box<reqwest::Response>),
    Failed,
}

/// Turns a response of another status than success into the error to report.
type Accept = Box<
    dyn FnOnce(Result<reqwest::Response, reqwest::Error>) -> Result<reqwest::Response, Error>
        + Send,
>;

impl Exchange {
    fn answered(wire: Arc<Wire>, response: reqwest::Response, doing: String) -> Self {
        Self { wire, state: Arc::new(Mutex::new(State::Answered(Box::new(response)))), doing }
    }

    fn prepared(backend: &Backend, request: reqwest::RequestBuilder) -> Self {
        let judge = Backend {
            wire: Arc::clone(&backend.wire),
            client: backend.client.clone(),
            authorization: backend.authorization.clone(),
            url: backend.url.clone(),
            redirected: None,
        };
        let accept: Accept = Box::new(move |sent| match sent {
            Ok(response) => judge.accept(response),
            Err(error) => Err(judge.unreachable(error)),
        });
        let state = State::Prepared { request: Box::new(request), body: Vec::new(), accept };
        Self {
            wire: Arc::clone(&backend.wire),
            state: Arc::new(Mutex::new(state)),
            doing: backend.doing(),
        }
    }

    fn headers(&self) -> Headers {
        Headers { exchange: self.clone(), lines: None }
    }

    fn body(&self) -> Body {
        Body { exchange: self.clone(), chunk: Cursor::new(Vec::new()) }
    }

    fn post_body(&self) -> PostBody {
        PostBody(self.clone())
    }

    /// Gives the response to `use_it`, sending the request first if that is still to do.
    fn with_response<T>(
        &self,
        use_it: impl FnOnce(&mut reqwest::Response) -> Result<T, Error>,
    ) -> io::Result<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Prepared { .. } = &*state
            && let State::Prepared { request, body, accept } =
                std::mem::replace(&mut *state, State::Failed)
        {
            let response = self
                .wire
                .wait(async { accept(request.body(body).send().await) })
                .map_err(|error| self.wire.fail(error))?;
            *state = State::Answered(Box::new(response));
        }
        match &mut *state {
            State::Answered(response) => use_it(response).map_err(|error| self.wire.fail(error)),
            State::Prepared { .. } | State::Failed => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

/// The end that takes the request's body, which is always small: what we want and what we have.
pub(super) struct PostBody(Exchange);

impl Write for PostBody {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *state {
            State::Prepared { body, .. } => {
                body.extend_from_slice(bytes);
                Ok(bytes.len())
            }
            State::Answered(_) | State::Failed => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The response's headers as lines, of which the protocol layer wants the content type.
pub(super) struct Headers {
    exchange: Exchange,
    lines: Option<Cursor<Vec<u8>>>,
}

impl Headers {
    fn lines(&mut self) -> io::Result<&mut Cursor<Vec<u8>>> {
        let lines = match self.lines.take() {
            Some(lines) => lines,
            None => self.exchange.with_response(|response| {
                let value = response
                    .headers()
                    .get(CONTENT_TYPE)
                    .map(HeaderValue::as_bytes)
                    .unwrap_or_default();
                Ok(Cursor::new([b"content-type: ", value, b"\n"].concat()))
            })?,
        };
        Ok(self.lines.insert(lines))
    }
}

impl Read for Headers {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.lines()?.read(buffer)
    }
}

impl BufRead for Headers {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.lines()?.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Some(lines) = &mut self.lines {
            lines.consume(amount);
        }
    }
}

/// The response's body.
pub(super) struct Body {
    exchange: Exchange,
    chunk: Cursor<Vec<u8>>,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Body {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.chunk.fill_buf()?.is_empty() {
            let Exchange { wire, doing, .. } = &self.exchange;
            let next = self.exchange.with_response(|response| {
                let chunk = wire.wait(async {
                    response
                        .chunk()
                        .await
                        .map_err(|error| Error::failed(doing.clone(), error.without_url()))
                })?;
                let chunk = chunk.map(Vec::from).unwrap_or_default();
                wire.count(chunk.len())?;
                Ok(chunk)
            })?;
            self.chunk = Cursor::new(next);
        }
        self.chunk.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.chunk.consume(amount);
    }
}
