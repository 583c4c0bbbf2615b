//! The answer in place of the application's.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// What to send in place of the application's answer.
#[pyclass(frozen, module = "backsoon")]
pub(crate) struct Reply {
    reply: backsoon::reply::Reply,
    cause: backsoon::decide::Cause,
}

// === impl Reply ===

impl Reply {
    pub(crate) fn new(reply: backsoon::reply::Reply, cause: backsoon::decide::Cause) -> Self {
        Self { reply, cause }
    }
}

#[pymethods]
impl Reply {
    /// The status, 503 unless the site's page says otherwise.
    #[getter]
    fn status(&self) -> u16 {
        self.reply.status.as_u16()
    }

    /// The header fields, `Retry-After` among them when it is known.
    #[getter]
    fn headers(&self) -> Vec<(String, String)> {
        let fields = self.reply.header_map();
        let text = |value: &[u8]| value.iter().map(|&byte| char::from(byte)).collect();
        fields.iter().map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()))).collect()
    }

    /// The body; empty for HEAD.
    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.reply.body)
    }

    /// Who decided: `mark`, `local`, `rule` or `mode`; `link` for the answer to the link of a pass.
    #[getter]
    fn because(&self) -> &'static str {
        self.cause.by
    }

    /// The name of the rule that decided, if one did.
    #[getter]
    fn rule(&self) -> Option<&str> {
        self.cause.rule().map(|rule| &**rule)
    }

    fn __repr__(&self) -> String {
        format!("<Reply {} because of {}>", self.reply.status.as_u16(), self.cause.by)
    }
}
