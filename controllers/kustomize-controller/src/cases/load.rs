//! Many Kustomizations, and a large one: what they ask of the server.

use serde_json::json;

use super::world::{World, config_map, kustomization};

/// The objects of one application.
fn app(tag: &str) -> Vec<(&'static str, String)> {
    let service = "apiVersion: v1\nkind: Service\nmetadata:\n  name: s\nspec:\n  \
                   selector: {a: b}\n  ports: [{port: 80}]\n";
    vec![
        ("account.yaml", "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: x\n".to_owned()),
        (
            "secret.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: t\ndata: {}\n".to_owned(),
        ),
        ("service.yaml", service.to_owned()),
        ("map.yaml", config_map("m", tag)),
    ]
}

async fn put(world: &World, revision: &str, files: &[(&str, String)]) {
    let files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    world.source("podinfo", revision, &files).await;
}

/// All requests since the last call that the controller sent: what the tests themselves ask is left out.
fn sent(world: &World) -> u64 {
    let own =
        ["get kustomizations", "list kustomizations", "create kustomizations", "gitrepositories"];
    let requests = world.requests().unwrap_or_default();
    let requests = requests.iter().filter(|request| !own.iter().any(|own| request.contains(own)));
    requests.filter_map(|request| request.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

/// A budget with what a busy machine may add: a visit that lasts longer than a second shows its
/// progress, which is one write more.
fn about(budget: u64) -> u64 {
    budget + budget / 5
}

/// CPU seconds of this process so far, the server in it included.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_kustomizations_stay_within_their_budget_of_requests() {
    const COUNT: u64 = 100;
    let world = World::in_memory().await;
    put(&world, "r1", &app("1")).await;
    world.create(kustomization("warm", json!({"namePrefix": "warm-"}))).await;
    world.ready("warm", "Applied revision: r1").await;
    world.quiet().await;
    let names: Vec<String> = (0..COUNT).map(|number| format!("app-{number}")).collect();
    let all_at = async |revision: &str| {
        for name in &names {
            world.ready(name, &format!("Applied revision: {revision}")).await;
        }
        world.quiet().await;
    };
    sent(&world);
    let started = cpu();
    for name in &names {
        world.create(kustomization(name, json!({"namePrefix": format!("{name}-")}))).await;
    }
    all_at("r1").await;
    let first = (sent(&world), cpu() - started);
    // Finalizer, inventory, four objects, outcome, two events.
    assert!(first.0 <= about(9 * COUNT), "{first:?}");

    let started = cpu();
    put(&world, "r2", &app("2")).await;
    all_at("r2").await;
    let change = (sent(&world), cpu() - started);
    // One object, outcome, two events; for `warm`, too.
    assert!(change.0 <= about(4 * (COUNT + 1)), "{change:?}");

    let started = cpu();
    for name in &names {
        world.request(name, "again").await;
    }
    for name in &names {
        world.handled(name, "again").await;
    }
    world.quiet().await;
    let nothing = (sent(&world) - COUNT, cpu() - started);
    assert!(nothing.0 <= about(COUNT), "{nothing:?}");
    println!("requests and CPU seconds: first {first:?}, change {change:?}, nothing {nothing:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_objects_cost_a_thousand_requests() {
    const COUNT: u64 = 1000;
    let world = World::in_memory().await;
    let files = |value: &str| {
        let maps = (0..COUNT).map(|number| config_map(&format!("m-{number}"), value));
        vec![("all.yaml", maps.collect::<Vec<_>>().join("---\n"))]
    };
    put(&world, "r1", &[("a.yaml", config_map("a", "1"))]).await;
    world.create(kustomization("warm", json!({}))).await;
    world.ready("warm", "Applied revision: r1").await;
    world.merge("Kustomization", "warm", json!({"spec": {"suspend": true}})).await;
    put(&world, "r2", &files("1")).await;
    world.quiet().await;
    sent(&world);
    let started = cpu();
    world.create(kustomization("large", json!({}))).await;
    world.ready("large", "Applied revision: r2").await;
    world.quiet().await;
    let create = (sent(&world), cpu() - started);
    assert!(create.0 <= COUNT + 30, "{create:?}");

    let started = cpu();
    put(&world, "r3", &files("2")).await;
    world.ready("large", "Applied revision: r3").await;
    world.quiet().await;
    let change = (sent(&world), cpu() - started);
    // Tried, then written.
    assert!(change.0 <= 2 * COUNT + 30, "{change:?}");

    let started = cpu();
    world.request("large", "again").await;
    world.handled("large", "again").await;
    world.quiet().await;
    let nothing = (sent(&world) - 1, cpu() - started);
    assert!(nothing.0 <= 5, "{nothing:?}");
    println!("requests and CPU seconds: create {create:?}, change {change:?}, nothing {nothing:?}");
}
