//! What Redis refused, as a sentence with the way out.

use std::io;

use redis::RedisError;

use super::super::Error;
use super::line::Line;

/// A word that Redis or the system says, and what to do about it. The first word that is found counts.
const WAYS_OUT: &[(&str, &str)] = &[
    (
        "WRONGPASS",
        "the name or the password is wrong: correct it in the store's URL, redis://name:password@host",
    ),
    ("NOAUTH", "it wants a password: write it in the store's URL, redis://:password@host"),
    ("no password", "it has no password set: take it out of the store's URL, or set one with requirepass"),
    (
        "NOPERM",
        "let this user use the keys, the channel and the commands that the store needs (EVALSHA, SCRIPT LOAD, HGETALL, SMEMBERS, SUBSCRIBE and what the scripts call)",
    ),
    (
        "The user executing the script",
        "let this user run the commands that the store's scripts call (HSTRLEN, HGET, HEXISTS, HSET, HDEL, SADD, PUBLISH)",
    ),
    ("READONLY", "this server is a replica, and nothing was written: name the primary in the store's URL"),
    ("OOM", "its memory is full (maxmemory), and nothing was written: raise maxmemory, or free some"),
    (
        "MISCONF",
        "it cannot save to its disk and so takes no writes: free some space there, or look into its log",
    ),
    ("LOADING", "it is still reading its data after a start: try again in a moment"),
    ("NOREPLICAS", "too few of its replicas are connected (min-replicas-to-write): bring them back"),
    (
        "MOVED",
        "it is a node of a cluster, and another one holds the state: name that node in the store's URL",
    ),
    ("CLUSTERDOWN", "its cluster is down: look at it with CLUSTER INFO"),
    ("MASTERDOWN", "it is a replica without its primary: name the primary in the store's URL"),
    (
        "WRONGTYPE",
        "something else uses the name of one of the store's keys, and nothing was changed: rename that key, or choose another name with ?prefix=NAME",
    ),
    ("max number of clients", "it has as many clients as it takes: raise maxclients"),
    ("DB index is out of range", "it has no database of that number: correct it in the store's URL"),
    ("BUSY", "another client's script keeps it busy: try again, or end that one with SCRIPT KILL"),
    ("unknown command", "it is too old or lacks a command: Redis 6 or later is needed"),
    ("RESP3", "it is too old: Redis 6 or later is needed"),
    (
        "UnknownIssuer",
        "its certificate is of an authority that this machine does not know: name the authority's file with ?cacert=/path/ca.pem",
    ),
    (
        "certificate",
        "its certificate is not good for this name: correct the host in the store's URL, or the certificate",
    ),
    ("refused", "start Redis, or correct the host and the port in the store's URL"),
    ("failed to lookup", "correct the host in the store's URL, or its name service"),
    (
        "timed out",
        "it does not answer in time: look at the server and the network; whether a write landed is not known",
    ),
];

pub(super) fn away(line: &Line, doing: &str, error: &RedisError) -> Error {
    let mut said = error.to_string();
    if error.is_timeout() {
        said = "timed out".to_owned();
    }
    let found = WAYS_OUT.iter().find(|(word, _)| said.contains(word) || error.code() == Some(word));
    let way_out =
        found.map_or("look at the server, or choose another store with --store", |(_, way_out)| way_out);
    // An old server repeats what it did not understand, and that may be the password.
    let said = match line.password() {
        Some(password) if !password.is_empty() => said.replace(password, "***"),
        _ => said,
    };
    let kind = if error.is_timeout() { io::ErrorKind::TimedOut } else { io::ErrorKind::Other };
    let source = io::Error::new(kind, format!("{said}; {way_out}")).into();
    Error::Away { store: line.url().to_owned(), doing: doing.to_owned(), source }
}
