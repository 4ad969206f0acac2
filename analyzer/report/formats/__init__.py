"""The shelf of formats for other tools: one file each, which defines a `FORMAT`; the folder is the registry.

A format sees a report whose texts are masked already, and makes what is left inert where it lands: a CSV cell is no
formula, a name in XML no element, a message in Slack mentions nobody.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from analyzer.report.formats.format import Format


@cache
def formats() -> tuple[Format, ...]:
    """Every format on the shelf, in the order of their names."""
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    shelf = [module.FORMAT for module in modules if hasattr(module, "FORMAT")]
    return tuple(sorted(shelf, key=lambda one: one.name))


__all__ = ["Format", "formats"]
