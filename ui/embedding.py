"""Embedding beside the chat: what was just added is found by its words at once, and by its meaning soon."""

from __future__ import annotations

import logging
import threading

from index import PassageIndex

_logger = logging.getLogger(__name__)


class Embedding:
    """Embeds the pending passages of an index in a thread of its own, whenever there are some."""

    def __init__(self, passage_index: PassageIndex) -> None:
        self._passage_index = passage_index
        self._lock = threading.Lock()
        self._is_wanted = False
        self._is_running = False

    def begin(self) -> None:
        """Have what is pending embedded, and what comes meanwhile; return at once."""
        with self._lock:
            self._is_wanted = True
            if self._is_running:
                return
            self._is_running = True
        # A daemon: what it has done is kept whenever the chat ends.
        threading.Thread(target=self._run, name="embedding", daemon=True).start()

    def _run(self) -> None:
        while self._goes_on():
            try:
                self._passage_index.embed_pending()
            except Exception:
                # The chat goes on, by words; the next addition tries again.
                _logger.exception("passages could not be embedded")

    def _goes_on(self) -> bool:
        with self._lock:
            self._is_running, self._is_wanted = self._is_wanted, False
            return self._is_running
