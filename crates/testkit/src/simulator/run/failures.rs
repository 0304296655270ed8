//! What goes wrong in a run, and how it is mended.

use super::super::faulty_log::Condition;
use super::Run;

impl Run {
    pub(super) fn repair(&mut self) {
        if self.storage.condition() == Condition::Running {
            return;
        }
        // An embedded log is reopened by starting the service again.
        if self.is_embedded {
            for node in 0..self.nodes.len() {
                self.stop(node);
            }
        }
        self.storage.reopen();
        self.tell("the log is opened again");
    }

    pub(super) fn something_fails(&mut self) {
        if self.storage.condition() != Condition::Running || !self.dice.one_in(4) {
            return;
        }
        if self.dice.one_in(5) {
            let node = self.dice.below(self.nodes.len());
            self.counts.node_crashes += 1;
            self.tell(format!("node {node} crashes"));
            self.stop(node);
            return;
        }
        let waiting = self.storage.queued().0;
        let (written, torn) = (self.dice.below(waiting + 1), self.dice.one_in(2));
        self.a_write_fails(written, torn);
    }

    /// Of what waits, so many appends got onto the disk, and a part of the next one if it is torn.
    pub(super) fn a_write_fails(&mut self, written: usize, torn: bool) {
        let waiting = self.storage.queued().0;
        let torn = torn && written < waiting;
        self.counts.torn_writes += u64::from(torn);
        let what = format!(
            "with {written} of {waiting} appends on disk{}",
            if torn { ", the next one torn" } else { "" }
        );
        if self.dice.one_in(4) {
            self.counts.read_only_episodes += 1;
            self.tell(format!("a write fails {what}; the log is read-only"));
            self.storage.fail(written, torn, Condition::ReadOnly);
            return;
        }
        self.counts.storage_crashes += 1;
        self.tell(format!("the log crashes {what}"));
        self.storage.fail(written, torn, Condition::Down);
        if self.is_embedded {
            self.stop(0);
        }
    }

    /// Somebody closes the page: the answer is lost, the command is not taken back.
    pub(super) fn somebody_does_not_wait(&mut self) {
        if self.tasks.is_empty() || !self.dice.one_in(8) {
            return;
        }
        let task = self.tasks.swap_remove(self.dice.below(self.tasks.len()));
        self.counts.given_up += 1;
        self.tell(format!(
            "nobody waits for {} on node {} any more",
            self.requests[task.request].name, task.node
        ));
        self.again.push(task.request);
    }
}
