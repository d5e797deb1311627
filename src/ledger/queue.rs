//! What waits for the decider: bounded by commands, not by batches, so that a thousand clients with one
//! command each find room where one client with a thousand does.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use parking_lot::{Condvar, Mutex};

use super::{Batch, Busy, COMMANDS_WAITING_MAX};

/// How much waits, and word of when there is room again.
#[derive(Default)]
struct Room {
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    commands: usize,
    /// Nobody takes anything any more.
    is_closed: bool,
}

impl State {
    /// A batch that is too long for the room finds it when nothing else is there.
    const fn fits(&self, len: usize) -> bool {
        self.commands == 0 || self.commands.saturating_add(len) <= COMMANDS_WAITING_MAX
    }
}

/// Nobody takes batches any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closed;

/// The end where batches come in.
pub(super) struct In {
    room: Arc<Room>,
    batches: Sender<Batch>,
}

/// The end where the decider takes them.
pub(super) struct Out {
    room: Arc<Room>,
    batches: Receiver<Batch>,
}

/// A queue without anything in it.
pub(super) fn queue() -> (In, Out) {
    let (room, (batches, taken)) = (Arc::new(Room::default()), channel());
    (In { room: Arc::clone(&room), batches }, Out { room, batches: taken })
}

/// An empty batch is a question, too.
fn len(batch: &Batch) -> usize {
    batch.items.len().max(1)
}

impl In {
    /// Hands a batch over; waits while there is no room for it.
    pub(super) fn send(&self, batch: Batch) -> Result<(), Closed> {
        let len = len(&batch);
        let mut state = self.room.state.lock();
        while !state.is_closed && !state.fits(len) {
            self.room.freed.wait(&mut state);
        }
        self.put(&mut state, len, batch)
    }

    /// Hands a batch over, or says at once that there is no room.
    pub(super) fn try_send(&self, batch: Batch) -> Result<Result<(), Busy>, Closed> {
        let len = len(&batch);
        let mut state = self.room.state.lock();
        if !state.is_closed && !state.fits(len) {
            return Ok(Err(Busy));
        }
        self.put(&mut state, len, batch).map(Ok)
    }

    fn put(&self, state: &mut State, len: usize, batch: Batch) -> Result<(), Closed> {
        if state.is_closed {
            return Err(Closed);
        }
        self.batches.send(batch).map_err(|_| Closed)?;
        state.commands += len;
        Ok(())
    }
}

impl Out {
    /// The next batch, waited for; none when nobody can send one any more.
    pub(super) fn recv(&self) -> Option<Batch> {
        self.batches.recv().ok().inspect(|batch| self.free(batch))
    }

    /// The next batch, if it is there.
    pub(super) fn try_recv(&self) -> Option<Batch> {
        self.batches.try_recv().ok().inspect(|batch| self.free(batch))
    }

    fn free(&self, batch: &Batch) {
        let mut state = self.room.state.lock();
        state.commands = state.commands.saturating_sub(len(batch));
        self.room.freed.notify_all();
    }
}

impl Drop for Out {
    /// Whoever waits for room waits no longer.
    fn drop(&mut self) {
        self.room.state.lock().is_closed = true;
        self.room.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use spireledger_schema::{Code, Refusal};

    use super::super::Item;
    use super::*;

    fn batch(len: usize) -> Batch {
        let item = || Item::Refused(Box::new(Refusal::new(Code::Busy, "a test")));
        Batch { items: (0..len).map(|_| item()).collect(), reply: Box::new(drop) }
    }

    #[test]
    fn room_is_counted_in_commands() {
        let (into, out) = queue();
        for _ in 0..COMMANDS_WAITING_MAX {
            assert_eq!(into.try_send(batch(1)), Ok(Ok(())));
        }
        assert_eq!(into.try_send(batch(1)), Ok(Err(Busy)));
        assert!(out.recv().is_some());
        assert_eq!(into.try_send(batch(2)), Ok(Err(Busy)));
        assert_eq!(into.try_send(batch(1)), Ok(Ok(())));
    }

    #[test]
    fn a_batch_that_is_too_long_finds_room_when_nothing_else_waits() {
        let (into, out) = queue();
        assert_eq!(into.try_send(batch(COMMANDS_WAITING_MAX + 1)), Ok(Ok(())));
        assert_eq!(into.try_send(batch(0)), Ok(Err(Busy)));
        assert!(out.try_recv().is_some());
        assert_eq!(into.try_send(batch(0)), Ok(Ok(())));
    }

    #[test]
    fn whoever_waits_is_let_in_or_told_that_it_is_over() {
        let (into, out) = queue();
        assert_eq!(into.send(batch(COMMANDS_WAITING_MAX)), Ok(()));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| into.send(batch(2)));
            std::thread::sleep(Duration::from_millis(20));
            assert!(out.recv().is_some());
            assert_eq!(waiting.join().expect("no panic"), Ok(()));
            let waiting = scope.spawn(|| into.send(batch(COMMANDS_WAITING_MAX)));
            std::thread::sleep(Duration::from_millis(20));
            drop(out);
            assert_eq!(waiting.join().expect("no panic"), Err(Closed));
        });
        assert_eq!(into.try_send(batch(1)), Err(Closed));
    }
}
