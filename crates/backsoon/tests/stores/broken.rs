//! The contract itself is tested by stores that are broken on purpose: each fault must be caught, and by the check
//! that names it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use backsoon::store::{Entry, Error, MemoryStore, PutMode, Result, Store, VALUE_LIMIT, Version};
use backsoon::testing::store::{checks, failures};
use bytes::Bytes;
use futures_core::stream::BoxStream;

/// A working store with one thing wrong.
#[derive(Debug, Clone)]
struct Broken {
    store: MemoryStore,
    fault: Fault,
    /// What a dropped put will write after the next one.
    held_back: Arc<Mutex<Option<Bytes>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    InventsMissingKeys,
    HandlesAreApart,
    DropsEmptyValues,
    ReadsText,
    CutsLargeValues,
    AcceptsAnySize,
    KeepsTheDeleted,
    ListsByContains,
    ListsBackwards,
    CutsLongKeys,
    AcceptsAnyKey,
    OverwriteCreates,
    CreateOverwrites,
    UpdateAlwaysFails,
    UpdateIgnoresTheVersion,
    UpdateCreates,
    VersionIsALength,
    LooksThenWrites,
    RefusesAndWrites,
    WritesInTwoSteps,
    WritesLater,
    NeverHints,
    HintsNoDeletes,
}
use Fault::*;

/// Between two steps that should be one: longer than the checks wait, so that a fault shows on a busy machine too.
const LONG_ENOUGH: Duration = Duration::from_millis(5);

/// Every fault, and the check that must catch it (others may fail with it).
const CAUGHT_BY: &[(Fault, &str)] = &[
    (InventsMissingKeys, "a_missing_key_is_none"),
    (HandlesAreApart, "what_was_put_is_got_through_every_handle"),
    (DropsEmptyValues, "an_empty_value_is_a_value"),
    (ReadsText, "any_bytes_come_back_as_they_were"),
    (CutsLargeValues, "a_mebibyte_comes_back_whole"),
    (AcceptsAnySize, "a_value_past_the_limit_is_refused"),
    (KeepsTheDeleted, "a_deleted_key_is_gone"),
    (ListsByContains, "a_list_is_its_prefix_in_byte_order"),
    (ListsBackwards, "a_list_is_its_prefix_in_byte_order"),
    (CutsLongKeys, "the_longest_key_works"),
    (AcceptsAnyKey, "what_is_no_key_is_refused_everywhere"),
    (OverwriteCreates, "overwrite_replaces_whatever_is_there"),
    (CreateOverwrites, "create_refuses_what_exists"),
    (CreateOverwrites, "one_of_many_creators_wins"),
    (UpdateAlwaysFails, "update_replaces_the_version_it_names"),
    (UpdateIgnoresTheVersion, "update_refuses_a_stale_version"),
    (UpdateIgnoresTheVersion, "one_of_many_updaters_wins"),
    (UpdateIgnoresTheVersion, "no_increment_is_lost"),
    (UpdateCreates, "update_refuses_a_missing_key"),
    (VersionIsALength, "a_version_belongs_to_one_value"),
    (VersionIsALength, "a_version_does_not_outlive_its_value"),
    (LooksThenWrites, "no_increment_is_lost"),
    (LooksThenWrites, "one_of_many_creators_wins"),
    (LooksThenWrites, "one_of_many_updaters_wins"),
    (RefusesAndWrites, "create_refuses_what_exists"),
    (WritesInTwoSteps, "a_reader_never_sees_half_a_write"),
    (WritesInTwoSteps, "a_dropped_put_leaves_the_old_or_the_new"),
    (WritesLater, "a_dropped_put_leaves_the_old_or_the_new"),
    (NeverHints, "every_change_by_another_handle_is_hinted"),
    (HintsNoDeletes, "every_change_by_another_handle_is_hinted"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_fault_is_caught_by_the_check_that_names_it() {
    let mut examined = BTreeSet::new();
    let examinations = CAUGHT_BY.iter().filter(|(fault, _)| examined.insert(format!("{fault:?}")));
    let examinations = examinations.map(|(fault, _)| async move {
        let store = Broken { store: MemoryStore::new(), fault: *fault, held_back: Arc::default() };
        let failed: Vec<_> = failures(async || store.another_handle()).await;
        for (_, check) in CAUGHT_BY.iter().filter(|(other, _)| other == fault) {
            assert!(
                failed.iter().any(|f| f.check == *check),
                "{fault:?} got past {check}; caught: {failed:#?}"
            );
        }
    });
    let examined = futures_util::future::join_all(examinations).await.len();
    assert_eq!(examined, 23, "every fault in the table is planted once");
}

#[test]
fn every_check_can_fail() {
    let caught: BTreeSet<_> = CAUGHT_BY.iter().map(|(_, check)| *check).collect();
    assert_eq!(caught, checks().into_iter().collect(), "each check needs a fault that it catches");
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(
    expected = "create refuses what exists: Create on a key that holds something must be a conflict"
)]
async fn a_broken_store_is_told_what_it_does_wrong() {
    let store = Broken { store: MemoryStore::new(), fault: CreateOverwrites, held_back: Arc::default() };
    backsoon::testing::store::conformance(async || store.another_handle()).await;
}

// === impl Broken ===

impl Broken {
    fn another_handle(&self) -> Arc<dyn Store> {
        match self.fault {
            HandlesAreApart => Arc::new(MemoryStore::new()),
            _ => Arc::new(self.clone()),
        }
    }

    /// What a fault makes of an entry on its way out.
    fn spoil(&self, mut entry: Entry) -> Entry {
        match self.fault {
            ReadsText => entry.value = String::from_utf8_lossy(&entry.value).into_owned().into(),
            CutsLargeValues => entry.value.truncate(1024 * 1024 - 1),
            VersionIsALength => entry.version = Version(entry.value.len().to_string()),
            _ => {}
        }
        entry
    }

    async fn conflicts(&self, key: &str, mode: &PutMode) -> Result<bool> {
        let held = self.get(key).await?.map(|entry| entry.version);
        Ok(match mode {
            PutMode::Overwrite => false,
            PutMode::Create => held.is_some(),
            PutMode::Update(expected) => held.as_ref() != Some(expected),
        })
    }
}

#[async_trait]
impl Store for Broken {
    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        let found = match self.fault {
            CutsLongKeys => self.store.get(&key[..key.len().min(190)]).await?,
            AcceptsAnyKey if backsoon::store::check_key(key).is_err() => None,
            _ => self.store.get(key).await?,
        };
        let found = found.filter(|entry| self.fault != DropsEmptyValues || !entry.value.is_empty());
        let invented = || {
            (self.fault == InventsMissingKeys).then(|| Entry {
                key: key.to_owned(),
                value: Bytes::new(),
                version: Version("0".to_owned()),
            })
        };
        Ok(found.map(|entry| self.spoil(entry)).or_else(invented))
    }

    async fn put(&self, key: &str, value: Bytes, mode: PutMode) -> Result<Version> {
        let conflict = || Error::Conflict { key: key.to_owned() };
        let overwrite = |value: Bytes| self.store.put(key, value, PutMode::Overwrite);
        match (self.fault, &mode) {
            (AcceptsAnySize, _) if value.len() as u64 > VALUE_LIMIT => overwrite(value.slice(..100)).await,
            (CutsLongKeys, _) => self.store.put(&key[..key.len().min(190)], value, mode).await,
            (AcceptsAnyKey, _) if backsoon::store::check_key(key).is_err() => Ok(Version(String::new())),
            (OverwriteCreates, PutMode::Overwrite) => self.store.put(key, value, PutMode::Create).await,
            (CreateOverwrites, PutMode::Create) => overwrite(value).await,
            (UpdateAlwaysFails, PutMode::Update(_)) => Err(conflict()),
            (UpdateIgnoresTheVersion, PutMode::Update(_)) => match self.store.get(key).await? {
                Some(_) => overwrite(value).await,
                None => Err(conflict()),
            },
            (UpdateCreates, PutMode::Update(_)) => match self.store.get(key).await? {
                Some(_) => self.store.put(key, value, mode).await,
                None => overwrite(value).await,
            },
            (VersionIsALength, _) => {
                if self.conflicts(key, &mode).await? {
                    return Err(conflict());
                }
                let version = Version(value.len().to_string());
                overwrite(value).await.map(|_| version)
            }
            (LooksThenWrites, _) => {
                if self.conflicts(key, &mode).await? {
                    return Err(conflict());
                }
                tokio::time::sleep(LONG_ENOUGH).await;
                overwrite(value).await
            }
            (RefusesAndWrites, _) => {
                let refused = self.store.put(key, value.clone(), mode).await;
                if refused.is_err() {
                    overwrite(value).await?;
                }
                refused
            }
            (WritesInTwoSteps, _) => {
                if self.conflicts(key, &mode).await? {
                    return Err(conflict());
                }
                overwrite(value.slice(..value.len() / 2)).await?;
                tokio::time::sleep(LONG_ENOUGH).await;
                overwrite(value).await
            }
            (WritesLater, PutMode::Update(_)) if value.len() >= 1000 => {
                *self.held_back.lock().expect("no panic") = Some(value);
                std::future::pending().await
            }
            (WritesLater, _) => {
                let version = self.store.put(key, value, mode).await?;
                let held_back = self.held_back.lock().expect("no panic").take();
                if let Some(late) = held_back {
                    overwrite(late).await?;
                }
                Ok(version)
            }
            _ => self.store.put(key, value, mode).await,
        }
    }

    async fn delete(&self, key: &str) -> Result<()> {
        match self.fault {
            KeepsTheDeleted => Ok(()),
            CutsLongKeys => self.store.delete(&key[..key.len().min(190)]).await,
            AcceptsAnyKey if backsoon::store::check_key(key).is_err() => Ok(()),
            _ => self.store.delete(key).await,
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        let mut entries = match self.fault {
            ListsByContains => {
                let last = prefix.rsplit_once('/').map_or(prefix, |(_, last)| last);
                let mut all = self.store.list(&prefix[..prefix.len() - last.len()]).await?;
                all.retain(|entry| entry.key.contains(last));
                all
            }
            AcceptsAnyKey if backsoon::store::check_prefix(prefix).is_err() => Vec::new(),
            _ => self.store.list(prefix).await?,
        };
        if self.fault == ListsBackwards {
            entries.reverse();
        }
        Ok(entries.into_iter().map(|entry| self.spoil(entry)).collect())
    }

    fn hints(&self, key: &str) -> BoxStream<'static, ()> {
        match self.fault {
            NeverHints => Box::pin(futures_util::stream::pending()),
            HintsNoDeletes => {
                use futures_util::StreamExt as _;
                let (store, key) = (self.store.clone(), key.to_owned());
                Box::pin(self.store.hints(&key).filter_map(move |()| {
                    let (store, key) = (store.clone(), key.clone());
                    async move { store.get(&key).await.is_ok_and(|found| found.is_some()).then_some(()) }
                }))
            }
            _ => self.store.hints(key),
        }
    }

    fn url(&self) -> String {
        format!("broken:{:?}", self.fault)
    }
}
