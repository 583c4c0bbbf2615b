"""Forks in the middle of work: children are whole, whatever the parent's threads were doing."""

import ctypes
import gc
import os
import threading
import time

from faces import environ

import backsoon


def test_children_of_a_busy_parent_are_whole(tmp_path):
    members = [backsoon.Instance(f"file:{tmp_path}/{n}", poll=0.01, beat=0.01) for n in range(4)]
    permits = [member.try_admit(backsoon.Request(environ())) for member in members]
    over = threading.Event()

    def visit():
        while not over.is_set():
            for member in members:
                member.try_admit(backsoon.Request(environ())).release()
            time.sleep(0.0005)

    threads = [threading.Thread(target=visit) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        assert {child(n, members, permits) for n in range(40)} == {0}
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert all(isinstance(permit, backsoon.Permit) for permit in permits)


def test_a_child_that_python_has_not_made_is_whole(tmp_path):
    members = [backsoon.Instance(f"file:{tmp_path}/store", poll=0.01, beat=0.01)]
    members[0].try_admit(backsoon.Request(environ())).release()
    # As uWSGI does it: with Python's lock held, and none of its hooks called.
    assert child(3, members, [], ctypes.PyDLL(None).fork) == 0


def child(n, members, permits, fork=os.fork):
    """The status of a child that lets go of what it has inherited, and joins for itself."""
    pid = fork()
    if pid == 0:
        try:
            if n % 3 == 0:
                permits.clear()
            elif n % 3 == 1:
                del members[1:]
                gc.collect()
            answer = members[0].try_admit(backsoon.Request(environ()))
            has_joined = members[0].report()["place"]["pid"] == os.getpid()
            if n % 2:
                members[0].leave()
            os._exit(0 if isinstance(answer, backsoon.Permit) and has_joined else 7)
        finally:
            os._exit(8)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.001)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return "it hung"
