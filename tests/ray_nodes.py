"""Embed a folder on three Ray nodes of this machine, and remove one of them once it has begun.

python -m tests.ray_nodes FOLDER OUT
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from index import embed_files
from tests.milvus_server import raise_loopback

REMOVED_AFTER = 3


def main(folder, out, shard_bytes):
    raise_loopback()
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    others = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()

    def remove_one():
        while len(list(Path(out).glob("*.parquet"))) < REMOVED_AFTER:
            time.sleep(0.1)
        cluster.remove_node(others[0], allow_graceful=False)
        print(f"a node was removed after {len(list(Path(out).glob('*.parquet')))} shards", flush=True)

    removing = threading.Thread(target=remove_one, daemon=True)
    removing.start()
    try:
        print(embed_files(folder, out, ray=cluster.address, shard_bytes=int(shard_bytes)), flush=True)
        removing.join(60)
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
