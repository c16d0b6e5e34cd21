//! The tar format as Go's `archive/tar` writes it, which is what the original uses: USTAR headers,
//! preceded by a PAX record where a name or a size does not fit. Equal trees so give equal tar
//! streams on both sides, whatever the compressor makes of them.

use std::io::{self, Read, Write};

const BLOCK: usize = 512;
const NAME: usize = 100;
const PREFIX: usize = 155;

/// The largest size that eleven octal digits hold.
const MAX_OCTAL_SIZE: u64 = (1 << 33) - 1;

const REGULAR: u8 = b'0';
const DIRECTORY: u8 = b'5';
const EXTENDED: u8 = b'x';

/// Writes entries one after the other. Owner and times of all of them are zero.
pub(super) struct Writer<W> {
    out: W,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out }
    }

    /// Adds a directory.
    pub(super) fn directory(&mut self, name: &[u8], mode: u32) -> io::Result<()> {
        self.header(name, DIRECTORY, mode, 0)
    }

    /// Adds a file, whose content has to be of the given size.
    pub(super) fn file(
        &mut self,
        name: &[u8],
        mode: u32,
        size: u64,
        content: &mut impl Read,
    ) -> io::Result<()> {
        self.header(name, REGULAR, mode, size)?;
        let copied = io::copy(content, &mut self.out)?;
        if copied != size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.pad(size)
    }

    /// Ends the archive.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&[0; 2 * BLOCK])?;
        Ok(self.out)
    }

    fn header(&mut self, name: &[u8], kind: u8, mode: u32, size: u64) -> io::Result<()> {
        let fits = is_ascii(name) && name.len() <= NAME;
        let split = split(name);
        let mut block = Block::new(kind);
        block.octal(&MODE, u64::from(mode));
        block.octal(&OWNER, 0);
        block.octal(&GROUP, 0);
        block.octal(&TIME, 0);
        block.octal(&DEVICE_MAJOR, 0);
        block.octal(&DEVICE_MINOR, 0);
        if (fits || split.is_some()) && size <= MAX_OCTAL_SIZE {
            let (prefix, last) = split.unwrap_or((b"", name));
            block.text(&NAME_FIELD, last);
            block.text(&PREFIX_FIELD, prefix);
            block.octal(&SIZE, size);
            return self.out.write_all(block.summed());
        }
        let mut records = Vec::new();
        if !fits {
            record(&mut records, "path", name);
        }
        if size > MAX_OCTAL_SIZE {
            record(&mut records, "size", size.to_string().as_bytes());
        }
        self.extended(name, &records)?;
        block.text(&NAME_FIELD, &ascii(name));
        block.octal(&SIZE, if size > MAX_OCTAL_SIZE { 0 } else { size });
        self.out.write_all(block.summed())
    }

    /// The entry before the one that it says more about.
    fn extended(&mut self, name: &[u8], records: &[u8]) -> io::Result<()> {
        let at = name.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        let (directory, last) = name.split_at_checked(at).unwrap_or((b"", name));
        let mut shown = ascii(&[directory, b"PaxHeaders.0/", last].concat());
        shown.truncate(NAME);
        while shown.last() == Some(&b'/') {
            shown.pop();
        }
        let mut block = Block::new(EXTENDED);
        block.text(&NAME_FIELD, &shown);
        for field in [&MODE, &OWNER, &GROUP, &TIME] {
            block.octal(field, 0);
        }
        block.octal(&SIZE, records.len() as u64);
        self.out.write_all(block.summed())?;
        self.out.write_all(records)?;
        self.pad(records.len() as u64)
    }

    fn pad(&mut self, size: u64) -> io::Result<()> {
        let over = usize::try_from(size % BLOCK as u64).unwrap_or_default();
        let padding = [0; BLOCK];
        self.out.write_all(padding.get(over..).filter(|_| over > 0).unwrap_or_default())
    }
}

type Field = std::ops::Range<usize>;

const NAME_FIELD: Field = 0..NAME;
const MODE: Field = 100..108;
const OWNER: Field = 108..116;
const GROUP: Field = 116..124;
const SIZE: Field = 124..136;
const TIME: Field = 136..148;
const SUM: Field = 148..156;
const KIND: Field = 156..157;
const MAGIC: Field = 257..265;
const DEVICE_MAJOR: Field = 329..337;
const DEVICE_MINOR: Field = 337..345;
const PREFIX_FIELD: Field = 345..345 + PREFIX;

/// A header.
struct Block([u8; BLOCK]);

impl Block {
    fn new(kind: u8) -> Self {
        let mut block = Self([0; BLOCK]);
        block.bytes(&KIND, &[kind]);
        block.bytes(&MAGIC, b"ustar\x0000");
        block
    }

    fn bytes(&mut self, field: &Field, bytes: &[u8]) {
        let place = self.0.get_mut(field.clone()).into_iter().flatten();
        place.zip(bytes).for_each(|(place, byte)| *place = *byte);
    }

    /// Writes as much of the text as there is room for.
    fn text(&mut self, field: &Field, text: &[u8]) {
        self.bytes(field, text);
        // A name that is cut behind a slash would be taken for a directory by old readers.
        if let Some(cut) = text.get(..field.len()).filter(|cut| text.len() > cut.len())
            && cut.ends_with(b"/")
        {
            let kept = cut.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
            self.bytes(&(field.start + kept..field.end), b"\0");
        }
    }

    fn octal(&mut self, field: &Field, number: u64) {
        let digits = field.len().saturating_sub(1);
        self.bytes(field, format!("{number:0digits$o}\0").as_bytes());
    }

    /// The bytes, with their sum in place.
    fn summed(&mut self) -> &[u8] {
        self.bytes(&SUM, &[b' '; 8]);
        let sum: u64 = self.0.iter().map(|byte| u64::from(*byte)).sum();
        self.bytes(&SUM, format!("{sum:06o}\0 ").as_bytes());
        &self.0
    }
}

/// A PAX record: its own length, a key, a value.
fn record(records: &mut Vec<u8>, key: &str, value: &[u8]) {
    // A space, `=` and a line break, and then the digits of the length, which count too.
    let rest = key.len() + value.len() + 3;
    let mut length = rest + rest.to_string().len();
    length = rest + length.to_string().len();
    records.extend_from_slice(format!("{length} {key}=").as_bytes());
    records.extend_from_slice(value);
    records.push(b'\n');
}

/// A long name split at a slash, so that both parts fit into a header.
fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
    if name.len() <= NAME || !is_ascii(name) {
        return None;
    }
    let within = name.get(..name.len().min(PREFIX + 1))?;
    let slash = within.iter().rposition(|byte| *byte == b'/').filter(|slash| *slash > 0)?;
    let (prefix, last) = (name.get(..slash)?, name.get(slash + 1..)?);
    (prefix.len() <= PREFIX && !last.is_empty() && last.len() <= NAME).then_some((prefix, last))
}

fn is_ascii(name: &[u8]) -> bool {
    name.iter().all(|byte| byte.is_ascii() && *byte != 0)
}

fn ascii(name: &[u8]) -> Vec<u8> {
    name.iter().copied().filter(|byte| byte.is_ascii() && *byte != 0).collect()
}
