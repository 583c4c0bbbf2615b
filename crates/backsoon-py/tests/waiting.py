import time


def eventually(what, is_so, patience=20):
    """Waits until it is so."""
    end = time.monotonic() + patience
    while not is_so():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.01)
