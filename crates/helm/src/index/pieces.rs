//! Reads an index in the usual block style one chart version at a time.

use std::collections::BTreeMap;
use std::io::{BufRead, ErrorKind, Seek};

use super::{ChartVersion, RepositoryIndex, scan};
use crate::values::conversion;
use crate::{Error, Result};

/// The largest entry of one chart version, in bytes.
const MAX_PIECE: usize = 8 << 20;

/// Where in the index the reader is.
enum Place {
    /// Around the entries.
    Head,
    /// In the entries of a chart, if one has begun; versions start at this column.
    Entries(Option<(String, Option<usize>)>),
}

struct Reader {
    /// The entries that were read.
    entries: BTreeMap<String, Vec<ChartVersion>>,
    /// The lines around the entries.
    head: String,
    /// The lines of the version that is being read.
    piece: Vec<u8>,
    /// The versions of its chart before it.
    versions: Vec<ChartVersion>,
    place: Place,
    has_entries: bool,
}

fn unreadable(error: std::io::Error) -> Error {
    Error::new(format!("cannot read the index: {error}"))
}

fn utf8(bytes: &[u8]) -> Result<&str> {
    let failed = "stream did not contain valid UTF-8";
    std::str::from_utf8(bytes)
        .map_err(|_| unreadable(std::io::Error::new(ErrorKind::InvalidData, failed)))
}

/// Reads an index; `None` when it is written in another way and must be read as a whole.
pub(super) fn read(source: &mut (impl BufRead + Seek)) -> Result<Option<RepositoryIndex>> {
    let mut reader = Reader {
        entries: BTreeMap::new(),
        head: String::new(),
        piece: Vec::new(),
        versions: Vec::new(),
        place: Place::Head,
        has_entries: false,
    };
    let mut begun = Vec::new();
    loop {
        let chunk = match source.fill_buf() {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(error)),
        };
        let size = chunk.len();
        if size == 0 {
            break;
        }
        // The line that the last chunk ended in comes first, and this one's last line waits for the next.
        let first = memchr::memchr(b'\n', chunk).map_or(size, |end| end + 1);
        let last = memchr::memrchr(b'\n', chunk).map_or(size, |end| end + 1);
        let parts =
            chunk.split_at_checked(last).map(|(lines, rest)| (lines.split_at_checked(first), rest));
        let Some((Some((line, lines)), rest)) = parts else { break };
        begun.extend_from_slice(line);
        if line.ends_with(b"\n") {
            if !reader.lines(&begun)? || !reader.lines(lines)? {
                return Ok(None);
            }
            begun.clear();
            begun.extend_from_slice(rest);
        }
        source.consume(size);
    }
    if !reader.lines(&begun)? || !reader.finish_chart()? {
        return Ok(None);
    }
    let Ok(json) = yaml::to_json_strict(&reader.head) else { return Ok(None) };
    // Entries in another style are for the YAML reader, and so is an index that has both.
    if reader.entries.is_empty() || json.get("entries").is_some() {
        return Ok(None);
    }
    let head = RepositoryIndex::from_head(&json)?;
    Ok(Some(RepositoryIndex { entries: reader.entries, ..head }))
}

impl Reader {
    /// Takes lines; false when one is not of the usual style.
    fn lines(&mut self, bytes: &[u8]) -> Result<bool> {
        let (mut taken, mut start) = (0, 0);
        let ends = memchr::memchr_iter(b'\n', bytes).map(|end| end + 1);
        let unended = (!bytes.ends_with(b"\n") && !bytes.is_empty()).then_some(bytes.len());
        for end in ends.chain(unended) {
            let line = bytes.get(start..end).unwrap_or_default();
            if !self.continues(line) {
                self.add(bytes.get(taken..start).unwrap_or_default())?;
                if !self.line(utf8(line)?)? {
                    return Ok(false);
                }
                taken = end;
            }
            start = end;
        }
        self.add(bytes.get(taken..).unwrap_or_default())?;
        Ok(true)
    }

    /// Whether a line goes on with the version that is being read, as most do: it stands farther in.
    fn continues(&self, line: &[u8]) -> bool {
        let Place::Entries(Some((_, Some(column)))) = &self.place else { return false };
        // Names of charts stand at column 2.
        let blanks = line.get(..=*column.max(&2));
        blanks.is_some_and(|blanks| blanks.iter().all(|byte| *byte == b' '))
    }

    /// Adds lines to the version that is being read.
    fn add(&mut self, lines: &[u8]) -> Result<()> {
        let room = MAX_PIECE.saturating_sub(self.piece.len());
        let Some(beyond) = lines.get(room..).filter(|beyond| !beyond.is_empty()) else {
            self.piece.extend_from_slice(lines);
            return Ok(());
        };
        // What cannot be read is told first.
        let end = memchr::memchr(b'\n', beyond).map_or(lines.len(), |end| room + end);
        self.piece.extend_from_slice(lines.get(..end).unwrap_or_default());
        utf8(&self.piece)?;
        Err(Error::new(format!("an entry of the index is larger than {MAX_PIECE} bytes")))
    }

    /// Takes a line; false when it is not of the usual style.
    fn line(&mut self, line: &str) -> Result<bool> {
        let text = line.trim_start_matches(' ');
        let indent = line.len() - text.len();
        let text = text.trim_end_matches([' ', '\r', '\n']);
        // Tabs, flow style and several documents are not usual.
        if indent == 0 && (text.starts_with(['{', '[', '\t', '%']) || text == "...") {
            return Ok(false);
        }
        let is_top = indent == 0 && !text.is_empty() && !text.starts_with(['#', '-']);
        if is_top {
            if !self.finish_chart()? {
                return Ok(false);
            }
            if text == "entries:" {
                // A second time is for the YAML reader to refuse.
                if std::mem::replace(&mut self.has_entries, true) {
                    return Ok(false);
                }
                self.place = Place::Entries(None);
                return Ok(true);
            }
            self.place = Place::Head;
        }
        match &mut self.place {
            Place::Head => {
                if text == "---" && !self.head.trim().is_empty() {
                    return Ok(false);
                }
                self.head.push_str(line);
                Ok(self.head.len() <= MAX_PIECE)
            }
            Place::Entries(_) if text.is_empty() || (indent < 2 && text.starts_with('#')) => {
                let goes_on = !self.piece.is_empty();
                self.add(if goes_on { line.as_bytes() } else { b"" })?;
                Ok(true)
            }
            Place::Entries(_) => self.entry_line(line, indent, text),
        }
    }

    /// Takes a line of the entries.
    fn entry_line(&mut self, line: &str, indent: usize, text: &str) -> Result<bool> {
        let is_item = text == "-" || text.starts_with("- ");
        if indent == 2 && !is_item && !text.starts_with('#') {
            if !self.finish_chart()? {
                return Ok(false);
            }
            let Some(name) = chart_name(text) else { return Ok(false) };
            if self.entries.contains_key(&name) {
                return Ok(false);
            }
            self.place = Place::Entries(Some((name, None)));
            return Ok(true);
        }
        let Place::Entries(Some((_, column))) = &mut self.place else { return Ok(false) };
        if is_item && indent >= 2 && column.is_none_or(|column| column == indent) {
            *column = Some(indent);
            if !self.finish_version()? {
                return Ok(false);
            }
        } else if column.is_none_or(|column| indent <= column) && !text.starts_with('#') {
            return Ok(false);
        }
        self.add(line.as_bytes())?;
        Ok(true)
    }

    /// Reads the version that was collected; false when only the whole index says what it means.
    fn finish_version(&mut self) -> Result<bool> {
        if self.piece.is_empty() {
            return Ok(true);
        }
        let piece = utf8(&self.piece)?;
        let version = match scan::version(piece) {
            Some(version) => Some(version),
            None => match in_full(piece) {
                Ok(version) => version,
                // It may refer to an anchor elsewhere, or be cut in the wrong place.
                Err(_) => return Ok(false),
            },
        };
        self.versions.extend(version.and_then(ChartVersion::kept));
        self.piece.clear();
        Ok(true)
    }

    /// The same at the end of a chart.
    fn finish_chart(&mut self) -> Result<bool> {
        if !self.finish_version()? {
            return Ok(false);
        }
        if let Place::Entries(Some((name, _))) = std::mem::replace(&mut self.place, Place::Head) {
            self.entries.insert(name, std::mem::take(&mut self.versions));
        }
        Ok(true)
    }
}

/// The name in `NAME:`.
fn chart_name(text: &str) -> Option<String> {
    let name = text.strip_suffix(':')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let quoted = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
    let name = quoted.unwrap_or(name);
    // Names that YAML could take for something else are left to its reader.
    let sure = quoted.is_some() || scan::is_surely_text(name);
    (!name.is_empty() && name.chars().all(plain) && sure).then(|| name.to_owned())
}

/// Reads one item with all that YAML allows; `None` when it is no chart version.
fn in_full(piece: &str) -> Result<Option<ChartVersion>> {
    let json = yaml::to_json_strict(piece).map_err(|error| conversion(&error))?;
    let first = json.as_array().and_then(|items| items.first()).cloned();
    Ok(first.and_then(|json| serde_json::from_value(json).ok()))
}
