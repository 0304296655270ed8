//! The signing keys in memory, read again often enough to see what other nodes did.

use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};

use jiff::{SignedDuration, Timestamp};

use crate::signing_key::{self, KeyRing, PublicKey};
use crate::store::IdentityStore;
use crate::store_error::StoreError;

/// How long keys are used without looking whether another node has rotated them.
pub(crate) const KEYS_FRESH: SignedDuration = SignedDuration::from_secs(30);

/// How long after the store could not be read, or had no key of the name that a token gave,
/// nobody asks it again for the same reason: anyone can make up names.
const PAUSE: SignedDuration = SignedDuration::from_secs(2);

/// The keys, and when they were read.
pub(crate) struct KeyCache {
    ring: RwLock<KeyRing>,
    /// Held while the store is asked, so that one caller asks for all.
    looks: Mutex<Looks>,
}

#[derive(Default)]
struct Looks {
    /// When the keys were read.
    read: Option<Timestamp>,
    /// When they could not be.
    failed: Option<Timestamp>,
    /// When a token named a key that the store did not have.
    unknown: Option<Timestamp>,
}

/// Whether `moment` is less than `span` away from `now`; clocks may have been set back.
fn is_within(moment: Option<Timestamp>, span: SignedDuration, now: Timestamp) -> bool {
    moment.is_some_and(|moment| now.duration_since(moment).abs() < span)
}

impl KeyCache {
    pub(crate) fn new(store: &IdentityStore) -> Result<Self, StoreError> {
        Ok(Self {
            ring: RwLock::new(store.read(signing_key::load)?),
            looks: Mutex::default(),
        })
    }

    /// Keys to sign with: not older than [`KEYS_FRESH`].
    pub(crate) fn fresh(
        &self,
        store: &IdentityStore,
        now: Timestamp,
    ) -> Result<RwLockReadGuard<'_, KeyRing>, StoreError> {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_within(looks.read, KEYS_FRESH, now) {
            self.look(store, &mut looks, now)?;
        }
        drop(looks);
        Ok(self.ring())
    }

    /// Keys to verify with: as fresh, unless somebody is looking already or the store cannot
    /// be reached.
    pub(crate) fn at_hand(
        &self,
        store: &IdentityStore,
        now: Timestamp,
    ) -> RwLockReadGuard<'_, KeyRing> {
        if let Ok(mut looks) = self.looks.try_lock()
            && !is_within(looks.read, KEYS_FRESH, now)
            && !is_within(looks.failed, PAUSE, now)
        {
            // What it would add is an older key's retirement; that can wait.
            let _ = self.look(store, &mut looks, now);
        }
        self.ring()
    }

    /// The key of this name; asks the store for one that is not known here.
    pub(crate) fn public(
        &self,
        store: &IdentityStore,
        kid: &str,
        now: Timestamp,
    ) -> Result<Option<PublicKey>, StoreError> {
        let known = find(&self.at_hand(store, now), kid);
        if known.is_some() {
            return Ok(known);
        }
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have looked while this one waited.
        let known = find(&self.ring(), kid);
        if known.is_some()
            || is_within(looks.unknown, PAUSE, now)
            || is_within(looks.failed, PAUSE, now)
        {
            return Ok(known);
        }
        self.look(store, &mut looks, now)?;
        let known = find(&self.ring(), kid);
        if known.is_none() {
            looks.unknown = Some(now);
        }
        Ok(known)
    }

    /// Rotates the key that signs; returns the new one's name.
    pub(crate) fn rotate(
        &self,
        store: &IdentityStore,
        now: Timestamp,
    ) -> Result<String, StoreError> {
        let seed = store.random(|entropy| entropy.bytes());
        // Both are held throughout: nobody puts older keys back, and nothing is signed here by
        // a key that is already retired.
        let _looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        *ring = store.write(|tx| {
            signing_key::rotate(tx, seed, now)?;
            signing_key::load(tx)
        })?;
        Ok(ring.active_kid.clone())
    }

    fn look(
        &self,
        store: &IdentityStore,
        looks: &mut Looks,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        match store.home.read_soon(signing_key::load) {
            Ok(ring) => {
                *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
                *looks = Looks {
                    read: Some(now),
                    failed: None,
                    unknown: looks.unknown,
                };
                Ok(())
            }
            Err(error) => {
                looks.failed = Some(now);
                Err(error)
            }
        }
    }

    /// The keys as they were last read.
    pub(crate) fn ring(&self) -> RwLockReadGuard<'_, KeyRing> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find(ring: &KeyRing, kid: &str) -> Option<PublicKey> {
    ring.public.iter().find(|key| key.kid == kid).cloned()
}
