//! Release records, both ways: the real `helm` lives with what we wrote, and we read what it wrote.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use helm::{Chart, Driver, HookExecution, Info, Options, Release, Stamp};
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};
use tests::World;

use crate::processes::tool;

const CHART: &str = "apiVersion: v2\nname: app\nversion: 1.2.3\nappVersion: '4.5'\n";
const VALUES: &str =
    "text: <a> & b\nnumber: 1000000\nsmall: 0.0000001\nlist: [1, 2.5, x]\nnothing: null\n";
const SCHEMA: &str = "{\"type\": \"object\"}\n";
const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-config\ndata:\n  text: {{ .Values.text | quote }}\n";
const HOOK: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-hook\n  annotations:\n    helm.sh/hook: pre-install,post-delete\n    helm.sh/hook-weight: \"-5\"\n    helm.sh/hook-delete-policy: before-hook-creation\n";
const NOTES: &str = "Revision {{ .Release.Revision }} of {{ .Chart.Name }}\n";

fn write_chart(folder: &Path) -> PathBuf {
    let chart = folder.join("app");
    std::fs::create_dir_all(chart.join("templates")).unwrap();
    for (name, text) in [
        ("Chart.yaml", CHART),
        ("values.yaml", VALUES),
        ("values.schema.json", SCHEMA),
        ("README.md", "An app.\n"),
        ("templates/config.yaml", CONFIG),
        ("templates/hook.yaml", HOOK),
        ("templates/NOTES.txt", NOTES),
    ] {
        std::fs::write(chart.join(name), text).unwrap();
    }
    chart
}

/// One of Helm's programs, for the releases of a namespace.
struct Helm<'h> {
    program: &'h Path,
    kubeconfig: PathBuf,
    namespace: &'h str,
    driver: &'h str,
}

impl Helm<'_> {
    fn run(&self, arguments: &[&str]) -> String {
        #[expect(clippy::disallowed_methods, reason = "the scenario is about the program")]
        let mut command = Command::new(self.program);
        command.args(arguments).args(["--namespace", self.namespace]);
        command.env("KUBECONFIG", &self.kubeconfig).env("HELM_DRIVER", self.driver);
        let home = self.kubeconfig.parent().unwrap();
        command.env("HOME", home).env("XDG_CACHE_HOME", home).env("HELM_NO_COLOR", "1");
        let output = command.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "helm {arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// A release that we make, as an installation would leave it.
fn release(chart: &Path, name: &str, namespace: &str, version: i64, text: &str) -> Release {
    let chart = Chart::load_dir(chart, Path::new("/")).unwrap();
    let config = helm::from_yaml(&format!("text: {text}\n")).unwrap();
    let environment = crate::charts::Nothing;
    let revision = u32::try_from(version).unwrap();
    let options = Options { revision, ..Options::new(name, namespace, &environment) };
    let rendered = helm::render(&chart, &config, &options).unwrap();
    let time = Some("2026-01-02T03:04:05.678901234Z".to_owned());
    let mut hooks = rendered.hooks.clone();
    for hook in &mut hooks {
        hook.last_run = HookExecution {
            started_at: time.clone(),
            completed_at: time.clone(),
            phase: "Succeeded".to_owned(),
        };
    }
    Release {
        name: name.to_owned(),
        info: Info {
            first_deployed: time.clone(),
            last_deployed: time,
            description: "Install complete".to_owned(),
            status: "deployed".to_owned(),
            notes: rendered.notes.clone(),
            ..Info::default()
        },
        manifest: rendered.manifest(false),
        hooks,
        version,
        namespace: namespace.to_owned(),
        apply_method: "ssa".to_owned(),
        labels: [("team".to_owned(), "blue".to_owned())].into(),
        chart,
        config,
    }
}

fn storage(world: &World, driver: Driver) -> Api<DynamicObject> {
    let kind = if driver == Driver::Secret { "Secret" } else { "ConfigMap" };
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", kind));
    Api::namespaced_with(world.cluster.client.clone(), &world.namespace, &resource)
}

async fn create(world: &World, driver: Driver, object: Value) {
    let object = serde_json::from_value(object).unwrap();
    storage(world, driver).create(&PostParams::default(), &object).await.unwrap();
}

/// The real Helm lists, gets, upgrades, rolls back and uninstalls a release that we wrote.
async fn helm_lives_with_ours(world: &World, program: &Path, driver: Driver) {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, &world.cluster.kubeconfig).unwrap();
    let chart = write_chart(folder.path());
    let variable = if driver == Driver::Secret { "secret" } else { "configmap" };
    let (program, namespace) = (program, world.namespace.as_str());
    let helm = Helm { program, kubeconfig, namespace, driver: variable };
    let name = format!("ours-{variable}");
    let first = release(&chart, &name, &world.namespace, 1, "one");
    let stamp = Stamp::Created(1_767_323_045);
    // What is installed is there, as after an installation of ours.
    let manifest = yaml_document(&first.manifest);
    let object = with_owner(manifest, &name, &world.namespace);
    let applied = storage(world, Driver::ConfigMap)
        .patch(&format!("{name}-config"), &PatchParams::apply("helm"), &Patch::Apply(&object))
        .await;
    applied.unwrap();
    create(world, driver, first.to_object(driver, stamp).unwrap()).await;

    let list: Value = serde_json::from_str(&helm.run(&["list", "-o", "json"])).unwrap();
    assert_eq!(list[0]["name"], json!(name));
    assert_eq!(list[0]["revision"], json!("1"));
    assert_eq!(list[0]["chart"], json!("app-1.2.3"));
    assert_eq!(list[0]["status"], json!("deployed"));
    let selected = helm.run(&["list", "-q", "--selector", "team=blue"]);
    assert_eq!(selected.trim(), name);
    assert_eq!(helm.run(&["get", "manifest", &name]).trim(), first.manifest.trim());
    assert_eq!(helm.run(&["get", "values", &name]), "USER-SUPPLIED VALUES:\ntext: one\n");
    let all = helm.run(&["get", "values", &name, "--all", "-o", "json"]);
    let all: Value = serde_json::from_str(&all).unwrap();
    assert_eq!(all["number"], json!(1_000_000));
    assert_eq!(helm.run(&["get", "notes", &name]).trim(), "NOTES:\nRevision 1 of app");
    let hooks = helm.run(&["get", "hooks", &name]);
    assert!(hooks.contains("# Source: app/templates/hook.yaml"), "{hooks}");
    assert!(helm.run(&["get", "all", &name]).contains("LAST DEPLOYED: Fri Jan  2"), "{list}");

    helm.run(&["upgrade", &name, chart.to_str().unwrap(), "--set", "text=two"]);
    let upgraded = read(world, driver, &name, 2).await;
    assert_eq!(upgraded.info.status, "deployed");
    assert_eq!(upgraded.config["text"], json!("two"));
    assert_eq!(upgraded.info.first_deployed, first.info.first_deployed);
    assert_eq!(read(world, driver, &name, 1).await.info.status, "superseded");
    helm.run(&["rollback", &name, "1"]);
    let rolled_back = read(world, driver, &name, 3).await;
    assert_eq!(rolled_back.manifest, first.manifest);
    assert_eq!(rolled_back.info.description, "Rollback to 1");
    let history: Value =
        serde_json::from_str(&helm.run(&["history", &name, "-o", "json"])).unwrap();
    assert_eq!(history.as_array().unwrap().len(), 3);
    helm.run(&["uninstall", &name]);
    let left = storage(world, driver).list(&ListParams::default().labels("owner=helm")).await;
    assert!(left.unwrap().items.is_empty());
    let configs = storage(world, Driver::ConfigMap);
    assert!(configs.get_opt(&format!("{name}-config")).await.unwrap().is_none());
}

/// The one object of a manifest.
fn yaml_document(manifest: &str) -> Value {
    yaml::to_json(manifest.trim_start_matches("---\n"), yaml::Rules::V2).unwrap()
}

/// As Helm labels what it installs, so that it takes the object for its own.
fn with_owner(mut object: Value, release: &str, namespace: &str) -> Value {
    object["metadata"]["labels"] = json!({ "app.kubernetes.io/managed-by": "Helm" });
    object["metadata"]["annotations"] = json!({
        "meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace,
    });
    object
}

async fn read(world: &World, driver: Driver, name: &str, version: i64) -> Release {
    let object = storage(world, driver).get(&format!("sh.helm.release.v1.{name}.v{version}")).await;
    let object = serde_json::to_value(object.unwrap()).unwrap();
    let release = Release::from_object(&object).unwrap();
    assert_same(&object, &release, driver);
    release
}

/// What we would write is what Helm wrote: the same JSON, labels, type and name.
fn assert_same(object: &Value, release: &Release, driver: Driver) {
    let data = object["data"]["release"].as_str().unwrap();
    let record = match driver {
        Driver::Secret => String::from_utf8(STANDARD.decode(data).unwrap()).unwrap(),
        Driver::ConfigMap => data.to_owned(),
    };
    let packed = STANDARD.decode(record).unwrap();
    let mut written = String::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut written).unwrap();
    let ours = release.to_json().unwrap();
    if ours != written {
        let at = ours.bytes().zip(written.bytes()).take_while(|(a, b)| a == b).count();
        let near = |text: &str| {
            text.get(at.saturating_sub(80)..(at + 80).min(text.len())).map(str::to_owned)
        };
        panic!("ours:   {:?}\nHelm's: {:?}", near(&ours), near(&written));
    }
    let time = |name: &str| object["metadata"]["labels"][name].as_str()?.parse::<i64>().ok();
    let stamp =
        time("modifiedAt").map(Stamp::Modified).or_else(|| time("createdAt").map(Stamp::Created));
    let ours = release.to_object(driver, stamp.unwrap()).unwrap();
    // Some of Helm's commands leave the time of the creation with that of the change.
    let mut labels = object["metadata"]["labels"].clone();
    if time("modifiedAt").is_some() {
        labels.as_object_mut().unwrap().remove("createdAt");
    }
    assert_eq!(ours["metadata"]["labels"], labels);
    assert_eq!(ours["metadata"]["name"], object["metadata"]["name"]);
    assert_eq!(ours.get("type"), object.get("type"));
    assert_eq!(Release::from_object(&ours).unwrap(), *release);
}

/// We read what a Helm wrote, in every state that a release goes through.
async fn ours_reads_helm(world: &World, program: &Path, driver: Driver) {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, &world.cluster.kubeconfig).unwrap();
    let chart = write_chart(folder.path());
    let variable = if driver == Driver::Secret { "secret" } else { "configmap" };
    let helm = Helm { program, kubeconfig, namespace: &world.namespace, driver: variable };
    let chart = chart.to_str().unwrap();
    let values = "deep.list={1,2.5,a},big=12345678901,text=<é>";
    helm.run(&["install", "theirs", chart, "--set", values, "--labels", "team=red"]);
    let first = read(world, driver, "theirs", 1).await;
    assert_eq!(first.labels["team"], "red");
    assert_eq!(first.hooks[0].weight, -5);
    assert_eq!(first.info.notes, "Revision 1 of app\n");
    helm.run(&["upgrade", "theirs", chart, "--set", "text=two"]);
    assert_eq!(read(world, driver, "theirs", 1).await.info.status, "superseded");
    assert_eq!(read(world, driver, "theirs", 2).await.version, 2);
    helm.run(&["rollback", "theirs", "1"]);
    assert_eq!(read(world, driver, "theirs", 3).await.config, first.config);
    helm.run(&["uninstall", "theirs", "--keep-history"]);
    let gone = read(world, driver, "theirs", 3).await;
    assert_eq!(gone.info.status, "uninstalled");
    assert!(gone.info.deleted.is_some());
    helm.run(&["uninstall", "theirs"]);
}

/// Helm 4 and 3, both drivers, both ways.
pub(crate) async fn release_records_are_those_of_helm(world: World) {
    for name in ["helm", "helm3"] {
        let Some(program) = tool(name) else { continue };
        for driver in [Driver::Secret, Driver::ConfigMap] {
            helm_lives_with_ours(&world, &program, driver).await;
            ours_reads_helm(&world, &program, driver).await;
        }
    }
}
