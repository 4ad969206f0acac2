"""Loads the native library: the loops over bytes and ids in the C files beside it, compiled when the package is built."""

from __future__ import annotations

import ctypes
from pathlib import Path

LIBRARY = ctypes.CDLL(str(Path(__file__).with_name("library.so")))
