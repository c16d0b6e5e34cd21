use super::{DirFiles, FileKind, FileProblem, Files, Limits, MemoryFiles, join_relative};
use std::fs;
use std::path::Path;

fn check_reads(files: &dyn Files) {
    assert_eq!(files.read(Path::new("/a/b.txt")).unwrap(), b"b");
    assert_eq!(files.read(Path::new("/a/../a/./b.txt")).unwrap(), b"b");
    assert_eq!(files.kind(Path::new("/a")), Some(FileKind::Directory));
    assert_eq!(files.kind(Path::new("/a/b.txt")), Some(FileKind::File));
    assert_eq!(files.kind(Path::new("/gone")), None);
    assert_eq!(files.list(Path::new("/")).unwrap(), ["a", "top.txt"]);
    assert_eq!(files.canonical(Path::new("/a/../top.txt")).unwrap(), Path::new("/top.txt"));
    assert_eq!(files.read(Path::new("/gone")).unwrap_err().problem, FileProblem::Missing);
    assert!(files.read(Path::new("/a")).is_err(), "a directory is no file");
    // `..` above the root stays at the root.
    assert_eq!(files.read(Path::new("/../../top.txt")).unwrap(), b"top");
}

#[test]
fn memory_is_a_tree() {
    let files: MemoryFiles = [("a/b.txt", "b"), ("/top.txt", "top")].into_iter().collect();
    check_reads(&files);
}

#[test]
fn directories_are_a_tree() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("a")).unwrap();
    fs::write(folder.path().join("a/b.txt"), "b").unwrap();
    fs::write(folder.path().join("top.txt"), "top").unwrap();
    check_reads(&DirFiles::jailed(folder.path()).unwrap());
}

#[cfg(unix)]
#[test]
fn links_do_not_lead_out() {
    use std::os::unix::fs::symlink;
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("sub")).unwrap();
    fs::write(folder.path().join("sub/file"), "inside").unwrap();
    symlink(outside.path().join("secret"), folder.path().join("file")).unwrap();
    symlink(outside.path(), folder.path().join("dir")).unwrap();
    symlink("sub", folder.path().join("inside")).unwrap();
    symlink("loop", folder.path().join("loop")).unwrap();
    let files = DirFiles::jailed(folder.path()).unwrap();
    for path in ["/file", "/dir/secret", "/inside/../dir/secret"] {
        let error = files.read(Path::new(path)).unwrap_err();
        assert_eq!(error.problem, FileProblem::Forbidden, "{path}: {error}");
        assert_eq!(files.kind(Path::new(path)), None, "{path}");
    }
    assert!(files.read(Path::new("/loop")).is_err());
    assert_eq!(files.read(Path::new("/inside/file")).unwrap(), b"inside");
    assert_eq!(files.canonical(Path::new("/inside")).unwrap(), Path::new("/sub"));
    assert!(files.is_link(Path::new("/inside")) && !files.is_link(Path::new("/sub")));
}

#[test]
fn sizes_and_counts_are_limited() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("large"), "12345").unwrap();
    fs::write(folder.path().join("small"), "1234").unwrap();
    let limits = Limits { file_size: 4, files: 2, entries: 1 };
    let files = DirFiles::with_limits(folder.path(), limits).unwrap();
    assert_eq!(files.read(Path::new("/large")).unwrap_err().problem, FileProblem::Limit);
    assert!(files.read(Path::new("/small")).is_ok());
    assert_eq!(files.read(Path::new("/small")).unwrap_err().problem, FileProblem::Limit);
    assert_eq!(files.list(Path::new("/")).unwrap_err().problem, FileProblem::Limit);
}

#[test]
fn relative_paths_are_joined_as_text() {
    for (base, path, joined) in [
        ("", "a/./b", "a/b"),
        ("a", "../b", "b"),
        ("a", "../../b", "../b"),
        ("", "..", ".."),
        ("a//b", "c/", "a/b/c"),
    ] {
        assert_eq!(join_relative(base, path), joined, "{base} + {path}");
    }
}
