"""Environment variables that say how this machine is used; those that say where things lie are in locations.py."""

from __future__ import annotations

PRECISION = "SOURCIER_PRECISION"
PRECISIONS = ("auto", "fp32", "bf16")
DEVICE = "SOURCIER_DEVICE"
