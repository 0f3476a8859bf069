"""Where a shared store is: milvus://host:19530/collection."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit

from index.errors import InputError

# Where a password had better not stand in an address, which is printed and logged.
TOKEN = "SOURCIER_STORE_TOKEN"
_PORT = 19530
_COLLECTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}", re.ASCII)
_EXPECTED = "expected an address such as milvus://localhost:19530/news"


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a server, or of a file for Milvus Lite, and the collection there; `token` is user:password."""

    uri: str
    collection: str
    name: str
    token: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read milvus://[user:password@]host[:port]/collection; without a host it is /file.db/collection.

        `?tls=1` asks for an encrypted connection. Raises InputError for anything else.
        """
        try:
            parts = urlsplit(text)
            port = parts.port or _PORT
        except ValueError as error:
            raise InputError(f"{text!r} is no address of a store ({error}): {_EXPECTED}") from error
        place, _, collection = parts.path.rpartition("/")
        if not _COLLECTION.fullmatch(collection):
            raise InputError(
                f"{collection!r} is no name of a collection (letters, digits and _, no digit first): {_EXPECTED}"
            )
        if parts.query not in ("", "tls=1") or parts.fragment or bool(parts.hostname) == bool(place):
            raise InputError(f"{text!r} is no address of a store: {_EXPECTED}")
        if not parts.hostname:
            return cls(place, collection, f"milvus://{place}/{collection}")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        stated = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
        return cls(
            f"{'https' if parts.query else 'http'}://{host}:{port}",
            collection,
            f"milvus://{host}:{port}/{collection}",
            stated or os.environ.get(TOKEN, ""),
        )
