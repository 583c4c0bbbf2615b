//! Closing and reopening from Python.

use std::sync::{Arc, Mutex, PoisonError};

use backsoon::control::Opens;
use backsoon::decide::Local;
use backsoon::document::{Host, Mode, State};
use backsoon::store::{Store, without_secrets};
use backsoon::time::Timestamp;
use backsoon::{Instance, Marks, Window, during};
use pyo3::exceptions::{PyConnectionError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::process::{Own, runtime};
use crate::standing::shown;
use crate::stores;

/// Reads and changes the state of one store, in the name of one person or program.
#[pyclass(frozen, module = "backsoon")]
pub(crate) struct Control {
    url: String,
    by: String,
    /// Connections do not survive a fork. Only looked at with the GIL held.
    opened: Mutex<Option<Own<Arc<dyn Store>>>>,
}

/// A window that this program stands behind until it ends it: its lease is renewed meanwhile.
#[pyclass(frozen, module = "backsoon")]
pub(crate) struct Kept {
    id: String,
    url: String,
    kept: Mutex<Option<Own<(during::Kept, backsoon::Control)>>>,
}

// === impl Control ===

impl Control {
    fn control(&self, py: Python<'_>) -> PyResult<backsoon::Control> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let store = match opened.as_ref().and_then(Own::get) {
            Some(store) => Arc::clone(store),
            None => {
                let store = stores::opened(py, &self.url)?;
                *opened = Some(Own::new(Arc::clone(&store)));
                store
            }
        };
        Ok(backsoon::Control::new(store, self.by.clone()))
    }

    /// One that has the state of the store in force.
    fn instance(&self, py: Python<'_>) -> PyResult<Arc<Instance>> {
        let (control, runtime) = (self.control(py)?, runtime(py)?);
        let state = py.detach(|| runtime.block_on(control.read())).map_err(error)?;
        let instance = Instance::new(Local::default(), Marks::default());
        if let Some(state) = state {
            // It is the first State that this instance is told, so nothing can win over it.
            let _ = instance.apply(&state, Timestamp::now());
        }
        Ok(instance)
    }
}

#[pymethods]
impl Control {
    #[new]
    fn new(py: Python<'_>, url: String, by: String) -> PyResult<Self> {
        stores::opened(py, &url)?;
        Ok(Self { url, by, opened: Mutex::new(None) })
    }

    /// The state in the store as JSON, or None if nobody has asked for anything yet.
    fn read(&self, py: Python<'_>) -> PyResult<Option<String>> {
        let (control, runtime) = (self.control(py)?, runtime(py)?);
        let state = py.detach(|| runtime.block_on(control.read())).map_err(error)?;
        Ok(state.and_then(|state| serde_json::to_string(&state).ok()))
    }

    /// How closed `site` is by the state in the store: `off`, `read-only`, `hold` or `on`.
    fn mode(&self, py: Python<'_>, site: &str) -> PyResult<String> {
        Ok(self.instance(py)?.mode(site).to_string())
    }

    /// How `site` stands by the state in the store, as JSON: its mode, its window, when it reopens, what comes.
    fn standing(&self, py: Python<'_>, site: &str) -> PyResult<String> {
        Ok(shown(&self.instance(py)?.standing(site)))
    }

    /// The store's URL without its password.
    #[getter]
    fn store(&self) -> String {
        without_secrets(&self.url)
    }

    /// Makes a window the only one of `site` that has this `note`, or ends all that have it if there is no `mode`. Windows
    /// of others stay. `start` and `end` are moments in the form of RFC 3339.
    #[pyo3(signature = (site, note, mode = None, start = None, end = None))]
    fn replace(
        &self,
        py: Python<'_>,
        site: &str,
        note: &str,
        mode: Option<&str>,
        start: Option<&str>,
        end: Option<&str>,
    ) -> PyResult<()> {
        let host: Host = site.parse().map_err(value)?;
        let moment = |text: Option<&str>| text.map(str::parse).transpose().map_err(value);
        let (start, end) = (moment(start)?, moment(end)?);
        let window = match mode {
            None => None,
            Some(mode) => {
                let mut window = Window::new(serde_json::from_value(mode.into()).map_err(value)?);
                (window.start, window.end) = (start, end);
                (window.by, window.note) = (self.by.clone(), note.to_owned());
                window.check(Timestamp::now()).map_err(value)?;
                Some(window)
            }
        };
        let (control, runtime) = (self.control(py)?, runtime(py)?);
        let done = format!("{} {host} ({note})", mode.unwrap_or("off"));
        let edit = |state: &mut State| {
            let is_there = state.site(&host).is_some_and(|s| s.windows.iter().any(|w| w.note == note));
            if is_there || window.is_some() {
                let windows = &mut state.site_mut(&host).windows;
                windows.retain(|other| other.note != note);
                windows.extend(window.clone());
            }
            Ok::<_, String>(())
        };
        let opens = if window.is_none() { Opens::Sites(vec![host.clone()]) } else { Opens::Nothing };
        let control = control.opening(opens);
        let followers = stores::followers(py, &self.url);
        py.detach(|| {
            runtime.block_on(async {
                control.update(&done, edit).await?;
                stores::told(followers, &control).await;
                Ok(())
            })
        })
        .map_err(error)
    }

    /// Closes `site` by a window of this program's own and stands behind it.
    #[pyo3(signature = (site, mode = "on", message = None, note = ""))]
    fn keep(
        &self,
        py: Python<'_>,
        site: &str,
        mode: &str,
        message: Option<String>,
        note: &str,
    ) -> PyResult<Kept> {
        let host: Host = site.parse().map_err(value)?;
        let mode: Mode = serde_json::from_value(mode.into()).map_err(value)?;
        let mut window = Window::new(mode);
        (window.message, window.note) = (message, note.to_owned());
        let (control, runtime) = (self.control(py)?, runtime(py)?);
        let followers = stores::followers(py, &self.url);
        let kept = py.detach(|| {
            runtime.block_on(async {
                let kept = control.keep(vec![(host, window)]).await?;
                stores::told(followers, &control).await;
                Ok(kept)
            })
        });
        let kept = kept.map_err(error)?;
        let id = kept.windows().iter().map(|(_, window)| window.id.to_string()).collect();
        Ok(Kept { id, url: self.url.clone(), kept: Mutex::new(Some(Own::new((kept, control)))) })
    }
}

// === impl Kept ===

#[pymethods]
impl Kept {
    /// The window's name, as `backsoon status` shows it.
    #[getter]
    fn id(&self) -> &str {
        &self.id
    }

    /// Ends exactly this window. While the store is away that is tried again, and this waits. More than once is no harm.
    fn end(&self, py: Python<'_>) -> PyResult<()> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        // In a child of a fork there is none: the parent stands behind it, and ends it.
        let Some((kept, control)) = kept.and_then(Own::take) else { return Ok(()) };
        let (runtime, followers) = (runtime(py)?, stores::followers(py, &self.url));
        py.detach(|| {
            runtime.block_on(async {
                kept.end(|_| {}).await?;
                stores::told(followers, &control).await;
                Ok(())
            })
        })
        .map_err(error)
    }
}

fn value(error: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}

fn error(error: backsoon::control::Error) -> PyErr {
    use backsoon::control::Error;
    match error {
        Error::Store(_) | Error::Unknown { .. } => PyConnectionError::new_err(error.to_string()),
        error => PyRuntimeError::new_err(error.to_string()),
    }
}
