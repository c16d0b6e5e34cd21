//! A small HTTP server that hands every request to `git http-backend`, as CGI (RFC 3875).

use std::{
    io::{BufRead, BufReader, Error, Read, Result, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};

/// How long a client may stay silent; tests that hang should end.
const SILENCE: Duration = Duration::from_secs(30);

/// Bytes of a request body; pushes of tests are small.
const MAX_BODY: usize = 256 * 1024 * 1024;

/// How the server behaves.
#[derive(Debug, Clone, Default)]
pub struct HttpOptions {
    /// User and password to ask for, or `("", token)` for a bearer token.
    pub login: Option<(String, String)>,
    /// HTTPS, with a certificate for 127.0.0.1 and localhost signed by an authority of its own.
    pub tls: bool,
    /// Whether HTTPS clients must show the certificate in `GitServer::client`.
    pub client_certificate: bool,
    /// Speak the older protocol only, as some large hosts do.
    pub only_protocol_v0: bool,
    /// What to do instead of serving repositories.
    pub instead: Instead,
}

/// What a server does instead of serving repositories.
#[derive(Debug, Clone, Default)]
pub enum Instead {
    /// It serves them.
    #[default]
    Nothing,
    /// It answers with `301` to this base, keeping the path.
    Redirect(String),
    /// It reads requests and never answers.
    Silence,
}

/// The certificates of one server.
#[derive(Debug)]
pub(super) struct Tls {
    pub(super) ca: String,
    pub(super) client: (String, String),
    server: (String, String),
}

impl Tls {
    pub(super) fn new() -> Result<Self> {
        let ca_key = rcgen::KeyPair::generate().map_err(Error::other)?;
        let mut ca = rcgen::CertificateParams::new(Vec::new()).map_err(Error::other)?;
        ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = ca.self_signed(&ca_key).map_err(Error::other)?;
        let issuer = rcgen::Issuer::new(ca, ca_key);
        let signed = |name: &str| -> Result<(String, String)> {
            let key = rcgen::KeyPair::generate().map_err(Error::other)?;
            let names = vec![name.to_owned(), "localhost".to_owned()];
            let params = rcgen::CertificateParams::new(names).map_err(Error::other)?;
            let certificate = params.signed_by(&key, &issuer).map_err(Error::other)?;
            Ok((certificate.pem(), key.serialize_pem()))
        };
        Ok(Self { ca: certificate.pem(), client: signed("client")?, server: signed("127.0.0.1")? })
    }

    fn config(&self, ask_client: bool) -> Result<ServerConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(Error::other)?;
        let certificate =
            |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).map_err(Error::other);
        let builder = if ask_client {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(certificate(&self.ca)?).map_err(Error::other)?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().map_err(Error::other)?)
        } else {
            builder.with_no_client_auth()
        };
        let (chain, key) = &self.server;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(Error::other)?;
        builder.with_single_cert(vec![certificate(chain)?], key).map_err(Error::other)
    }
}

#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    tls: bool,
    stop: Arc<AtomicBool>,
}

impl Server {
    pub(super) fn start(
        folder: &Path,
        options: HttpOptions,
        tls: Option<Tls>,
        requests: Arc<Mutex<Vec<String>>>,
    ) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let config =
            tls.map(|tls| tls.config(options.client_certificate)).transpose()?.map(Arc::new);
        let handler = Arc::new(Handler { root: folder.join("repositories"), options, requests });
        let server = Self { address, tls: config.is_some(), stop: Arc::clone(&stop) };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let (handler, config) = (Arc::clone(&handler), config.clone());
                // A client that goes away is its own affair.
                std::thread::spawn(move || handler.connection(stream, config).ok());
            }
        });
        Ok(server)
    }

    pub(super) fn base(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the listener, so that it sees the flag.
        let _ = TcpStream::connect(self.address);
    }
}

struct Handler {
    root: PathBuf,
    options: HttpOptions,
    requests: Arc<Mutex<Vec<String>>>,
}

struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

impl Handler {
    fn connection(&self, stream: TcpStream, config: Option<Arc<ServerConfig>>) -> Result<()> {
        stream.set_read_timeout(Some(SILENCE))?;
        match config {
            Some(config) => {
                let session = ServerConnection::new(config).map_err(Error::other)?;
                self.requests_of(StreamOwned::new(session, stream))
            }
            None => self.requests_of(stream),
        }
    }

    fn requests_of(&self, stream: impl Read + Write) -> Result<()> {
        let mut stream = BufReader::new(stream);
        while let Some(request) = read_request(&mut stream)? {
            if matches!(self.options.instead, Instead::Silence) {
                std::thread::park_timeout(SILENCE);
                return Ok(());
            }
            let line = format!("{} {}", request.method, request.target);
            self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            let answer = self.answer(&request)?;
            stream.get_mut().write_all(&answer)?;
            stream.get_mut().flush()?;
        }
        Ok(())
    }

    fn answer(&self, request: &Request) -> Result<Vec<u8>> {
        if let Instead::Redirect(base) = &self.options.instead {
            return Ok(response(
                "301 Moved",
                &[("Location", &format!("{base}{}", request.target))],
                b"",
            ));
        }
        if !self.may(request) {
            let ask = [("WWW-Authenticate", "Basic realm=\"git\"")];
            return Ok(response("401 Unauthorized", &ask, b"who are you?"));
        }
        self.backend(request)
    }

    fn may(&self, request: &Request) -> bool {
        let expected = match &self.options.login {
            None => return true,
            Some((user, token)) if user.is_empty() => format!("Bearer {token}"),
            Some((user, password)) => {
                format!("Basic {}", base64(format!("{user}:{password}").as_bytes()))
            }
        };
        request.header("authorization") == Some(expected.as_str())
    }

    #[expect(clippy::disallowed_methods, reason = "the counterpart of our Git is the real one")]
    fn backend(&self, request: &Request) -> Result<Vec<u8>> {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let mut command = Command::new("git");
        command
            .args(["-c", "safe.directory=*", "http-backend"])
            .env("GIT_PROJECT_ROOT", &self.root)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("REQUEST_METHOD", &request.method)
            .env("PATH_INFO", path)
            .env("QUERY_STRING", query)
            .env("REMOTE_ADDR", "127.0.0.1")
            .env("CONTENT_LENGTH", request.body.len().to_string())
            .env("CONTENT_TYPE", request.header("content-type").unwrap_or_default())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if let Some(encoding) = request.header("content-encoding") {
            command.env("HTTP_CONTENT_ENCODING", encoding);
        }
        if let Some(protocol) =
            request.header("git-protocol").filter(|_| !self.options.only_protocol_v0)
        {
            command.env("GIT_PROTOCOL", protocol);
        }
        let mut child = command.spawn()?;
        let input = child.stdin.take();
        let body = request.body.clone();
        let writing = std::thread::spawn(move || input.map(|mut input| input.write_all(&body)));
        let output = child.wait_with_output()?;
        let _ = writing.join();
        Ok(from_cgi(&output.stdout))
    }
}

fn read_request(stream: &mut impl BufRead) -> Result<Option<Request>> {
    let mut first = String::new();
    if stream.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut words = first.split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Err(Error::other("not an HTTP request"));
    };
    let mut request = Request {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        request.headers.push((name.to_owned(), value.trim().to_owned()));
    }
    if request.header("transfer-encoding").is_some_and(|it| it.eq_ignore_ascii_case("chunked")) {
        request.body = read_chunks(stream)?;
    } else if let Some(length) =
        request.header("content-length").and_then(|it| it.parse::<usize>().ok())
    {
        if length > MAX_BODY {
            return Err(Error::other("the request is too large"));
        }
        request.body = vec![0; length];
        stream.read_exact(&mut request.body)?;
    }
    Ok(Some(request))
}

fn read_chunks(stream: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16).map_err(Error::other)?;
        if length + body.len() > MAX_BODY {
            return Err(Error::other("the request is too large"));
        }
        let mut chunk = vec![0; length + 2];
        stream.read_exact(&mut chunk)?;
        chunk.truncate(length);
        body.extend_from_slice(&chunk);
        if length == 0 {
            return Ok(body);
        }
    }
}

/// Turns a CGI response into an HTTP one.
fn from_cgi(output: &[u8]) -> Vec<u8> {
    let split = output.windows(4).position(|window| window == b"\r\n\r\n");
    let Some((head, body)) = split.and_then(|at| output.split_at_checked(at + 4)) else {
        return response("500 Internal Server Error", &[], output);
    };
    let head = String::from_utf8_lossy(head);
    let headers: Vec<(&str, &str)> =
        head.lines().filter_map(|line| line.split_once(": ")).collect();
    let status =
        headers.iter().find(|(name, _)| *name == "Status").map_or("200 OK", |(_, value)| value);
    let headers: Vec<_> = headers.iter().copied().filter(|(name, _)| *name != "Status").collect();
    response(status, &headers, body)
}

fn response(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let length = body.len().to_string();
    let first = format!("HTTP/1.1 {status}");
    let headers = headers.iter().copied().chain([("Content-Length", length.as_str())]);
    let lines = headers.map(|(name, value)| format!("{name}: {value}"));
    let head: Vec<String> = std::iter::once(first).chain(lines).collect();
    [head.join("\r\n").as_bytes(), b"\r\n\r\n", body].concat()
}

/// RFC 4648, for one header.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let mut padded = [0_u8; 4];
        padded.iter_mut().skip(1).zip(group).for_each(|(to, from)| *to = *from);
        let bits = u32::from_be_bytes(padded);
        for place in 0..4_usize {
            let index = (bits >> (18 - 6 * place)) & 63;
            let letter = ALPHABET.get(index as usize).copied().unwrap_or(b'=');
            text.push(if place <= group.len() { char::from(letter) } else { '=' });
        }
    }
    text
}
