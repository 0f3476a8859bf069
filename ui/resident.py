"""A running chat answers for the shell: a question asked there need not load the models once more.

The chat listens on a socket in its index folder that only its owner may open. `sourcier ask` and `search`
send one line of JSON, and print what comes back, which is what they would have printed themselves; where
no chat of the same version listens, they do it themselves.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index import Filters, InputError, SourcierError
from index.environment import DEVICE, PRECISION
from ui.render.plain import printed_answer, printed_hits

if TYPE_CHECKING:
    from ui.desk import Desk

_FILE = "chat.sock"
_LONGEST_LINE = 1 << 20
# Questions wait for each other, but not so long unless the chat hangs.
_PATIENCE_S = 60.0
# Windows has such sockets, but Python on it has not.
_HAS_SOCKETS = hasattr(asyncio, "start_unix_server") and hasattr(socket, "AF_UNIX")
# What else can change an answer, beside the index and the version.
_VARIABLES = (PRECISION, DEVICE)

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the command prints, and the share of the passages that were embedded."""

    printed: str
    coverage: float


def ask_chat(
    folder: Path, question: str, *, top_k: int | None = None, filters: Filters | None = None, as_json: bool = False
) -> Reply | None:
    """Have the chat over this index answer a question, or with `top_k` list passages; None where there is none.

    Raises InputError for what the chat finds wrong with the question.
    """
    path = folder / _FILE
    if not _HAS_SOCKETS or not path.is_socket():
        return None
    request = {
        "like": _like_this(),
        "question": question,
        "top_k": top_k,
        "filters": filters.to_json() if filters else None,
        "as_json": as_json,
    }
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as chat:
            chat.settimeout(_PATIENCE_S)
            chat.connect(str(path))
            chat.sendall(json.dumps(request).encode() + b"\n")
            with chat.makefile("rb") as stream:
                reply = json.loads(stream.readline() or b"{}")
    except OSError:
        return None
    if "mistake" in reply:
        raise InputError(reply["mistake"])
    return Reply(**reply) if reply else None


@asynccontextmanager
async def answering_shell(desk: Desk, folder: Path) -> AsyncIterator[None]:
    """Listen for questions from the shell; where that cannot be, or another chat does already, do nothing."""
    path = folder / _FILE
    listening = _listen(path) if _HAS_SOCKETS else None
    if listening is None:
        yield
        return

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, ValueError):
            request = json.loads(await reader.readline())
            writer.write(json.dumps(await _answered(desk, request)).encode() + b"\n")
            await writer.drain()
        writer.close()

    try:
        async with await asyncio.start_unix_server(answer, sock=listening, limit=_LONGEST_LINE):
            yield
    finally:
        path.unlink(missing_ok=True)


def _listen(path: Path) -> socket.socket | None:
    """Return a socket that is bound to a path and that only its owner may open, None where there can be none."""
    if _answers(path):
        return None
    with ExitStack() as opened:
        try:
            listening = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            # Left by a chat that was killed.
            path.unlink(missing_ok=True)
            listening.bind(str(path))
            # Nobody can connect before it listens, which asyncio has it do.
            path.chmod(0o600)
        except OSError as error:
            _logger.info("the shell cannot use this chat: %s", error)
            return None
        opened.pop_all()
        return listening


def _answers(path: Path) -> bool:
    """Whether a chat listens there."""
    if not path.is_socket():
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as chat:
            chat.connect(str(path))
    except OSError:
        return False
    return True


async def _answered(desk: Desk, request: object) -> dict[str, Any]:
    """Return what to reply, nothing where the command had better do it itself."""
    # What is like this command asks in this form.
    if not isinstance(request, dict) or request.get("like") != _like_this():
        return {}
    question, as_json = str(request["question"]), bool(request["as_json"])
    from ui.desk import BusyError

    try:
        filters = Filters.from_json(request["filters"]) if request["filters"] else None
        if request["top_k"] is None:
            answer = await desk.ask(question, filters=filters)
            return asdict(Reply(printed_answer(answer, as_json=as_json), answer.coverage))
        hits = await desk.retrieve(question, top_k=int(request["top_k"]), filters=filters)
        coverage = await asyncio.to_thread(lambda: desk.backend.holdings().coverage)
        return asdict(Reply(printed_hits(question, hits, as_json=as_json, filtered=bool(filters)), coverage))
    except BusyError:
        return {}
    except SourcierError as error:
        return {"mistake": str(error)}


def _like_this() -> dict[str, str]:
    """Return what a chat and a command must have in common to answer alike."""
    return {"version": version("sourcier"), **{name: os.environ.get(name, "") for name in _VARIABLES}}
