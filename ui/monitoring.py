"""What machines look at: `/healthz`, and `/metrics` for Prometheus."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from index import InputError, SourcierError
from ui.backend import ChatBackend

# In seconds; a question takes a tenth of one to several on two cores.
_BUCKETS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6)
# An index that is gone may come back, and a reader waits for it longer than a proxy does.
_PATIENCE_S = 5.0


def health_route(backend: ChatBackend) -> Route:
    """Return `/healthz`: 200 while the index can be read, 503 with the reason otherwise."""

    async def healthz(_request: Request) -> Response:
        try:
            holdings = await asyncio.wait_for(asyncio.to_thread(backend.holdings), _PATIENCE_S)
        except (SourcierError, TimeoutError):
            # Who may ask is not known here, and the reason names folders of this machine.
            return JSONResponse({"status": "the index cannot be read"}, 503)
        return JSONResponse({"status": "ok", "generation": holdings.generation, "documents": holdings.documents})

    return Route("/healthz", healthz)


class Metrics:
    """Counts questions for Prometheus; what was asked is never part of it."""

    def __init__(self, backend: ChatBackend) -> None:
        """Begin at nothing; raises InputError where prometheus_client is not installed."""
        try:
            from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
        except ImportError as error:
            raise InputError(
                "--metrics needs prometheus_client; get it with: pip install 'sourcier[metrics]'"
            ) from error
        self._backend = backend
        self._registry = CollectorRegistry()
        self._questions = Counter(
            "sourcier_questions", "Questions by what became of them.", ["outcome"], registry=self._registry
        )
        self._seconds = Histogram(
            "sourcier_question_seconds",
            "Time from a question's arrival to its answer, waiting included.",
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._documents = Gauge("sourcier_documents", "Documents in the index.", registry=self._registry)
        self._passages = Gauge("sourcier_passages", "Passages in the index.", registry=self._registry)
        self._generation = Info("sourcier_index", "The state of the index that is searched.", registry=self._registry)

    def note(self, outcome: str, seconds: float) -> None:
        """Count one question; those that were turned away say nothing of how long an answer takes."""
        self._questions.labels(outcome).inc()
        if outcome in ("answered", "silent", "retrieved"):
            self._seconds.observe(seconds)

    def route(self) -> Route:
        """Return `/metrics`."""
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        def metrics(_request: Request) -> Response:
            holdings = self._backend.holdings()
            self._documents.set(holdings.documents)
            self._passages.set(holdings.passages)
            self._generation.info({"generation": holdings.generation})
            return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

        return Route("/metrics", metrics)
