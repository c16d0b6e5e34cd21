//! No value of a Secret is ever shown, be it in a condition or in an event.

use serde_json::json;
use testkit::HttpOptions;

use super::world::World;

/// In every value that must not be shown.
const MARK: &str = "hunter2";

#[tokio::test(flavor = "multi_thread")]
async fn no_failure_shows_a_secret() {
    let login = Some(("joe".to_owned(), "right".to_owned()));
    let world = World::start_with(HttpOptions { login, ..HttpOptions::default() }, |_| {}).await;
    let (_repository, url) = world.repository("app.git");
    let key =
        format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{MARK}\n-----END OPENSSH PRIVATE KEY-----");
    let with_user = url.replace("http://", &format!("http://joe:{MARK}@"));
    let (secret, proxy) = (json!({"name": "login"}), json!({"name": "proxy"}));
    world.secret("login", &[("username", "joe"), ("password", MARK)]).await;
    world.secret("token", &[("bearerToken", MARK)]).await;
    world.secret("line", &[("bearerToken", "hunter2\nX-Other: 1")]).await;
    world.secret("ssh", &[("identity", &key), ("password", MARK), ("known_hosts", MARK)]).await;
    world.secret("tls", &[("tls.crt", MARK), ("tls.key", &key)]).await;
    world
        .secret("proxy", &[("address", "http://joe:hunter2@127.0.0.1:1"), ("password", MARK)])
        .await;
    world.secret("odd", &[("address", "http://joe:hunter2@[::bad")]).await;
    let failed = "GitOperationFailed";
    let refused = "AuthenticationFailed";
    for (name, spec, reason) in [
        ("url", json!({"url": with_user}), failed),
        ("query", json!({"url": format!("{url}?token={MARK}")}), failed),
        ("password", json!({"url": url, "secretRef": secret}), failed),
        ("token", json!({"url": url, "secretRef": {"name": "token"}}), failed),
        ("line", json!({"url": url, "secretRef": {"name": "line"}}), failed),
        ("ssh", json!({"url": "ssh://git@127.0.0.1:1/a", "secretRef": {"name": "ssh"}}), refused),
        ("tls", json!({"url": "https://127.0.0.1:1/a", "secretRef": {"name": "tls"}}), failed),
        ("proxy", json!({"url": url, "proxySecretRef": proxy}), failed),
        ("odd", json!({"url": url, "proxySecretRef": {"name": "odd"}}), refused),
    ] {
        world.create(name, spec).await;
        let (object, message) = world.failed(name, reason).await;
        let status = serde_json::to_string(&object.status).unwrap();
        assert!(!status.contains(MARK), "{name}: {message}");
        // The object, and who or what is at fault, are named.
        let names = ["127.0.0.1", "team/"].iter().any(|text| message.contains(text));
        assert!(names, "{name}: {message}");
        world.event(reason, message.get(..40).unwrap()).await;
    }
    let events = format!("{:?}", world.events().await);
    assert!(!events.contains(MARK), "{events}");
}
