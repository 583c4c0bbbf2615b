//! Small JSON documents in the store, one per key, replaced only by compare-and-swap.

use backsoon::store::{self, PutMode, Store, Version};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How often a change is tried again when somebody else's came first.
const TRIES: usize = 20;

/// The document under `key`; one that cannot be read is nobody's.
pub(crate) async fn read<T: DeserializeOwned>(
    store: &dyn Store,
    key: &str,
) -> store::Result<Option<(T, Version)>> {
    let Some(entry) = store.get(key).await? else { return Ok(None) };
    match serde_json::from_slice(&entry.value) {
        Ok(document) => Ok(Some((document, entry.version))),
        Err(error) => {
            tracing::warn!(store = %store.url(), key, %error, "a document of the console is damaged and is not used");
            Ok(None)
        }
    }
}

/// Every readable document below `prefix`, with its key.
pub(crate) async fn list<T: DeserializeOwned>(
    store: &dyn Store,
    prefix: &str,
) -> store::Result<Vec<(String, T)>> {
    let entries = store.list(prefix).await?;
    Ok(entries
        .into_iter()
        .filter_map(|entry| Some((entry.key, serde_json::from_slice(&entry.value).ok()?)))
        .collect())
}

/// Files `document` under `key` if `mode` allows it; says whether it did.
pub(crate) async fn put<T: Serialize>(
    store: &dyn Store,
    key: &str,
    document: &T,
    mode: PutMode,
) -> store::Result<bool> {
    // Documents of plain fields always serialise.
    let bytes = serde_json::to_vec(document).unwrap_or_default();
    match store.put(key, bytes.into(), mode).await {
        Ok(_) => Ok(true),
        Err(store::Error::Conflict { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Changes the document under `key` by `edit`, again if somebody else's change came first; says what it gave back, or
/// nothing if there is no document.
pub(crate) async fn change<T, R>(
    store: &dyn Store,
    key: &str,
    mut edit: impl FnMut(&mut T) -> R,
) -> store::Result<Option<R>>
where
    T: Serialize + DeserializeOwned,
{
    for _ in 0..TRIES {
        let Some((mut document, version)) = read::<T>(store, key).await? else { return Ok(None) };
        let result = edit(&mut document);
        if put(store, key, &document, PutMode::Update(version)).await? {
            return Ok(Some(result));
        }
    }
    Err(store::Error::Conflict { key: key.to_owned() })
}
