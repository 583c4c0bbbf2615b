//! This process as a member of the fleet, and its door.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use backsoon::instance::Hesitation;
use backsoon::request::{Effect, Identity, User};
use backsoon::{Admission, store};
use pyo3::prelude::*;
use tokio::task::AbortHandle;

use crate::environ::Request;
use crate::options::Options;
use crate::process::{Own, runtime};
use crate::reply::Reply;
use crate::standing::shown;
use crate::stores::{self, opened};

/// After this long a farewell that the store does not take is given up: the process is about to end.
const FAREWELL: Duration = Duration::from_secs(5);

/// A process that admits, refuses and counts requests. It joins the fleet when it is first asked, and anew after a
/// fork, so that each worker stands on the roster under a name of its own.
#[pyclass(frozen, module = "backsoon")]
pub(crate) struct Instance {
    url: String,
    options: Options,
    /// Only looked at with the GIL held, which whoever forks holds as well.
    joined: Mutex<Joined>,
}

/// The membership of one generation.
type Joined = Own<Arc<OnceLock<Arc<backsoon::Instance>>>>;

/// What a running request holds until its last byte.
#[pyclass(frozen, module = "backsoon")]
pub(crate) struct Permit(Mutex<Option<Own<backsoon::Permit>>>);

/// It depends on who the user is: find out, and ask again.
#[pyclass(frozen, module = "backsoon")]
pub(crate) struct Ask;

/// The site holds: wait, and be admitted or refused later.
#[pyclass(frozen, module = "backsoon")]
pub(crate) struct Hold;

/// What a waiting request can be given up by.
#[pyclass(frozen, module = "backsoon")]
pub(crate) struct Waiting(AbortHandle);

// === impl Instance ===

impl Instance {
    /// The instance of this process. Joining takes as long as the store takes to answer, five seconds at most.
    fn here(&self, py: Python<'_>) -> PyResult<Arc<backsoon::Instance>> {
        let joined = {
            let mut joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
            if joined.get().is_none() {
                *joined = Own::default();
            }
            joined.get().cloned().unwrap_or_default()
        };
        if let Some(instance) = joined.get() {
            return Ok(Arc::clone(instance));
        }
        let runtime = runtime(py)?;
        let store = opened(py, &self.url)?;
        let options = self.options.to_join();
        let instance = py.detach(|| {
            let join = || runtime.block_on(backsoon::Instance::join(store, options));
            Arc::clone(joined.get_or_init(join))
        });
        stores::joined(py, &self.url, &instance);
        Ok(instance)
    }

    /// One that is told its state and follows nothing.
    #[cfg(feature = "testing")]
    pub(crate) fn around(instance: Arc<backsoon::Instance>) -> Self {
        let joined = Own::new(Arc::new(OnceLock::from(instance)));
        Self { url: "memory:".into(), options: Options::default(), joined: Mutex::new(joined) }
    }

    /// The instance if this process has joined.
    fn there(&self) -> Option<Arc<backsoon::Instance>> {
        let joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
        joined.get().and_then(|joined| joined.get().cloned())
    }
}

#[pymethods]
impl Instance {
    /// Of the fleet that follows the store at `url`; `options` is a JSON object.
    #[new]
    #[pyo3(signature = (url, options = "{}"))]
    fn new(py: Python<'_>, url: String, options: &str) -> PyResult<Self> {
        opened(py, &url)?;
        Ok(Self { url, options: Options::read(options)?, joined: Mutex::default() })
    }

    /// Joins now, rather than with the first request.
    fn join(&self, py: Python<'_>) -> PyResult<()> {
        self.here(py).map(drop)
    }

    /// Decides: a permit, a reply, or why neither can be said yet. `user` is 0 or a sum of 1 (signed in), 2 (staff) and
    /// 4 (superuser), or None if nobody was asked; `route` is what the view says: True for always open, False for always
    /// closed.
    #[pyo3(signature = (request, user = None, route = None))]
    fn try_admit(
        &self,
        py: Python<'_>,
        request: &Request,
        user: Option<u8>,
        route: Option<bool>,
    ) -> PyResult<Py<PyAny>> {
        let view = request.view(identity(user), effect(route), self.options.proxies());
        said_now(py, self.here(py)?.admit_now(&view))
    }

    /// The same, waiting while the site holds. Other threads of Python go on meanwhile.
    #[pyo3(signature = (request, user = 0, route = None))]
    fn wait(
        &self,
        py: Python<'_>,
        request: &Bound<'_, Request>,
        user: u8,
        route: Option<bool>,
    ) -> PyResult<Py<PyAny>> {
        let (instance, runtime) = (self.here(py)?, runtime(py)?);
        request.get().settle();
        let request = request.get();
        let proxies = self.options.proxies();
        let admission = py.detach(|| {
            runtime.block_on(instance.admit(&request.view(identity(Some(user)), effect(route), proxies)))
        });
        said(py, admission)
    }

    /// The same for a request that may wait: calls `done` with a permit or a reply, from another thread.
    #[pyo3(signature = (done, request, user = 0, route = None))]
    fn admit_later(
        &self,
        py: Python<'_>,
        done: Py<PyAny>,
        request: Py<Request>,
        user: u8,
        route: Option<bool>,
    ) -> PyResult<Waiting> {
        let instance = self.here(py)?;
        request.get().settle();
        let proxies = self.options.proxies().clone();
        let task = runtime(py)?.spawn(async move {
            let view = request.get().view(identity(Some(user)), effect(route), &proxies);
            let admission = instance.admit(&view).await;
            // Python may have ended meanwhile; then nobody waits.
            Python::try_attach(|py| {
                let answer = said(py, admission).and_then(|answer| done.call1(py, (answer,)));
                if let Err(error) = answer {
                    error.write_unraisable(py, None);
                }
            });
        });
        Ok(Waiting(task.abort_handle()))
    }

    /// How the site of `host` stands, as JSON: its mode, its window, when it reopens, what comes.
    fn standing(&self, py: Python<'_>, host: &str) -> PyResult<String> {
        Ok(shown(&self.here(py)?.standing(host)))
    }

    /// How closed the site of `host` is by what is in force here: `off`, `read-only`, `hold` or `on`.
    fn mode(&self, py: Python<'_>, host: &str) -> PyResult<String> {
        Ok(self.here(py)?.mode(host).to_string())
    }

    /// What this process says of itself on the roster, as JSON; None before it has joined.
    fn report(&self) -> Option<String> {
        let report = self.there()?.report()?;
        serde_json::to_string(&report).ok()
    }

    /// Says farewell, so that no receipt waits for this process. It goes on deciding by its last state.
    fn leave(&self, py: Python<'_>) -> PyResult<()> {
        let Some(instance) = self.there() else { return Ok(()) };
        let runtime = runtime(py)?;
        // A farewell that does not arrive is no worse than none: the process is found dead.
        let say = move || {
            runtime.block_on(async { tokio::time::timeout(FAREWELL, instance.leave()).await.is_ok() })
        };
        // On a thread of its own: uWSGI ends Python after what tokio keeps for the main thread is gone.
        let said = std::thread::Builder::new().name("backsoon-farewell".into()).spawn(say);
        py.detach(|| said.map(std::thread::JoinHandle::join).is_ok());
        Ok(())
    }

    /// The store's URL without its password.
    #[getter]
    fn store(&self) -> String {
        store::without_secrets(&self.url)
    }
}

// === impl Permit ===

#[pymethods]
impl Permit {
    /// Says that the last byte has gone. More than once is no harm; a permit that nobody holds is released as well.
    fn release(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Whether the site has changed since: a sign for streams to end.
    #[getter]
    fn is_outdated(&self) -> bool {
        let permit = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        permit.as_ref().and_then(Own::get).is_some_and(backsoon::Permit::is_outdated)
    }

    /// When the site will close, if that is to be announced by now: the value of `Backsoon-Upcoming`.
    #[getter]
    fn upcoming(&self) -> Option<String> {
        let permit = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let upcoming = permit.as_ref().and_then(Own::get)?.upcoming()?;
        upcoming.field().to_str().ok().map(str::to_owned)
    }

    /// The pass that let the request through a closing; the response names it as `Backsoon-Pass`.
    #[getter]
    fn pass_id(&self) -> Option<String> {
        let permit = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        permit.as_ref().and_then(Own::get).and_then(|permit| permit.pass().map(ToString::to_string))
    }

    /// Who admitted the request: `mark`, `local`, `rule`, `health`, `page`, `pass` or `mode`.
    #[getter]
    fn because(&self) -> Option<&'static str> {
        let permit = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        permit.as_ref().and_then(Own::get).map(|permit| permit.cause().by)
    }
}

// === impl Waiting ===

#[pymethods]
impl Waiting {
    /// Gives up the place in the line.
    fn cancel(&self) {
        self.0.abort();
    }
}

/// What the door says in Python's words, for what may have to wait or to ask.
pub(crate) fn said_now(py: Python<'_>, decided: Result<Admission, Hesitation>) -> PyResult<Py<PyAny>> {
    match decided {
        Ok(admission) => said(py, admission),
        Err(Hesitation::Ask) => Ok(Py::new(py, Ask)?.into_any()),
        Err(Hesitation::Wait) => Ok(Py::new(py, Hold)?.into_any()),
    }
}

fn said(py: Python<'_>, admission: Admission) -> PyResult<Py<PyAny>> {
    Ok(match admission {
        Admission::Admitted(permit) => Py::new(py, Permit(Mutex::new(Some(Own::new(permit)))))?.into_any(),
        Admission::Refused(reply, cause) => Py::new(py, Reply::new(reply, cause))?.into_any(),
    })
}

pub(crate) fn identity(user: Option<u8>) -> Identity {
    let Some(bits) = user else { return Identity::Unasked };
    let kinds = [(1, User::AUTHENTICATED), (2, User::STAFF), (4, User::SUPERUSER)];
    let known = kinds.into_iter().filter(|(bit, _)| bits & bit != 0).map(|(_, user)| user);
    Identity::Known(known.fold(User::ANONYMOUS, User::and))
}

pub(crate) fn effect(route: Option<bool>) -> Option<Effect> {
    route.map(|open| if open { Effect::Open } else { Effect::Closed })
}
