//! Against real Git servers on loopback.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use kustomize::{Remote, RepositoryUrl};
use testkit::{GitRepository, GitServer, HttpOptions};

use super::{Fetcher, SshFlags};

const APP: &str = "team/app.git";

/// A repository with a tag, a branch and a commit after it.
fn fill(repository: &GitRepository) -> String {
    repository.write("base/kustomization.yaml", "resources: [cm.yaml]\n").unwrap();
    repository.write("base/cm.yaml", "version: 1\n").unwrap();
    let first = repository.commit("Start").unwrap();
    repository.git(&["tag", "v1"]).unwrap();
    repository.git(&["push", "origin", "v1"]).unwrap();
    repository.write("base/cm.yaml", "version: 2\n").unwrap();
    repository.commit("Change the version").unwrap();
    first
}

#[expect(clippy::unwrap_in_result, reason = "a failure of the test itself is no result")]
fn read(fetcher: &Fetcher<'_>, url: &str) -> Result<String, String> {
    let source = RepositoryUrl::parse(url).unwrap();
    let files = fetcher.repository(&source).map_err(|error| error.to_string())?;
    let path = Path::new("/").join(&source.directory).join("cm.yaml");
    Ok(String::from_utf8(files.read(&path).unwrap()).unwrap())
}

#[test]
fn a_reference_is_a_tag_a_branch_a_name_or_a_commit() {
    let server = GitServer::http(HttpOptions::default()).unwrap();
    let first = fill(&server.create(APP).unwrap());
    let flags = SshFlags::default();
    let fetcher = Fetcher::new(&flags);
    let url = server.url(APP);
    for (reference, expected) in [
        ("", "version: 2\n"),
        ("?ref=main", "version: 2\n"),
        ("?ref=refs/heads/main", "version: 2\n"),
        ("?version=v1", "version: 1\n"),
        ("?ref=tags/v1", "version: 1\n"),
        (&format!("?ref={first}"), "version: 1\n"),
    ] {
        assert_eq!(
            read(&fetcher, &format!("{url}//base{reference}")).unwrap(),
            expected,
            "{reference}"
        );
    }
    let missing = read(&fetcher, &format!("{url}//base?ref=gone")).unwrap_err();
    assert_eq!(missing, "couldn't find remote ref 'gone'");
}

#[test]
fn a_repository_is_fetched_once() {
    let server = GitServer::http(HttpOptions::default()).unwrap();
    fill(&server.create(APP).unwrap());
    let flags = SshFlags::default();
    let fetcher = Fetcher::new(&flags);
    let url = format!("{}//base?ref=v1", server.url(APP));
    read(&fetcher, &url).unwrap();
    server.forget_requests();
    read(&fetcher, &url).unwrap();
    assert!(server.requests().is_empty());
}

#[test]
fn what_came_over_the_network_reads_nothing_of_this_disk() {
    let server = GitServer::http(HttpOptions::default()).unwrap();
    fill(&server.create(APP).unwrap());
    let own = GitRepository::init().unwrap();
    own.write("cm.yaml", "own: 1\n").unwrap();
    own.git(&["add", "."]).unwrap();
    own.git(&["commit", "--message", "Start"]).unwrap();
    let local = format!("file://{}", own.path().display());
    let flags = SshFlags::default();
    let fetcher = Fetcher::new(&flags);
    assert_eq!(read(&fetcher, &local).unwrap(), "own: 1\n");
    let top = RepositoryUrl::parse(&format!("{}//base", server.url(APP))).unwrap();
    fetcher.top(&top).unwrap();
    assert!(read(&fetcher, &local).unwrap_err().contains("on this disk"));
}

#[test]
fn ssh_takes_keys_from_files() {
    let Some(server) = GitServer::ssh().unwrap() else {
        println!("skipped: there is no sshd");
        return;
    };
    fill(&server.create(APP).unwrap());
    let flags = SshFlags {
        ssh_identity: Some("/nonexistent/key".into()),
        ssh_known_hosts: Some("/nonexistent/hosts".into()),
    };
    let error = read(&Fetcher::new(&flags), &format!("{}//base", server.url(APP))).unwrap_err();
    assert!(error.contains("/nonexistent/key"), "{error}");
}

/// Answers every request on a loopback port with the same bytes.
fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1024];
            let _bytes = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    format!("http://{address}")
}

#[test]
fn files_are_fetched_and_failures_have_their_status() {
    let flags = SshFlags::default();
    let fetcher = Fetcher::new(&flags);
    let url = answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\na: 1\n");
    assert_eq!(fetcher.file(&format!("{url}/x.yaml")).unwrap(), b"a: 1\n");
    let url = answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let error = fetcher.file(&format!("{url}/x.yaml")).unwrap_err();
    assert_eq!(
        (error.status, error.to_string().as_str()),
        (Some(404), "HTTP Error: status code 404 (Not Found)")
    );
}
