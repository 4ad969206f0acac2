"""The shelf of containers: how exported logs are wrapped. One file each, which defines a `CONTAINER`; the folder is the registry.

A container turns bytes into records and says which facts it cannot carry. It never looks into a message: that is the
grammars' work.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from analyzer.errors import UserError
from analyzer.ingest.containers.container import Container
from analyzer.ingest.containers.unsupported import what_it_is


@cache
def containers() -> tuple[Container, ...]:
    """Every container on the shelf, those first that are known by how they begin, and pasted text last."""
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    shelf = [module.CONTAINER for module in modules if hasattr(module, "CONTAINER")]
    return tuple(sorted(shelf, key=lambda container: (container.last_resort, not container.anchored, container.name)))


def recognise(head: bytes, name: str) -> Container | None:
    """The container of a file that begins with `head`; None when it holds no Lambda logs at all.

    Raises UserError for a known container that cannot be read yet, naming what was seen and what can be read instead.
    """
    found = next((container for container in containers() if container.recognises(head)), None)
    if (found is None or found.last_resort) and (seen := what_it_is(head)):
        raise UserError(f"{name} is {seen.what}, which cannot be read yet; {seen.instead}")
    return found
