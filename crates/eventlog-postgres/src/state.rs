//! What the parts of one node's log share: the head that subscribers see, the tree, and what
//! is wrong.

use std::sync::{
    Arc, Mutex, OnceLock, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use daicho_eventlog::{GlobalPosition, LogError, evidence::Tree};
use tokio::sync::watch;

/// Who has trouble with the server.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    Writer,
    Watcher,
}

pub(crate) struct State {
    head: watch::Sender<Option<GlobalPosition>>,
    tree: Mutex<Arc<Tree>>,
    recorded: watch::Sender<u64>,
    trouble: Mutex<[Option<String>; 2]>,
    damage: OnceLock<LogError>,
    uncertain: AtomicBool,
}

impl State {
    pub(crate) fn new(tree: Tree) -> Self {
        Self {
            head: watch::Sender::new(last(tree.size())),
            tree: Mutex::new(Arc::new(tree)),
            recorded: watch::Sender::new(0),
            trouble: Mutex::default(),
            damage: OnceLock::new(),
            uncertain: AtomicBool::new(false),
        }
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Option<GlobalPosition>> {
        self.head.subscribe()
    }

    /// Number of events that subscribers know of.
    pub(crate) fn published(&self) -> u64 {
        self.head.borrow().map_or(0, |head| head.0 + 1)
    }

    /// The log has `size` events, or more.
    pub(crate) fn publish(&self, size: u64) {
        self.head.send_if_modified(|head| {
            let newer = last(size) > *head;
            if newer {
                *head = last(size);
            }
            newer
        });
    }

    /// The tree over what has been committed, as far as this node knows.
    pub(crate) fn tree(&self) -> Arc<Tree> {
        Arc::clone(&self.tree.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// This node has recorded what makes the tree this one.
    pub(crate) fn record(&self, tree: Arc<Tree>) {
        let size = tree.size();
        *self.tree.lock().unwrap_or_else(PoisonError::into_inner) = tree;
        self.publish(size);
        self.recorded.send_replace(size);
    }

    /// How many events the log has by what this node recorded itself: news for the others.
    pub(crate) fn recorded(&self) -> watch::Receiver<u64> {
        self.recorded.subscribe()
    }

    pub(crate) fn set_trouble(&self, part: Part, error: &LogError) {
        let reason = match error {
            LogError::Io { source, .. } => format!(
                "{error}: {source}. Bring the server or the way to it back; nothing has to be \
                 restarted here, appends are taken again as soon as it answers"
            ),
            other => other.to_string(),
        };
        tracing::warn!(?part, %reason, "the log on PostgreSQL has trouble");
        self.slot(part, Some(reason));
    }

    /// The part is well again. Where writing works, nothing is read-only, even if the watcher
    /// has not connected again yet.
    pub(crate) fn clear_trouble(&self, part: Part) {
        self.slot(part, None);
        if matches!(part, Part::Writer) {
            self.slot(Part::Watcher, None);
        }
    }

    fn slot(&self, part: Part, reason: Option<String>) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble[part as usize] = reason;
    }

    pub(crate) fn has_trouble(&self, part: Part) -> bool {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)[part as usize].is_some()
    }

    /// Nothing more is appended by this node. The first finding stays.
    pub(crate) fn set_damage(&self, error: &LogError) {
        if self.damage.set(error.clone()).is_ok() {
            tracing::error!(%error, "no more appends");
        }
    }

    pub(crate) fn damage(&self) -> Option<LogError> {
        self.damage.get().cloned()
    }

    pub(crate) fn read_only_reason(&self) -> Option<String> {
        if let Some(damage) = self.damage.get() {
            return Some(damage.to_string());
        }
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.iter().flatten().next().cloned()
    }

    /// Whether a commit of this node may still be under way on the server, unseen.
    pub(crate) fn is_uncertain(&self) -> bool {
        self.uncertain.load(Ordering::Acquire)
    }

    pub(crate) fn set_uncertain(&self, uncertain: bool) {
        self.uncertain.store(uncertain, Ordering::Release);
    }
}

/// Position of the last of `size` events.
pub(crate) fn last(size: u64) -> Option<GlobalPosition> {
    size.checked_sub(1).map(GlobalPosition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_never_goes_back() {
        let state = State::new(Tree::default());
        let heads = state.subscribe();
        for (size, expected) in [(0, 0), (3, 3), (2, 3), (4, 4)] {
            state.publish(size);
            assert_eq!(*heads.borrow(), last(expected));
        }
        assert_eq!(state.published(), 4);
    }

    #[test]
    fn it_is_read_only_until_writing_works() {
        let state = State::new(Tree::default());
        let away = || LogError::io("append", std::io::Error::other("refused"));
        state.set_trouble(Part::Writer, &away());
        state.set_trouble(Part::Watcher, &away());
        state.clear_trouble(Part::Watcher);
        let reason = state.read_only_reason().unwrap();
        assert!(reason.starts_with("could not append: refused."), "{reason}");
        state.set_trouble(Part::Watcher, &away());
        state.clear_trouble(Part::Writer);
        assert_eq!(state.read_only_reason(), None);
    }
}
