"""The line to a Milvus server: what is asked of it, within bounds of time, and its failures in our words."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from index.errors import IndexAccessError, InputError
from index.milvus.address import Address

if TYPE_CHECKING:
    from numpy.typing import NDArray

_T = TypeVar("_T")

# How long a question waits for a server that does not answer, a change, and what concerns whole collections.
_READ_S = 10.0
_WRITE_S = 60.0
_COLLECTION_S = 180.0
# Servers that have just started, or move a collection, refuse for a moment what they will do later: what changes
# nothing is asked again, until a question has waited long enough.
_PAUSE_S = 0.5
_PASSING = (
    "fail connecting",
    "not loaded",
    "no available shard",
    "channel not available",
    "not healthy",
    "node offline",
    "not ready",
)
# A server takes no larger message than 5 MB in its log.
_ROWS_AT_ONCE = 1000
_BYTES_AT_ONCE = 3_000_000
_READ_AT_ONCE = 2000
# Questions to a server that are under way at once, of all who ask in this process.
_ASIDE = 16
# So many values in one condition are read at once; the server takes more, and longer to parse them.
LISTED = 2000
# A connection that nobody uses is left alone: Milvus Lite ends one that asks too often whether it is still there. One
# that was lost is tried again every second: left to itself gRPC waits longer after each failure, up to two minutes, and
# a question asked when the server is long back would still be refused.
_GRPC = {
    "grpc.keepalive_permit_without_calls": 0,
    "grpc.initial_reconnect_backoff_ms": 500,
    "grpc.max_reconnect_backoff_ms": 1000,
}
INSTALL = "pip install 'sourcier[milvus]'"

_logger = logging.getLogger(__name__)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a collection: its type as Milvus calls it, with what that type needs, and its index if any."""

    name: str
    kind: str
    is_primary: bool = False
    options: Mapping[str, int | str] | None = None
    index: Mapping[str, Any] | None = None


class Connection:
    """A connection to a server, safe to use from several threads; every failure is an IndexAccessError."""

    def __init__(self, client: Any, name: str, version: tuple[int, int]) -> None:  # noqa: ANN401 (pymilvus has no types)
        self.name = name
        self.version = version
        self._client = client

    @classmethod
    def open(cls, address: Address) -> Connection:
        """Connect, unless this process has done so already."""
        if find_spec("pymilvus") is None:
            raise InputError(f"{address.name} needs a package that is not installed; get it with: {INSTALL}")
        from grpc import RpcError
        from pymilvus.exceptions import MilvusException

        try:
            client, version = _client(address.uri, address.token)
        except (MilvusException, RpcError) as error:
            raise _no_access(address.name, _reason(error)) from error
        return cls(client, address.name, version)

    @property
    def has_sparse_vectors(self) -> bool:
        return self.version >= (2, 4)

    def fields_of(self, collection: str) -> frozenset[str] | None:
        """Return the names of the fields of a collection, None where there is none."""

        def describe() -> frozenset[str] | None:
            if not self._client.has_collection(collection, timeout=_READ_S):
                return None
            described = self._client.describe_collection(collection, timeout=_READ_S)
            return frozenset(str(field["name"]) for field in described["fields"])

        return self._do(describe)

    def create(self, collection: str, fields: Iterable[Field]) -> None:
        """Make a collection and its indexes, and have it ready."""
        from pymilvus import DataType, MilvusClient

        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        indexes = MilvusClient.prepare_index_params()
        for field in fields:
            options = dict(field.options or {})
            if "element_type" in options:
                options["element_type"] = getattr(DataType, str(options["element_type"]))
            schema.add_field(field.name, getattr(DataType, field.kind), is_primary=field.is_primary, **options)
            if field.index:
                indexes.add_index(field.name, **field.index)
        self._do(lambda: self._client.create_collection(collection, schema=schema, timeout=_COLLECTION_S))
        self._do(lambda: self._client.create_index(collection, indexes, timeout=_COLLECTION_S))
        self.load(collection)

    def load(self, collection: str) -> None:
        """Have a collection ready to be searched."""
        self._do(lambda: self._client.load_collection(collection, timeout=_COLLECTION_S))

    def drop(self, collection: str) -> None:
        self._do(lambda: self._client.drop_collection(collection, timeout=_COLLECTION_S))

    def query(self, collection: str, condition: str, fields: Sequence[str], *, newest: bool = False) -> list[Row]:
        """Return the rows that fulfil a condition, which should be few; with `newest`, all that is written by now.

        Otherwise what the server has taken in, which lags by a moment.
        """
        found = self._do(
            lambda: self._client.query(
                collection,
                filter=condition,
                output_fields=list(fields),
                consistency_level="Strong" if newest else "Bounded",
                timeout=_READ_S,
            )
        )
        return [dict(row) for row in found]

    def query_listed(
        self, collection: str, field: str, values: Sequence[int] | Sequence[str], fields: Sequence[str], more: str = ""
    ) -> Iterator[Row]:
        """Yield the rows in which a field has one of many values, and that fulfil `more`."""
        for condition in conditions(field, values):
            yield from self.query(collection, f"{condition}{f' and {more}' if more else ''}", fields)

    def iterate(self, collection: str, condition: str, fields: Sequence[str]) -> Iterator[Row]:
        """Yield all rows that fulfil a condition, however many."""
        rows = self._do(
            lambda: self._client.query_iterator(
                collection, batch_size=_READ_AT_ONCE, filter=condition, output_fields=list(fields), timeout=_READ_S
            )
        )
        try:
            while some := self._do(rows.next):
                yield from map(dict, some)
        finally:
            rows.close()

    def count(self, collection: str, condition: str) -> int:
        """Return how many rows fulfil a condition, of all that is written by now."""
        return int(self.query(collection, condition, ["count(*)"], newest=True)[0]["count(*)"])

    def search(
        self,
        collection: str,
        field: str,
        vector: NDArray[np.float32] | dict[int, float],
        k: int,
        condition: str,
        parameters: Mapping[str, int],
        fields: Sequence[str] = (),
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], list[Row]]:
        """Return the primary keys of the `k` rows with the largest inner products, these, and fields of each."""
        hits = self._do(
            lambda: self._client.search(
                collection,
                data=[vector],
                anns_field=field,
                limit=k,
                filter=condition,
                output_fields=list(fields),
                search_params={"metric_type": "IP", "params": dict(parameters)},
                consistency_level="Bounded",
                timeout=_READ_S,
            )
        )[0]
        rows = [dict(hit["entity"]) for hit in hits] if fields else []
        return np.array(hits.ids, np.int64), np.array(hits.distances, np.float32), rows

    def insert(self, collection: str, rows: Iterable[Row]) -> int:
        """Insert rows, some at a time, and return how many."""
        count = 0
        for some in _batches(rows):
            self._do(partial(self._client.insert, collection, some, timeout=_WRITE_S), is_repeatable=False)
            count += len(some)
        return count

    def seal(self, collection: str) -> None:
        """Have what was inserted indexed now: until then it is searched by an index that finds less, and slowly."""
        self._do(lambda: self._client.flush(collection, timeout=_COLLECTION_S))

    def delete(self, collection: str, condition: str) -> None:
        self._do(lambda: self._client.delete(collection, filter=condition, timeout=_WRITE_S))

    def delete_listed(self, collection: str, field: str, values: Sequence[int] | Sequence[str]) -> None:
        for condition in conditions(field, values):
            self.delete(collection, condition)

    def _do(self, work: Callable[[], _T], *, is_repeatable: bool = True) -> _T:
        from grpc import RpcError
        from pymilvus.exceptions import MilvusException

        deadline = time.monotonic() + _READ_S
        while True:
            try:
                return work()
            except (MilvusException, RpcError) as error:
                reason = _reason(error)
                is_passing = is_repeatable and any(sign in reason.lower() for sign in _PASSING)
                if not is_passing or time.monotonic() + _PAUSE_S > deadline:
                    raise _no_access(self.name, reason) from error
            time.sleep(_PAUSE_S)


def conditions(field: str, values: Sequence[int] | Sequence[str]) -> Iterator[str]:
    """Yield conditions that a field has one of many values, few enough in each to be read quickly.

    Values that are text must need no escaping, as hexadecimal digits do not.
    """
    for begin in range(0, len(values), LISTED):
        listed = ", ".join(f'"{one}"' if isinstance(one, str) else str(one) for one in values[begin : begin + LISTED])
        yield f"{field} in [{listed}]"


def aside(work: Callable[[], _T]) -> Future[_T]:
    """Do some of what is asked of a server while the rest is asked; the work must not call this itself."""
    return _threads().submit(work)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_ASIDE, thread_name_prefix="milvus")


@cache
def _client(uri: str, token: str) -> tuple[Any, tuple[int, int]]:
    """Return the client of a server, which all collections share, and the server's version."""
    from pymilvus import MilvusClient

    # It logs every failure with a traceback; ours are raised.
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    client = MilvusClient(uri=uri, token=token, timeout=_READ_S, grpc_options=_GRPC)
    version = str(client.get_server_version(timeout=_READ_S))
    _logger.info("connected to Milvus %s", version)
    # "v2.3.5", "2.6.1", or "milvus_lite-3.2.2", whose numbers are its own.
    numbers = [int(part) for part in version.lstrip("v").split("-")[0].split(".")[:2] if part.isdigit()]
    is_lite = version.startswith("milvus_lite")
    if is_lite:
        # It runs in this process, and has a traceback printed for what the client can do without.
        logging.getLogger("grpc._server").setLevel(logging.CRITICAL)
    return client, (numbers[0], numbers[1]) if len(numbers) == 2 and not is_lite else (2, 6)


def _reason(error: Any) -> str:  # noqa: ANN401 (of packages without types)
    """Return what went wrong, as the client of Milvus or gRPC below it has it."""
    return str(error.message if hasattr(error, "message") else error.details())


def _no_access(name: str, reason: str) -> IndexAccessError:
    said = " ".join(reason.split())
    return IndexAccessError(
        f"{name} cannot be used now ({said[:300]}): what it held is unchanged; see that the server runs and has room, "
        "and try again"
    )


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    some: list[Row] = []
    size = 0
    for row in rows:
        of_row = sum(_size(value) for value in row.values())
        if some and (len(some) >= _ROWS_AT_ONCE or size + of_row > _BYTES_AT_ONCE):
            yield some
            some, size = [], 0
        some.append(row)
        size += of_row
    if some:
        yield some


def _size(value: object) -> int:
    """Return about how many bytes a value takes in a message."""
    if isinstance(value, str):
        return 4 * len(value)
    return 8 * len(value) if isinstance(value, (list, dict, np.ndarray)) else 8
