//! Reads a repository index of 20 MiB, and one of 50 MiB, each in a process of its own, and prints the time, how
//! much of it was spent on a processor, and the peak of its memory: `cargo bench -p helm --bench index [FILE]`. Without a
//! file the indexes are made up: charts with many versions, keywords, maintainers, folded descriptions and annotations in
//! literal blocks.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a measurement prints, and ends where it cannot go on"
)]

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// How often each is read.
const RUNS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|it| it != "--bench").collect();
    match arguments.as_slice() {
        [mode, path] if mode == "--read" => read(Path::new(path)),
        [path] => measure(Path::new(path)),
        _ => {
            for megabytes in [20, 50] {
                let mut file = tempfile(megabytes);
                file.1.flush().unwrap();
                measure(Path::new(&file.0));
                std::fs::remove_file(&file.0).unwrap();
            }
        }
    }
}

/// Runs this program again for each reading, so that its peak is that of one reading.
fn measure(path: &Path) {
    let size = std::fs::metadata(path).unwrap().len();
    println!("{} MiB", size >> 20);
    for _ in 0..RUNS {
        let program = std::env::current_exe().unwrap();
        let output = Command::new(program).arg("--read").arg(path).output().unwrap();
        print!("{}", String::from_utf8_lossy(&output.stdout));
    }
}

fn read(path: &Path) {
    let (started, before) = (Instant::now(), cpu());
    let index = helm::RepositoryIndex::read(BufReader::new(File::open(path).unwrap())).unwrap();
    let time = started.elapsed();
    let cpu = cpu() - before;
    let versions: usize = index.entries.values().map(Vec::len).sum();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or(" unknown");
    println!(
        "  {:.0} ms, {:.0} ms of CPU, peak {}, {} charts, {versions} versions",
        time.as_secs_f64() * 1000.0,
        cpu * 1000.0,
        peak.trim(),
        index.entries.len()
    );
}

/// For how many seconds the one thread of this process was running, in the kernel too.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanoseconds| nanoseconds.parse().ok()).unwrap_or(0.0) / 1e9
}

fn tempfile(megabytes: usize) -> (String, File) {
    let path = std::env::temp_dir().join(format!("index-{megabytes}-{}.yaml", std::process::id()));
    let mut file = File::create(&path).unwrap();
    let mut text = String::from("apiVersion: v1\nentries:\n");
    let (mut written, mut chart) = (0, 0);
    while written + text.len() < megabytes << 20 {
        writeln!(text, "  chart-{chart:04}:").unwrap();
        for version in (0..80).rev() {
            entry(&mut text, chart, version);
        }
        written += text.len();
        file.write_all(text.as_bytes()).unwrap();
        text.clear();
        chart += 1;
    }
    file.write_all(b"generated: \"2026-01-02T03:04:05.678901234Z\"\n").unwrap();
    (path.display().to_string(), file)
}

fn entry(text: &mut String, chart: usize, version: usize) {
    let digest = format!("{:064x}", chart * 1000 + version);
    write!(
        text,
        "  - annotations:\n      category: Database\n      example.org/changes: |\n        - kind: changed\n          description: Version {version} of the \"server\"\n    apiVersion: v2\n    appVersion: {version}.4.0\n    created: \"2026-01-02T03:04:05.678901234Z\"\n    dependencies:\n    - name: common\n      repository: oci://registry.example.org/charts\n      tags:\n      - common\n      version: 2.x.x\n    description: A chart that stands for the many charts of a public repository; it says\n      what it is for in two lines and a few words more\n    digest: {digest}\n    home: https://example.org/chart-{chart}\n    icon: https://example.org/chart-{chart}/icon.png\n    keywords:\n    - database\n    - sql\n    - cluster-{chart}\n    kubeVersion: '>=1.25.0-0'\n    maintainers:\n    - email: someone@example.org\n      name: Someone\n      url: https://example.org\n    name: chart-{chart:04}\n    sources:\n    - https://git.example.org/charts/chart-{chart}\n    urls:\n    - https://charts.example.org/chart-{chart:04}-{version}.2.3.tgz\n    version: {version}.2.3\n"
    )
    .unwrap();
}
