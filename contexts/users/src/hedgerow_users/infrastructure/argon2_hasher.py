"""Argon2id in a small pool of threads: it never blocks the event loop, and its queue is bounded."""

from __future__ import annotations

import asyncio
import base64
import ctypes
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar, final

import argon2
from argon2.exceptions import VerifyMismatchError

from hedgerow_users.application.password_ports import HashingBusy
from hedgerow_users.domain.password import Password, PasswordHash

Answer = TypeVar("Answer")

LANES = 1
SALT_BYTES = 16
HASH_BYTES = 32

THREADS = min(4, max(1, (os.cpu_count() or 1) // 2))
"""Hashing is pure computation outside the interpreter lock. Half of the cores stay with all that is no login, and
four threads are 76 MiB."""
NICENESS = 5
"""When cores are short, the event loop goes first: a storm of logins makes logins slow, and little else. (On two
cores, 50 logins/s: p99 of another route 199 ms without the two rules, 26 to 91 ms with them.)"""

QUIET_S = 1.0
"""So long after the last hash, its memory goes back to the system, if threads share a heap, as in our hosts. The C
library would keep it for the next one; while many log in that is right: new pages make a hash a quarter dearer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HashingCost:
    """What one hash costs, us and whoever guesses."""

    memory_kib: int
    passes: int


OWASP = HashingCost(memory_kib=19_456, passes=2)
"""Password Storage Cheat Sheet: Argon2id with 19 MiB, two passes, one lane. No setting makes it less."""


@final
class Argon2Hasher:
    """Hashes and checks passwords (port `PasswordHasher`). `close()` it when the process ends.

    At most `queue` calls wait for a thread; the next one is refused. A call whose caller went away still
    counts until its thread is done with it.
    """

    def __init__(self, *, queue: int, cost: HashingCost = OWASP) -> None:
        self._argon2 = argon2.PasswordHasher(
            time_cost=cost.passes,
            memory_cost=cost.memory_kib,
            parallelism=LANES,
            hash_len=HASH_BYTES,
            salt_len=SALT_BYTES,
        )
        self._room = threading.BoundedSemaphore(THREADS + queue)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="argon2", initializer=_let_others_go_first)
        self._nobody = _hash_of_no_password(cost)
        self._giving_back: asyncio.TimerHandle | None = None

    def demand_room(self) -> None:
        """Pass if a call would find a place now.

        Raises:
            HashingBusy: the queue is full.
        """
        self._take_a_place()
        self._room.release()

    async def hash(self, password: Password) -> PasswordHash:
        """Hash with a fresh salt.

        Raises:
            HashingBusy: the queue is full.
        """
        return PasswordHash(await self._in_a_thread(lambda: self._argon2.hash(_bytes_of(password))))

    async def matches(self, password: Password, known: PasswordHash | None) -> bool:
        """Whether the password is the hashed one; the same work against a dummy when nothing is known.

        Raises:
            HashingBusy: the queue is full.
        """
        stored = known.reveal() if known else self._nobody
        return await self._in_a_thread(lambda: self._verify(stored, _bytes_of(password)))

    def is_outdated(self, known: PasswordHash) -> bool:
        """Whether a build with other parameters has made it."""
        return self._argon2.check_needs_rehash(known.reveal())

    def close(self) -> None:
        """Let the running hashes finish, drop the waiting ones. Blocks for some ten milliseconds."""
        self._threads.shutdown(cancel_futures=True)

    def _verify(self, stored: str, password: bytes) -> bool:
        try:
            return self._argon2.verify(stored, password)
        except VerifyMismatchError:
            return False

    async def _in_a_thread(self, work: Callable[[], Answer]) -> Answer:
        self._take_a_place()
        try:
            job = self._threads.submit(work)
        except BaseException:
            self._room.release()
            raise
        job.add_done_callback(self._leave)
        try:
            return await asyncio.wrap_future(job)
        finally:
            if self._giving_back is not None:
                self._giving_back.cancel()
            self._giving_back = asyncio.get_running_loop().call_later(QUIET_S, self._give_back)

    def _give_back(self) -> None:
        # It may have been closed, by another thread, which must leave a loop's timers alone.
        with suppress(RuntimeError):
            self._threads.submit(_give_memory_back)

    def _take_a_place(self) -> None:
        if not self._room.acquire(blocking=False):
            raise HashingBusy

    def _leave(self, _job: Future[Answer]) -> None:
        self._room.release()


def _let_others_go_first() -> None:
    if sys.platform != "linux":  # elsewhere a priority belongs to the whole process
        return
    thread = threading.get_native_id()
    with suppress(OSError):  # a sandbox may forbid it; hashing goes on as it is
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS)


def _give_memory_back() -> None:
    with suppress(AttributeError):  # the C library is not GNU's
        ctypes.CDLL(None).malloc_trim(0)


def _bytes_of(password: Password) -> bytes:
    return password.reveal().encode("utf-8", "surrogatepass")


def _hash_of_no_password(cost: HashingCost) -> str:
    """A well-formed hash that no password has: checking against it costs what a real check costs."""
    salt, hash = (base64.b64encode(os.urandom(size)).decode().rstrip("=") for size in (SALT_BYTES, HASH_BYTES))
    parameters = f"m={cost.memory_kib},t={cost.passes},p={LANES}"
    return f"$argon2id$v={argon2.low_level.ARGON2_VERSION}${parameters}${salt}${hash}"
