"""Which files go into which shard, written down first: a run that was cut off goes on with the same shards."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from index import durable
from index.embedder import Embedder
from index.errors import IndexMismatchError, InputError
from index.formats.options import Columns, Limits, ReadingOptions
from index.reading import find_files

FORMAT = 1
FILE_NAME = "plan.json"
# A quarter of an hour of embedding on two cores, at most; a larger table is dealt out to several shards.
SHARD_BYTES = 8_000_000


@dataclass(frozen=True, slots=True)
class Shard:
    """Some files; of one that is dealt out, only every `of`-th document, from the `part`-th on."""

    number: int
    files: tuple[str, ...]
    part: int = 0
    of: int = 1

    @property
    def name(self) -> str:
        return f"part-{self.number:05}.parquet"


@dataclass(frozen=True, slots=True)
class BulkPlan:
    """What is embedded into which shard, by which model; `seen` tells how each file was, to know it again."""

    model: str
    fingerprint: str
    options: ReadingOptions
    shards: tuple[Shard, ...]
    seen: tuple[tuple[str, int, int], ...]

    @classmethod
    def make(
        cls, paths: Iterable[str | os.PathLike[str]], embedder: Embedder, options: ReadingOptions, shard_bytes: int
    ) -> Self:
        """Deal the files below some paths out; raises InputError for a path that is missing, or no file at all."""
        named = [Path(path).resolve() for path in paths]
        files = list(dict.fromkeys(file for path in named for file in find_files(path, options)))
        if not files:
            raise InputError(f"{', '.join(map(str, named))} holds no document: expected some to embed")
        seen = tuple((str(file), status.st_size, status.st_mtime_ns) for file in files for status in [file.stat()])
        shards = tuple(
            Shard(number, several, part, of) for number, (several, part, of) in enumerate(_dealt(seen, shard_bytes))
        )
        return cls(embedder.name, embedder.fingerprint, options, shards, seen)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read the plan in a folder of shards; raises InputError where there is none."""
        try:
            values = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
            if values["format"] != FORMAT:
                raise ValueError(f"format {values['format']}, expected {FORMAT}")
            options = dict(values["options"])
            columns = options.pop("columns")
            limits = Limits(**options.pop("limits"))
            reading = ReadingOptions(columns=Columns(**columns) if columns else None, limits=limits, **options)
            shards = tuple(Shard(n, tuple(files), part, of) for n, (files, part, of) in enumerate(values["shards"]))
            seen = tuple((name, size, mtime) for name, size, mtime in values["seen"])
            return cls(values["model"], values["fingerprint"], reading, shards, seen)
        except FileNotFoundError as error:
            raise InputError(
                f"{folder} holds no shards of vectors: expected {FILE_NAME} in it; make some with: "
                f"sourcier embed PATH... --out {folder}"
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{folder / FILE_NAME} cannot be read ({error}): expected what `sourcier embed` wrote; embed again "
                "into a new folder"
            ) from error

    def begin(self, folder: Path) -> None:
        """Write the plan down in a folder, or find it there; raises InputError where there is another one."""
        path = folder / FILE_NAME
        if path.exists():
            before = BulkPlan.open(folder)
            if before.fingerprint != self.fingerprint:
                raise IndexMismatchError(
                    f"{folder} has shards of the embedding model {before.fingerprint}, expected {self.fingerprint}; "
                    "use that model, or a new folder"
                )
            if before != self:
                raise InputError(
                    f"{folder} has shards of other files, or of files that have changed since: expected the same to go "
                    "on with; use a new folder"
                )
            return
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise InputError(f"{folder} is a folder of other files: expected shards of vectors, or an empty one")
        durable.replace_text(path, json.dumps(self._values(), ensure_ascii=False))

    def missing(self, folder: Path) -> list[Shard]:
        """Return the shards that are not there yet."""
        return [shard for shard in self.shards if not (folder / shard.name).exists()]

    def _values(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "model": self.model,
            "fingerprint": self.fingerprint,
            "options": asdict(self.options),
            "shards": [(shard.files, shard.part, shard.of) for shard in self.shards],
            "seen": self.seen,
        }


def _dealt(seen: Sequence[tuple[str, int, int]], shard_bytes: int) -> Iterator[tuple[tuple[str, ...], int, int]]:
    some: list[str] = []
    together = 0
    for name, size, _ in seen:
        if size > shard_bytes:
            of = -(-size // shard_bytes)
            yield from (((name,), part, of) for part in range(of))
            continue
        if some and together + size > shard_bytes:
            yield tuple(some), 0, 1
            some, together = [], 0
        some.append(name)
        together += size
    if some:
        yield tuple(some), 0, 1
