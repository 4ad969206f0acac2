"""Log lines as Lambda writes them, for tests that need a few of their own."""

from __future__ import annotations

from pathlib import Path

TASK = "6d29fbaa-bb9f-4c40-90df-afad2cdcce25"
STREAM = "2026-03-17-[$LATEST]4eeec71d18b1461580e35b89cb060777"
ID = "6556e9bb-dd89-49e6-9dc4-d8344fdc37cb"
OTHER_ID = "57325a9d-2f10-4f0e-8f06-5a4e4de1f2aa"


def report(request_id: str = ID, duration: float = 92_394.25, extra: str = "", tail: str = "\t") -> str:
    billed = int(duration) + 1
    return (
        f"REPORT RequestId: {request_id}\tDuration: {duration:.2f} ms\tBilled Duration: {billed} ms\t"
        f"Memory Size: 1024 MB\tMax Memory Used: 539 MB{extra}{tail}"
    )


def export(*messages: str, begin: int = 0) -> str:
    """Messages as an S3 export writes them, a second apart."""
    times = ((begin + second // 60, second % 60) for second in range(len(messages)))
    return "".join(
        f"2026-03-17T{8 + minute // 60:02d}:{minute % 60:02d}:{second:02d}.000Z {text}\n\n"
        for (minute, second), text in zip(times, messages, strict=True)
    )


def invocation(*between: str, request_id: str = ID, duration: float = 92_394.25) -> tuple[str, ...]:
    return (
        f"START RequestId: {request_id} Version: $LATEST",
        *between,
        f"END RequestId: {request_id}",
        report(request_id, duration),
    )


def write_export(folder: Path, text: str, function: str = "checkout", part: str = "000000") -> Path:
    """A file where an export task would put it."""
    path = folder / function / TASK / STREAM / part
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path
