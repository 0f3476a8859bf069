"""What the events of the page have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

# An event that searches nothing never waits behind those that do, and is nothing for programs.
QUICK: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


def sent(event: gr.EventData) -> Mapping[str, Any]:
    """Return what a script of the page sent with an event, which comes from a browser: its values may be anything."""
    return event._data if isinstance(event._data, dict) else {}
