//! Values come back as they were, under the keys that they were put under.

use bytes::Bytes;

use super::Outcome;
use super::ground::{Ground, ensure, get};
use crate::store::{Entry, Error, PutMode, VALUE_LIMIT};

pub(super) async fn a_missing_key_is_none(ground: &Ground) -> Outcome {
    for name in ["missing", "deeper/missing"] {
        let key = ground.key(name);
        let found = ground.get(&key).await?;
        ensure!(found.is_none(), "get of `{key}`, which nobody put, returned {found:?}");
    }
    Ok(())
}

pub(super) async fn what_was_put_is_got_through_every_handle(ground: &Ground) -> Outcome {
    let key = ground.key("deep/er/value");
    let version = ground.put(&key, b"value", PutMode::Create).await?;
    let expected = Some(Entry { key: key.clone(), value: Bytes::from_static(b"value"), version });
    for store in ground.both() {
        let found = get(&**store, &key).await?;
        ensure!(found == expected, "put returned {expected:?}, but get finds {found:?}");
    }
    Ok(())
}

pub(super) async fn an_empty_value_is_a_value(ground: &Ground) -> Outcome {
    let key = ground.key("empty");
    let version = ground.put(&key, b"", PutMode::Create).await?;
    let entry = ground.entry(&key).await?;
    ensure!(entry.value.is_empty(), "an empty value came back as {:?}", entry.value);
    ground.refused(&key, PutMode::Create, "on an empty value").await?;
    ground.put(&key, b"filled", PutMode::Update(version)).await?;
    Ok(())
}

pub(super) async fn any_bytes_come_back_as_they_were(ground: &Ground) -> Outcome {
    let every_byte: Vec<u8> = (0..=255).rev().chain(0..=255).collect();
    for (name, value) in [("bytes", &every_byte[..]), ("lines", b"\r\n\n\0 \t"), ("quotes", b"';-- \"\\%_")] {
        let key = ground.key(name);
        ground.put(&key, value, PutMode::Create).await?;
        let found = ground.entry(&key).await?.value;
        ensure!(found == value, "{value:?} came back as {found:?}");
    }
    Ok(())
}

pub(super) async fn a_mebibyte_comes_back_whole(ground: &Ground) -> Outcome {
    let key = ground.key("large");
    let value: Vec<u8> = (0..1024 * 1024_u32).map(|i| (i % 251) as u8).collect();
    ground.put(&key, &value, PutMode::Create).await?;
    let found = ground.entry(&key).await?.value;
    ensure!(found == value, "1 MiB came back as {} bytes, or with other bytes", found.len());
    Ok(())
}

pub(super) async fn a_value_past_the_limit_is_refused(ground: &Ground) -> Outcome {
    let key = ground.key("too-large");
    let value = Bytes::from(vec![b'x'; VALUE_LIMIT as usize + 1]);
    match ground.one.put(&key, value, PutMode::Overwrite).await {
        Err(Error::TooLarge { size, limit, .. }) => {
            ensure!(
                size == VALUE_LIMIT + 1 && limit == VALUE_LIMIT,
                "the error says {size} and {limit} bytes"
            );
        }
        other => return Err(format!("a value that no get would read must be TooLarge, and was {other:?}")),
    }
    let found = ground.get(&key).await?.map(|entry| entry.value.len());
    ensure!(found.is_none(), "the value was refused, and yet {found:?} bytes are there");
    Ok(())
}

pub(super) async fn a_deleted_key_is_gone(ground: &Ground) -> Outcome {
    let (key, neighbour) = (ground.key("deleted"), ground.key("deleted-not"));
    ground.put(&key, b"value", PutMode::Create).await?;
    ground.put(&neighbour, b"value", PutMode::Create).await?;
    for times in ["once", "twice"] {
        ground.delete(&key).await?;
        let found = ground.get(&key).await?;
        ensure!(found.is_none(), "after it was deleted {times}, get of `{key}` returned {found:?}");
    }
    let listed: Vec<_> = list(ground, ground.prefix()).await?.into_iter().map(|entry| entry.key).collect();
    ensure!(
        listed == [neighbour.clone()],
        "after the delete, list should hold {neighbour}, and holds {listed:?}"
    );
    ground.put(&key, b"again", PutMode::Create).await?;
    Ok(())
}

pub(super) async fn a_list_is_its_prefix_in_byte_order(ground: &Ground) -> Outcome {
    // In the order of bytes: `-` `.` `/` digits, capitals, `_`, small letters.
    let names = ["Zoo", "a-b", "a.b", "a/b", "a/b-c", "a/c/d", "a0", "aXb", "a_b", "ab", "b"];
    let mut put = Vec::new();
    for name in names.iter().rev() {
        let key = ground.key(name);
        let version = ground.put(&key, name.as_bytes(), PutMode::Create).await?;
        put.insert(0, Entry { key, value: Bytes::from_static(name.as_bytes()), version });
    }
    for under in ["", "a", "a/", "a/b", "a_", "a_b", "a/c/d", "Z", "z", "nothing/here/"] {
        let prefix = ground.key(under);
        let expected: Vec<_> = put.iter().filter(|entry| entry.key.starts_with(&prefix)).collect();
        let found = list(ground, &prefix).await?;
        let keys = |entries: &[&Entry]| entries.iter().map(|e| e.key.clone()).collect::<Vec<_>>();
        let (expected_keys, found_keys) = (keys(&expected), keys(&found.iter().collect::<Vec<_>>()));
        ensure!(
            found_keys == expected_keys,
            "list(`{prefix}`) should be {expected_keys:?}, and is {found_keys:?}"
        );
        ensure!(
            found.iter().eq(expected),
            "list(`{prefix}`) has the right keys with wrong values or versions"
        );
    }
    Ok(())
}

pub(super) async fn the_longest_key_works(ground: &Ground) -> Outcome {
    let start = ground.key("");
    let long = format!("{start}{}", "k".repeat(199 - start.len()));
    for last in ["x", "y"] {
        ground.put(&format!("{long}{last}"), last.as_bytes(), PutMode::Create).await?;
    }
    let found = ground.entry(&format!("{long}x")).await?.value;
    ensure!(found == "x", "of two keys of 200 bytes that differ in the last, one holds {found:?}");
    Ok(())
}

pub(super) async fn what_is_no_key_is_refused_everywhere(ground: &Ground) -> Outcome {
    let long = "k".repeat(201);
    let no_prefixes =
        ["/", "/a", "a//b", "../a", "a/../b", "a/.b", ".a", "a b", "a\\b", "a\0b", "ä", "a%", "a*", &long];
    for bad in no_prefixes {
        refuses("list", bad, ground.one.list(bad).await)?;
    }
    for bad in no_prefixes.into_iter().chain(["", "a/", "a.aside-1", "a.aside-1/b"]) {
        refuses("get", bad, ground.one.get(bad).await)?;
        refuses("delete", bad, ground.one.delete(bad).await)?;
        for mode in [PutMode::Overwrite, PutMode::Create] {
            refuses("put", bad, ground.one.put(bad, Bytes::from_static(b"value"), mode).await)?;
        }
    }
    Ok(())
}

fn refuses<T: std::fmt::Debug>(method: &str, bad: &str, result: crate::store::Result<T>) -> Outcome {
    match result {
        Err(Error::Key(named)) if named == bad => Ok(()),
        other => Err(format!("{method} of {bad:?} must be refused as no key, and returned {other:?}")),
    }
}

async fn list(ground: &Ground, prefix: &str) -> Result<Vec<Entry>, String> {
    ground.other.list(prefix).await.map_err(|error| format!("list(`{prefix}`) failed: {error}"))
}
