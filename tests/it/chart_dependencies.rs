//! Charts' dependencies from a repository over HTTP, from a registry and from folders, beside the real `helm`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::charts::{run, shown, tree, workspace};
use crate::processes::{binary, tool};

/// Serves the files of a folder over HTTP until the test ends, and returns the address.
fn serve(folder: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let folder = folder.clone();
            std::thread::spawn(move || answer(stream, &folder));
        }
    });
    format!("http://{address}")
}

fn answer(mut stream: TcpStream, folder: &Path) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let request = lines.next().unwrap_or_default();
    lines.find(String::is_empty);
    let name = request.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
    let body = std::fs::read(folder.join(name));
    let status = if body.is_ok() { "200 OK" } else { "404 Not Found" };
    let body = body.unwrap_or_default();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    // Whoever asked may be gone.
    let _gone = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}

/// A registry on loopback that ends with the value.
struct Registry {
    process: Child,
    address: String,
}

impl Registry {
    fn start(program: &Path, folder: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let config = folder.join("registry.yml");
        let text = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: {address}}}\n",
            folder.join("registry").display()
        );
        std::fs::write(&config, text).unwrap();
        #[expect(clippy::disallowed_methods, reason = "the test is about programs")]
        let mut command = Command::new(program);
        command.arg("serve").arg(&config).env("OTEL_TRACES_EXPORTER", "none");
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let registry = Self { process, address };
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(&registry.address).is_err() {
            assert!(Instant::now() < deadline, "the registry does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        registry
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _gone_already = self.process.kill();
        let _gone_already = self.process.wait();
    }
}

/// Packs versions of two charts into a folder, with an index.
fn repository(helm: &Path, folder: &Path) {
    for (name, version) in [
        ("one", "1.0.0"),
        ("one", "1.1.0"),
        ("one", "2.0.0-rc.1"),
        ("two", "1.0.0"),
        ("two", "1.2.0+build"),
    ] {
        let chart = folder.join("src").join(name);
        std::fs::create_dir_all(chart.join("templates")).unwrap();
        let text = format!("apiVersion: v2\nname: {name}\nversion: {version}\n");
        std::fs::write(chart.join("Chart.yaml"), text).unwrap();
        let chart = chart.display().to_string();
        assert!(run(helm, folder, &["package", &chart, "-d", "repo"]).status.success());
    }
    assert!(run(helm, folder, &["repo", "index", "repo"]).status.success());
}

/// What stands in `Chart.yaml` below `dependencies`; `HTTP` and `OCI` stand for the addresses.
const UMBRELLAS: &[(&str, &str)] = &[
    (
        "http",
        "- {name: one, version: ^1, repository: HTTP}\n- {name: two, version: 1.0.0, repository: HTTP, alias: dos}\n",
    ),
    ("prerelease", "- {name: one, version: '>1.0.0-0', repository: HTTP}\n"),
    ("no-version", "- {name: one, version: ^9, repository: HTTP}\n"),
    ("no-chart", "- {name: three, version: ^1, repository: HTTP}\n"),
    (
        "oci",
        "- {name: one, version: ^1, repository: OCI}\n- {name: two, version: 1.2.0+build, repository: OCI}\n",
    ),
    (
        "oci-twice",
        "- {name: one, version: 1.0.0, repository: OCI, alias: a}\n- {name: one, version: 1.0.0, repository: OCI, alias: b}\n",
    ),
    ("oci-no-version", "- {name: one, version: ^7, repository: OCI}\n"),
    ("folder", "- {name: good, version: '>0.1', repository: 'file://../good'}\n"),
    ("wrong-folder", "- {name: good, version: ^9, repository: 'file://../good'}\n"),
    ("no-folder", "- {name: good, version: ^1, repository: 'file://../absent'}\n"),
    (
        "name-of-nothing",
        "- {name: one, version: ^1, repository: '@nothing'}\n- {name: two, version: ^1, repository: stable}\n",
    ),
    ("bad-constraint", "- {name: one, version: '^^', repository: HTTP}\n"),
    ("absent", "- {name: own, version: 1.0.0, repository: ''}\n"),
    ("none", ""),
];

fn umbrella(folder: &Path, dependencies: &str) {
    let chart = folder.join("app");
    std::fs::create_dir_all(&chart).unwrap();
    let mut text = "apiVersion: v2\nname: app\nversion: 0.1.0\n".to_owned();
    if !dependencies.is_empty() {
        text.push_str("dependencies:\n");
        text.push_str(dependencies);
    }
    std::fs::write(chart.join("Chart.yaml"), text).unwrap();
}

/// Helm explains at some length why a tag has an underscore; our output leaves that out.
fn without_note(output: &str) -> String {
    let mut lines = Vec::new();
    let mut within = false;
    for line in output.lines() {
        within |= line.ends_with(" contains an underscore.");
        if !within {
            lines.push(line);
        }
        within &= !line.ends_with(" when pulling from a registry.");
    }
    lines.join("\n") + "\n"
}

#[test]
fn dependencies_are_fetched_and_locked_as_by_helm() {
    let (Some(weir), Some(helm), Some(registry)) = (binary("weir"), tool("helm"), tool("registry"))
    else {
        return;
    };
    let source = tempfile::tempdir().unwrap();
    repository(&helm, source.path());
    let http = serve(source.path().join("repo"));
    let registry = Registry::start(&registry, source.path());
    let oci = format!("oci://{}/charts", registry.address);
    for entry in std::fs::read_dir(source.path().join("repo")).unwrap() {
        let package = entry.unwrap().path();
        if package.extension().is_some_and(|it| it == "tgz") {
            let package = package.display().to_string();
            let pushed = run(&helm, source.path(), &["push", &package, &oci, "--plain-http"]);
            assert!(pushed.status.success(), "{}", String::from_utf8_lossy(&pushed.stderr));
        }
    }
    let mut different = Vec::new();
    for (name, dependencies) in UMBRELLAS {
        let dependencies = dependencies.replace("HTTP", &http).replace("OCI", &oci);
        let (ours, theirs) = (workspace(), workspace());
        for folder in [&ours, &theirs] {
            umbrella(folder.path(), &dependencies);
        }
        // Building from the lock that the update left; Helm itself builds from repositories with a name only.
        let builds: &[&str] =
            if *name == "http" || *name == "prerelease" { &[] } else { &["build"] };
        for verb in ["update", "update"].iter().chain(builds) {
            let arguments = ["dependency", verb, "app", "--plain-http"];
            let mut own = vec!["helm"];
            own.extend(arguments);
            let one = without_note(&shown(&run(&weir, ours.path(), &own), ours.path()));
            let other = shown(&run(&helm, theirs.path(), &arguments), theirs.path());
            let other = without_note(&other);
            if one != other {
                different.push(format!("{name}: {verb}\n--- ours\n{one}\n--- helm's\n{other}"));
            } else if tree(ours.path()) != tree(theirs.path()) {
                different.push(format!("{name}: {verb}: the files differ"));
            }
        }
    }
    different.extend(with_a_named_repository(&weir, &helm, &http));
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
    charts_by_reference(&weir, &helm, &http, &oci);
}

/// What happens to a chart whose repository has a name.
enum Step {
    /// Both programs run this.
    Run(&'static str),
    /// A file of the chart is changed: one text for another.
    Change(&'static str, &'static str, &'static str),
    /// A package of the repository comes into `charts/` in no way that the programs know of.
    Stray(&'static str),
}

use Step::{Change, Run, Stray};

const UPDATE: Step = Run("dependency update app");
const BUILD: Step = Run("dependency build app");
const LIST: Step = Run("dependency list app");

/// Dependencies with what is done to a chart that has them.
const LIVES: &[(&str, &[Step])] = &[
    (
        "- {name: one, version: ^1, repository: HTTP}\n",
        &[LIST, UPDATE, BUILD, Run("dependency build app --skip-refresh"), LIST],
    ),
    // The chart's file changed after the lock was made.
    (
        "- {name: one, version: ^1, repository: '@r', alias: uno, condition: uno.on, tags: [x]}\n",
        &[UPDATE, Change("Chart.yaml", "^1", "1.0.0"), BUILD, LIST, UPDATE, BUILD, LIST],
    ),
    // The lock names a version that is gone, and then was changed by hand.
    (
        "- {name: one, version: '>=1.0.0 <1.1.0 || 1.1.x', repository: 'alias:r'}\n",
        &[UPDATE, Change("Chart.lock", "1.1.0", "1.9.9"), BUILD, LIST],
    ),
    (
        "- {name: one, version: ~1.0, repository: HTTP/}\n",
        &[UPDATE, Change("Chart.lock", "digest: sha256:", "digest: sha256:0"), BUILD, UPDATE],
    ),
    // What lay in the folder before goes or stays.
    (
        "- {name: one, version: ^1, repository: HTTP}\n",
        &[Stray("two-1.0.0.tgz"), Stray("one-1.0.0.tgz"), LIST, UPDATE, LIST, BUILD],
    ),
    (
        "- {name: good, version: ^1, repository: 'file://../good'}\n",
        &[UPDATE, Change("../good/Chart.yaml", "1.2.3", "1.5.0"), LIST, BUILD, UPDATE, LIST],
    ),
    (
        "- {name: one, version: 1.0.0, repository: HTTP}\n",
        &[
            Run("package app"),
            Run("package app -u"),
            Run("dependency list app-0.1.0.tgz"),
            Run("dependency update app-0.1.0.tgz"),
            Run("dependency update app --verify"),
            Run("template app --debug"),
        ],
    ),
];

/// Where the program differs from Helm on charts whose repository has a name.
fn with_a_named_repository(weir: &Path, helm: &Path, http: &str) -> Vec<String> {
    let mut different = Vec::new();
    for (dependencies, steps) in LIVES {
        let (ours, theirs) = (workspace(), workspace());
        for folder in [&ours, &theirs] {
            umbrella(folder.path(), &dependencies.replace("HTTP", http));
            // Helm refreshes every repository that has a name; ours those that the chart needs.
            if dependencies.contains("file://") {
                continue;
            }
            let added = run(helm, folder.path(), &["repo", "add", "r", http]);
            assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
        }
        for step in *steps {
            match step {
                Change(file, from, to) => {
                    for folder in [&ours, &theirs] {
                        let path = folder.path().join("app").join(file);
                        let text = std::fs::read_to_string(&path).unwrap();
                        assert!(text.contains(from), "{file} has no {from}");
                        std::fs::write(&path, text.replace(from, to)).unwrap();
                    }
                }
                Stray(package) => {
                    for folder in [&ours, &theirs] {
                        let charts = folder.path().join("app/charts");
                        std::fs::create_dir_all(&charts).unwrap();
                        let address = format!("{http}/{package}");
                        let charts = charts.display().to_string();
                        let pulled = run(helm, folder.path(), &["pull", &address, "-d", &charts]);
                        assert!(pulled.status.success());
                    }
                }
                Run(line) => {
                    let arguments: Vec<&str> = line.split(' ').collect();
                    let mut own = vec!["helm"];
                    own.extend(&arguments);
                    let one = shown(&run(weir, ours.path(), &own), ours.path());
                    let other = shown(&run(helm, theirs.path(), &arguments), theirs.path());
                    if one != other || tree(ours.path()) != tree(theirs.path()) {
                        different.push(format!(
                            "{dependencies}: {line}\n--- ours\n{one}\n--- helm's\n{other}"
                        ));
                    }
                }
            }
        }
    }
    different
}

/// Charts that other commands fetch.
fn charts_by_reference(weir: &Path, helm: &Path, http: &str, oci: &str) {
    for line in [
        "show chart one --repo HTTP",
        "show chart one --repo HTTP --version >1.0.0-0",
        "show chart one --repo HTTP --version ^7",
        "show chart three --repo HTTP",
        "show chart HTTP/one-1.0.0.tgz",
        "show chart OCI/one --plain-http",
        "show chart OCI/one --version ^1.0 --plain-http",
        "show chart OCI/one --devel --plain-http",
        "show chart OCI/two:1.2.0+build --plain-http",
        "show chart OCI/one:1.0.0 --version 2.0.0 --plain-http",
        "template rel one --repo HTTP",
        "template rel good -f HTTP/index.yaml",
    ] {
        let folder = workspace();
        let line = line.replace("HTTP", http).replace("OCI", oci);
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let mut own = vec!["helm"];
        own.extend(&arguments);
        let ours = shown(&run(weir, folder.path(), &own), folder.path());
        let theirs = shown(&run(helm, folder.path(), &arguments), folder.path());
        assert_eq!(ours, theirs, "helm {line}");
    }
    // A kustomization brings its chart's repository.
    let folder = workspace();
    let text = format!("helmCharts: [{{name: one, repo: '{http}', version: 1.0.0}}]\n");
    std::fs::write(folder.path().join("kustomization.yaml"), text).unwrap();
    let built = run(weir, folder.path(), &["kustomize", "build", "--enable-helm", "."]);
    let errors = String::from_utf8_lossy(&built.stderr).into_owned();
    assert!(folder.path().join("charts/one-1.0.0/one/Chart.yaml").is_file(), "{errors}");
}
