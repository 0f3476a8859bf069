"""Files and an index of them: what is new, changed or gone, and the index brought in step."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from index.document import Document
from index.errors import InputError
from index.reading import ReadingOptions, find_files, parse_documents, read_bytes
from index.snapshot import Catalogue, FileState
from index.writer import Writer, checked

# Clocks of file systems tick this slowly: a file changed twice within one tick looks changed once.
_TICK_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A file that holds no document, and why; `is_kept` says whether an earlier text of it stays."""

    path: str
    reason: str
    is_kept: bool = False


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What became of the files, by path; `removed` ones are no longer there."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: int = 0
    failed: tuple[FailedFile, ...] = ()


class Plan:
    """The files in and below some places, compared with what an index knows of them."""

    def __init__(
        self, known: Catalogue, roots: Sequence[Path], options: ReadingOptions, *, excluded: Path, removing: bool
    ) -> None:
        """Find the files; raises InputError for a place that cannot be read.

        `excluded` is the index's own folder. With `removing`, what the index knows and is not there goes.
        """
        self._options = options
        self._reading = options.fingerprint
        self._known: dict[str, FileState] = {}
        self._sources: dict[str, list[str]] = {}
        self._found: list[str] = []
        for root in roots:
            self._known |= known.files_below(str(root))
            self._sources |= known.sources_below(str(root))
            files = [file for file in find_files(root, options) if not file.is_relative_to(excluded)]
            if removing and self._sources and not files:
                raise InputError(
                    f"{root} holds no document now, and the index holds {len(self._sources):,} files of it: expected "
                    f"some; if they are to go: sourcier remove '{root}/*'"
                )
            self._found += map(str, files)
        self._found = list(dict.fromkeys(self._found))
        self.removed: tuple[str, ...] = ()
        if removing:
            self.removed = tuple(sorted({*self._known, *self._sources}.difference(self._found)))

    def sources(self, path: str) -> list[str]:
        """Return the sources that the index has from a file."""
        return self._sources.get(path, [])

    def is_known(self, path: str) -> bool:
        return path in self._known or path in self._sources

    def examine(self) -> Iterator[tuple[str, FileState | FailedFile, bytes | None]]:
        """Yield each file with how it is now, and what it holds if that has to be read anew.

        A file of the size and time of the last reading counts as unchanged. One that the system will
        not give now is a FailedFile, and so is one that was already found to hold no document.
        """
        for path in self._found:
            known = self._known.get(path)
            try:
                status = Path(path).stat()
                mtime_ns = status.st_mtime_ns if time.time_ns() - status.st_mtime_ns > _TICK_NS else 0
                seen = (status.st_size, status.st_mtime_ns, self._reading)
                if known and (known.size, known.mtime_ns, known.reading) == seen:
                    yield path, FailedFile(path, known.reason) if known.reason else known, None
                    continue
                data = read_bytes(Path(path), self._options)
            except OSError as error:
                yield path, FailedFile(path, f"{path} cannot be read: {error.strerror}", self.is_known(path)), None
                continue
            except InputError as error:
                # Known by its size and time alone, since it is not read.
                state = FileState(path, status.st_size, mtime_ns, "", self._reading, str(error))
                yield path, state, b""
                continue
            digest = hashlib.sha256(data).hexdigest()
            state = FileState(path, status.st_size, mtime_ns, digest, self._reading)
            is_same = known is not None and (known.sha256, known.reading) == (digest, state.reading)
            if is_same and known is not None:
                yield path, FailedFile(path, known.reason) if known.reason else state, None
            else:
                yield path, state, data

    def read(self, state: FileState, data: bytes) -> list[Document]:
        """Return the documents of a file; raises InputError where it holds none that can be kept."""
        if state.reason:
            raise InputError(state.reason)
        return [checked(document) for document in parse_documents(Path(state.path), data, self._options)]


def foresee(plan: Plan) -> SyncReport:
    """Return what `carry_out` would do, without reading what is new."""
    return _report(plan, None)


def carry_out(plan: Plan, writer: Writer) -> SyncReport:
    """Bring the index in step with the files; one bad file never stops the others."""
    return _report(plan, writer)


def _report(plan: Plan, writer: Writer | None) -> SyncReport:
    added: list[str] = []
    changed: list[str] = []
    failed: list[FailedFile] = []
    unchanged = 0
    for path, state, data in plan.examine():
        if isinstance(state, FailedFile):
            failed.append(state)
            continue
        if data is None:
            unchanged += 1
            if writer is not None:
                writer.store.touch_file(state)
            continue
        if writer is not None:
            reason = _take_in(plan, writer, state, data)
            if reason:
                failed.append(FailedFile(path, reason))
                continue
        (changed if plan.is_known(path) else added).append(path)
    if writer is not None:
        for path in plan.removed:
            _drop(writer, path, plan.sources(path))
            writer.change().drop_file(path)
    return SyncReport(tuple(added), tuple(changed), plan.removed, unchanged, tuple(failed))


def _take_in(plan: Plan, writer: Writer, state: FileState, data: bytes) -> str:
    """Put what a file holds into the index, and return why it holds nothing, "" if it does."""
    documents: list[Document] = []
    reason = ""
    try:
        documents = plan.read(state, data)
    except InputError as error:
        reason = str(error)
    for document in documents:
        writer.put(document, file=state.path)
    stated = {source for document in documents for source in document.sources}
    _drop(writer, state.path, [source for source in plan.sources(state.path) if source not in stated])
    writer.change().put_file(FileState(state.path, state.size, state.mtime_ns, state.sha256, state.reading, reason))
    return reason


def _drop(writer: Writer, path: str, sources: Iterable[str]) -> None:
    for source in sources:
        writer.change().drop_source(source, file=path)
