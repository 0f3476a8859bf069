"""Shards embedded on as many machines as a Ray cluster has.

Ray hands the shards to its workers, a model each, and hands a shard of a worker that is lost to another. A shard
is written under a name that is its own and appears whole, so one that is embedded twice is there once.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from index.bulk.plan import BulkPlan, Shard
from index.bulk.shards import ShardInfo
from index.embedder import open_embedder
from index.errors import InputError, ModelError

INSTALL = "pip install 'sourcier[ray]'"
# A core cuts texts into passages for longer than a GPU embeds them (tests/benchmarks/results/gpu.json).
_WORKERS_A_GPU = 3
# Ray's own messages are for those who run the cluster.
_QUIET = ("ray", "ray.data")


class _ShardEmbedder:
    """A worker: it keeps its model from one shard to the next."""

    def __init__(self, plan: BulkPlan, out: str) -> None:
        self._plan = plan
        self._out = Path(out)
        self._embedder = open_embedder(plan.model)
        if self._embedder.fingerprint != plan.fingerprint:
            raise ModelError(
                f"a machine of the cluster has the embedding model {self._embedder.fingerprint}, expected "
                f"{plan.fingerprint}; install the same version of sourcier and of the model on all of them"
            )

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        from index.bulk.embedding import embed_shard

        info = embed_shard(self._plan.shards[row["shard"]], self._plan, self._out, self._embedder)
        return {"passages": info.passages, "documents": info.documents}


def embedded_on_ray(plan: BulkPlan, missing: Sequence[Shard], out: Path, *, address: str) -> Iterator[ShardInfo]:
    """Yield what the shards hold as they are written; raises InputError where there is no Ray, or no cluster."""
    if find_spec("ray") is None:
        raise InputError(f"--ray needs a package that is not installed; get it with: {INSTALL}")
    # Nothing is sent to Ray's makers.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray
    from ray.data import ActorPoolStrategy, DataContext

    was_connected = ray.is_initialized()
    if not was_connected:
        try:
            ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, include_dashboard=False)
        except (ConnectionError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(
                f"no Ray cluster answers at {address!r} ({reason}): expected its address, 'auto' on one of its "
                "machines, or 'local' for this machine alone"
            ) from error
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    context = DataContext.get_current()
    context.enable_progress_bars = False
    try:
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        gpus = int(resources.get("GPU", 0))
        workers = min(gpus * _WORKERS_A_GPU or int(resources.get("CPU", 1)), len(missing))
        rows = ray.data.from_items([{"shard": shard.number} for shard in missing], override_num_blocks=len(missing))
        embedded = rows.map(
            _ShardEmbedder,  # type: ignore[arg-type]
            fn_constructor_args=(plan, str(out)),
            compute=ActorPoolStrategy(min_size=1, max_size=workers),
            num_cpus=1,
            num_gpus=1 / _WORKERS_A_GPU if gpus else None,
        )
        for row in embedded.iter_rows():
            yield ShardInfo(plan.fingerprint, row["passages"], row["documents"], ())
    finally:
        if not was_connected:
            ray.shutdown()
