//! Until when a leader may believe that it leads.

use proto_types::time::Monotonic;
use std::time::Duration;

/// The leader's own clock. A client that is cut off learns of it long after ZooKeeper gave the leadership away, so it
/// counts from the last request that was answered, and from when that was sent.
#[derive(Debug, Clone, Copy)]
pub struct Lease {
    length: Duration,
    pause: Duration,
    renewed: Monotonic,
    asked: Monotonic,
}

impl Lease {
    /// A lease for a session that ends after `session_timeout` of silence.
    #[must_use]
    pub fn new(session_timeout: Duration, now: Monotonic) -> Self {
        Self { length: session_timeout * 2 / 3, pause: session_timeout / 6, renewed: now, asked: now }
    }

    /// A request that was sent then is answered.
    pub fn renew(&mut self, sent: Monotonic) {
        self.renewed = self.renewed.max(sent);
        self.asked = self.asked.max(sent);
    }

    /// Whether the leader has to step down.
    #[must_use]
    pub fn is_over(&self, now: Monotonic) -> bool {
        now >= self.end()
    }

    /// Until when the leader may believe that it leads, unless it is renewed.
    #[must_use]
    pub fn end(&self) -> Monotonic {
        self.renewed + self.length
    }

    /// Says whether something should be asked, only to have an answer; the next time after a while.
    pub fn wants_request(&mut self, now: Monotonic) -> bool {
        let due = now >= self.asked + self.pause;
        if due {
            self.asked = now;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Monotonic {
        Monotonic(Duration::from_secs(seconds))
    }

    #[test]
    fn it_counts_from_the_sending_of_what_was_answered() {
        let mut lease = Lease::new(Duration::from_secs(12), at(100));
        assert!(!lease.is_over(at(107)));
        assert!(lease.is_over(at(108)));
        assert!(!lease.wants_request(at(101)));
        assert!(lease.wants_request(at(102)));
        assert!(!lease.wants_request(at(103)), "one is under way");
        lease.renew(at(102));
        lease.renew(at(101));
        assert!(!lease.is_over(at(109)));
        assert!(lease.is_over(at(110)));
    }
}
