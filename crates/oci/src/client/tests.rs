//! Against a registry of a few lines on loopback.

use axum::Router;
use axum::extract::{Query, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::collections::HashMap;

use super::{Client, Options, digest};
use crate::{Credentials, Error, Reference};

const LAYER: &[u8] = b"the chart";

fn manifest() -> String {
    format!(
        r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[{{"mediaType":"x","digest":"{}","size":9}}]}}"#,
        digest(LAYER)
    )
}

fn allowed(request: &Request, host: &str) -> Result<(), Box<Response>> {
    let token = request.headers().get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    if token == Some("Bearer t0ken") {
        return Ok(());
    }
    let challenge = format!(
        "Bearer realm=\"http://{host}/token\",service=\"here\",scope=\"repository:a/b:pull\""
    );
    Err(Box::new(
        (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response(),
    ))
}

async fn serve() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let (one, two) = (host.clone(), host.clone());
    let tags = get(async move |query: Query<HashMap<String, String>>, request: Request| {
        if let Err(refusal) = allowed(&request, &one) {
            return *refusal;
        }
        if query.contains_key("last") {
            return r#"{"tags":["1.1.0"]}"#.into_response();
        }
        let link = "</v2/a/b/tags/list?last=1.0.0>; rel=\"next\"";
        ([(header::LINK, link)], r#"{"tags":["1.0.0"]}"#).into_response()
    });
    let manifests = get(async move |request: Request| match allowed(&request, &two) {
        Ok(()) => manifest().into_response(),
        Err(refusal) => *refusal,
    });
    let token = get(async |query: Query<HashMap<String, String>>, request: Request| {
        let basic = request.headers().get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
        let right = basic == Some("Basic dXNlcjpwYXNz") && query["scope"] == "repository:a/b:pull";
        if right {
            r#"{"token":"t0ken"}"#.into_response()
        } else {
            StatusCode::UNAUTHORIZED.into_response()
        }
    });
    let good = format!("/v2/a/b/blobs/{}", digest(LAYER));
    let bad = format!("/v2/a/b/blobs/{}", digest(b"other"));
    let router = Router::new()
        .route("/v2/a/b/tags/list", tags)
        .route("/v2/a/b/manifests/1.0.0", manifests)
        .route("/token", token)
        .route(&good, get(async || LAYER))
        .route(&bad, get(async || LAYER));
    #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
    tokio::spawn(async move { axum::serve(listener, router).await });
    host
}

fn client(password: &str, max_blob: usize) -> Client {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let credentials = Credentials { username: "user".to_owned(), password: password.to_owned() };
    Client::new(http, Options { plain_http: true, credentials: Some(credentials), max_blob })
}

#[tokio::test]
async fn tags_manifests_and_blobs_are_read_with_a_token() {
    let host = serve().await;
    let reference: Reference = format!("{host}/a/b:1.0.0").parse().unwrap();
    let client = client("pass", 100);
    assert_eq!(client.tags(&reference).await.unwrap(), ["1.0.0", "1.1.0"]);
    let found = client.manifest(&reference).await.unwrap();
    assert_eq!(found.digest, digest(manifest().as_bytes()));
    assert_eq!(client.blob(&reference, &found.layers[0]).await.unwrap(), LAYER);
}

#[tokio::test]
async fn what_is_not_right_is_refused() {
    let host = serve().await;
    let reference: Reference = format!("{host}/a/b:1.0.0").parse().unwrap();
    let wrong = client("wrong", 100).tags(&reference).await.unwrap_err();
    assert!(matches!(wrong, Error::Unauthorized(_)), "{wrong}");
    assert!(!format!("{wrong:?}").contains("wrong"), "{wrong:?}");

    let mut layer = client("pass", 100).manifest(&reference).await.unwrap().layers.remove(0);
    let large = client("pass", 8).blob(&reference, &layer).await.unwrap_err();
    assert!(matches!(large, Error::TooLarge { limit: 8, .. }), "{large}");
    layer.size = 0;
    let large = client("pass", 8).blob(&reference, &layer).await.unwrap_err();
    assert!(matches!(large, Error::TooLarge { limit: 8, .. }), "{large}");

    layer.digest = digest(b"other");
    let other = client("pass", 100).blob(&reference, &layer).await.unwrap_err();
    assert!(matches!(other, Error::Digest { .. }), "{other}");
    let absent: Reference = format!("{host}/a/b:2.0.0").parse().unwrap();
    let absent = client("pass", 100).manifest(&absent).await.unwrap_err();
    assert!(matches!(absent, Error::NotFound(_)), "{absent}");
}
