//! A bounded queue from the driver to one reader: a scheduler's events or an agent's messages.
//!
//! It is bounded by what waits in it, in items and in bytes. A reader that lets it fill up is cut off: what waits is
//! dropped at once, so that a reader that does not read at all holds no memory, and the reader's stream ends by saying
//! why. A queue that its writer drops without a word was of a term that is over.

use futures::Stream;
use kit::shutdown::CancellationToken;
use proffer_proto::convert::status;
use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};
use tonic::Status;

/// Items that may wait for their reader.
const ITEMS_MAX: usize = 4096;

/// Bytes, about, that may wait for their reader. A scheduler that subscribes gets all its updates at once: a hundred
/// thousand of them fit.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// What a queue holds.
pub(crate) trait Item: Sized {
    /// How many bytes it has on the wire, about.
    fn weight(&self) -> usize;

    /// Takes the item behind it in, where one says the same as both; gives it back otherwise.
    fn join(&mut self, next: Self) -> Option<Self>;
}

/// Why nothing can be put into a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stuck {
    /// Too much waits in it. The reader is cut off.
    Full,
    /// Its reader is gone.
    Gone,
}

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<T>,
    bytes: usize,
    /// Nothing comes any more; the reader gets what waits and then, if it is not in order, the reason.
    ended: bool,
    reason: Option<Status>,
    reader: Option<Waker>,
    gone: bool,
}

type Shared<T> = Arc<Mutex<State<T>>>;

/// The driver's end.
#[derive(Debug)]
pub(crate) struct Writer<T>(Shared<T>);

/// The reader's end, a stream.
#[derive(Debug)]
pub(crate) struct Reader<T> {
    shared: Shared<T>,
    /// Taken out of the queue and not yet read.
    taken: VecDeque<T>,
    /// Cancelled when this end is dropped.
    dropped: CancellationToken,
}

/// A queue.
pub(crate) fn queue<T>() -> (Writer<T>, Reader<T>) {
    let state = State { waiting: VecDeque::new(), bytes: 0, ended: false, reason: None, reader: None, gone: false };
    let shared = Arc::new(Mutex::new(state));
    let reader = Reader { shared: Arc::clone(&shared), taken: VecDeque::new(), dropped: CancellationToken::new() };
    (Writer(shared), reader)
}

fn lock<T>(shared: &Shared<T>) -> MutexGuard<'_, State<T>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Item> Writer<T> {
    /// Puts an item into the queue. If it is full, the reader is cut off.
    pub(crate) fn push(&self, item: T) -> Result<(), Stuck> {
        let mut state = lock(&self.0);
        if state.gone {
            return Err(Stuck::Gone);
        }
        let weight = item.weight();
        // A single item that is too heavy is better sent than never.
        let full = !state.waiting.is_empty() && state.bytes + weight > BYTES_MAX;
        if full || state.waiting.len() == ITEMS_MAX {
            state.waiting = VecDeque::new();
            state.end(Some(status::too_slow()));
            return Err(Stuck::Full);
        }
        state.bytes += weight;
        let item = match state.waiting.back_mut() {
            Some(last) => last.join(item),
            None => Some(item),
        };
        state.waiting.extend(item);
        state.wake();
        Ok(())
    }
}

impl<T> Writer<T> {
    /// Ends the stream after what waits: with an error, or in order.
    pub(crate) fn close(self, reason: Option<Status>) {
        lock(&self.0).end(reason);
    }
}

impl<T> Drop for Writer<T> {
    fn drop(&mut self) {
        lock(&self.0).end(Some(status::not_leader(None)));
    }
}

impl<T> State<T> {
    /// The first end counts.
    fn end(&mut self, reason: Option<Status>) {
        if !self.ended {
            self.ended = true;
            self.reason = reason;
            self.wake();
        }
    }

    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl<T> Reader<T> {
    /// Is cancelled when nobody reads any more.
    pub(crate) fn dropped(&self) -> CancellationToken {
        self.dropped.clone()
    }
}

impl<T: Unpin> Stream for Reader<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.taken.is_empty() {
            // All that waits is taken at once: one lock for many items.
            let mut state = lock(&this.shared);
            std::mem::swap(&mut state.waiting, &mut this.taken);
            state.bytes = 0;
            if this.taken.is_empty() {
                if state.ended {
                    return Poll::Ready(state.reason.take().map(Err));
                }
                state.reader = Some(context.waker().clone());
                return Poll::Pending;
            }
        }
        Poll::Ready(this.taken.pop_front().map(Ok))
    }
}

impl<T> Drop for Reader<T> {
    fn drop(&mut self) {
        let mut state = lock(&self.shared);
        state.gone = true;
        state.waiting = VecDeque::new();
        drop(state);
        self.dropped.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{FutureExt, StreamExt};
    use proffer_proto::convert::status::Problem;

    impl Item for Vec<u32> {
        fn weight(&self) -> usize {
            self.iter().map(|number| *number as usize).sum()
        }

        fn join(&mut self, next: Self) -> Option<Self> {
            if self.first() == Some(&0) {
                self.extend(next);
                return None;
            }
            Some(next)
        }
    }

    /// What there is to read now.
    fn read(reader: &mut Reader<Vec<u32>>) -> Vec<Vec<u32>> {
        let mut items = Vec::new();
        while let Some(Some(Ok(item))) = reader.next().now_or_never() {
            items.push(item);
        }
        items
    }

    fn problem(reader: &mut Reader<Vec<u32>>) -> Option<Problem> {
        status::read(&reader.next().now_or_never()??.err()?)
    }

    #[test]
    fn items_come_in_order_and_join_where_they_can() {
        let (writer, mut reader) = queue();
        for item in [vec![1], vec![0], vec![2], vec![3]] {
            writer.push(item).unwrap();
        }
        assert_eq!(read(&mut reader), [vec![1], vec![0, 2, 3]]);
        writer.push(vec![4]).unwrap();
        writer.close(None);
        assert_eq!(read(&mut reader), [[4]]);
        assert!(matches!(reader.next().now_or_never(), Some(None)), "it ends in order");
    }

    #[test]
    fn who_does_not_read_is_cut_off_and_told() {
        let (writer, mut reader) = queue();
        for _ in 0..ITEMS_MAX {
            writer.push(vec![1]).unwrap();
        }
        assert_eq!(writer.push(vec![1]), Err(Stuck::Full));
        assert_eq!(lock(&reader.shared).waiting.capacity(), 0, "what waited is not kept");
        drop(writer);
        assert_eq!(problem(&mut reader), Some(Problem::TooSlow));
        assert!(matches!(reader.next().now_or_never(), Some(None)));
    }

    #[test]
    fn bytes_are_bounded_but_one_item_always_fits() {
        let (writer, mut reader) = queue();
        let heavy = vec![u32::try_from(BYTES_MAX).unwrap() + 1];
        writer.push(heavy.clone()).unwrap();
        assert_eq!(read(&mut reader).len(), 1);
        writer.push(heavy).unwrap();
        assert_eq!(writer.push(vec![1]), Err(Stuck::Full));
        assert_eq!(problem(&mut reader), Some(Problem::TooSlow));
    }

    #[test]
    fn a_term_that_is_over_says_so() {
        let (writer, mut reader) = queue();
        writer.push(vec![1]).unwrap();
        drop(writer);
        assert!(matches!(reader.next().now_or_never(), Some(Some(Ok(item))) if item == [1]), "what waits comes first");
        assert_eq!(problem(&mut reader), Some(Problem::NotLeader { leader: None }));
    }

    #[test]
    fn a_reader_that_is_gone_is_noticed() {
        let (writer, reader) = queue();
        let dropped = reader.dropped();
        drop(reader);
        assert!(dropped.is_cancelled());
        assert_eq!(writer.push(vec![1]), Err(Stuck::Gone));
    }
}
