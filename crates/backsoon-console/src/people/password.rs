//! Passwords: argon2id, with the parameters of OWASP's Password Storage Cheat Sheet (m = 19 MiB, t = 2, p = 1;
//! <https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html>).

use std::fmt;
use std::sync::OnceLock;

use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

/// The shortest password that is taken, in characters.
pub const SHORTEST: usize = 12;
/// The longest, in bytes: a passphrase fits, and nobody makes the server hash a book.
const LONGEST: usize = 1024;

/// Memory in KiB.
const MEMORY: u32 = 19_456;
/// Passes over it.
const PASSES: u32 = 2;

/// How many passwords are hashed at once: each takes [`MEMORY`].
static AT_ONCE: Semaphore = Semaphore::const_new(4);

/// A password's hash as PHC string; what it was hashed with is written in it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

/// The password is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// Too short.
    #[error("the password has fewer than {SHORTEST} characters; take a few words")]
    Short,
    /// Too long.
    #[error("the password has more than {LONGEST} bytes")]
    Long,
    /// It can be guessed at once.
    #[error("the password is the user's name; take a few words")]
    Name,
}

/// Checks that `password` may be that of `name`.
///
/// # Errors
/// What is wrong with it.
pub fn check(name: &str, password: &str) -> Result<(), Weak> {
    match password {
        short if short.chars().count() < SHORTEST => Err(Weak::Short),
        long if long.len() > LONGEST => Err(Weak::Long),
        same if same.to_lowercase() == name => Err(Weak::Name),
        _ => Ok(()),
    }
}

// === impl Password ===

impl Password {
    /// Hashes `password`, which takes some tens of milliseconds of a thread of its own.
    pub async fn hash(password: String) -> Self {
        Self(apart(move || hash(&password)).await.unwrap_or_default())
    }

    /// Whether `password` is the one. Where there is none to compare with, as much work is done all the same, so that
    /// nobody learns from the time which users there are.
    pub async fn verify(hashed: Option<&Self>, password: String) -> bool {
        static NOBODYS: OnceLock<String> = OnceLock::new();
        let hashed = hashed.map(|hashed| hashed.0.clone());
        let work = move || {
            let known = hashed.is_some();
            let hashed = hashed.unwrap_or_else(|| NOBODYS.get_or_init(|| hash("nobody's password")).clone());
            let same = PasswordHash::new(&hashed)
                .is_ok_and(|hashed| hasher().verify_password(password.as_bytes(), &hashed).is_ok());
            known && same
        };
        password_fits(work).await
    }
}

async fn password_fits(work: impl FnOnce() -> bool + Send + 'static) -> bool {
    apart(work).await.unwrap_or(false)
}

async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    // It is never closed.
    let turn = AT_ONCE.acquire().await.ok();
    // The turn goes with the work, which goes on when whoever has asked for it hangs up.
    let work = move || {
        let done = work();
        drop(turn);
        done
    };
    tokio::task::spawn_blocking(work).await.ok()
}

#[allow(clippy::expect_used, reason = "the parameters are constants, and a hash must not be left out")]
fn hash(password: &str) -> String {
    let mut salt = [0_u8; 16];
    getrandom::fill(&mut salt).expect("the system gives random numbers");
    let salt = SaltString::encode_b64(&salt).expect("16 bytes are a salt");
    hasher().hash_password(password.as_bytes(), &salt).expect("these parameters hash").to_string()
}

#[allow(clippy::expect_used, reason = "the parameters are constants")]
fn hasher() -> Argon2<'static> {
    let params = Params::new(MEMORY, PASSES, 1, None).expect("OWASP's parameters");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_fits_and_the_hash_says_how_it_was_made() {
        let hashed = Password::hash("correct horse battery".into()).await;
        assert!(hashed.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hashed.0);
        assert!(Password::verify(Some(&hashed), "correct horse battery".into()).await);
        assert!(!Password::verify(Some(&hashed), "correct horse batterY".into()).await);
        assert!(!Password::verify(None, "nobody's password".into()).await);
        assert!(!Password::verify(Some(&Password(String::new())), String::new()).await);
        assert_eq!(format!("{hashed:?}"), "Password(***)");
    }

    #[tokio::test]
    async fn whoever_hangs_up_makes_no_room_for_more_work() {
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let wait = std::sync::Arc::new(std::sync::Mutex::new(wait));
        for _ in 0..4 {
            let (begun, has_begun) = tokio::sync::oneshot::channel();
            let wait = std::sync::Arc::clone(&wait);
            let work = move || {
                let _ = begun.send(());
                let _ = wait.lock().unwrap().recv();
            };
            let asking = tokio::spawn(apart(work));
            has_begun.await.unwrap();
            asking.abort();
            assert!(asking.await.is_err(), "it has hung up");
        }
        assert!(AT_ONCE.try_acquire().is_err(), "four are at work");
        drop(go);
    }

    #[test]
    fn a_password_that_is_guessed_at_once_is_not_taken() {
        assert_eq!(check("ada", "short"), Err(Weak::Short));
        assert_eq!(check("ada@example.com", "Ada@Example.com"), Err(Weak::Name));
        assert_eq!(check("ada", &"a".repeat(2000)), Err(Weak::Long));
        assert_eq!(check("ada", "correct horse"), Ok(()));
    }
}
