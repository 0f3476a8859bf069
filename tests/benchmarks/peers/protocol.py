"""The driver's side of `adapters/serve.py`: a peer's process, and requests to it that may take only so long."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ADAPTERS = Path(__file__).parent / "adapters"
_NO_NETWORK = {"HF_HUB_OFFLINE": "1", "HAYSTACK_TELEMETRY_ENABLED": "False"}
# Would let a peer import this project, or start something that reports runs.
_TAKEN_AWAY = ("PYTHONPATH", "PYTHONHOME", "LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2")


class PeerError(Exception):
    """A step of a peer failed, or took longer than it may: the text says which."""


class Process:
    """A fresh process of a peer. Times from its start are `since_start()`, in seconds."""

    def __init__(self, python: Path | str, adapter: Path, *, cwd: Path, log: Path) -> None:
        environment = {name: value for name, value in os.environ.items() if name not in _TAKEN_AWAY} | _NO_NETWORK
        self._log = log.open("a", encoding="utf-8")
        self._began = time.perf_counter()
        self._process = subprocess.Popen(
            [str(python), str(adapter)],
            cwd=cwd,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            encoding="utf-8",
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        # A killed library has nothing to save; waiting for its threads to end would take time of the next.
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._process.stdout.close()
        # What it did not live to read is still to be written.
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._log.close()

    def request(self, do: str, *, limit_s: float, **rest: Any) -> dict[str, Any]:
        """Return the answer to a request; raises PeerError for a failure, or after `limit_s`."""
        try:
            self._process.stdin.write(json.dumps({"do": do, "limit_s": limit_s, **rest}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise PeerError(f"{do}: the process ended") from None
        # A step that keeps to its time itself may still be in its last question.
        try:
            line = self._lines.get(timeout=limit_s + rest.get("grace_s", 0))
        except queue.Empty:
            raise PeerError(f"{do}: over {limit_s:g} s") from None
        if not line:
            raise PeerError(f"{do}: the process ended with {self._process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise PeerError(f"{do}: {answer['error']}")
        return answer

    def since_start(self) -> float:
        return time.perf_counter() - self._began

    def _read(self) -> None:
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")
