//! A store is named by a URL, and a wrong one is told what it should be.

use std::path::Path;

use backsoon::store::{PutMode, open, open_existing};

#[tokio::test]
async fn a_url_that_names_no_store_says_what_would() {
    let mut known = "this build knows `memory:`, `file:./state`, `sqlite:./backsoon.db`".to_owned();
    for (is_here, schemes) in [
        (cfg!(feature = "postgres"), ["postgres", "postgresql"]),
        (cfg!(feature = "mysql"), ["mysql", "mariadb"]),
    ] {
        let forms = schemes.map(|scheme| format!(", `{scheme}://user:password@host/database`"));
        known += &if is_here { forms.concat() } else { String::new() };
    }
    if cfg!(feature = "redis") {
        known += ", `redis://host`, `rediss://host`";
    }
    if cfg!(feature = "object") {
        known += ", `s3://bucket/folder`, `gs://bucket/folder`, `az://container/folder`";
    }
    if cfg!(feature = "http") {
        known += ", `https://token:SECRET@gate.example`, `http://token:SECRET@127.0.0.1:PORT`";
    }
    let cases = [
        ("", format!("`` does not say what kind of store it is; {known}")),
        ("./state", format!("`./state` does not say what kind of store it is; {known}; did you mean `file:./state`?")),
        ("x.db", format!("`x.db` does not say what kind of store it is; {known}; did you mean `sqlite:x.db`?")),
        ("./a:b", format!("`./a:b` does not say what kind of store it is; {known}; did you mean `file:./a:b`?")),
        ("flie:./s", format!("`flie:./s`: there are no `flie:` stores; {known}; did you mean `file:./s`?")),
        ("sqlit:a.db", format!("`sqlit:a.db`: there are no `sqlit:` stores; {known}; did you mean `sqlite:a.db`?")),
        ("ftp://host/x", format!("`ftp://host/x`: there are no `ftp:` stores; {known}")),
        ("memory:x", "`memory:x`: a store in memory has no name; write `memory:`".to_owned()),
        ("file:", "`file:`: the path is missing".to_owned()),
        ("sqlite:", "`sqlite:`: the path is missing".to_owned()),
        (
            "file://host/state",
            "`file://host/state`: a store of files is on this machine; after `//` there must be a third `/`".to_owned(),
        ),
        ("sqlite::memory:", "`sqlite::memory:`: for a store that lives in memory write `memory:`".to_owned()),
        (
            "file:~/state",
            "`file:~/state`: nobody expands the `~` here; write the whole path, or `$HOME` where a shell reads it"
                .to_owned(),
        ),
        ("sqlite:a.db?mode=ro", "`sqlite:a.db?mode=ro`: a path here has no `?` and no options behind it".to_owned()),
    ];
    for (url, expected) in cases {
        assert_eq!(open(url).await.expect_err(url).to_string(), expected);
        assert_eq!(open_existing(url).await.expect_err(url).to_string(), expected);
    }
}

#[tokio::test]
async fn what_a_store_calls_itself_opens_it_again() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let path = place.path().display();
    let forms = [
        (format!("file:{path}/made/for/it"), format!("file:{path}/made/for/it")),
        (format!("file://{path}/made"), format!("file:{path}/made")),
        (format!("FILE:{path}/made/./for"), format!("file:{path}/made/for")),
        (format!("sqlite:{path}/a b.db"), format!("sqlite:{path}/a b.db")),
        (format!("sqlite://{path}/100%25.db"), format!("sqlite:{path}/100%25.db")),
    ];
    for (url, name) in forms {
        let store = open(&url).await.expect(&url);
        assert_eq!(store.url(), name);
        store.put("state", url.clone().into(), PutMode::Create).await.expect("a value");
        let again = open(&name).await.expect(&name);
        assert_eq!(again.get("state").await.expect("a get").map(|e| e.value), Some(url.into()));
    }
    assert!(place.path().join("100%25.db").is_file(), "nothing in a path is decoded");
}

#[tokio::test]
async fn a_relative_path_becomes_a_whole_one() {
    let here = std::env::current_dir().expect("the working directory");
    let none = open_existing("file:./no-such-store-here").await.expect("nothing wrong with it");
    assert!(none.is_none());
    let error = open("sqlite:./no-such-directory-here/x.db").await.expect_err("its directory is missing");
    let whole = here.join("no-such-directory-here/x.db").display().to_string();
    assert!(error.to_string().contains(&whole) && error.to_string().contains("make it first"), "{error}");
}

#[tokio::test]
async fn every_memory_store_is_a_new_one() {
    let (one, other) = (open("memory:").await.expect("one"), open("memory:").await.expect("another"));
    one.put("state", "value".into(), PutMode::Create).await.expect("a value");
    assert_eq!(other.get("state").await.expect("a get"), None);
    assert!(open_existing("memory:").await.expect("a third").is_some());
}

#[tokio::test]
async fn to_look_whether_a_store_exists_writes_nothing() {
    let place = tempfile::tempdir().expect("a temporary directory");
    for name in ["file:{}/state", "sqlite:{}/x.db", "sqlite:{}/missing/x.db"] {
        let url = name.replace("{}", &place.path().display().to_string());
        // Of a missing directory, SQLite's error is as good an answer as none.
        let found = open_existing(&url).await;
        assert!(!matches!(found, Ok(Some(_))), "{url}: {found:?}");
    }
    assert_eq!(tree(place.path()), Vec::<String>::new());

    for name in ["file:{}/state", "sqlite:{}/x.db"] {
        let url = name.replace("{}", &place.path().display().to_string());
        let store = open(&url).await.expect("it is made");
        store.put("state", "value".into(), PutMode::Create).await.expect("a value");
        drop(store);
    }
    let before = settled(place.path()).await;
    for name in ["file:{}/state", "sqlite:{}/x.db"] {
        let url = name.replace("{}", &place.path().display().to_string());
        let store = open_existing(&url).await.expect("it opens").expect("it is there");
        assert_eq!(store.get("state").await.expect("a get").map(|e| e.value), Some("value".into()));
        assert_eq!(store.list("").await.expect("a list").len(), 1);
    }
    assert_eq!(settled(place.path()).await, before);
}

/// Every file with its size, once SQLite has put its log away after the last connection.
async fn settled(directory: &Path) -> Vec<String> {
    for _ in 0..500 {
        let tree = tree(directory);
        if !tree.iter().any(|name| name.contains("-wal") || name.contains("-shm")) {
            return tree;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("SQLite's log is still there: {:?}", tree(directory));
}

fn tree(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let metadata = std::fs::metadata(&path).expect("it is there");
        found.push(format!("{} {}", path.display(), metadata.len()));
        if metadata.is_dir() {
            found.extend(tree(&path));
        }
    }
    found.sort();
    found
}
