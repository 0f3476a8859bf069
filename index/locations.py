"""Where things lie on this machine when nobody says otherwise."""

from __future__ import annotations

import os
import re
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


def shared_folder(name: str) -> Path:
    """Return where this machine keeps what belongs to a store that many share, by the store's name."""
    return user_data_path("sourcier", appauthor=False) / "shared" / re.sub(r"[^A-Za-z0-9.-]+", "_", name)
