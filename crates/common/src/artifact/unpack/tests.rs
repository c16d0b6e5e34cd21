use std::{
    fs,
    io::{self, Cursor, Read, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
};

use flate2::{Compression, write::GzEncoder};
use tar::{EntryType, Header};

use super::{Limits, Summary, UnpackError, unpack};

/// An entry of an archive that no honest tool writes.
fn entry(name: &[u8], type_: EntryType, content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_entry_type(type_);
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn file(name: &str) -> Vec<u8> {
    entry(name.as_bytes(), EntryType::Regular, b"x")
}

fn gzip(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    for part in parts {
        encoder.write_all(part).unwrap();
    }
    encoder.write_all(&[0; 1024]).unwrap();
    encoder.finish().unwrap()
}

fn run(archive: impl Read, limits: &Limits) -> (tempfile::TempDir, Result<Summary, UnpackError>) {
    let directory = tempfile::tempdir().unwrap();
    let result = unpack(archive, &directory.path().join("tree"), limits);
    (directory, result)
}

/// What is refused, with a part of the error and the entry that it names.
fn check_refused(parts: &[Vec<u8>], name: &str, message: &str) {
    let limits = Limits { unpacked_bytes: 1 << 20, entries: 10, depth: 8, ..Limits::default() };
    let (directory, result) = run(Cursor::new(gzip(parts)), &limits);
    let error = result.unwrap_err().to_string();
    assert!(error.contains(message) && error.contains(name), "{error}");
    let outside: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(outside.len(), 1, "nothing but the tree");
}

#[test]
fn names_that_lead_out_are_refused() {
    check_refused(&[file("ok"), file("/etc/passwd")], "\"/etc/passwd\"", "absolute");
    check_refused(&[file("../x")], "\"../x\"", "with ..");
    check_refused(&[file("a/../../x")], "\"a/../../x\"", "with ..");
    check_refused(&[file("a/..")], "\"a/..\"", "with ..");
    check_refused(&[entry(b"", EntryType::Regular, b"x")], "\"\"", "invalid name");
    check_refused(&[file(".")], "\".\"", "without a name");
    let long = |name: &[u8]| entry(b"././@LongLink", EntryType::GNULongName, name);
    check_refused(&[long(b"../../long\0"), file("short")], "../../long", "with ..");
    let pax = |record: &str| entry(b"PaxHeaders/x", EntryType::XHeader, record.as_bytes());
    check_refused(&[pax("16 path=../../x\n"), file("short")], "../../x", "with ..");
}

#[test]
fn what_is_no_file_is_refused() {
    for type_ in
        [EntryType::Link, EntryType::Char, EntryType::Block, EntryType::Fifo, EntryType::GNUSparse]
    {
        check_refused(&[entry(b"odd", type_, b"")], "\"odd\"", "is ");
    }
    check_refused(&[file("a"), file("a/b")], "\"a/b\"", "cannot write");
}

#[test]
fn limits_hold() {
    check_refused(&vec![file("same"); 11], "\"same\"", "10 entries");
    check_refused(&[file("a/b/c/d/e/f/g/h/i")], "a/b/c/d/e/f/g/h/i", "8 directories");
    check_refused(
        &[entry(b"big", EntryType::Regular, &vec![0; 2 << 20])],
        "\"big\"",
        "unpacked bytes",
    );
    let halves = entry(b"half", EntryType::Regular, &vec![0; 600 << 10]);
    check_refused(&[halves.clone(), halves], "\"half\"", "unpacked bytes");
    let long = entry(b"././@LongLink", EntryType::GNULongName, &vec![b'a'; 5000]);
    check_refused(&[long, file("x")], "LongLink", "bytes of names");
    let pax = entry(b"PaxHeaders/x", EntryType::XHeader, &vec![b'1'; 100_000]);
    check_refused(&[pax, file("x")], "PaxHeaders", "bytes of names");
    let size = entry(b"PaxHeaders/x", EntryType::XHeader, b"20 size=99999999999\n");
    check_refused(&[size, file("x")], "PaxHeaders", "cannot hold");
}

/// A header may state any size; what counts is what it would take to read it.
#[test]
fn a_stated_size_is_not_believed() {
    let mut header = Header::new_gnu();
    header.set_path("huge").unwrap();
    header.set_size(u64::MAX / 2);
    header.set_cksum();
    check_refused(&[header.as_bytes().to_vec()], "\"huge\"", "unpacked bytes");
}

/// 10 GiB of zeros are 10 MB compressed: reading ends soon after the limit.
#[test]
fn a_bomb_is_not_unpacked() {
    struct Bomb<'a>(&'a mut usize, Vec<u8>);
    impl Read for Bomb<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let at = *self.0 % self.1.len();
            let count = buffer.len().min(self.1.len() - at);
            buffer[..count].copy_from_slice(&self.1[at..at + count]);
            *self.0 += count;
            Ok(count)
        }
    }
    // A gzip member may be followed by another one: this goes on for ever.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&entry(b"zeros", EntryType::Regular, &vec![0; 1 << 20])).unwrap();
    let mut read = 0;
    let limits = Limits { unpacked_bytes: 16 << 20, ..Limits::default() };
    let (_directory, result) = run(Bomb(&mut read, encoder.finish().unwrap()), &limits);
    assert!(matches!(result, Err(UnpackError::Limit { unit: "unpacked bytes", .. })), "{result:?}");
    assert!(read < 1 << 20, "{read}");
}

#[test]
fn damage_is_noticed() {
    let whole = gzip(&[file("a"), file("b")]);
    for cut in [0, 5, whole.len() / 2, whole.len() - 4] {
        let (_directory, result) = run(&whole[..cut], &Limits::default());
        assert!(matches!(result, Err(UnpackError::Read { .. })), "cut at {cut}: {result:?}");
    }
    let mut wrong_sum = whole;
    let at = wrong_sum.len() - 6;
    wrong_sum[at] ^= 1;
    assert!(matches!(run(&wrong_sum[..], &Limits::default()).1, Err(UnpackError::Read { .. })));
    let mut header = file("a");
    header[0] = b'z';
    assert!(matches!(
        run(&gzip(&[header])[..], &Limits::default()).1,
        Err(UnpackError::Read { .. })
    ));
    assert!(run(&b"no archive at all"[..], &Limits::default()).1.is_err());
    let (_directory, result) =
        run(&gzip(&[file("a"), vec![0; 1024], vec![7; 2 << 20]])[..], &Limits::default());
    assert!(matches!(result, Err(UnpackError::Read { .. })), "{result:?}");
}

#[test]
fn files_directories_and_modes() {
    let mut script = entry(b"bin/run", EntryType::Regular, b"#!");
    script[100..108].copy_from_slice(b"0004755\0");
    Header::from_byte_slice(&script[..512]).cksum().unwrap();
    let mut header = Header::from_byte_slice(&script[..512]).clone();
    header.set_cksum();
    script[..512].copy_from_slice(header.as_bytes());
    let parts = [
        entry(b"./", EntryType::Directory, b""),
        entry(b"./empty/", EntryType::Directory, b""),
        entry(b"old-style/", EntryType::Regular, b""),
        entry(b"link", EntryType::Symlink, b""),
        script,
        file("twice"),
        entry(b"twice", EntryType::Regular, b"second"),
    ];
    let (directory, result) = run(&gzip(&parts)[..], &Limits::default());
    assert_eq!(result.unwrap(), Summary { bytes: 9, entries: 7, skipped: 1 });
    let tree = directory.path().join("tree");
    assert!(tree.join("empty").is_dir() && tree.join("old-style").is_dir());
    assert!(!tree.join("link").exists());
    assert_eq!(fs::read_to_string(tree.join("twice")).unwrap(), "second");
    let mode = |path: &str| fs::metadata(tree.join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("bin/run"), mode("twice")), (0o700, 0o600));
}

#[test]
fn the_directory_must_be_empty() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("there"), "").unwrap();
    let error = unpack(&gzip(&[])[..], directory.path(), &Limits::default()).unwrap_err();
    assert!(matches!(error, UnpackError::Target { .. }), "{error}");
}

/// Written by Go 1.26 (`archive/tar`, `compress/gzip`), by way of a ten-line program: the entries
/// `.`, `dir` (0750), `dir/run.sh` (0700), `dir/nested/file.yaml` (0600), one with a name of 259
/// bytes, and one with a name of 150 bytes that has a PAX header for its letters. As hex digits.
const BY_GO: &str = include_str!("tests/by-go.tar.gz.hex");

#[test]
fn an_archive_by_go_is_read() {
    let digits: Vec<char> = BY_GO.split_whitespace().flat_map(str::chars).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).unwrap();
    let archive: Vec<u8> = digits.chunks(2).map(byte).collect();
    let (directory, result) = run(&archive[..], &Limits::default());
    assert_eq!(result.unwrap().entries, 6);
    check_tools_tree(&directory.path().join("tree"));
}

fn check_tools_tree(tree: &Path) {
    assert_eq!(fs::read_to_string(tree.join("dir/nested/file.yaml")).unwrap(), "a: b\n");
    assert_eq!(fs::read_to_string(tree.join(long_name())).unwrap(), "long\n");
    assert_eq!(fs::read_to_string(tree.join(other_name())).unwrap(), "letters\n");
    let mode = fs::metadata(tree.join("dir/run.sh")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

fn long_name() -> String {
    format!("{}/{}.yaml", ["long-directory-name"; 6].join("/"), "n".repeat(134))
}

fn other_name() -> String {
    format!("dir/{}.yaml", "ä".repeat(70))
}

#[test]
#[expect(clippy::disallowed_methods, reason = "asks the real tar")]
fn archives_by_gnu_tar_are_read() {
    let source = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let path = source.path().join("src").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    put("dir/nested/file.yaml", "a: b\n");
    put("dir/run.sh", "#!/bin/sh\n");
    put(&long_name(), "long\n");
    put(&other_name(), "letters\n");
    let script = source.path().join("src/dir/run.sh");
    fs::set_permissions(script, fs::Permissions::from_mode(0o755)).unwrap();
    for format in ["gnu", "posix"] {
        let file = source.path().join(format!("{format}.tar.gz"));
        let mut tar = Command::new("tar");
        tar.arg("-czf").arg(&file).arg(format!("--format={format}"));
        let Ok(output) = tar.arg("-C").arg(source.path().join("src")).arg(".").output() else {
            eprintln!("skipped: no tar");
            return;
        };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let (directory, result) = run(fs::File::open(file).unwrap(), &Limits::default());
        result.unwrap();
        check_tools_tree(&directory.path().join("tree"));
    }
}

/// Whatever an archive says, nothing panics, and nothing is made outside of the tree.
#[test]
fn damaged_archives_do_no_harm() {
    let link = entry(b"././@LongLink", EntryType::GNULongName, b"long/name\0");
    let pax = entry(b"PaxHeaders/x", EntryType::XHeader, b"13 path=a/bc\n");
    let sound: Vec<u8> = [file("a/b"), link, file("x"), pax, file("y"), vec![0; 1024]].concat();
    let mut state: u64 = 42;
    let mut random = |below: usize| {
        // Xorshift: the same sequence in every run.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    let limits = Limits { unpacked_bytes: 1 << 16, entries: 20, ..Limits::default() };
    let mut unpacked = 0;
    for _ in 0..100 {
        let mut bytes = sound.clone();
        for _ in 0..=random(4) {
            let at = random(bytes.len());
            bytes[at] = b"\0/.7 5gLx\xff"[random(10)];
        }
        // So that damage gets beyond the checksums of headers, which are mended.
        for block in bytes.chunks_exact_mut(512) {
            let mut header = Header::from_byte_slice(block).clone();
            if header.as_ustar().is_some() || header.as_gnu().is_some() {
                header.set_cksum();
                block.copy_from_slice(header.as_bytes());
            }
        }
        let (directory, result) = run(&gzip(&[bytes])[..], &limits);
        unpacked += usize::from(result.is_ok());
        let made: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
        assert!(made.len() <= 1, "{made:?}");
    }
    assert!((1..100).contains(&unpacked), "{unpacked}");
}
