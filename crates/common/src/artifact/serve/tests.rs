use std::{fs, os::unix::fs::symlink};

use axum::{
    body::{Body, to_bytes},
    http::{Method, Request, StatusCode, header},
};
use tempfile::TempDir;
use tower::ServiceExt;

use super::{Range, parse_range, router};

struct Answer {
    status: StatusCode,
    headers: header::HeaderMap,
    body: Vec<u8>,
}

fn storage() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("helmchart/apps/podinfo");
    fs::create_dir_all(&directory).unwrap();
    fs::create_dir(root.path().join(".content")).unwrap();
    fs::write(root.path().join(".content/secret"), "secret").unwrap();
    fs::write(root.path().join("beside"), "").unwrap();
    fs::write(directory.join("a-1.0.0+x.tgz"), "0123456789").unwrap();
    fs::write(directory.join("a-1.0.0+x.tgz.lock"), "lock").unwrap();
    fs::write(directory.join(".unfinished-x"), "half").unwrap();
    symlink("a-1.0.0+x.tgz", directory.join("latest.tgz")).unwrap();
    symlink("/etc/hostname", directory.join("absolute.tgz")).unwrap();
    symlink("../../../.content/secret", directory.join("relative.tgz")).unwrap();
    symlink("latest.tgz", directory.join("chain.tgz")).unwrap();
    root
}

async fn ask(method: Method, path: &str, range: Option<&str>) -> Answer {
    let root = storage();
    let mut request = Request::builder().method(method).uri(path);
    if let Some(range) = range {
        request = request.header(header::RANGE, range);
    }
    let request = request.body(Body::empty()).unwrap();
    let response = router(root.path()).oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap().to_vec();
    Answer { status: head.status, headers: head.headers, body }
}

const FILE: &str = "/helmchart/apps/podinfo/a-1.0.0+x.tgz";

#[tokio::test]
async fn files_are_served_whole() {
    for path in
        [FILE, "/helmchart/apps/podinfo/a-1.0.0%2Bx.tgz", "/helmchart/apps/podinfo/latest.tgz"]
    {
        let answer = ask(Method::GET, path, None).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.body, b"0123456789");
        assert_eq!(answer.headers[header::CONTENT_LENGTH], "10");
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/gzip");
    }
    let head = ask(Method::HEAD, FILE, None).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    assert_eq!(head.headers[header::CONTENT_LENGTH], "10");
}

#[tokio::test]
async fn a_copy_that_is_new_enough_is_not_sent_again() {
    let root = storage();
    let file = fs::File::open(root.path().join(FILE.trim_start_matches('/'))).unwrap();
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_millis(1_700_000_000_900);
    file.set_modified(time).unwrap();
    let ask = async |since: Option<&str>| {
        let mut request = Request::builder().uri(FILE);
        if let Some(since) = since {
            request = request.header(header::IF_MODIFIED_SINCE, since);
        }
        router(root.path()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    };
    let whole = ask(None).await;
    assert_eq!(whole.status(), StatusCode::OK);
    let modified = whole.headers()[header::LAST_MODIFIED].to_str().unwrap();
    assert_eq!(modified, "Tue, 14 Nov 2023 22:13:20 GMT");
    assert_eq!(ask(Some(modified)).await.status(), StatusCode::NOT_MODIFIED);
    let earlier = ask(Some("Tue, 14 Nov 2023 22:13:19 GMT")).await;
    assert_eq!(earlier.status(), StatusCode::OK);
    assert_eq!(ask(Some("yesterday")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_root_answers_probes() {
    assert_eq!(ask(Method::GET, "/", None).await.status, StatusCode::OK);
    assert_eq!(ask(Method::HEAD, "/", None).await.status, StatusCode::OK);
}

#[tokio::test]
async fn nothing_else_is_served() {
    let paths = [
        "/helmchart",
        "/helmchart/apps/podinfo",
        "/helmchart/apps/podinfo/",
        "/helmchart/apps/podinfo/none.tgz",
        "/helmchart/apps/podinfo/a-1.0.0+x.tgz.lock",
        "/helmchart/apps/podinfo/.unfinished-x",
        "/helmchart/apps/podinfo/absolute.tgz",
        "/helmchart/apps/podinfo/relative.tgz",
        "/helmchart/apps/podinfo/chain.tgz",
        "/.content/secret",
        "/%2econtent/secret",
        "/../../etc/passwd",
        "/helmchart/../.content/secret",
        "/helmchart/%2e%2e/%2e%2e/etc/passwd",
        "/helmchart%2fapps%2f..%2f..%2f..%2fetc/passwd",
        "//etc/passwd",
        "/helmchart/apps/podinfo/a%00.tgz",
        "/%zz",
        "/%",
        "/%ff",
    ];
    for path in paths {
        let answer = ask(Method::GET, path, None).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    let answer = ask(Method::POST, FILE, None).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers[header::ALLOW], "GET, HEAD");
}

#[tokio::test]
async fn parts_are_served() {
    for (range, body, content_range) in [
        ("bytes=0-0", "0", "bytes 0-0/10"),
        ("bytes=2-5", "2345", "bytes 2-5/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=7-99", "789", "bytes 7-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=-99", "0123456789", "bytes 0-9/10"),
    ] {
        let answer = ask(Method::GET, FILE, Some(range)).await;
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(String::from_utf8(answer.body).unwrap(), body, "{range}");
        assert_eq!(answer.headers[header::CONTENT_RANGE], content_range);
    }
    let answer = ask(Method::GET, FILE, Some("bytes=10-")).await;
    assert_eq!(answer.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(answer.headers[header::CONTENT_RANGE], "bytes */10");
}

#[test]
fn odd_ranges() {
    for text in ["lines=0-1", "bytes=5-2", "bytes=a-b", "bytes=0-1,3-4", "bytes=-", ""] {
        assert_eq!(parse_range(text, 10), Range::Whole, "{text}");
    }
    for text in ["bytes=0-", "bytes=0-5", "bytes=-1"] {
        assert_eq!(parse_range(text, 0), Range::Outside, "{text}");
    }
    assert_eq!(parse_range("bytes=-0", 10), Range::Outside);
    assert_eq!(parse_range("bytes=99999999999999999999-", 10), Range::Whole);
}
