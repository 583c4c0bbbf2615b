//! Backsoon's core for Python: the module `backsoon._core`. It only translates; the library decides.

#[cfg(feature = "testing")]
mod behaviour;
mod command;
mod content;
mod control;
mod door;
mod environ;
mod instance;
mod options;
mod pattern;
mod process;
mod reply;
mod standing;
mod stores;

use pyo3::prelude::*;

/// The switch's core. Use it by the names in `backsoon`.
#[pymodule]
mod _core {
    #[cfg(feature = "testing")]
    #[pymodule_export]
    use super::behaviour::{Case, cases};
    #[pymodule_export]
    use super::command::command;
    #[pymodule_export]
    use super::content::content;
    #[pymodule_export]
    use super::control::{Control, Kept};
    #[pymodule_export]
    use super::door::Door;
    #[pymodule_export]
    use super::environ::Request;
    #[pymodule_export]
    use super::instance::{Ask, Hold, Instance, Permit, Waiting};
    #[pymodule_export]
    use super::pattern::translate;
    #[pymodule_export]
    use super::reply::Reply;

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("LINKS", backsoon::pass::PREFIX)?;
        super::process::count_forks()?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
