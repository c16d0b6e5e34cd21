//! What a person sees: marks, tables, exit codes. The one place of the crate that writes to the terminal.

use std::io::{BufWriter, Write};
use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All that was asked for happened.
    Done,
    /// Something failed, or did not become ready in time.
    Failed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::Failed => Self::FAILURE,
        }
    }
}

/// How this program was called, so that a command to copy finds it; `weir` when nobody says.
pub(crate) fn program() -> String {
    std::env::args().next().filter(|name| !name.is_empty()).unwrap_or_else(|| "weir".to_owned())
}

/// Prints on standard output. A closed pipe is no error: `weir get … | head` is a fine thing to do.
pub(crate) fn print(text: &str) {
    let _closed_pipe = std::io::stdout().lock().write_all(text.as_bytes());
}

/// The same for a text in parts, of which it does not make one.
pub(crate) fn print_parts<T: AsRef<str>>(parts: &[T]) {
    let mut out = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let mut parts = parts.iter().map(|part| part.as_ref().as_bytes());
    let _closed_pipe = parts.try_for_each(|part| out.write_all(part)).and_then(|()| out.flush());
}

/// Prints one line of progress on standard error.
pub(crate) fn note(mark: char, text: &str) {
    let _closed_pipe = writeln!(std::io::stderr().lock(), "{mark} {text}");
}

/// Prints a line of another tool's own wording on standard error.
pub(crate) fn complain(text: &str) {
    let _closed_pipe = writeln!(std::io::stderr().lock(), "{text}");
}

/// Says what is being done: `► …`.
pub(crate) fn action(text: &str) {
    note('►', text);
}

/// Says what is being waited for: `◎ …`.
pub(crate) fn waiting(text: &str) {
    note('◎', text);
}

/// Says what was achieved: `✔ …`.
pub(crate) fn success(text: &str) {
    note('✔', text);
}

/// Says what failed: `✗ …`.
pub(crate) fn failure(text: &str) {
    note('✗', text);
}

/// Rows under headings, columns padded to their widest cell.
pub(crate) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table with these headings.
    pub(crate) fn new(headings: &[&'static str]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; it has as many cells as there are headings.
    pub(crate) fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// The table as text, one line per row, each ended by a newline.
    pub(crate) fn render(&self, with_headings: bool) -> String {
        let headings: Vec<String> =
            self.headings.iter().map(|heading| heading.to_uppercase()).collect();
        let shown = || with_headings.then_some(&headings).into_iter().chain(&self.rows);
        let width = |column: usize| {
            shown()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..headings.len()).map(width).collect();
        let mut text = String::new();
        for row in shown() {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}

/// Shortens the hashes in a revision or message to eight digits, as people read them.
pub(crate) fn short_hashes(text: &str) -> String {
    let mut shortened = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(':') {
        shortened.push_str(before);
        shortened.push(':');
        let digits = after.chars().take_while(char::is_ascii_hexdigit).count();
        let (hash, tail) = after.split_at_checked(digits).unwrap_or((after, ""));
        let algorithm =
            before.ends_with("sha1") || before.ends_with("sha256") || before.ends_with("sha512");
        shortened.push_str(if algorithm && digits >= 40 {
            hash.get(..8).unwrap_or(hash)
        } else {
            hash
        });
        rest = tail;
    }
    shortened.push_str(rest);
    shortened
}

#[cfg(test)]
mod tests {
    use super::{Table, short_hashes};

    #[test]
    fn hashes_are_shortened_and_nothing_else() {
        let hash = "a".repeat(40);
        for (text, expected) in [
            (format!("main@sha1:{hash}"), "main@sha1:aaaaaaaa".to_owned()),
            (
                format!("applied: main@sha1:{hash} twice sha256:{}", "b".repeat(64)),
                "applied: main@sha1:aaaaaaaa twice sha256:bbbbbbbb".to_owned(),
            ),
            ("image: nginx:1.29".to_owned(), "image: nginx:1.29".to_owned()),
            (String::new(), String::new()),
        ] {
            assert_eq!(short_hashes(&text), expected);
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["Name", "Ready"]);
        table.push(vec!["podinfo".into(), "True".into()]);
        table.push(vec!["a".into(), "Unknown".into()]);
        assert_eq!(table.render(true), "NAME     READY\npodinfo  True\na        Unknown\n");
        assert_eq!(table.render(false), "podinfo  True\na        Unknown\n");
    }
}
