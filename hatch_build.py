"""Compiles the native library into the package: `analyzer/ingest/*.c` to `library.so`.

Zig's C compiler comes from PyPI like any other package: nobody needs one installed, and everybody has the same. CC names another.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags

INGEST = Path("analyzer", "ingest")
LIBRARY = INGEST / "library.so"
FLAGS = ("-std=c11", "-O3", "-Wall", "-Wextra", "-shared", "-fPIC")


class Compile(BuildHookInterface):  # type: ignore[type-arg]
    """The library runs on every processor of the platform it was built for, whatever the one at hand can do besides."""

    def dependencies(self) -> list[str]:
        return [] if "CC" in os.environ else ["ziglang>=0.14"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        compiler = (
            shlex.split(os.environ["CC"])
            if "CC" in os.environ
            else [sys.executable, "-m", "ziglang", "cc", "-mcpu=baseline"]
        )
        sources = sorted(str(path) for path in Path(self.root, INGEST).glob("*.c"))
        library = Path(self.root, LIBRARY)
        # Somebody may be running what is there already.
        fresh = library.with_suffix(".new")
        subprocess.run([*compiler, *FLAGS, "-o", str(fresh), *sources], check=True)
        fresh.replace(library)
        build_data["artifacts"].append(str(LIBRARY))
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{next(platform_tags())}"
