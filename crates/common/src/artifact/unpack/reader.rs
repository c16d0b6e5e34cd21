//! Reads the entries of a tar archive one after the other.
//!
//! The parts of a header are taken apart by the `tar` crate; the sequence of entries is read here,
//! because names that are longer than a header stand in entries of their own, which must have a
//! limit too.

use std::io::{self, Read, Write};

use tar::{EntryType, Header};

use super::UnpackError;

/// The size of a header, and what contents are padded to.
const BLOCK: u64 = 512;

/// The longest name of an entry, in bytes: as long as a path may be in a system call.
const MAX_NAME: u64 = 4096;

/// The longest extended header (PAX), in bytes. Those in use have a few short lines.
const MAX_EXTENSION: u64 = 64 * 1024;

/// The most bytes after the end of the archive. Tools fill up their last record.
const MAX_TRAILER: u64 = 1024 * 1024;

/// The size of the buffer for copying contents.
const BUFFER: usize = 64 * 1024;

/// One entry of an archive.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    pub(super) type_: EntryType,
    pub(super) size: u64,
    pub(super) executable: bool,
}

impl Entry {
    fn display_name(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }

    pub(super) fn fault(&self, fault: &'static str) -> UnpackError {
        UnpackError::Entry { entry: self.display_name(), fault }
    }

    pub(super) fn limit(&self, limit: u64, unit: &'static str) -> UnpackError {
        UnpackError::Limit { entry: self.display_name(), limit, unit }
    }

    pub(super) fn write_failed(&self, source: io::Error) -> UnpackError {
        UnpackError::Write { entry: self.display_name(), source }
    }
}

/// Reads a tar archive.
pub(super) struct Reader<R> {
    inner: R,
    /// How much of the content of the current entry, and of its padding, was not read yet.
    pending: u64,
    /// How much may still be read.
    budget: u64,
    limit: u64,
    /// The name of the last entry, for errors.
    last: Vec<u8>,
    buffer: Vec<u8>,
}

/// What extended headers say about the entry that follows them.
#[derive(Default)]
struct Extensions {
    name: Option<Vec<u8>>,
}

impl<R: Read> Reader<R> {
    pub(super) fn new(inner: R, limit: u64) -> Self {
        let buffer = vec![0; BUFFER];
        Self { inner, pending: 0, budget: limit, limit, last: Vec::new(), buffer }
    }

    /// The next entry, or `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Entry>, UnpackError> {
        let mut extensions = Extensions::default();
        loop {
            self.skip_pending()?;
            let Some(header) = self.header()? else {
                self.drain()?;
                return Ok(None);
            };
            let size = header.entry_size().map_err(|source| self.read_failed(source))?;
            let entry = Self::parse(&header, size, &mut extensions);
            self.pending = size.div_ceil(BLOCK).saturating_mul(BLOCK);
            self.last.clone_from(&entry.name);
            if self.pending > self.budget {
                return Err(entry.limit(self.limit, "unpacked bytes"));
            }
            match entry.type_ {
                EntryType::GNULongName => {
                    let mut name = self.small_content(&entry, MAX_NAME)?;
                    while name.pop_if(|byte| *byte == 0).is_some() {}
                    extensions.name = Some(name);
                }
                EntryType::XHeader => {
                    let text = self.small_content(&entry, MAX_EXTENSION)?;
                    read_extensions(&entry, &text, &mut extensions)?;
                }
                // About links, which are not made, and defaults for all entries, such as the
                // commit that `git archive` notes.
                EntryType::GNULongLink | EntryType::XGlobalHeader => {}
                _ => return Ok(Some(entry)),
            }
        }
    }

    fn parse(header: &Header, size: u64, extensions: &mut Extensions) -> Entry {
        let type_ = header.entry_type();
        let is_extension = matches!(
            type_,
            EntryType::GNULongName
                | EntryType::GNULongLink
                | EntryType::XHeader
                | EntryType::XGlobalHeader
        );
        let own = header.path_bytes().into_owned();
        let name = if is_extension { own } else { extensions.name.take().unwrap_or(own) };
        // Before there were types, a slash at the end made a directory.
        let type_ = match type_ {
            EntryType::Regular if name.ends_with(b"/") => EntryType::Directory,
            other => other,
        };
        let executable = header.mode().is_ok_and(|mode| mode & 0o111 != 0);
        Entry { name, type_, size, executable }
    }

    /// The next header, or `None` at the end: two blocks of zeros, or no more bytes.
    fn header(&mut self) -> Result<Option<Header>, UnpackError> {
        let mut header = Header::new_old();
        if !self.read_block(header.as_mut_bytes())? {
            return Ok(None);
        }
        self.budget = self.budget.saturating_sub(BLOCK);
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let sum = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
        let own = header.as_old().cksum;
        let computed = sum(header.as_bytes()) - sum(&own) + 8 * u32::from(b' ');
        match header.cksum() {
            Ok(stated) if stated == computed => Ok(Some(header)),
            Ok(_) => {
                let error = io::Error::new(io::ErrorKind::InvalidData, "wrong header checksum");
                Err(self.read_failed(error))
            }
            Err(error) => Err(self.read_failed(error)),
        }
    }

    /// Fills a block; false if there is nothing left at all.
    fn read_block(&mut self, block: &mut [u8]) -> Result<bool, UnpackError> {
        let mut rest = &mut *block;
        while !rest.is_empty() {
            let untouched = rest.len() as u64 == BLOCK;
            match self.inner.read(rest) {
                Ok(0) if untouched => return Ok(false),
                Ok(0) => return Err(self.read_failed(io::ErrorKind::UnexpectedEof.into())),
                Ok(count) => rest = rest.get_mut(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.read_failed(error)),
            }
        }
        Ok(true)
    }

    /// Reads what follows the end, so that the checksum of the compression is looked at. Tools
    /// pad archives with zeros, so a little is allowed.
    fn drain(&mut self) -> Result<(), UnpackError> {
        let mut left = MAX_TRAILER;
        while left > 0 {
            let count = match self.inner.read(&mut self.buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.read_failed(error)),
            };
            if count == 0 {
                return Ok(());
            }
            left = left.saturating_sub(count as u64);
        }
        let error = io::Error::new(io::ErrorKind::InvalidData, "data after the end");
        Err(self.read_failed(error))
    }

    fn skip_pending(&mut self) -> Result<(), UnpackError> {
        let pending = std::mem::take(&mut self.pending);
        self.budget = self.budget.saturating_sub(pending);
        let copied = io::copy(&mut (&mut self.inner).take(pending), &mut io::sink());
        match copied {
            Ok(count) if count == pending => Ok(()),
            Ok(_) => Err(self.read_failed(io::ErrorKind::UnexpectedEof.into())),
            Err(error) => Err(self.read_failed(error)),
        }
    }

    fn small_content(&mut self, entry: &Entry, limit: u64) -> Result<Vec<u8>, UnpackError> {
        if entry.size > limit {
            return Err(entry.limit(limit, "bytes of names"));
        }
        let mut content = Vec::new();
        self.copy_content(entry, &mut content)?;
        Ok(content)
    }

    /// Copies the content of the current entry.
    pub(super) fn copy_content(
        &mut self,
        entry: &Entry,
        out: &mut impl Write,
    ) -> Result<(), UnpackError> {
        let mut left = entry.size;
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
            let read = match self.buffer.get_mut(..wanted) {
                Some(buffer) => self.inner.read(buffer),
                None => Ok(0),
            };
            let count = match read {
                Ok(0) => return Err(self.read_failed(io::ErrorKind::UnexpectedEof.into())),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.read_failed(error)),
            };
            let bytes = self.buffer.get(..count).unwrap_or_default();
            out.write_all(bytes).map_err(|source| entry.write_failed(source))?;
            left -= count as u64;
        }
        self.pending = self.pending.saturating_sub(entry.size);
        self.budget = self.budget.saturating_sub(entry.size);
        Ok(())
    }

    fn read_failed(&self, source: io::Error) -> UnpackError {
        UnpackError::Read { after: String::from_utf8_lossy(&self.last).into_owned(), source }
    }
}

/// Reads an extended header: records `<length> <key>=<value>\n`.
fn read_extensions(
    entry: &Entry,
    mut text: &[u8],
    extensions: &mut Extensions,
) -> Result<(), UnpackError> {
    while !text.is_empty() {
        let record = split_record(text).ok_or_else(|| entry.fault("is a damaged PAX header"))?;
        let (key, value, rest) = record;
        match key {
            b"path" if value.len() as u64 > MAX_NAME => {
                return Err(entry.limit(MAX_NAME, "bytes of names"));
            }
            b"path" => extensions.name = Some(value.to_vec()),
            // Only what is larger than 8 GiB needs it, which is beyond every limit.
            b"size" => return Err(entry.fault("has a size that a tar header cannot hold")),
            key if key.starts_with(b"GNU.sparse") => return Err(entry.fault("is a sparse file")),
            _ => {}
        }
        text = rest;
    }
    Ok(())
}

fn split_record(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = text.iter().take(20).position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(text.get(..space)?).ok()?.parse().ok()?;
    let (record, rest) = text.split_at_checked(length)?;
    let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((record.get(..equals)?, record.get(equals + 1..)?, rest))
}
