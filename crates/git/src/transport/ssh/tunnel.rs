//! The TCP connection below SSH, directly or through a proxy.

use std::net::Ipv6Addr;

use base64::Engine as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{Error, Proxy, RemoteUrl, error::Doing as _};

/// Bytes of a proxy's answer to CONNECT; real ones are a few hundred.
const MAX_ANSWER: usize = 8 * 1024;

/// Connects to the host of `url`.
pub(super) async fn connect(url: &RemoteUrl, proxy: Option<&Proxy>) -> Result<TcpStream, Error> {
    let Some(proxy) = proxy else {
        return TcpStream::connect((url.host(), url.port()))
            .await
            .doing(|| format!("cannot connect to '{url}'"));
    };
    if proxy.is_tls() {
        return Err(Error::Invalid(
            "SSH through a proxy needs the scheme 'http' or 'socks5', not 'https'".to_owned(),
        ));
    }
    let (host, port) = proxy.host_and_port();
    let doing = || format!("cannot connect to '{url}' through the proxy {host}:{port}");
    let mut stream = TcpStream::connect((host.as_str(), port)).await.doing(doing)?;
    let done = if proxy.is_socks() {
        socks(&mut stream, url, proxy.login()).await
    } else {
        http(&mut stream, url, proxy.login()).await
    };
    done.doing(doing)?;
    Ok(stream)
}

/// RFC 9110, 9.3.6.
async fn http(
    stream: &mut TcpStream,
    url: &RemoteUrl,
    login: Option<(&str, &str)>,
) -> std::io::Result<()> {
    let host = match url.host().parse::<Ipv6Addr>() {
        Ok(address) => format!("[{address}]:{}", url.port()),
        Err(_) => format!("{}:{}", url.host(), url.port()),
    };
    let login = login.map(|(user, password)| {
        let both = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        format!("Proxy-Authorization: Basic {both}\r\n")
    });
    let login = login.unwrap_or_default();
    let request = format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n{login}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() >= MAX_ANSWER {
            return Err(std::io::Error::other("the proxy's answer does not end"));
        }
        answer.push(stream.read_u8().await?);
    }
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split_whitespace().nth(1).unwrap_or_default();
    if !status.starts_with('2') {
        return Err(std::io::Error::other(format!(
            "the proxy answered {}",
            answer.lines().next().unwrap_or_default()
        )));
    }
    Ok(())
}

/// RFC 1928 and 1929.
async fn socks(
    stream: &mut TcpStream,
    url: &RemoteUrl,
    login: Option<(&str, &str)>,
) -> std::io::Result<()> {
    let refuse = |why: &str| Err(std::io::Error::other(why.to_owned()));
    let short = |text: &str| {
        u8::try_from(text.len()).map_err(|_| std::io::Error::other("a name is too long for SOCKS5"))
    };
    let methods: &[u8] = if login.is_some() { &[5, 2, 0, 2] } else { &[5, 1, 0] };
    stream.write_all(methods).await?;
    let mut chosen = [0; 2];
    stream.read_exact(&mut chosen).await?;
    match (chosen, login) {
        ([5, 0], _) => {}
        ([5, 2], Some((user, password))) => {
            let mut request = vec![1, short(user)?];
            request.extend_from_slice(user.as_bytes());
            request.push(short(password)?);
            request.extend_from_slice(password.as_bytes());
            stream.write_all(&request).await?;
            let mut answer = [0; 2];
            stream.read_exact(&mut answer).await?;
            let [_, status] = answer;
            if status != 0 {
                return refuse("the proxy does not accept the user and password");
            }
        }
        ([5, _], _) => return refuse("the proxy wants a login"),
        _ => return refuse("the proxy does not speak SOCKS5"),
    }
    let mut request = vec![5, 1, 0, 3, short(url.host())?];
    request.extend_from_slice(url.host().as_bytes());
    request.extend_from_slice(&url.port().to_be_bytes());
    stream.write_all(&request).await?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await?;
    let [_, status, _, kind] = answer;
    if status != 0 {
        return refuse(&format!("the proxy could not connect (SOCKS5 reply {status})"));
    }
    let address = match kind {
        1 => 4,
        4 => 16,
        3 => usize::from(stream.read_u8().await?),
        _ => return refuse("the proxy's answer cannot be read"),
    };
    let mut rest = vec![0; address + 2];
    stream.read_exact(&mut rest).await.map(drop)
}
