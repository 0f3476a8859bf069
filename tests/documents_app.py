"""The chat over a small index that changes, for browser tests: `python documents_app.py PORT [--read-only]`.

While a file `hold` lies in the working folder, files that were read come no further.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from index import PassageIndex, durable, make_document
from tests.fakes import FakeEmbedder, FakeReader

MALI = "date 2022-10-04 Le Mali recevra 60 000 tonnes d'engrais. Le port de Dakar les décharge lundi."
OLDER = "date 2019-03 Le Mali a reçu 9 000 tonnes d'engrais. Le port de Conakry les a déchargées."
CUP = "The keeper saved two penalties. Senegal won the cup in Yaoundé on 6 February."
HOSTILE_NAME = "<img src=x onerror=window.attacked=1>.txt"
HOSTILE_TITLE = "<script>window.attacked=2</script> \u202e${window.attacked=3} {{constructor}} C:\\users"


HOLD = Path("hold")


def wait_at(step):
    """Stop where it is told to."""
    while step == "read" and HOLD.exists():
        time.sleep(0.05)


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

    durable.step = wait_at
    passage_index = PassageIndex.build("index", documents(), embedder=FakeEmbedder())
    serving = Serving(int(sys.argv[1]), read_only="--read-only" in sys.argv, max_upload=1)
    launch_chat(IndexBackend(passage_index, FakeReader()), serving, folder=passage_index.folder)
