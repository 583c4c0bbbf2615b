//! The method of a request, as a rule names it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A method name in capitals, such as `GET`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Method(String);

/// The text is not a method.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a method; write it in capitals, for example GET or POST")]
pub struct NotAMethod(String);

impl Method {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Method {
    type Err = NotAMethod;

    fn from_str(text: &str) -> Result<Self, NotAMethod> {
        let valid = !text.is_empty() && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
        if valid { Ok(Self(text.to_owned())) } else { Err(NotAMethod(text.to_owned())) }
    }
}

impl TryFrom<String> for Method {
    type Error = NotAMethod;

    fn try_from(text: String) -> Result<Self, NotAMethod> {
        text.parse()
    }
}

impl From<Method> for String {
    fn from(method: Method) -> Self {
        method.0
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
