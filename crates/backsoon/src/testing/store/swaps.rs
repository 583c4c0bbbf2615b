//! Compare-and-swap: nobody replaces what they have not seen.

use super::Outcome;
use super::ground::{Ground, ensure, get};
use crate::store::{PutMode, Version};

pub(super) async fn overwrite_replaces_whatever_is_there(ground: &Ground) -> Outcome {
    let key = ground.key("beat");
    for value in [&b"first"[..], b"second", b"third, and longer", b""] {
        let version = ground.put(&key, value, PutMode::Overwrite).await?;
        let entry = ground.entry(&key).await?;
        ensure!(entry.value == value, "after an overwrite with {value:?}, get finds {:?}", entry.value);
        ensure!(entry.version == version, "overwrite returned {version:?}, get finds {:?}", entry.version);
    }
    Ok(())
}

pub(super) async fn create_refuses_what_exists(ground: &Ground) -> Outcome {
    let key = ground.key("created");
    ground.put(&key, b"first", PutMode::Create).await?;
    ground.refused(&key, PutMode::Create, "on a key that holds something").await?;
    let found = get(&*ground.other, &key).await?.map(|entry| entry.value);
    ensure!(found.as_deref() == Some(b"first"), "the first value should stay, and became {found:?}");
    Ok(())
}

pub(super) async fn update_replaces_the_version_it_names(ground: &Ground) -> Outcome {
    let key = ground.key("updated");
    let mut version = ground.put(&key, b"0", PutMode::Create).await?;
    for count in 1..=3 {
        let value = count.to_string();
        version = ground.put(&key, value.as_bytes(), PutMode::Update(version)).await?;
        let entry = ground.entry(&key).await?;
        ensure!(entry.value == value, "after an update to {value}, get finds {:?}", entry.value);
        ensure!(entry.version == version, "update returned {version:?}, get finds {:?}", entry.version);
    }
    Ok(())
}

pub(super) async fn update_refuses_a_stale_version(ground: &Ground) -> Outcome {
    let key = ground.key("stale");
    let stale = ground.put(&key, b"first", PutMode::Create).await?;
    ground.put(&key, b"second", PutMode::Update(stale.clone())).await?;
    ground.refused(&key, PutMode::Update(stale), "with a version that was replaced").await?;
    let invented = Version("never returned by this store".to_owned());
    ground.refused(&key, PutMode::Update(invented), "with a version that never was").await?;
    ground.refused(&key, PutMode::Update(Version(String::new())), "with an empty version").await
}

pub(super) async fn update_refuses_a_missing_key(ground: &Ground) -> Outcome {
    let (key, missing) = (ground.key("there"), ground.key("missing"));
    let version = ground.put(&key, b"value", PutMode::Create).await?;
    ground.refused(&missing, PutMode::Update(version.clone()), "of a key that holds nothing").await?;
    ground.delete(&key).await?;
    ground.refused(&key, PutMode::Update(version), "of a key that was deleted").await
}

pub(super) async fn a_version_belongs_to_one_value(ground: &Ground) -> Outcome {
    let key = ground.key("versions");
    let mut seen = Vec::new();
    for value in ["a", "b", "", "c"] {
        let version = ground.put(&key, value.as_bytes(), PutMode::Overwrite).await?;
        ensure!(
            !seen.contains(&version),
            "{version:?} stood for another value before it stood for {value:?}"
        );
        for store in ground.both() {
            let found = get(&**store, &key).await?.map(|entry| entry.version);
            ensure!(found.as_ref() == Some(&version), "put returned {version:?}, get finds {found:?}");
        }
        seen.push(version);
    }
    Ok(())
}

pub(super) async fn a_version_does_not_outlive_its_value(ground: &Ground) -> Outcome {
    let key = ground.key("again");
    let first = ground.put(&key, b"first", PutMode::Create).await?;
    ground.delete(&key).await?;
    ground.put(&key, b"later", PutMode::Create).await?;
    ground.refused(&key, PutMode::Update(first), "with a version from before the key was deleted").await
}
