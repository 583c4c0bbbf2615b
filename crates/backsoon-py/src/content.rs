//! The content of a small file, as a request may ask for it: three calls of the system and nothing else.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// What nearly every state fits into; the rest of a longer one is read as well.
const USUAL: usize = 256;

/// The bytes of a file, or None if there is no such file. An `OSError` says which file it was.
#[pyfunction]
pub(crate) fn content<'py>(path: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyBytes>>> {
    match path.cast::<PyString>().ok().and_then(|path| path.to_str().ok()) {
        Some(text) => read(path.py(), Path::new(text)),
        // Half a character, which names of files may have, or an object that stands for a path.
        None => read(path.py(), &path.extract::<PathBuf>()?),
    }
}

fn read<'py>(py: Python<'py>, path: &Path) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let mut start = [0; USUAL];
    // Another thread may run meanwhile: a file may lie on a network.
    let read = py.detach(|| -> std::io::Result<(usize, Vec<u8>)> {
        let mut file = File::open(path)?;
        let length = file.read(&mut start)?;
        let mut rest = Vec::new();
        if length == USUAL {
            file.read_to_end(&mut rest)?;
        }
        Ok((length, rest))
    });
    match read {
        Ok((length, rest)) if rest.is_empty() => Ok(Some(PyBytes::new(py, &start[..length]))),
        Ok((length, rest)) => Ok(Some(PyBytes::new(py, &[&start[..length], &rest].concat()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        // From these three Python itself makes the right kind of error.
        Err(error) => Err(PyOSError::new_err((error.raw_os_error(), error.to_string(), path.to_owned()))),
    }
}
