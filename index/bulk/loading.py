"""Shards of vectors → an index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from index.bulk.plan import BulkPlan
from index.bulk.shards import read_shard, require_pyarrow, shard_info
from index.embedder import Embedder
from index.errors import InputError
from index.passage_store import PassageStore, Progress, require_model

# Passages that come into use together, or a share of those before them: what a kill can make to be read again. An
# index folder is written anew each time, so by steps of one size loading would take the square of its number.
_AT_ONCE, _SHARE = 100_000, 0.25


def load_shards(folder: Path, store: PassageStore, embedder: Embedder, on_progress: Progress | None) -> int:
    """Add the documents of all shards in a folder to a store; return how many passages they have."""
    require_pyarrow()
    plan = BulkPlan.open(folder)
    require_model(str(folder), plan.fingerprint, embedder)
    missing = plan.missing(folder)
    if missing:
        raise InputError(
            f"{folder} holds {len(plan.shards) - len(missing):,} of {len(plan.shards):,} shards: expected all of them; "
            "embed the others with the same `sourcier embed` as before"
        )
    sizes = [(folder / shard.name, shard_info(folder / shard.name).passages) for shard in plan.shards]
    total, done = sum(size for _, size in sizes), 0
    for some in _together(sizes):
        with store.writing(embedder) as writer:
            for path, size in some:
                writer.put_embedded(read_shard(path))
                done += size
                if on_progress is not None:
                    on_progress(done, total)
        # What is open of before would keep what has changed since from being put in its place.
        store.generation()
    return total


def _together(sizes: Sequence[tuple[Path, int]]) -> Iterator[list[tuple[Path, int]]]:
    """Yield shards, with their sizes, that come into use together."""
    some: list[tuple[Path, int]] = []
    waiting = before = 0
    for path, size in sizes:
        some.append((path, size))
        waiting += size
        if waiting >= max(_AT_ONCE, _SHARE * before):
            yield some
            some, before, waiting = [], before + waiting, 0
    if some:
        yield some
