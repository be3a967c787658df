"""Files from a mirror: over http(s), with a progress bar; a broken transfer goes on where it stopped."""

import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from filelock import FileLock
from tqdm import tqdm

from .cache import cache_folder
from .errors import CourseDataError, DataCorrupt, DataMissing

TIMEOUT = 10.0
CHUNK = 1 << 16


@contextmanager
def fetched(mirror: str, names: list[str]) -> Iterator[tuple[str, Path]]:
    """The first of these files that the mirror has: its address, and the whole of it in a temporary place.

    If it proves to be corrupt, that copy is deleted, so that the next attempt starts afresh.
    """
    downloads = cache_folder() / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    for name in names:
        url = f"{mirror.rstrip('/')}/{name}"
        place = downloads / f"{sha256(url.encode()).hexdigest()[:8]}-{os.path.basename(name)}"
        with FileLock(f"{place}.lock"):
            if not download(url, part := place.with_name("part-" + place.name)):
                continue
            try:
                yield url, part
            finally:
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
                part.unlink()
                continue
            raise DataMissing(f"{url} answered {error.code} ({error.reason}).") from error
        except (OSError, http.client.HTTPException) as error:
            broken = str(getattr(error, "reason", error)) or type(error).__name__
        except ValueError as error:
            raise CourseDataError(f"{url} is not an address to fetch from: {error}.") from error
        if (part.stat().st_size if part.exists() else 0) <= before:
            kept = f" What came so far ({before:,} bytes) is kept: try again to go on from there." if before else ""
            raise DataMissing(f"{url} could not be fetched: {broken}.{kept}")


def transfer(url: str, part: Path) -> bool:
    """One connection: append what is missing from `part`. True if the file is complete then."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        resumed = response.status == 206
        length = response.headers.get("Content-Length")
        total = (have if resumed else 0) + int(length) if length else None
        with (
            part.open("ab" if resumed else "wb") as file,
            tqdm(desc=part.name, total=total, initial=file.tell(), unit="B", unit_scale=True, leave=False) as bar,
        ):
            while chunk := response.read(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
            size = file.tell()
    if total is not None and size > total:
        part.unlink()
        raise DataCorrupt(f"{url} sent more than it announced: try again, or try another mirror.")
    return total is None or size == total
