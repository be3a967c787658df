"""Files from a mirror: over http(s), with a progress bar; a broken transfer goes on where it stopped."""

import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from .cache import cache_folder, locked, writing
from .errors import CourseDataError, DataCorrupt, DataMissing

TIMEOUT = 10.0
CHUNK = 1 << 16


@contextmanager
def fetched(mirror: str, names: list[str]) -> Iterator[tuple[str, Path]]:
    """The first of these files that the mirror has: its address, and the whole of it in a temporary place.

    That copy is deleted in the end, and when it proves to be corrupt, so that the next attempt starts afresh. If
    something else goes wrong (the disk is full, Ctrl-C), it stays for the next attempt.
    """
    downloads = cache_folder() / "downloads"
    for name in names:
        url = f"{mirror.rstrip('/')}/{name}"
        place = downloads / f"{sha256(url.encode()).hexdigest()[:8]}-{os.path.basename(name)}"
        with locked(place.with_name(f"{place.name}.lock")):
            if not download(url, part := place.with_name("part-" + place.name)):
                continue
            try:
                yield url, part
            except DataCorrupt:
                part.unlink(missing_ok=True)
                raise
            part.unlink(missing_ok=True)
            return
    raise DataMissing(f"The mirror {mirror} has none of {', '.join(names)}.")


def download(url: str, part: Path) -> bool:
    """Fetch all of a file, going on after a break while each attempt gets further; False if there is none (404)."""
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            if transfer(url, part):
                return True
            broken = "the connection was cut"
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return False
            if error.code == 416 and before:
                if error.headers.get("Content-Range") == f"bytes */{before}":
                    return True
                part.unlink()
                continue
            raise DataMissing(f"{url} answered {error.code} ({error.reason}).") from error
        except (OSError, http.client.HTTPException) as error:
            broken = said(getattr(error, "reason", error))
        except ValueError as error:
            raise CourseDataError(f"{url} is not an address to fetch from: {error}.") from error
        if (part.stat().st_size if part.exists() else 0) <= before:
            kept = f" What came so far ({before:,} bytes) is kept: try again to go on from there." if before else ""
            raise DataMissing(f"{url} could not be fetched: {broken}.{kept}")


def said(reason: object) -> str:
    """What went wrong, in words alone where the system has words for it."""
    return getattr(reason, "strerror", None) or str(reason) or type(reason).__name__


def transfer(url: str, part: Path) -> bool:
    """One connection: append what is missing from `part`. True if the file is complete then."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        resumed = response.status == 206
        length = response.headers.get("Content-Length")
        total = (have if resumed else 0) + int(length) if length else None
        with writing(part):
            file = part.open("ab" if resumed else "wb", buffering=0)  # so that a full disk is noticed by `append`
        size = file.tell()
        with file, tqdm(desc=part.name, total=total, initial=size, unit="B", unit_scale=True, leave=False) as bar:
            while chunk := response.read(CHUNK):
                append(file, chunk, part)
                bar.update(len(chunk))
            size = file.tell()
    if total is not None and size > total:
        part.unlink()
        raise DataCorrupt(f"{url} sent more than it announced: try again, or try another mirror.")
    return total is None or size == total


def append(file: BinaryIO, chunk: bytes, path: Path) -> None:
    """All of a chunk: an unbuffered file may take it bit by bit."""
    with writing(path):
        while chunk:
            chunk = chunk[file.write(chunk) :]
