"""Objects of S3 as files: the next ones are downloaded while those before them are read."""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from threading import Event
from typing import Any

from msgspec import Struct

from analyzer.errors import UserError
from analyzer.ingest.aws import client, refusals

SCHEME = "s3://"
# So many are downloaded at once, and so many lie ready, or nearly so, before they are asked for.
AT_ONCE, AHEAD = 8, 16


class Downloaded(Struct, frozen=True):
    """An object by its URL, the parts of its key, and the file that it was put into; `refusal` says why it was not."""

    url: str
    parts: tuple[str, ...]
    path: Path
    refusal: str | None


class NoObject(UserError):
    pass


class _NotWanted(Exception):
    pass


def downloaded(url: str, folder: Path, wanted: Callable[[str], bool]) -> Generator[Downloaded, None, None]:
    """The objects whose URL begins with `url`, in the order of their keys, or the one whose URL it is.

    They come to lie in `folder` under names that are not theirs. `wanted` is asked about the last part of each key. Raises
    UserError where they cannot be listed, and NoObject where there is none.
    """
    bucket, _, prefix = url.removeprefix(SCHEME).partition("/")
    if not bucket:
        raise UserError(f"{url} names no bucket; it is written s3://bucket/prefix")
    s3, given_up = client("s3", connections=AT_ONCE), Event()
    waiting: deque[Future[Downloaded]] = deque()
    some = False
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="download")
    try:
        for number, key in enumerate(_keys(s3, bucket, prefix, url)):
            some = True
            if wanted(PurePosixPath(key).name):
                waiting.append(pool.submit(_download, s3, bucket, key, folder / str(number), given_up))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        given_up.set()
        pool.shutdown(cancel_futures=True)
    if not some:
        raise NoObject(f"there is no object whose name begins with {url}")


def _keys(s3: Any, bucket: str, prefix: str, url: str) -> Iterator[str]:
    """Keys are listed in their order, so one that is the prefix itself comes first; it is then the only one that was meant."""
    with refusals(f"list {url}"):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for found in page.get("Contents", ()):
                key = found["Key"]
                # The console puts an empty object in the place of a folder.
                if not key.endswith("/"):
                    yield key
                    if key == prefix:
                        return


def _download(s3: Any, bucket: str, key: str, path: Path, given_up: Event) -> Downloaded:
    from boto3.s3.transfer import TransferConfig

    def going_on(_: int) -> None:
        if given_up.is_set():
            raise _NotWanted

    refusal = None
    try:
        with refusals("be downloaded"):
            s3.download_file(bucket, key, str(path), Callback=going_on, Config=TransferConfig(use_threads=False))
    except UserError as problem:
        refusal = str(problem)
    except OSError as problem:
        why = f"{path.parent} is full" if problem.errno == errno.ENOSPC else problem.strerror or str(problem)
        refusal = f"cannot be downloaded: {why}"
    except _NotWanted:
        refusal = "was not downloaded to its end"
    return Downloaded(f"{SCHEME}{bucket}/{key}", PurePosixPath(key).parts, path, refusal)
