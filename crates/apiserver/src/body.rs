//! The body of an answer: bytes at hand, or a watch that goes on.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;
use http::{HeaderValue, Response, StatusCode, header};
use hyper::body::{Frame, SizeHint};
use serde_json::Value;

use crate::failure::Failure;

/// The body of every answer of [`crate::Service`].
pub struct Body(Inner);

enum Inner {
    Full(Option<Bytes>),
    Stream(Pin<Box<dyn Stream<Item = Bytes> + Send>>),
}

impl Body {
    pub(crate) fn full(bytes: Bytes) -> Self {
        Self(Inner::Full(Some(bytes).filter(|b| !b.is_empty())))
    }

    pub(crate) fn stream(stream: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Self(Inner::Stream(Box::pin(stream)))
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Inner::Full(_) => "Body::Full",
            Inner::Stream(_) => "Body::Stream",
        })
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.0 {
            Inner::Full(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            Inner::Stream(stream) => {
                stream.as_mut().poll_next(context).map(|next| next.map(|b| Ok(Frame::data(b))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Inner::Full(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Full(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
            Inner::Stream(_) => SizeHint::default(),
        }
    }
}

/// An answer with a body of this media type.
pub(crate) fn answer(code: StatusCode, media_type: &'static str, bytes: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::full(bytes));
    *response.status_mut() = code;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// A JSON answer of bytes that are JSON already.
pub(crate) fn json_bytes(code: StatusCode, bytes: Bytes) -> Response<Body> {
    answer(code, "application/json", bytes)
}

/// A JSON answer.
pub(crate) fn json(code: StatusCode, value: &Value) -> Response<Body> {
    json_bytes(code, to_bytes(value))
}

/// A plain text answer.
pub(crate) fn text(code: StatusCode, text: &'static str) -> Response<Body> {
    answer(code, "text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()))
}

/// The answer to a refused request.
pub(crate) fn refusal(failure: &Failure) -> Response<Body> {
    if let Some(words) = failure.as_text() {
        return answer(failure.code, "text/plain; charset=utf-8", Bytes::from(words.to_owned()));
    }
    let mut response = json(failure.code, &failure.to_status());
    if failure.code == StatusCode::TOO_MANY_REQUESTS || failure.code == StatusCode::GATEWAY_TIMEOUT
    {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// Compact JSON. Values have string keys only, so this cannot fail.
pub(crate) fn to_bytes(value: &Value) -> Bytes {
    serde_json::to_vec(value).map(Bytes::from).unwrap_or_default()
}
