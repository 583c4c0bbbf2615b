//! A door that follows no store: whoever owns it knows whether the site is closed, and asks only then.

use std::sync::Arc;

use backsoon::document::{Health, Host, Mode, State};
use backsoon::rules::{Marks, TrustedProxies};
use backsoon::time::Timestamp;
use backsoon::{Rule, Window, decide};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::environ::Request;
use crate::instance::{effect, identity, said_now};

/// Decides about requests to a closed site by rules of its own. Nothing of it runs by itself, and nothing reports.
#[pyclass(frozen, module = "backsoon")]
pub(crate) struct Door {
    instance: Arc<backsoon::Instance>,
    proxies: Arc<TrustedProxies>,
}

// === impl Door ===

#[pymethods]
impl Door {
    /// `rules` is a JSON array of rules, as in `backsoon.toml`, and `proxies` one of networks whose `X-Forwarded-For` is
    /// believed. Health paths are nothing special here.
    #[new]
    #[pyo3(signature = (rules = "[]", proxies = "[]"))]
    fn new(rules: &str, proxies: &str) -> PyResult<Self> {
        let error = |error: serde_json::Error| PyValueError::new_err(error.to_string());
        let rules: Vec<Rule> = serde_json::from_str(rules).map_err(error)?;
        let proxies: TrustedProxies = serde_json::from_str(proxies).map_err(error)?;
        let proxies = Arc::new(proxies);
        let local = decide::Local { rules: rules.into(), proxies: Arc::clone(&proxies), health: Health::Off };
        let instance = backsoon::Instance::new(local, Marks::default());
        let mut state = State::new();
        state.site_mut(&Host::any()).windows.push(Window::new(Mode::On));
        // It is the first State that this instance is told, so nothing can win over it.
        let _ = instance.apply(&state, Timestamp::now());
        Ok(Self { instance, proxies })
    }

    /// Decides as `Instance.try_admit` does.
    #[pyo3(signature = (request, user = None, route = None))]
    fn try_admit(
        &self,
        py: Python<'_>,
        request: &Request,
        user: Option<u8>,
        route: Option<bool>,
    ) -> PyResult<Py<PyAny>> {
        said_now(py, self.instance.admit_now(&request.view(identity(user), effect(route), &self.proxies)))
    }
}
