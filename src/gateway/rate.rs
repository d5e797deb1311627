//! How often one key may ask: a bucket a key that fills again, in bounded memory.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Keys that are remembered. Whoever is forgotten begins with a full bucket.
const KEYS_MAX: usize = 16_384;

/// Counts requests by key.
pub struct Rate {
    per_minute: u32,
    buckets: Mutex<HashMap<[u8; 32], (f32, Instant)>>,
}

impl Rate {
    /// So many requests a minute, and at most so many at once.
    pub fn new(per_minute: u32) -> Self {
        Self { per_minute: per_minute.max(1), buckets: Mutex::default() }
    }

    /// Most requests a minute.
    pub const fn per_minute(&self) -> u32 {
        self.per_minute
    }

    /// Takes one. Otherwise: seconds until there is one again.
    // Neither counts money, nor has to be exact.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn take(&self, key: [u8; 32], now: Instant) -> Result<(), u32> {
        let (most, per_second) = (self.per_minute as f32, self.per_minute as f32 / 60.0);
        let mut buckets = self.buckets.lock();
        if buckets.len() >= KEYS_MAX && !buckets.contains_key(&key) {
            let minute = Duration::from_mins(1);
            buckets.retain(|_, (_, at)| now.saturating_duration_since(*at) < minute);
            if buckets.len() >= KEYS_MAX {
                buckets.clear();
            }
        }
        let (left, at) = buckets.entry(key).or_insert((most, now));
        let filled = now.saturating_duration_since(*at).as_secs_f32() * per_second;
        *left = (*left + filled).min(most);
        *at = now;
        if *left < 1.0 {
            return Err((((1.0 - *left) / per_second).ceil() as u32).max(1));
        }
        *left -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_again_and_keys_do_not_share_one() {
        let (rate, begun) = (Rate::new(60), Instant::now());
        for _ in 0..60 {
            assert_eq!(rate.take([1; 32], begun), Ok(()));
        }
        assert_eq!(rate.take([1; 32], begun), Err(1));
        assert_eq!(rate.take([2; 32], begun), Ok(()));
        let later = begun + Duration::from_millis(1_100);
        assert_eq!(rate.take([1; 32], later), Ok(()));
        assert_eq!(rate.take([1; 32], later), Err(1));
    }

    #[test]
    fn strangers_do_not_make_memory_grow() {
        let (rate, begun) = (Rate::new(60), Instant::now());
        for n in 0..50_000u32 {
            let mut key = [0; 32];
            key[..4].copy_from_slice(&n.to_le_bytes());
            assert_eq!(rate.take(key, begun), Ok(()));
        }
        assert!(rate.buckets.lock().len() <= KEYS_MAX);
    }
}
