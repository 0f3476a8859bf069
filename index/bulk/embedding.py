"""Files → shards of vectors, one after the other in this process, or on as many machines as Ray has."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index.bulk.plan import SHARD_BYTES, BulkPlan, Shard
from index.bulk.shards import Read, ShardInfo, require_pyarrow, shard_info, write_shard
from index.embedder import Embedder, open_embedder
from index.errors import InputError
from index.formats.options import ReadingOptions
from index.passages import split_passages
from index.reading import parse_documents, read_bytes
from index.writer import checked


@dataclass(frozen=True, slots=True)
class EmbeddingReport:
    """What is in all the shards; `failed` are the files that hold no document, each with the reason."""

    shards: int
    documents: int
    passages: int
    failed: tuple[tuple[str, str], ...]


def embed_files(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    embedder: Embedder | None = None,
    options: ReadingOptions = ReadingOptions(),
    ray: str | None = None,
    shard_bytes: int = SHARD_BYTES,
    on_progress: Callable[[int, int], None] | None = None,
) -> EmbeddingReport:
    """Embed the documents in files and folders into shards below `out`, for `PassageIndex.load`.

    Shards that are there already stay as they are, so a run that was cut off goes on where it stopped. `ray`
    is the address of a Ray cluster whose machines all see the files and `out` under the same paths and have
    sourcier installed: "auto" for the one this machine is part of, "local" for one of this machine's cores.
    `on_progress` is called with the shards written so far and in all. Raises InputError for a path that is
    missing, and for an `out` that holds shards of other files.
    """
    require_pyarrow()
    embedder = embedder or open_embedder()
    several = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    place = Path(out).resolve()
    plan = BulkPlan.make(several, embedder, options, shard_bytes)
    plan.begin(place)
    missing = plan.missing(place)
    done = len(plan.shards) - len(missing)
    for _ in _embedded(plan, missing, place, embedder, ray):
        done += 1
        if on_progress is not None:
            on_progress(done, len(plan.shards))
    infos = [shard_info(place / shard.name) for shard in plan.shards]
    return EmbeddingReport(
        len(infos),
        sum(info.documents for info in infos),
        sum(info.passages for info in infos),
        tuple(one for info in infos for one in info.failed),
    )


def embed_shard(shard: Shard, plan: BulkPlan, out: Path, embedder: Embedder) -> ShardInfo:
    """Embed the files of one shard and write it."""
    found: list[Read] = []
    failed: list[tuple[str, str]] = []
    for file in shard.files:
        try:
            documents = parse_documents(Path(file), read_bytes(Path(file), plan.options), plan.options)
            for document in documents[shard.part :: shard.of]:
                passages = tuple(split_passages(checked(document)))
                found.append(Read(document, file, passages, np.empty((0, embedder.dimension), np.float16)))
        except InputError as error:
            # A file that is dealt out to several shards fails in each.
            failed += [(file, str(error))] if shard.part == 0 else []
        except OSError as error:
            failed += [(file, f"{file} cannot be read: {error.strerror}")] if shard.part == 0 else []
    texts = {passage.sha256: passage.text for one in found for passage in one.passages}
    vectors = embedder.embed_passages(list(texts.values())).astype(np.float16) if texts else np.empty((0, 0))
    by_hash = dict(zip(texts, vectors, strict=True))
    whole = [
        Read(one.document, one.file, one.passages, np.array([by_hash[passage.sha256] for passage in one.passages]))
        for one in found
    ]
    return write_shard(out / shard.name, whole, failed, fingerprint=embedder.fingerprint, dimension=embedder.dimension)


def _embedded(
    plan: BulkPlan, missing: list[Shard], out: Path, embedder: Embedder, ray: str | None
) -> Iterator[ShardInfo]:
    if ray is not None and missing:
        from index.bulk.on_ray import embedded_on_ray

        yield from embedded_on_ray(plan, missing, out, address=ray)
        return
    for shard in missing:
        yield embed_shard(shard, plan, out, embedder)
