//! How often one may ask: by leaky buckets (GCRA), one per address or name, in this process's memory.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::people::UserName;

/// More buckets than this are looked through for full ones, which say nothing.
const MANY: usize = 10_000;

/// The limits of one console.
#[derive(Debug)]
pub(crate) struct Limits {
    requests: Buckets<IpAddr>,
    by_servers: Buckets<IpAddr>,
    by_address: Buckets<IpAddr>,
    by_wrong_tokens: Buckets<IpAddr>,
    by_name: Buckets<String>,
}

struct Buckets<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, HashMapStateStore<K>, DefaultClock>,
    clock: DefaultClock,
}

// === impl Limits ===

impl Limits {
    /// Any request: 300 at once and 20 a second on. Requests to the store itself: 2,000 at once and 500 a second on, since
    /// a fleet may come from one address and each of its servers asks and reports every second. Sign-ins: ten at once and one in six seconds on from one address;
    /// twenty at once and one in thirty seconds on under one name, so that a name cannot be tried from many addresses.
    /// Wrong tokens: as many as sign-ins from one address, counted by themselves, since a server whose token has expired goes on
    /// asking and may have the operators' address.
    pub(crate) fn new() -> Self {
        Self {
            requests: Buckets::new(300, Duration::from_millis(50)),
            by_servers: Buckets::new(2000, Duration::from_millis(2)),
            by_address: Buckets::new(10, Duration::from_secs(6)),
            by_wrong_tokens: Buckets::new(10, Duration::from_secs(6)),
            by_name: Buckets::new(20, Duration::from_secs(30)),
        }
    }

    /// One more request.
    pub(crate) fn request(&self, from: IpAddr) -> Result<(), Duration> {
        self.requests.take(network(from))
    }

    /// One more request to the store itself.
    pub(crate) fn request_by_server(&self, from: IpAddr) -> Result<(), Duration> {
        self.by_servers.take(network(from))
    }

    /// One more secret of a person tried: a password or a link.
    pub(crate) fn attempt(&self, from: IpAddr) -> Result<(), Duration> {
        self.by_address.take(network(from))
    }

    /// One more token that was none.
    pub(crate) fn wrong_token(&self, from: IpAddr) -> Result<(), Duration> {
        self.by_wrong_tokens.take(network(from))
    }

    /// One more password for a name, whether there is such a user or not.
    pub(crate) fn attempt_for(&self, name: &UserName) -> Result<(), Duration> {
        self.by_name.take(name.as_str().to_owned())
    }
}

/// Whoever has one address of IPv6 has the 2^64 of its network.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => IpAddr::from((u128::from(v6) >> 64 << 64).to_be_bytes()),
        v4 => v4,
    }
}

// === impl Buckets ===

impl<K: Hash + Eq + Clone> Buckets<K> {
    fn new(burst: u32, period: Duration) -> Self {
        let one = Quota::with_period(period).unwrap_or(Quota::per_second(NonZeroU32::MIN));
        let quota = one.allow_burst(NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN));
        Self { limiter: RateLimiter::hashmap(quota), clock: DefaultClock::default() }
    }

    fn take(&self, key: K) -> Result<(), Duration> {
        if self.limiter.len() > MANY {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&key).map_err(|not_yet| not_yet.wait_time_from(self.clock.now()))
    }
}

impl<K: Hash + Eq + Clone> std::fmt::Debug for Buckets<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buckets({})", self.limiter.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_runs_dry_for_its_own_key_alone_and_a_network_has_one() {
        let limits = Limits::new();
        let here: IpAddr = "2001:db8::1".parse().unwrap();
        for _ in 0..10 {
            assert_eq!(limits.attempt(here), Ok(()));
        }
        let wait = limits.attempt("2001:db8::2".parse().unwrap()).unwrap_err();
        assert!(wait <= Duration::from_secs(6), "{wait:?}");
        assert_eq!(limits.attempt("2001:db8:1::1".parse().unwrap()), Ok(()));
        let ada: UserName = "ada".parse().unwrap();
        assert_eq!((0..30).filter(|_| limits.attempt_for(&ada).is_ok()).count(), 20);
    }
}
