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
/// Rows of a terminal that does not say how many it has.
const ROWS: usize = 24;

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
        let rows = terminal_size::terminal_size().map_or(ROWS, |(_, height)| height.0.into());
        // One row stays free for the cursor.
        let picture = picture(&self.shown, rows.saturating_sub(1));
        out.push_str(NO_WRAP);
        out.push_str(&picture.concat());
        out.push_str(WRAP);
        self.lines_drawn = picture.len();
    }
}

/// The lines of the picture, at most `rows`: what was scrolled off the screen could not be drawn over. When not
/// everything fits, what needs a look comes first and the rest is counted.
fn picture(items: &BTreeMap<Id, Item>, rows: usize) -> Vec<String> {
    if items.len() <= rows {
        return items.iter().map(|(id, item)| line(id, item)).collect();
    }
    let mut sorted: Vec<(&Id, &Item)> = items.iter().collect();
    sorted.sort_by_key(|(_, item)| match item.phase {
        Phase::Failed => 0,
        Phase::Progressing => 1,
        Phase::Waiting => 2,
        Phase::Unattended => 3,
        Phase::Suspended => 4,
        Phase::Ready => 5,
    });
    let (shown, left) = sorted.split_at(rows.saturating_sub(1).min(sorted.len()));
    let ready = left.iter().filter(|(_, item)| item.phase == Phase::Ready).count();
    let mut lines: Vec<String> = shown.iter().map(|(id, item)| line(id, item)).collect();
    lines.push(format!("  … and {} more, {ready} of them ready\n", left.len()));
    lines
}

/// One object's state on one line.
fn line(id: &Id, item: &Item) -> String {
    let mark = match item.phase {
        Phase::Ready => '✔',
        Phase::Failed => '✗',
        Phase::Waiting => '◎',
        Phase::Progressing => '►',
        Phase::Suspended | Phase::Unattended => '⏸',
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

#[cfg(test)]
mod tests {
    use super::*;

    fn items(phases: &[Phase]) -> BTreeMap<Id, Item> {
        let item = |(number, phase): (usize, &Phase)| {
            let id = Id {
                kind: "Kustomization".to_owned(),
                namespace: "team".to_owned(),
                name: format!("app-{number}"),
            };
            (id, Item::new(phase.clone(), "why"))
        };
        phases.iter().enumerate().map(item).collect()
    }

    #[test]
    fn picture_never_outgrows_the_screen() {
        let mut phases = vec![Phase::Ready; 30];
        phases[17] = Phase::Failed;
        phases[20] = Phase::Progressing;
        let items = items(&phases);
        assert_eq!(picture(&items, 30).len(), 30);
        assert_eq!(
            picture(&items, 4),
            [
                "✗ Kustomization team/app-17: why\n",
                "► Kustomization team/app-20: why\n",
                "✔ Kustomization team/app-0\n",
                "  … and 27 more, 27 of them ready\n",
            ]
        );
        assert_eq!(picture(&items, 0), ["  … and 30 more, 28 of them ready\n"]);
    }
}
