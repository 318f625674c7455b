"""Ways for a process to end, of which the first argument names one."""

from __future__ import annotations

import asyncio
import atexit
import multiprocessing
import os
import signal
import sys
import threading
import time

from hedgerow_users.domain.password import Password
from hedgerow_users.infrastructure.argon2_hasher import Argon2Hasher


def returns() -> None:
    print("done")


def hears() -> None:
    print(sys.stdin.read())


def says_no() -> None:
    sys.exit(3)


def says_why() -> None:
    sys.exit("no soil")


def says_nothing() -> None:
    sys.exit()


def fails() -> None:
    raise RuntimeError("no soil")


def is_interrupted() -> None:
    raise KeyboardInterrupt


def is_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def has_more_to_do() -> None:
    """A thread and an atexit function write after `main` has ended."""
    atexit.register(lambda: print("at exit"))

    def write() -> None:
        while threading.main_thread().is_alive():
            time.sleep(0.01)
        sys.stdout.write("in a thread\n")

    threading.Thread(target=write).start()


def hashes_a_password() -> None:
    """Its parameters are at the front of the hash."""
    hasher = Argon2Hasher(queue=1)
    print(asyncio.run(hasher.hash(Password("correct horse battery staple"))).reveal().split("$")[3])
    hasher.close()


def spawns() -> None:
    """A child that inherits nothing but what is passed to it, and says so."""
    atexit.register(lambda: print("at the parent's exit"))
    signal.signal(signal.SIGTERM, lambda *_: None)
    with open(__file__) as _opened:
        child = multiprocessing.get_context("spawn").Process(target=_looks_around, args=("passed",))
        child.start()
        child.join()
        print(child.exitcode)


def _looks_around(passed: str) -> None:
    opened = [
        file for file in range(3, 64) if os.path.exists(f"/dev/fd/{file}") and os.path.samefile(file, __file__)
    ]
    print(passed, opened, signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT))
    parent = multiprocessing.parent_process()
    print(parent is not None and parent.is_alive() and parent.pid == os.getppid())
    sys.exit(7)


def leaves_a_child() -> None:
    """One that is still at work when `main` ends: Python waits for it."""
    multiprocessing.get_context("spawn").Process(target=_takes_its_time).start()


def _takes_its_time() -> None:
    time.sleep(0.5)
    print("the child is done")


def main() -> None:
    globals()[sys.argv[1]]()


if __name__ == "__main__":
    main()
