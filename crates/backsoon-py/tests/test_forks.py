"""Forks in the middle of work: children are whole, whatever the parent's threads were doing."""

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


def child(n, members, permits):
    """The status of a child that lets go of what it has inherited, and joins for itself."""
    pid = os.fork()
    if pid == 0:
        try:
            if n % 3 == 0:
                permits.clear()
            elif n % 3 == 1:
                del members[1:]
                gc.collect()
            answer = members[0].try_admit(backsoon.Request(environ()))
            if n % 2:
                members[0].leave()
            os._exit(0 if isinstance(answer, backsoon.Permit) else 7)
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
