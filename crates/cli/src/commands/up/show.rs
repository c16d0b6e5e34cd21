//! What a person sees while things happen: a picture that is redrawn on a terminal, plain lines in a pipe.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::IsTerminal as _;

use super::state::{Id, Item, Items, Phase, item};
use crate::output;

/// Clears from the cursor to the end of the screen.
const CLEAR_BELOW: &str = "\x1b[J";
/// Long lines are cut at the right edge while the picture is drawn, so that each takes one line on the screen.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

/// Prints what changed since it was last told.
pub(super) struct Show {
    live: bool,
    shown: BTreeMap<Id, Item>,
    lines_drawn: usize,
}

impl Show {
    /// Draws a live picture on a terminal, and lines otherwise.
    pub(super) fn new() -> Self {
        let live = std::io::stdout().is_terminal();
        Self { live, shown: BTreeMap::new(), lines_drawn: 0 }
    }

    /// Prints a line about something that happened, above the picture.
    pub(super) fn line(&mut self, text: &str) {
        let mut out = self.erased();
        out.push_str(text);
        out.push('\n');
        self.draw(&mut out);
        output::print(&out);
    }

    /// Takes the newest state of everything and prints what is new in it.
    pub(super) fn update(&mut self, all: &Items) {
        let items: BTreeMap<Id, Item> =
            all.iter().map(|(id, object)| (id.clone(), item(id, object, all))).collect();
        if items == self.shown {
            return;
        }
        let mut out = self.erased();
        if !self.live {
            for (id, item) in items.iter().filter(|(id, item)| self.shown.get(*id) != Some(*item)) {
                out.push_str(&line(id, item));
            }
            for id in self.shown.keys().filter(|id| !items.contains_key(*id)) {
                out.extend(["− ", &id.to_string(), ": gone\n"]);
            }
        }
        self.shown = items;
        self.draw(&mut out);
        output::print(&out);
    }

    /// Moves the cursor to where the picture began.
    fn erased(&self) -> String {
        if self.lines_drawn == 0 {
            String::new()
        } else {
            format!("\x1b[{}A\r{CLEAR_BELOW}", self.lines_drawn)
        }
    }

    fn draw(&mut self, out: &mut String) {
        if !self.live {
            return;
        }
        out.push_str(NO_WRAP);
        for (id, item) in &self.shown {
            out.push_str(&line(id, item));
        }
        out.push_str(WRAP);
        self.lines_drawn = self.shown.len();
    }
}

/// One object's state on one line.
fn line(id: &Id, item: &Item) -> String {
    let mark = match item.phase {
        Phase::Ready => '✔',
        Phase::Failed => '✗',
        Phase::Waiting => '◎',
        Phase::Progressing => '►',
        Phase::Suspended => '⏸',
    };
    let mut text = format!("{mark} {id}");
    if !item.revision.is_empty() {
        let _infallible = write!(text, " at {}", item.revision);
    }
    if item.phase != Phase::Ready {
        // A message of several lines (a list of objects) is one line here; `kubectl describe` has it whole.
        let message = item.message.split_whitespace().collect::<Vec<_>>().join(" ");
        let _infallible = write!(text, ": {message}");
    }
    text.push('\n');
    text
}
