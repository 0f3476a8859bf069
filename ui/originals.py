"""The PDF files behind the documents, as a browser shows them: at the cited page."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from index import PassageIndex

# A larger file is read from disk with the reader's own program.
LARGEST = 64 * 2**20

_PDF = b"%PDF-"
_HEADERS = {
    "cache-control": "no-store",
    # In place of the page's policy, under which browsers refuse to show a PDF.
    "content-security-policy": "frame-ancestors 'none'",
}


class HasOriginals(Protocol):
    """What knows the files that documents were read from."""

    def original(self, document_id: str) -> tuple[str, bytes] | None:
        """Return the name and the bytes of the PDF file that a document was read from; None if it is not as it was."""
        ...


def read_original(passage_index: PassageIndex, document_id: str) -> tuple[str, bytes] | None:
    """Return the name and the bytes of the PDF file that a document was read from.

    None for any other kind of file, and for one that is gone, too large, or no longer what was indexed:
    whatever was put in its place has not been read, and is nothing to be shown as the source.
    """
    for file in passage_index.files_of(document_id):
        path = Path(file.path)
        try:
            if path.stat().st_size > LARGEST:
                continue
            data = path.read_bytes()
        except OSError:
            continue
        if data.startswith(_PDF) and hashlib.sha256(data).hexdigest() == file.sha256:
            return path.name, data
    return None


def original_route(backend: HasOriginals) -> Route:
    """Return the route `/original/DOCUMENT`, which serves what was indexed and nothing else."""

    async def serve(request: Request) -> Response:
        found = await run_in_threadpool(backend.original, request.path_params["document_id"])
        if found is None:
            return PlainTextResponse("The file is gone, or has changed since it was indexed.", 404)
        name, data = found
        return Response(
            data,
            media_type="application/pdf",
            headers={**_HEADERS, "content-disposition": f"inline; filename*=UTF-8''{quote(name, safe='')}"},
        )

    return Route("/original/{document_id}", serve)
