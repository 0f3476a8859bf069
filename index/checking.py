"""Whether an index holds what was written, and what of it can be made again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from index.embedder import Embedder, open_embedder
from index.errors import IndexDamagedError
from index.generation import (
    CURRENT,
    Generation,
    current_name,
    current_revision,
    how_to_mend,
    open_generation,
    verify,
)
from index.passage_store import CheckReport, require_model
from index.passages import sentences_of, split_passages
from index.revision import Revision
from index.store import FILE_NAME, Damage, Part, Store
from index.writer import alone, catch_up

_AT_ONCE = 10_000


def check_folder(place: Path, *, repair: bool = False, embedder: Embedder | None = None) -> CheckReport:
    """Verify an index folder, as `check` does."""
    mended: tuple[str, ...] = ()
    if repair:
        with alone(place):
            mended = tuple(_repair(place, embedder))
    with closing(Store.open_finished(place)) as store:
        revision = current_revision(place)
        if revision is not None:
            # A writer may be at work on the next one, and nothing of that counts yet.
            store.hold(revision)
        damages = list(store.damages())
        sentences, problems = _read_all(store) if not damages else (0, [])
        problems += [_described(damage, place) for damage in damages]
        # Vectors that are damaged in the truth would only be named twice.
        problems += _problems_of_generation(
            place, store, with_vectors=not any(damage.part is Part.VECTOR for damage in damages)
        )
        return CheckReport(store.count_documents(), len(store.passage_numbers()), sentences, tuple(problems), mended)


def _read_all(store: Store) -> tuple[int, list[str]]:
    """Return how many sentences can be quoted, and what is wrong with any."""
    count = 0
    problems = []
    numbers = store.passage_numbers()
    for begin in range(0, len(numbers), _AT_ONCE):
        for passage, document in store.passages(numbers[begin : begin + _AT_ONCE].tolist()):
            sentences = sentences_of(document, passage)
            count += len(sentences)
            if not all(passage.start <= start < end <= passage.end for start, end in sentences):
                problems.append(f"a sentence of {document.id} lies outside its passage {passage.id}")
    return count, problems


def _problems_of_generation(folder: Path, store: Store, *, with_vectors: bool) -> list[str]:
    name = current_name(folder)
    if not name:
        return [f"{folder / CURRENT} is missing; {how_to_mend(folder)}"]
    try:
        verify(folder / name, thoroughly=True)
        generation = open_generation(folder, name)
    except (IndexDamagedError, RuntimeError, OSError, ValueError) as error:
        return [str(error)]
    if generation is None:
        return [f"{folder / name} is of another time than the documents; {how_to_mend(folder)}"]
    with closing(generation.store):
        return list(_differences(generation, store, folder, with_vectors=with_vectors))


def _differences(generation: Generation, store: Store, folder: Path, *, with_vectors: bool) -> Iterator[str]:
    numbers = generation.vectors.numbers()
    passages = store.passage_numbers()
    if not np.array_equal(np.union1d(numbers, generation.pending), passages) or len(generation) != len(passages):
        yield f"the vectors of {folder / generation.name} are not those of the passages; {how_to_mend(folder)}"
        return
    if len(generation.words) != len(passages):
        yield f"the words of {folder / generation.name} are not those of the passages; {how_to_mend(folder)}"
    if len(store.without_vectors(numbers)):
        yield f"a vector of {folder / generation.name} is not in {FILE_NAME}; {how_to_mend(folder)}"
        return
    for begin in range(0, len(numbers) if with_vectors else 0, _AT_ONCE):
        some = numbers[begin : begin + _AT_ONCE]
        if not np.array_equal(generation.vectors.vectors(some), store.vectors(some).astype(np.float32)):
            yield f"a vector of {folder / generation.name} is not that of its passage; {how_to_mend(folder)}"
            return


def _repair(folder: Path, embedder: Embedder | None) -> Iterator[str]:
    with closing(Revision.open(folder)) as store:
        if any(damage.part is Part.SQLITE for damage in store.damages()):
            store.reindex()
            yield "made SQLite's own indexes again"
        is_changed = False
        for damage in list(store.damages()):
            with store.transaction():
                if damage.part is Part.DOCUMENT:
                    store.forget_files_of(int(damage.key))
                elif damage.part is Part.PASSAGES:
                    number = int(damage.key)
                    store.forget_passages_of(number)
                    store.put_passages(number, split_passages(store.document_numbered(number)))
                    is_changed = True
                    yield f"{damage.what}: cut it again"
                elif damage.part is Part.SOURCE:
                    store.forget_source(int(damage.key))
                    yield f"{damage.what}: took it away; sync its folder to have it back"
        missing = [str(damage.key) for damage in store.damages() if damage.part is Part.VECTOR]
        if missing:
            embedder = embedder or open_embedder(store.setting("model"))
            require_model(str(folder), store.setting("fingerprint"), embedder)
            vectors = embedder.embed_passages([store.text_of_passage(one) for one in missing])
            with store.transaction():
                store.put_vectors(missing, vectors)
            yield f"embedded {len(missing):,} passages again"
        if is_changed or missing or _problems_of_generation(folder, store, with_vectors=True):
            catch_up(folder, store, afresh=True)
            yield f"made {current_name(folder)} again"


def _described(damage: Damage, folder: Path) -> str:
    if damage.part is Part.DOCUMENT:
        return f"{damage.what}; {how_to_mend(folder)}, then index its file again"
    return f"{damage.what}; {how_to_mend(folder)}"
