"""Where things lie on this machine when nobody says otherwise."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path, user_data_path


def default_index_folder() -> Path:
    """Return `$SOURCIER_INDEX`, else `index` in the platform's user data folder."""
    named = os.environ.get("SOURCIER_INDEX")
    return Path(named) if named else user_data_path("sourcier", appauthor=False) / "index"


def cache_folder() -> Path:
    """Return `$SOURCIER_CACHE`, else the platform's user cache folder; all in it can be made again."""
    named = os.environ.get("SOURCIER_CACHE")
    return Path(named) if named else user_cache_path("sourcier", appauthor=False)
