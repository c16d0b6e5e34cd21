use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Command,
};

use flate2::read::GzDecoder;
use tempfile::TempDir;

use super::{Content, Fault, Rules, write};
use crate::artifact::{Algorithm, Digest};

fn put(root: &TempDir, path: &str, text: &str) {
    let path = root.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn archive(root: &Path, rules: &Rules) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(root, rules, &mut bytes).unwrap();
    bytes
}

/// Each entry as `<mode> <name>`, with `=<content>` for files.
fn list(bytes: &[u8]) -> Vec<String> {
    let mut archive = tar::Archive::new(GzDecoder::new(bytes));
    let mut entries = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let header = entry.header();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
        assert_eq!(header.mtime().unwrap(), 0);
        assert_eq!(
            (header.username_bytes(), header.groupname_bytes()),
            (Some(&b""[..]), Some(&b""[..]))
        );
        let mode = header.mode().unwrap();
        let is_file = header.entry_type().is_file();
        let name = entry.path().unwrap().display().to_string();
        let mut content = String::new();
        entry.read_to_string(&mut content).unwrap();
        let content = if is_file { format!("={content}") } else { content };
        entries.push(format!("{mode:o} {name}{content}"));
    }
    entries
}

fn sample() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    put(&root, "kustomization.yaml", "resources: [app.yaml]\n");
    put(&root, "app.yaml", "kind: ConfigMap\n");
    put(&root, "b/run.sh", "#!/bin/sh\n");
    put(&root, "b/deep/a.txt", "");
    put(&root, "logo.png", "not a picture");
    put(&root, ".git/HEAD", "ref: refs/heads/main\n");
    fs::create_dir(root.path().join("empty")).unwrap();
    let script = root.path().join("b/run.sh");
    fs::set_permissions(script, fs::Permissions::from_mode(0o755)).unwrap();
    symlink("app.yaml", root.path().join("link")).unwrap();
    root
}

#[test]
fn entries_are_in_order_and_carry_nothing_of_the_machine() {
    let entries = list(&archive(sample().path(), &Rules::default()));
    assert_eq!(
        entries,
        [
            "750 .",
            "600 app.yaml=kind: ConfigMap\n",
            "750 b",
            "750 b/deep",
            "600 b/deep/a.txt=",
            "700 b/run.sh=#!/bin/sh\n",
            "750 empty",
            "600 kustomization.yaml=resources: [app.yaml]\n",
        ]
    );
}

/// The digest stands for the bytes that everyone who has this artifact has seen. It changes with
/// the compressor only; then every artifact in every storage gets a new digest too.
#[test]
fn bytes_are_always_the_same() {
    let bytes = archive(sample().path(), &Rules::default());
    assert_eq!(
        Digest::of(Algorithm::Sha256, &bytes).to_string(),
        "sha256:f8df2d0b1c46833986a4dba5cb89b18daaa03d69760402ba7699c44373b79f65"
    );
    let root = sample();
    let old = File::options().append(true).open(root.path().join("app.yaml")).unwrap();
    old.set_modified(std::time::UNIX_EPOCH).unwrap();
    fs::set_permissions(root.path().join("app.yaml"), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(archive(root.path(), &Rules::default()), bytes);
}

#[test]
fn what_is_taken_back_needs_no_directory() {
    let rules = Rules::parse("b\n!b/deep/a.txt\n*.png\n.git\nempty\n*.yaml");
    let root = sample();
    let mut bytes = Vec::new();
    let directories = write(root.path(), &rules, &mut bytes).unwrap();
    assert_eq!(list(&bytes), ["750 .", "600 b/deep/a.txt="]);
    assert_ne!(directories.covering("b/deep"), directories.covering("b"));
    assert_eq!(directories.covering("empty"), directories.covering(""), "not in the archive");
}

#[test]
fn digests_of_directories_follow_content_mode_and_name() {
    let digests = |change: &dyn Fn(&Path)| {
        let root = sample();
        change(root.path());
        write(root.path(), &Rules::default(), io::sink()).unwrap()
    };
    let before = digests(&|_| {});
    let content = digests(&|root| fs::write(root.join("b/deep/a.txt"), "x").unwrap());
    let mode = digests(&|root| {
        fs::set_permissions(root.join("b/run.sh"), fs::Permissions::from_mode(0o600)).unwrap();
    });
    let name = digests(&|root| fs::rename(root.join("b/run.sh"), root.join("b/go.sh")).unwrap());
    for changed in [&content, &mode, &name] {
        assert_ne!(changed.covering("b"), before.covering("b"));
        assert_eq!(changed.covering("empty"), before.covering("empty"));
    }
    assert_eq!(mode.covering("b/deep"), before.covering("b/deep"));
    let ignored = digests(&|root| fs::write(root.join("logo.png"), "other").unwrap());
    assert_eq!(ignored, before);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "asks the real tar")]
fn gnu_tar_reads_it() {
    let root = sample();
    let long = format!("{}/{}.yaml", "long-directory-name/".repeat(12), "n".repeat(120));
    put(&root, &long, "deep");
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("a.tar.gz");
    let directory = out.path().join("out");
    fs::create_dir(&directory).unwrap();
    fs::write(&file, archive(root.path(), &Rules::default())).unwrap();
    let run = Command::new("tar").arg("-xzf").arg(&file).arg("-C").arg(&directory).output();
    let Ok(output) = run else {
        eprintln!("skipped: no tar");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read_to_string(directory.join(long)).unwrap(), "deep");
    let script = fs::metadata(directory.join("b/run.sh")).unwrap();
    assert_eq!(script.permissions().mode() & 0o777, 0o700);
    assert!(!directory.join("link").exists() && !directory.join("logo.png").exists());
}

/// A disk without space.
struct Full;
impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn errors_name_the_file() {
    let missing = Path::new("/nonexistent/tree");
    let error = write(missing, &Rules::default(), io::sink()).unwrap_err();
    assert!(error.to_string().contains("/nonexistent/tree"), "{error}");

    let error = write(sample().path(), &Rules::default(), Full).unwrap_err();
    assert!(error.to_string().starts_with("cannot write the archive"), "{error}");
}

#[test]
fn a_file_that_changes_meanwhile_is_noticed() {
    let root = tempfile::tempdir().unwrap();
    put(&root, "file", "four");
    let check = |stated: u64| {
        let file = File::open(root.path().join("file")).unwrap();
        let mut content = Content::new(file, stated);
        let copied = io::copy(&mut content, &mut io::sink());
        (copied.ok(), matches!(content.fault, Some(Fault::Changed)), content.has_more().unwrap())
    };
    assert_eq!(check(4), (Some(4), false, false));
    assert_eq!(check(5), (None, true, false), "shrunk");
    assert_eq!(check(3), (Some(3), false, true), "grown");
}

/// Digests of the tar streams that the original's archiver makes of these trees.
#[test]
fn the_tar_stream_is_that_of_the_original() {
    let stream = |root: &TempDir, rules: &Rules| {
        let mut tar = Vec::new();
        GzDecoder::new(&*archive(root.path(), rules)).read_to_end(&mut tar).unwrap();
        Digest::of(Algorithm::Sha256, &tar).hex()
    };
    assert_eq!(
        stream(&sample(), &Rules::default()),
        "9eaca0a7f9874e491c5edeed930691d166615c4021df6c0c7d857e0d34598e08"
    );
    assert_eq!(
        stream(&odd_names(), &Rules::default()),
        "d5b6136e2da23879fec03e3d2901108cf4747154dcfb2b61e988627f122e52d0"
    );
}

/// Names that a header takes whole, split, cut, or not at all.
fn odd_names() -> TempDir {
    use std::os::unix::ffi::OsStrExt;

    let root = tempfile::tempdir().unwrap();
    put(&root, "größe/naïve.yaml", "not ASCII");
    put(&root, &format!("{}/{}", "d".repeat(50), "n".repeat(48)), "99");
    put(&root, &format!("{}/{}", "d".repeat(50), "n".repeat(49)), "100");
    put(&root, &format!("{}/{}", "d".repeat(50), "n".repeat(50)), "101, split");
    put(&root, &format!("{}{}", "long/".repeat(25), "n".repeat(100)), "225, split");
    put(&root, &format!("{}{}", "long/".repeat(25), "n".repeat(101)), "226, extended");
    put(&root, &format!("{}{}", "long/".repeat(60), "n"), "cut behind a slash");
    put(&root, &format!("{}/{}", "ü".repeat(60), "x".repeat(120)), "long and not ASCII");
    put(&root, &"y".repeat(200), "one long name");
    put(&root, "block", &"b".repeat(512));
    put(&root, "two blocks", &"b".repeat(513));
    let name = std::ffi::OsStr::from_bytes(b"latin-\xe9.txt");
    fs::write(root.path().join(name), "no UTF-8").unwrap();
    root
}
