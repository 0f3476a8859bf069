"""The chat over a small index that changes, for browser tests: `python documents_app.py PORT [--read-only]`.

While a file `hold` lies in the working folder, no batch of passages after the first is embedded.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from index import PassageIndex, make_document, writer
from tests.fakes import FakeEmbedder, FakeReader

MALI = "date 2022-10-04 Le Mali recevra 60 000 tonnes d'engrais. Le port de Dakar les décharge lundi."
OLDER = "date 2019-03 Le Mali a reçu 9 000 tonnes d'engrais. Le port de Conakry les a déchargées."
CUP = "The keeper saved two penalties. Senegal won the cup in Yaoundé on 6 February."
HOSTILE_NAME = "<img src=x onerror=window.attacked=1>.txt"
HOSTILE_TITLE = "<script>window.attacked=2</script> \u202e${window.attacked=3} {{constructor}} C:\\users"


class HeldEmbedder(FakeEmbedder):
    """Stops where it is told to."""

    def __init__(self, hold):
        super().__init__()
        self._hold = hold
        self._batches = 0

    def embed_passages(self, texts):
        self._batches += 1
        while self._batches > 1 and self._hold.exists():
            time.sleep(0.05)
        if not self._hold.exists():
            self._batches = 0
        return super().embed_passages(texts)


def documents():
    """Make the documents that the index begins with."""
    return [
        make_document(MALI, source="/home/someone/secret/mali.txt", title="Des engrais pour le Mali"),
        make_document(OLDER, source="/home/someone/secret/ancien.txt", title="Une livraison ancienne"),
        make_document(CUP, source="/home/someone/cup.md", title="Football", date="2022-02-06"),
        make_document("Rien de particulier.", source=f"/home/someone/{HOSTILE_NAME}", title=HOSTILE_TITLE),
    ]


if __name__ == "__main__":
    from ui.backend import IndexBackend
    from ui.serving import Serving, launch_chat

    writer._EMBEDDED_AT_ONCE = 2
    embedder = HeldEmbedder(Path("hold"))
    passage_index = PassageIndex.build("index", documents(), embedder=embedder)
    serving = Serving(int(sys.argv[1]), read_only="--read-only" in sys.argv, max_upload=1)
    launch_chat(IndexBackend(passage_index, FakeReader()), serving)
