"""The shelf of metrics: one family each, which defines a `FAMILY`; the folder is the registry."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from analyzer.measure.family import Family


@cache
def families() -> tuple[Family, ...]:
    """Every family on the shelf, in the order of their names."""
    return tuple(importlib.import_module(f"{__name__}.{found.name}").FAMILY for found in pkgutil.iter_modules(__path__))
