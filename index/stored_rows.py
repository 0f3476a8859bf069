"""Some rows of a matrix that stays in its file, or of one that a GPU has room for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor


class StoredRows:
    """A float32 matrix of a safetensors file, of which only the rows that are asked for are read.

    Mapped into memory it would before long count whole as the memory of this process: the system maps the
    surroundings of what is touched, too.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        # https://huggingface.co/docs/safetensors: the length of the header, the header, the tensors.
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            described = json.loads(file.read(size))[name]
        if described["dtype"] != "F32":
            raise ValueError(f"{path} holds {name} as {described['dtype']}: expected F32")
        self._begin = 8 + size + described["data_offsets"][0]
        self._width = described["shape"][1]

    def rows(self, numbers: Tensor) -> Tensor:
        """Return the rows of these numbers, shape (*numbers.shape, width)."""
        wanted, places = torch.unique(numbers, return_inverse=True)
        found = np.empty((len(wanted), self._width), np.float32)
        # Opened anew, since threads that shared it would move each other's place.
        with self._path.open("rb", buffering=0) as file:
            for row, number in zip(found, wanted.tolist(), strict=True):
                file.seek(self._begin + number * row.nbytes)
                file.readinto(row)
        return torch.from_numpy(found)[places]


class HeldRows:
    """A matrix of a safetensors file that is held on a device, where its rows are asked for."""

    def __init__(self, path: Path, name: str, device: torch.device) -> None:
        with safe_open(path, framework="pt") as stored:
            self._matrix = stored.get_tensor(name).to(device, copy=True)

    def rows(self, numbers: Tensor) -> Tensor:
        """Return the rows of these numbers, which lie on the device, shape (*numbers.shape, width)."""
        found: Tensor = self._matrix[numbers]
        return found
