"""One writer at a time, on a server that knows no locks.

Who wants to write adds a row that says so, and then reads all such rows: whoever sees another's takes its own
back. Reads are of all that is written by then, so of two writers at least one sees the other, and never both
go on. A row says until when it counts and is followed by the next one in time; those of a writer that was
killed run out.
"""

from __future__ import annotations

import json
import os
import random
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from index.errors import IndexAccessError
from index.milvus.connection import Connection, Row
from index.milvus.schema import state_row
from index.writer import busy, this_process

# Clocks of machines that share a store differ by less.
LASTS_S = 60.0
_RENEWED_S = 15.0
_PAUSE_S = 0.5
_PREFIX = "lease."


@dataclass
class Lease:
    """The right to write; `is_held` turns false when it could not be renewed in time."""

    connection: Connection
    collection: str
    token: str
    writer: str
    key: str = ""
    count: int = 0
    until: float = 0.0

    @property
    def is_held(self) -> bool:
        return time.time() < self.until

    def renew(self) -> None:
        before, self.count = self.key, self.count + 1
        until = time.time() + LASTS_S
        key = f"{_PREFIX}{self.token}.{self.count}"
        claim = {
            "token": self.token,
            "until": until,
            "writer": self.writer,
            "pid": os.getpid(),
            "host": socket.gethostname(),
        }
        self.connection.insert(self.collection, [state_row(key, claim)])
        self.key, self.until = key, until
        if before:
            self.connection.delete_listed(self.collection, "key", [before])

    def give_back(self) -> None:
        if self.key:
            # Where it cannot be taken back it runs out.
            with suppress(IndexAccessError):
                self.connection.delete_listed(self.collection, "key", [self.key])
        self.key, self.until = "", 0.0

    def look(self) -> tuple[list[dict[str, Any]], list[Row]]:
        """Return what others say who may be writing, and the other rows of the collection, as all are by now.

        Those who are not writing any more are forgotten.
        """
        rows = self.connection.query(self.collection, 'key != ""', ["key", "value"], newest=True)
        claims = {row["key"]: json.loads(row["value"]) for row in rows if row["key"].startswith(_PREFIX)}
        others = {key: claim for key, claim in claims.items() if claim["token"] != self.token}
        over = [key for key, claim in others.items() if _is_over(claim)]
        self.connection.delete_listed(self.collection, "key", over)
        beside = [row for row in rows if row["key"] not in claims]
        return [claim for key, claim in others.items() if key not in over], beside


@contextmanager
def leased(connection: Connection, collection: str, *, patience: float) -> Iterator[tuple[Lease, list[Row]]]:
    """Be the one writer of a store, and know the other rows of the collection as they are then.

    Raises IndexBusyError naming the one that is writing, after `patience` seconds.
    """
    lease = Lease(connection, collection, uuid.uuid4().hex, this_process())
    deadline = time.monotonic() + patience
    while True:
        lease.renew()
        others, beside = lease.look()
        if not others:
            break
        lease.give_back()
        if time.monotonic() > deadline:
            raise busy(connection.name, others[0]["writer"])
        time.sleep(random.uniform(_PAUSE_S / 2, _PAUSE_S))
    ended = threading.Event()
    renewing = threading.Thread(target=_go_on, args=(lease, ended), name="lease", daemon=True)
    renewing.start()
    try:
        yield lease, beside
    finally:
        ended.set()
        renewing.join()
        lease.give_back()


def _go_on(lease: Lease, ended: threading.Event) -> None:
    while not ended.wait(_RENEWED_S):
        try:
            lease.renew()
        except IndexAccessError:
            # Its time runs on, and the change fails if the server is not back before it is over.
            continue


def _is_over(claim: dict[str, Any]) -> bool:
    if time.time() > claim["until"]:
        return True
    if claim["host"] != socket.gethostname() or os.name != "posix":
        return False
    try:
        os.kill(claim["pid"], 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False
