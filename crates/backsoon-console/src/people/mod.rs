//! Who may sign in: users with a role, kept in the store that the whole fleet shares.

pub mod history;
mod link;
mod name;
pub mod password;
mod role;
pub mod secret;
mod user;

use std::sync::Arc;

use backsoon::store::{self, PutMode, Store};

pub use self::history::PeopleHistory;
use self::history::{Deed, Record};
pub use self::link::VALID as LINK_VALID;
pub use self::name::{NotAUserName, UserName};
pub use self::password::{Password, Weak};
pub use self::role::{NotARole, Role};
pub use self::secret::Secret;
pub use self::user::User;
use crate::records;

/// Where users are filed.
const PEOPLE: &str = "people/";

/// The users of one store.
#[derive(Debug, Clone)]
pub struct People {
    store: Arc<dyn Store>,
    history: PeopleHistory,
}

/// Why nothing was done about a user.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotDone {
    /// The store is away.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The name is taken.
    #[error("there is a user `{0}` already; remove them first, or take another name")]
    Taken(UserName),
    /// There is no such user.
    #[error("there is no user `{0}`")]
    NoUser(UserName),
    /// The password is not taken.
    #[error(transparent)]
    Weak(#[from] Weak),
    /// The link was used, is too old, or never was one.
    #[error(
        "this link is not valid: it works once, for 15 minutes, and only while there are no users; `backsoon user link` prints another one"
    )]
    NoLink,
    /// A first link is for the first user.
    #[error("there are users already; `backsoon user add NAME` adds another one")]
    AlreadyPeople,
}

// === impl People ===

impl People {
    /// The users of `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { history: PeopleHistory::new(Arc::clone(&store)), store }
    }

    /// All of them, by name.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn list(&self) -> store::Result<Vec<User>> {
        let mut users: Vec<User> =
            records::list(&*self.store, PEOPLE).await?.into_iter().map(|(_, user)| user).collect();
        users.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(users)
    }

    /// The user called `name`.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn find(&self, name: &UserName) -> store::Result<Option<User>> {
        Ok(records::read(&*self.store, &key(name)).await?.map(|(user, _)| user))
    }

    /// What became of them.
    pub fn history(&self) -> &PeopleHistory {
        &self.history
    }

    /// Adds a user in the name of `by`; one without a password signs in at a trusted proxy alone.
    ///
    /// # Errors
    /// When the name is taken, the password is not, or the store is away.
    pub async fn add(
        &self,
        name: UserName,
        role: Role,
        password: Option<String>,
        by: &str,
    ) -> Result<User, NotDone> {
        let password = match password {
            Some(password) => {
                password::check(name.as_str(), &password)?;
                Some(Password::hash(password).await)
            }
            None => None,
        };
        self.add_hashed(name, role, password, by).await
    }

    async fn add_hashed(
        &self,
        name: UserName,
        role: Role,
        password: Option<Password>,
        by: &str,
    ) -> Result<User, NotDone> {
        if self.store.get(&key(&name)).await?.is_some() {
            return Err(NotDone::Taken(name));
        }
        let user = User::new(name, role, password, by);
        let record = Record { role: Some(role), ..Record::new(Deed::Added, &user.name, by) };
        self.recorded(&record, async {
            match records::put(&*self.store, &key(&user.name), &user, PutMode::Create).await? {
                true => Ok(user.clone()),
                false => Err(NotDone::Taken(user.name.clone())),
            }
        })
        .await
    }

    /// Removes a user in the name of `by`; their sessions end with them.
    ///
    /// # Errors
    /// When there is no such user, or the store is away.
    pub async fn remove(&self, name: &UserName, by: &str) -> Result<(), NotDone> {
        if self.find(name).await?.is_none() {
            return Err(NotDone::NoUser(name.clone()));
        }
        let record = Record::new(Deed::Removed, name, by);
        self.recorded(&record, async { Ok(self.store.delete(&key(name)).await?) }).await
    }

    /// Makes a change that is recorded first.
    async fn recorded<T>(
        &self,
        record: &Record,
        change: impl Future<Output = Result<T, NotDone>>,
    ) -> Result<T, NotDone> {
        self.history.file(record).await?;
        let changed = change.await;
        if changed.is_err() {
            self.history.take_back(record).await;
        }
        changed
    }

    /// Gives a user another role or password, whichever is named, in the name of `by`; their sessions end.
    ///
    /// # Errors
    /// When there is no such user, the password is not taken, or the store is away.
    pub async fn change(
        &self,
        name: &UserName,
        role: Option<Role>,
        password: Option<String>,
        by: &str,
    ) -> Result<User, NotDone> {
        let password = match password {
            Some(password) => {
                password::check(name.as_str(), &password)?;
                Some(Password::hash(password).await)
            }
            None => None,
        };
        let what = match (role, &password) {
            (None, None) => return self.edit(name, role, password).await,
            (Some(_), None) => Deed::RoleChanged,
            (None, Some(_)) => Deed::PasswordChanged,
            (Some(_), Some(_)) => Deed::RoleAndPasswordChanged,
        };
        if self.find(name).await?.is_none() {
            return Err(NotDone::NoUser(name.clone()));
        }
        let record = Record { role, ..Record::new(what, name, by) };
        self.recorded(&record, self.edit(name, role, password)).await
    }

    async fn edit(
        &self,
        name: &UserName,
        role: Option<Role>,
        password: Option<Password>,
    ) -> Result<User, NotDone> {
        let change = |user: &mut User| {
            user.role = role.unwrap_or(user.role);
            user.password = password.clone().or(user.password.take());
            user.end_sessions();
            user.clone()
        };
        let changed = records::change(&*self.store, &key(name), change).await?;
        changed.ok_or_else(|| NotDone::NoUser(name.clone()))
    }

    /// Ends every session of a user.
    ///
    /// # Errors
    /// When there is no such user, or the store is away.
    pub async fn end_sessions(&self, name: &UserName) -> Result<(), NotDone> {
        self.edit(name, None, None).await.map(drop)
    }

    /// The user, if `password` is theirs. It takes as long for a name that nobody has.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn sign_in(&self, name: Option<&UserName>, password: String) -> store::Result<Option<User>> {
        let user = match name {
            Some(name) => self.find(name).await?,
            None => None,
        };
        let hashed = user.as_ref().and_then(|user| user.password.as_ref());
        let fits = Password::verify(hashed, password).await;
        Ok(user.filter(|_| fits))
    }
}

fn key(name: &UserName) -> String {
    format!("{PEOPLE}{}", name.segment())
}
