//! The behaviour table for the Python faces: this build only reads and checks, as for every other face.

use std::path::PathBuf;
use std::sync::Arc;

use backsoon::decide::Cause;
use backsoon::request::UserKind;
use backsoon::testing::behaviour;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::instance::Instance;

/// One row of the table.
#[pyclass(frozen, module = "backsoon._core")]
pub(crate) struct Case(behaviour::Case);

/// Reads every row of the table in `folder`.
#[pyfunction]
pub(crate) fn cases(folder: PathBuf) -> PyResult<Vec<Case>> {
    Ok(behaviour::read(&folder).map_err(PyValueError::new_err)?.into_iter().map(Case).collect())
}

// === impl Case ===

#[pymethods]
impl Case {
    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    #[getter]
    fn method(&self) -> &str {
        &self.0.request.method
    }

    #[getter]
    fn host(&self) -> &str {
        &self.0.request.host
    }

    #[getter]
    fn path(&self) -> &str {
        &self.0.request.path
    }

    #[getter]
    fn peer(&self) -> Option<String> {
        self.0.request.peer.map(|peer| peer.to_string())
    }

    #[getter]
    fn headers(&self) -> Vec<(String, String)> {
        self.0.request.headers.clone()
    }

    /// What the application answers when it is asked for the user, as `Instance.try_admit` takes it.
    #[getter]
    fn user(&self) -> u8 {
        let user = self.0.request.user();
        let kinds = [(UserKind::Authenticated, 1), (UserKind::Staff, 2), (UserKind::Superuser, 4)];
        kinds.into_iter().filter(|(kind, _)| user.is(*kind)).map(|(_, bit)| bit).sum()
    }

    /// An instance that has the row's state in force.
    fn instance(&self) -> PyResult<Instance> {
        Ok(Instance::around(self.0.instance().map_err(PyValueError::new_err)?))
    }

    /// What is wrong about an answer, or None. `because` is (by, rule), if the face knows.
    #[pyo3(signature = (status, headers, body, because = None, asked = None))]
    fn check(
        &self,
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
        because: Option<(String, Option<String>)>,
        asked: Option<usize>,
    ) -> PyResult<Option<String>> {
        let wrong = |error: &dyn std::fmt::Display| PyValueError::new_err(error.to_string());
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: HeaderName = name.parse().map_err(|error| wrong(&error))?;
            map.append(name, HeaderValue::from_bytes(value.as_bytes()).map_err(|error| wrong(&error))?);
        }
        let known = ["mark", "local", "rule", "health", "page", "pass", "mode", "link"];
        let cause = because.and_then(|(by, rule)| {
            let by = known.into_iter().find(|known| *known == by)?;
            Some(Cause::new(by, rule.map(Arc::from)))
        });
        let status = StatusCode::from_u16(status).map_err(|error| wrong(&error))?;
        let answer = behaviour::Answer { status, headers: map, body: body.into(), cause, asked };
        Ok(self.0.check(&answer).err())
    }
}
