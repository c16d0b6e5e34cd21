//! HTTP and SSH through HTTP and SOCKS5 proxies.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use testkit::{GitServer, HttpOptions};

use super::{Fixture, chain, fetch};
use crate::{Credentials, Proxy, Reference, Remote};

const LOGIN: (&str, &str) = ("joe", "hunter2");

/// A proxy that asks for [`LOGIN`], and the targets that it connected to.
fn proxy(serve: fn(&mut TcpStream) -> io::Result<String>) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let targets = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&targets);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let seen = Arc::clone(&seen);
            thread::spawn(move || relay(client, serve, &seen));
        }
    });
    (port, targets)
}

fn relay(
    mut client: TcpStream,
    serve: fn(&mut TcpStream) -> io::Result<String>,
    seen: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let target = serve(&mut client)?;
    seen.lock().map_err(|_| io::ErrorKind::Other)?.push(target.clone());
    let server = TcpStream::connect(target)?;
    let (mut up, mut down) = ((client.try_clone()?, server.try_clone()?), (server, client));
    let upward = thread::spawn(move || io::copy(&mut up.0, &mut up.1));
    io::copy(&mut down.0, &mut down.1)?;
    drop(upward);
    Ok(())
}

/// The server's side of RFC 1928 and 1929.
fn socks(client: &mut TcpStream) -> io::Result<String> {
    let mut take = |count: usize| -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        client.read_exact(&mut bytes)?;
        Ok(bytes)
    };
    let methods = usize::from(take(2)?[1]);
    assert!(take(methods)?.contains(&2), "no login is offered");
    client.write_all(&[5, 2])?;
    let mut take = |count: usize| -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        client.read_exact(&mut bytes)?;
        Ok(bytes)
    };
    let length = usize::from(take(2)?[1]);
    let user = take(length)?;
    let length = usize::from(take(1)?[0]);
    let password = take(length)?;
    let right = (user.as_slice(), password.as_slice()) == (LOGIN.0.as_bytes(), LOGIN.1.as_bytes());
    client.write_all(&[1, u8::from(!right)])?;
    if !right {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut head = [0; 4];
    client.read_exact(&mut head)?;
    let length = match head[3] {
        1 => 4,
        3 => {
            let mut length = [0];
            client.read_exact(&mut length)?;
            usize::from(length[0])
        }
        other => panic!("address type {other}"),
    };
    let mut host = vec![0; length];
    client.read_exact(&mut host)?;
    let mut port = [0; 2];
    client.read_exact(&mut port)?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    let host = if head[3] == 1 {
        host.iter().map(u8::to_string).collect::<Vec<_>>().join(".")
    } else {
        String::from_utf8(host).map_err(io::Error::other)?
    };
    Ok(format!("{host}:{}", u16::from_be_bytes(port)))
}

/// The server's side of CONNECT.
fn connect(client: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).map_err(io::Error::other)?;
    let lower = head.to_lowercase();
    // "joe:hunter2" in base64.
    if !lower.contains("proxy-authorization: basic am9lomh1bnrlcji=") {
        client.write_all(
            b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
        )?;
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let target = head.split_whitespace().nth(1).unwrap().to_owned();
    assert!(head.starts_with("CONNECT "), "{head}");
    client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
    Ok(target)
}

fn through(scheme: &str, port: u16, password: &str) -> Proxy {
    let address = format!("{scheme}://127.0.0.1:{port}");
    let data = [("address", address.as_str()), ("username", LOGIN.0), ("password", password)];
    let data = data.into_iter().map(|(key, value)| (key.to_owned(), value.as_bytes().to_vec()));
    Proxy::from_secret(&data.collect()).unwrap()
}

fn check(remote: &Remote, serve: fn(&mut TcpStream) -> io::Result<String>, scheme: &str) {
    let (port, targets) = proxy(serve);
    let proxied = Remote { proxy: Some(through(scheme, port, LOGIN.1)), ..remote.clone() };
    let (tip, _, _store) = fetch(&proxied, &Reference::branch("main"))
        .unwrap_or_else(|error| panic!("{scheme}: {}", chain(&error)));
    assert!(tip.revision.starts_with("main@sha1:"));
    let expected = format!("127.0.0.1:{}", remote.url.port());
    let targets = targets.lock().unwrap();
    assert!(!targets.is_empty() && targets.iter().all(|it| *it == expected), "{targets:?}");

    let refused = Remote { proxy: Some(through(scheme, port, "wrong")), ..remote.clone() };
    let error = refused.connect().map(|_| ()).unwrap_err();
    assert!(!chain(&error).contains("wrong"), "{}", chain(&error));
}

#[test]
fn https_through_proxies() {
    let fixture = Fixture::new(HttpOptions { tls: true, ..HttpOptions::default() });
    let credentials = Credentials { ca: fixture.server.ca.clone(), ..Credentials::default() };
    let remote = Remote { credentials, ..fixture.remote() };
    check(&remote, connect, "http");
    check(&remote, socks, "socks5");
}

#[test]
fn plain_http_through_a_socks_proxy() {
    let fixture = Fixture::new(HttpOptions::default());
    check(&fixture.remote(), socks, "socks5");
}

#[test]
fn ssh_through_proxies() {
    let Some(server) = GitServer::ssh().unwrap() else { return };
    let fixture = Fixture::on(server);
    let credentials = Credentials {
        identity: fixture.server.identity.clone().map(Into::into),
        known_hosts: fixture.server.known_hosts.clone(),
        ..Credentials::default()
    };
    let remote = Remote { credentials, ..fixture.remote() };
    check(&remote, connect, "http");
    check(&remote, socks, "socks5");
    let proxy = Some(through("https", 1, LOGIN.1));
    let error = Remote { proxy, ..remote }.connect().map(|_| ()).unwrap_err();
    assert!(chain(&error).contains("'http' or 'socks5'"), "{}", chain(&error));
}
