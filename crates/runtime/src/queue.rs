//! The work queue: which object is visited next. Pure; the loop in `controller.rs` brings the time.
//!
//! Each object stands in it once. An object that is woken while it is being visited is visited
//! again afterwards, never twice at the same time.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

/// What the queue knows about one object.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    due: Option<Instant>,
    running: bool,
    woken_while_running: bool,
}

/// Objects by when they are due.
#[derive(Debug)]
pub(crate) struct Queue<Key> {
    due: BTreeSet<(Instant, Key)>,
    slots: BTreeMap<Key, Slot>,
}

impl<Key> Default for Queue<Key> {
    fn default() -> Self {
        Self { due: BTreeSet::new(), slots: BTreeMap::new() }
    }
}

impl<Key: Ord + Clone> Queue<Key> {
    /// Asks for a visit at `at`, or earlier if one is due earlier. An object under way is visited
    /// again when it is done.
    pub(crate) fn wake(&mut self, key: &Key, at: Instant) {
        let slot = self.slots.entry(key.clone()).or_default();
        if slot.running {
            slot.woken_while_running = true;
        } else if slot.due.is_none_or(|due| at < due) {
            if let Some(due) = slot.due.replace(at) {
                self.due.remove(&(due, key.clone()));
            }
            self.due.insert((at, key.clone()));
        }
    }

    /// When the next object is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// How many objects are due at `now`.
    pub(crate) fn depth(&self, now: Instant) -> usize {
        self.due.iter().take_while(|(at, _)| *at <= now).count()
    }

    /// Takes the object that is due longest, and marks it as under way.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Key> {
        if self.next_due().is_none_or(|at| at > now) {
            return None;
        }
        let (_, key) = self.due.pop_first()?;
        let slot = self.slots.entry(key.clone()).or_default();
        *slot = Slot { due: None, running: true, woken_while_running: false };
        Some(key)
    }

    /// A visit is over; the next is at `next`, or at once if the object was woken meanwhile.
    pub(crate) fn done(&mut self, key: &Key, now: Instant, next: Option<Instant>) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        let woken = slot.woken_while_running;
        *slot = Slot::default();
        match (woken, next) {
            (true, _) => self.wake(key, now),
            (false, Some(at)) => self.wake(key, at),
            (false, None) => {
                self.slots.remove(key);
            }
        }
    }

    /// Drops an object that is gone, unless it is under way.
    pub(crate) fn forget(&mut self, key: &Key) {
        let Some(slot) = self.slots.get(key).copied() else { return };
        if slot.running {
            return;
        }
        if let Some(due) = slot.due {
            self.due.remove(&(due, key.clone()));
        }
        self.slots.remove(key);
    }

    /// Whether a visit of this object is under way.
    pub(crate) fn is_running(&self, key: &Key) -> bool {
        self.slots.get(key).is_some_and(|slot| slot.running)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn queue() -> (Queue<&'static str>, Instant) {
        (Queue::default(), Instant::now())
    }

    #[test]
    fn the_earliest_wins_and_an_object_stands_once() {
        let (mut queue, now) = queue();
        queue.wake(&"a", now + Duration::from_secs(5));
        queue.wake(&"b", now + Duration::from_secs(1));
        queue.wake(&"a", now);
        queue.wake(&"a", now + Duration::from_secs(9));
        assert_eq!(queue.depth(now + Duration::from_secs(10)), 2);
        assert_eq!(queue.pop(now), Some("a"));
        assert_eq!(queue.pop(now), None);
        assert_eq!(queue.next_due(), Some(now + Duration::from_secs(1)));
    }

    #[test]
    fn an_object_under_way_is_never_started_again_before_it_is_done() {
        let (mut queue, now) = queue();
        queue.wake(&"a", now);
        assert_eq!(queue.pop(now), Some("a"));
        queue.wake(&"a", now);
        assert_eq!(queue.pop(now), None);
        queue.done(&"a", now, Some(now + Duration::from_mins(1)));
        assert_eq!(queue.pop(now), Some("a"), "woken meanwhile, so due at once");
        queue.done(&"a", now, None);
        assert_eq!(queue.next_due(), None);
        assert!(queue.slots.is_empty());
    }

    #[test]
    fn a_forgotten_object_is_not_visited() {
        let (mut queue, now) = queue();
        queue.wake(&"a", now);
        queue.forget(&"a");
        assert_eq!(queue.pop(now), None);
        assert!(!queue.is_running(&"a"));
    }
}
