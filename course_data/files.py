"""Text out of files: plain, compressed or tabular; whatever is not text is one error that names the file."""

import gzip
import lzma
import zlib
from collections.abc import Iterable
from pathlib import Path

from .errors import DataCorrupt, DataMissing

UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_text(path: Path) -> str:
    """The text of a .txt, .tokens or .raw file (or such a file as .xz or .gz), or of a .parquet or .arrow table."""
    if path.suffix in (".parquet", ".arrow"):
        return join_rows(read_rows(path))
    return decode(read_bytes(path), path)


def read_bytes(path: Path) -> bytes:
    """The bytes of a file, unpacked if it is an .xz or a .gz."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataMissing(f"{path} cannot be read: {error.strerror}.") from error
    try:
        if path.suffix == ".xz":
            return lzma.decompress(data)
        if path.suffix == ".gz":
            return gzip.decompress(data)
    except (lzma.LZMAError, OSError, EOFError, zlib.error) as error:
        raise DataCorrupt(f"{path} is truncated or damaged ({error}): delete it and fetch it again.") from error
    return data


def decode(data: bytes, path: Path) -> str:
    """UTF-8, with or without a byte order mark."""
    if data.startswith(UTF_16_MARKS):
        raise DataCorrupt(f"{path} is UTF-16, not UTF-8: save it as UTF-8, then try again.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        offset = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        raise DataCorrupt(
            f"{path} is not UTF-8: byte {offset} (0x{data[offset]:02x}) is not part of any character. "
            "Convert the file to UTF-8, or fetch it again if it should have been UTF-8."
        ) from error


def read_rows(path: Path) -> list[str]:
    """The column "text" of a parquet or arrow file as the `datasets` library writes them."""
    import pyarrow as pa
    import pyarrow.parquet

    try:
        if path.suffix == ".parquet":
            table = pyarrow.parquet.read_table(path, columns=["text"])
        else:
            with pa.OSFile(str(path)) as file:
                table = pa.ipc.open_stream(file).read_all()
        return table.column("text").to_pylist()
    except (pa.ArrowException, OSError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise DataCorrupt(f'{path} is not a table with a column "text" ({reason}): fetch it again.') from error


def join_rows(rows: Iterable[str]) -> str:
    """The text of which WikiText's rows are the lines: in the table, a line with nothing but a space became ""."""
    return "".join(row if row.endswith("\n") else f"{row or ' '}\n" for row in rows)
