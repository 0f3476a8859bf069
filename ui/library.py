"""The documents of an index, as visitors of the chat change them: one change at a time, whoever asks."""

from __future__ import annotations

import glob
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from index import DocumentSummary, FailedFile, Filters, InputError, PassageIndex, ReadingOptions, SourcierError
from index.formats.tables import find_columns
from index.reading import read_bytes
from index.writer import no_access
from ui.embedding import Embedding
from ui.uploads import Outcome, Received, Refusal, keep, uploads_folder

_logger = logging.getLogger(__name__)


class Library:
    """Adds files to an index and removes documents from it, while others go on asking.

    What was added is embedded afterwards, by `embedding`. The files are kept beside the index, each as long
    as a document was read from it.
    """

    def __init__(self, passage_index: PassageIndex, embedding: Embedding) -> None:
        self._passage_index = passage_index
        self._embedding = embedding
        self._folder = uploads_folder(passage_index.folder)
        self._writing = threading.Lock()

    def add(self, files: Sequence[Received], on_begin: Callable[[], None]) -> Outcome:
        """Add the documents of files, after those of others who came first; `on_begin` is called when it begins.

        Raises SourcierError when nothing can be written now; a file that holds no document is only refused.
        """
        with self._writing:
            on_begin()
            kept: dict[str, str] = {}
            new: list[Path] = []
            try:
                refused = [Refusal(file.name, "empty") for file in files if not file.path.stat().st_size]
                for file in files:
                    if file.path.stat().st_size:
                        path, is_new = keep(file, self._folder)
                        kept[str(path)] = file.name
                        new += [path] if is_new else []
                added, failed = self._take_in(list(kept))
            except OSError as error:
                raise no_access(self._folder, error) from error
            finally:
                self._forget(new)
                for file in files:
                    file.path.unlink(missing_ok=True)
            refused += [_refusal(kept[one.path], one) for one in failed]
            gone = {*added, *(one.path for one in failed)}
            return Outcome(
                added=tuple({one.id: one for path in added for one in self._documents_of(Path(path))}.values()),
                unchanged=tuple(name for path, name in kept.items() if path not in gone),
                refused=tuple(refused),
            )

    def remove(self, ids: Iterable[str]) -> list[DocumentSummary]:
        """Remove documents, and the files kept for them alone; return those that were there."""
        with self._writing:
            wanted = set(ids)
            # Anything else could be taken for a pattern, and stand for many.
            there = [one for one in self._passage_index.summaries() if one.id in wanted]
            documents = self._passage_index.documents([one.id for one in there])
            # A row of a table is called by its file and its number.
            sources = {name for one in documents for it in one.sources for name in (it, it.rpartition("#")[0])}
            if there:
                self._passage_index.remove([one.id for one in there])
            self._forget(path for path in map(Path, sources) if path.parent == self._folder)
            return there

    def _take_in(self, paths: Sequence[str]) -> tuple[list[str], list[FailedFile]]:
        """Index kept files; return the paths of which something is new, and the files that hold nothing."""
        added: list[str] = []
        failed: list[FailedFile] = []
        for options, several in _by_options(paths).items():
            report = self._passage_index.add_files(several, options=options, wait=False)
            added += [*report.added, *report.changed]
            failed += report.failed
        self._embedding.begin()
        return added, failed

    def _documents_of(self, path: Path) -> list[DocumentSummary]:
        source = glob.escape(str(path))
        return self._passage_index.summaries(Filters(sources=(source, f"{source}#*")))

    def _forget(self, paths: Iterable[Path]) -> None:
        """Delete those of the kept files that no document is of."""
        for path in paths:
            try:
                if not self._documents_of(path):
                    path.unlink(missing_ok=True)
            except (OSError, SourcierError) as error:
                _logger.warning("%s stays: %s", path, error)


def _refusal(name: str, failed: FailedFile) -> Refusal:
    """Say why a file was refused, without its path, and without its name, which is shown before it."""
    reason = failed.reason.replace(failed.path, name)
    for known in (name, Path(failed.path).name):
        reason = reason.removeprefix(f"{known} ")
    return Refusal(name, reason)


def _by_options(paths: Iterable[str]) -> dict[ReadingOptions, list[str]]:
    """Sort files by how they are to be read: each table has columns of its own."""
    found: dict[ReadingOptions, list[str]] = {}
    for path in paths:
        try:
            columns = find_columns(Path(path), read_bytes(Path(path)), ReadingOptions())
        except InputError:
            # Reading it will say so again, where it is told.
            columns = None
        found.setdefault(ReadingOptions(columns=columns), []).append(path)
    return found
