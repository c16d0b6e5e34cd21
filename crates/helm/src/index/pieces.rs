//! Reads an index in the usual block style one chart version at a time.

use std::io::{BufRead, Seek};

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
    index: RepositoryIndex,
    head: String,
    piece: String,
    place: Place,
    has_entries: bool,
}

/// Reads an index; `None` when it is written in another way and must be read as a whole.
pub(super) fn read(source: &mut (impl BufRead + Seek)) -> Result<Option<RepositoryIndex>> {
    let mut reader = Reader {
        index: RepositoryIndex::default(),
        head: String::new(),
        piece: String::new(),
        place: Place::Head,
        has_entries: false,
    };
    let mut line = String::new();
    loop {
        line.clear();
        let read = source.read_line(&mut line);
        if read.map_err(|error| Error::new(format!("cannot read the index: {error}")))? == 0 {
            break;
        }
        if !reader.line(&line)? {
            return Ok(None);
        }
    }
    if !reader.finish_version() {
        return Ok(None);
    }
    let Ok(json) = yaml::to_json(&reader.head, yaml::Rules::V2) else { return Ok(None) };
    let head = RepositoryIndex::from_head(&json)?;
    let entries = std::mem::take(&mut reader.index.entries);
    if json.get("entries").is_some() {
        return Ok(None);
    }
    Ok((!entries.is_empty()).then_some(RepositoryIndex { entries, ..head }))
}

impl Reader {
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
            if !self.finish_version() {
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
                self.piece.push_str(if self.piece.is_empty() { "" } else { line });
                Ok(true)
            }
            Place::Entries(_) => self.entry_line(line, indent, text),
        }
    }

    /// Takes a line of the entries.
    fn entry_line(&mut self, line: &str, indent: usize, text: &str) -> Result<bool> {
        let is_item = text == "-" || text.starts_with("- ");
        if indent == 2 && !is_item && !text.starts_with('#') {
            if !self.finish_version() {
                return Ok(false);
            }
            let Some(name) = chart_name(text) else { return Ok(false) };
            if self.index.entries.contains_key(&name) {
                return Ok(false);
            }
            self.index.keep(&name, None);
            self.place = Place::Entries(Some((name, None)));
            return Ok(true);
        }
        let Place::Entries(Some((_, column))) = &mut self.place else { return Ok(false) };
        if is_item && column.is_none_or(|column| column == indent) {
            *column = Some(indent);
            if !self.finish_version() {
                return Ok(false);
            }
        } else if column.is_none_or(|column| indent <= column) && !text.starts_with('#') {
            return Ok(false);
        }
        self.piece.push_str(line);
        if self.piece.len() > MAX_PIECE {
            return Err(Error::new(format!(
                "an entry of the index is larger than {MAX_PIECE} bytes"
            )));
        }
        Ok(true)
    }

    /// Reads the version that was collected; false when only the whole index says what it means.
    fn finish_version(&mut self) -> bool {
        if self.piece.is_empty() {
            return true;
        }
        let Place::Entries(Some((name, _))) = &self.place else { return false };
        let version = match scan::version(&self.piece) {
            Some(version) => Some(version),
            None => match in_full(&self.piece) {
                Ok(version) => version,
                // It may refer to an anchor elsewhere, or be cut in the wrong place.
                Err(_) => return false,
            },
        };
        self.index.keep(name, version);
        self.piece.clear();
        true
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
    let json = yaml::to_json(piece, yaml::Rules::V2).map_err(|error| conversion(&error))?;
    let first = json.as_array().and_then(|items| items.first()).cloned();
    Ok(first.and_then(|json| serde_json::from_value(json).ok()))
}
