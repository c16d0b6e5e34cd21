use super::*;

async fn as_user(
    server: &ApiServer,
    user: &str,
    method: Method,
    path: &str,
    body: Value,
) -> (StatusCode, Value) {
    let bytes = if body.is_null() { Vec::new() } else { serde_json::to_vec(&body).unwrap() };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("impersonate-user", user)
        .header("content-type", "application/json")
        .body(Full::from(bytes))
        .unwrap();
    exchange(server, request).await
}

const ACCOUNT: &str = "system:serviceaccount:default:robot";

/// A role that reads and makes ConfigMaps in the default namespace, bound to an account.
async fn with_role() -> ApiServer {
    let server = server();
    post(
        &server,
        "/api/v1/namespaces/default/serviceaccounts",
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "robot" } }),
    )
    .await;
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": "r" },
        "rules": [
            { "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "create"] },
            { "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": ["create"] },
        ],
    });
    assert_eq!(post(&server, &format!("{rbac}/roles"), role).await.0, StatusCode::CREATED);
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": "b" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r" },
        "subjects": [{ "kind": "ServiceAccount", "name": "robot", "namespace": "default" }],
    });
    assert_eq!(
        post(&server, &format!("{rbac}/rolebindings"), binding).await.0,
        StatusCode::CREATED
    );
    server
}

/// What the account may: method, path, allowed.
#[tokio::test]
async fn an_impersonated_account_has_its_roles_only() {
    let server = with_role().await;
    let cases = [
        (Method::GET, CONFIG_MAPS, true),
        (Method::DELETE, CONFIG_MAPS, false),
        (Method::GET, "/api/v1/configmaps", false),
        (Method::GET, "/api/v1/namespaces/default/secrets", false),
        (Method::GET, "/api/v1/namespaces/kube-system/configmaps", false),
        (Method::GET, "/apis", true),
        (Method::GET, "/metrics", false),
    ];
    for (method, path, allowed) in cases {
        let (status, body) = as_user(&server, ACCOUNT, method.clone(), path, Value::Null).await;
        assert_eq!(status != StatusCode::FORBIDDEN, allowed, "{method} {path}: {body}");
    }
    let (_, refusal) =
        as_user(&server, ACCOUNT, Method::GET, "/api/v1/namespaces/default/secrets/s", Value::Null)
            .await;
    assert_eq!(
        refusal["message"],
        "secrets \"s\" is forbidden: User \"system:serviceaccount:default:robot\" cannot get resource \"secrets\" in API \
         group \"\" in the namespace \"default\""
    );
}

#[tokio::test]
async fn nobody_grants_more_than_they_have() {
    let server = with_role().await;
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles";
    let role = |name: &str, verbs: Value| {
        json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": { "name": name, "namespace": "default" },
            "rules": [{ "apiGroups": [""], "resources": ["configmaps"], "verbs": verbs }] })
    };
    let (status, _) =
        as_user(&server, ACCOUNT, Method::POST, rbac, role("less", json!(["get"]))).await;
    assert_eq!(status, StatusCode::CREATED);
    let (status, refusal) =
        as_user(&server, ACCOUNT, Method::POST, rbac, role("more", json!(["get", "delete"]))).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(
        refusal["message"]
            .as_str()
            .unwrap()
            .contains("attempting to grant RBAC permissions not currently held")
    );
}

#[tokio::test]
async fn aggregated_roles_hold_what_they_select() {
    let server = server();
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": "viewers" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view" },
        "subjects": [{ "kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "ann" }],
    });
    post(&server, "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding).await;
    assert_eq!(
        as_user(&server, "ann", Method::GET, "/api/v1/pods", Value::Null).await.0,
        StatusCode::OK
    );
    assert_eq!(
        as_user(&server, "ann", Method::GET, "/api/v1/secrets", Value::Null).await.0,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn access_reviews_answer_for_the_caller() {
    let server = with_role().await;
    let review = |verb: &str| {
        json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {
            "resourceAttributes": { "namespace": "default", "verb": verb, "resource": "configmaps" } } })
    };
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    for (user, verb, allowed) in [(ACCOUNT, "list", true), (ACCOUNT, "delete", false)] {
        let (status, answer) = as_user(&server, user, Method::POST, path, review(verb)).await;
        assert_eq!((status, &answer["status"]["allowed"]), (StatusCode::CREATED, &allowed.into()));
    }
    assert_eq!(post(&server, path, review("delete")).await.1["status"]["allowed"], true);
}

#[tokio::test]
async fn a_requested_token_is_its_account_until_it_ends_or_the_account_goes() {
    let server = with_role().await;
    let request = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": { "expirationSeconds": 600 } });
    let accounts = "/api/v1/namespaces/default/serviceaccounts/robot";
    let (status, issued) = post(&server, &format!("{accounts}/token"), request).await;
    assert_eq!(
        (status, &issued["status"]["expirationTimestamp"]),
        (StatusCode::CREATED, &"2026-11-23T12:10:00Z".into())
    );
    let token = issued["status"]["token"].as_str().unwrap().to_owned();
    let ask = |path: &str, token: &str| {
        Request::get(path)
            .header("authorization", format!("Bearer {token}"))
            .body(Full::default())
            .unwrap()
    };
    assert_eq!(exchange(&server, ask(CONFIG_MAPS, &token)).await.0, StatusCode::OK);
    assert_eq!(exchange(&server, ask("/api/v1/secrets", &token)).await.0, StatusCode::FORBIDDEN);
    assert_eq!(
        exchange(&server, ask(CONFIG_MAPS, &format!("{token}x"))).await.0,
        StatusCode::UNAUTHORIZED
    );
    delete(&server, accounts).await;
    assert_eq!(exchange(&server, ask(CONFIG_MAPS, &token)).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn over_a_socket_a_browser_page_is_nobody() {
    let server = server();
    let mut local = server.service();
    local.trust = crate::service::Trust::Local;
    let ask = |headers: &[(&str, &str)]| {
        let mut request = Request::get("/api/v1/secrets");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Full::<bytes::Bytes>::default()).unwrap()
    };
    let token = format!("Bearer {}", server.admin_token());
    let cases: [(&[(&str, &str)], StatusCode); 4] = [
        (&[("host", "127.0.0.1:8001")], StatusCode::OK),
        (
            &[("host", "127.0.0.1:8001"), ("origin", "https://evil.example")],
            StatusCode::UNAUTHORIZED,
        ),
        (&[("host", "rebound.example:8001")], StatusCode::UNAUTHORIZED),
        (&[("host", "weir.example"), ("authorization", &token)], StatusCode::OK),
    ];
    for (headers, expected) in cases {
        assert_eq!(
            local.clone().oneshot(ask(headers)).await.unwrap().status(),
            expected,
            "{headers:?}"
        );
    }
}
