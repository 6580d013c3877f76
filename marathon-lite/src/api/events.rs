//! `/v2/events`: the event stream.

use super::{
    Term,
    call::{Answered, Call},
    errors::Failure,
};
use crate::{
    clock,
    events::{Events, Resumed},
};
use axum::{
    body::Body,
    http::{HeaderValue, Version, header},
    response::Response,
};
use bytes::Bytes;
use futures::Stream;
use kit::shutdown::CancellationToken;
use marathon_lite_core::events::{
    EventId, Filter, HEARTBEAT, Replay, event_stream_attached, event_stream_detached, events_lost, frame,
};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::time::{Instant, Interval, MissedTickBehavior};

/// Between signs of life. Clients count a stream as broken that is silent for five minutes, proxies for one.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Events sent in one piece.
const BATCH_MAX: usize = 64;

/// What a stream that is read too slowly hears last; clients take it for a comment.
const TOO_SLOW: &str = ": too slow: events are lost; connect again with Last-Event-ID\r\n\r\n";

/// Answers a request for `/v2/events`.
pub(crate) fn answer(term: &Arc<Term>, call: &Call, version: Version) -> Answered {
    if call.segments.len() > 2 {
        return Err(Failure::no_such_address());
    }
    if call.method != "GET" || !call.accepts("text/event-stream") {
        return Err(Failure::method("GET"));
    }
    let last = call.headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let events = Arc::clone(term.events());
    let (seen, greeting) = match events.resume(last) {
        Resumed::After(seen) => (seen, None),
        Resumed::Lost(end, missed) => {
            let lost = events_lost(clock::timestamp(), missed);
            (end, Some(frame(None, lost.kind, &lost.json())))
        }
    };
    // It is the first event that the stream tells, or the first that is new to it.
    let attached = Attached::new(Arc::clone(&events), &call.client);
    let mut heartbeat = tokio::time::interval_at(Instant::now() + SILENCE_MAX, SILENCE_MAX);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let subscriber = Subscriber {
        events,
        seen,
        filter: Filter::new(call.query.all("event_type")),
        heartbeat,
        over: term.over(),
        greeting,
        is_cut_off: false,
        _attached: attached,
    };
    let mut response = Response::new(Body::from_stream(stream(subscriber)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    if version < Version::HTTP_2 {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// Tells of a stream's beginning and, when it is dropped, of its end.
struct Attached {
    events: Arc<Events>,
    client: String,
}

impl Attached {
    fn new(events: Arc<Events>, client: &str) -> Self {
        events.publish(&event_stream_attached(clock::timestamp(), client));
        Self { events, client: client.to_owned() }
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.events.publish(&event_stream_detached(clock::timestamp(), &self.client));
    }
}

/// A client of the stream. It keeps a place in the log and no events of its own.
struct Subscriber {
    events: Arc<Events>,
    seen: EventId,
    filter: Filter,
    heartbeat: Interval,
    over: CancellationToken,
    /// What it hears before any event.
    greeting: Option<String>,
    is_cut_off: bool,
    _attached: Attached,
}

fn stream(subscriber: Subscriber) -> impl Stream<Item = Result<Bytes, Infallible>> {
    futures::stream::unfold(subscriber, |mut subscriber| async move {
        let piece = subscriber.next().await?;
        Some((Ok(piece), subscriber))
    })
}

impl Subscriber {
    /// The next piece; none: the stream ends.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting.into());
        }
        while !self.is_cut_off {
            let Replay::From(told) = self.events.after(self.seen) else {
                self.is_cut_off = true;
                return Some(Bytes::from_static(TOO_SLOW.as_bytes()));
            };
            let batch = &told[..told.len().min(BATCH_MAX)];
            if let Some(last) = batch.last() {
                self.seen = last.id;
                let wanted = batch.iter().filter(|event| self.filter.wants(event.kind));
                let frames: String = wanted.map(|event| event.frame.as_str()).collect();
                if !frames.is_empty() {
                    return Some(frames.into());
                }
                continue;
            }
            tokio::select! {
                () = self.over.cancelled() => return None,
                () = self.events.newer_than(self.seen) => {}
                _ = self.heartbeat.tick() => return Some(Bytes::from_static(HEARTBEAT.as_bytes())),
            }
        }
        None
    }
}
