//! Serves the files of a store over HTTP.
//!
//! As in the original, there is no authentication (a network policy guards the port), and `/`
//! answers, which is what readiness probes ask for. Only files of the layout are served: no
//! listings, nothing that begins with a dot, no locks, and no way out of the directory.

use std::{
    io::SeekFrom,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, Method, StatusCode,
        header::{
            ACCEPT_RANGES, ALLOW, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, IF_MODIFIED_SINCE,
            LAST_MODIFIED, RANGE,
        },
    },
    response::{IntoResponse, Response},
    routing::any,
};
use jiff::Timestamp;
use tokio::{
    fs::{self, File},
    io::{AsyncReadExt, AsyncSeekExt},
};
use tokio_util::io::ReaderStream;

use super::wire::is_file_name;

/// The size of the pieces that a file is sent in.
const PIECE: usize = 64 * 1024;

/// Times in headers (RFC 9110, 5.6.7); they are always in UTC.
const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

/// The service for the files below a directory.
pub fn router(root: &Path) -> Router {
    let root = Arc::new(root.to_owned());
    Router::new().fallback(any(respond)).with_state(root)
}

async fn respond(State(root): State<Arc<PathBuf>>, request: Request) -> Response {
    let method = request.method();
    if method != Method::GET && method != Method::HEAD {
        return (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD")]).into_response();
    }
    let path = request.uri().path();
    if path == "/" {
        return (StatusCode::OK, "artifacts\n").into_response();
    }
    let Some(file) = find(&root, path).await else {
        return (StatusCode::NOT_FOUND, "not found\n").into_response();
    };
    match send(&file, request.headers(), method == Method::HEAD).await {
        Ok(response) => response,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            (StatusCode::NOT_FOUND, "not found\n").into_response()
        }
        Err(error) => {
            tracing::error!(%error, file = %file.display(), "cannot serve artifact");
            (StatusCode::INTERNAL_SERVER_ERROR, "cannot read the artifact\n").into_response()
        }
    }
}

/// The regular file that a path of a request means, if there is one.
async fn find(root: &Path, path: &str) -> Option<PathBuf> {
    let path = decode(path.strip_prefix('/')?)?;
    if !path.split('/').all(is_file_name) {
        return None;
    }
    let mut file = root.join(&path);
    let mut metadata = fs::symlink_metadata(&file).await.ok()?;
    if metadata.is_symlink() {
        // Such as `latest.tar.gz`: a name in the same directory, and nothing else.
        let target = fs::read_link(&file).await.ok()?;
        let target = target.to_str().filter(|name| is_file_name(name))?;
        file.set_file_name(target);
        metadata = fs::symlink_metadata(&file).await.ok()?;
    }
    metadata.is_file().then_some(file)
}

/// The path with `%` and two digits made a character. What is no text then is no path of ours.
fn decode(path: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
        decoded.push(digit(bytes.next()?)? << 4 | digit(bytes.next()?)?);
    }
    String::from_utf8(decoded).ok()
}

async fn send(path: &Path, headers: &HeaderMap, only_head: bool) -> std::io::Result<Response> {
    let mut file = File::open(path).await?;
    let metadata = file.metadata().await?;
    let (size, modified) = (metadata.len(), modified(&metadata));
    if let (Some(modified), Some(known)) = (modified, known_since(headers))
        && modified <= known
    {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    let content_type = match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz" | "tgz") => "application/gzip",
        Some("yaml") => "application/yaml",
        _ => "application/octet-stream",
    };
    let range = headers.get(RANGE).and_then(|range| range.to_str().ok());
    let (status, start, length) = match range.map(|range| parse_range(range, size)) {
        None | Some(Range::Whole) => (StatusCode::OK, 0, size),
        Some(Range::Part { start, length }) => (StatusCode::PARTIAL_CONTENT, start, length),
        Some(Range::Outside) => {
            let range = format!("bytes */{size}");
            let head = [(CONTENT_RANGE, range)];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, head).into_response());
        }
    };
    let body = if only_head {
        Body::empty()
    } else {
        file.seek(SeekFrom::Start(start)).await?;
        Body::from_stream(ReaderStream::with_capacity(file.take(length), PIECE))
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(Ok(text)) = modified.map(|time| time.strftime(HTTP_DATE).to_string().parse()) {
        headers.insert(LAST_MODIFIED, text);
    }
    if status == StatusCode::PARTIAL_CONTENT {
        let end = start + length.saturating_sub(1);
        let range = format!("bytes {start}-{end}/{size}");
        headers.insert(CONTENT_RANGE, range.parse().map_err(std::io::Error::other)?);
    }
    Ok(response)
}

/// When a file was made, in whole seconds, as HTTP tells times.
fn modified(metadata: &std::fs::Metadata) -> Option<Timestamp> {
    let time = Timestamp::try_from(metadata.modified().ok()?).ok()?;
    Timestamp::from_second(time.as_second()).ok()
}

/// The time of the copy that the client has. What cannot be read is ignored, as HTTP wants it.
fn known_since(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(IF_MODIFIED_SINCE)?.to_str().ok()?;
    jiff::fmt::rfc2822::parse(text).ok().map(|time| time.timestamp())
}

/// What part of a file is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Range {
    Whole,
    Part { start: u64, length: u64 },
    Outside,
}

/// Reads a `Range` header (RFC 9110, 14.1.2). One range is served; what is malformed or has
/// several may be ignored, and is.
fn parse_range(text: &str, size: u64) -> Range {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|range| range.split_once('-'))
    else {
        return Range::Whole;
    };
    let (start, end) = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(start), Ok(end)) if start <= end => (start, end.min(size.saturating_sub(1))),
        (Ok(start), Err(_)) if last.is_empty() => (start, size.saturating_sub(1)),
        (Err(_), Ok(0)) if first.is_empty() => return Range::Outside,
        (Err(_), Ok(count)) if first.is_empty() => {
            (size.saturating_sub(count), size.saturating_sub(1))
        }
        _ => return Range::Whole,
    };
    if start >= size {
        return Range::Outside;
    }
    Range::Part { start, length: end - start + 1 }
}

#[cfg(test)]
mod tests;
