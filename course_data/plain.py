"""Any text file, cut into train, validation and test; or a folder in which they are three files."""

from pathlib import Path

from .errors import CourseDataError, DataMissing
from .files import read_text

FILE_NAMES = {
    "train": ("train.txt",),
    "validation": ("validation.txt", "valid.txt", "val.txt"),
    "test": ("test.txt",),
}
ENDS = {"train": (0.0, 0.90), "validation": (0.90, 0.95), "test": (0.95, 1.0)}


def load_plain(path: Path, split: str) -> tuple[str, str]:
    """One split of a file or folder, and a sentence that says where it came from. Line ends become "\\n"."""
    if path.is_dir():
        return load_folder(path, split)
    text = read_text(path).replace("\r\n", "\n").replace("\r", "\n")
    begin, end = (cut(text, share) for share in ENDS[split])
    if not text[begin:end].strip():
        raise CourseDataError(
            f"{path} is too short to be cut into train, validation and test ({len(text)} characters): "
            "take a longer text, or a folder with train.txt, validation.txt and test.txt."
        )
    return text[begin:end], f"characters {begin:,} to {end:,} of {path} (cut 90/5/5 where a paragraph or line ends)"


def load_folder(folder: Path, split: str) -> tuple[str, str]:
    """A split that is a file of its own."""
    for name in FILE_NAMES[split]:
        if (folder / name).is_file():
            return read_text(folder / name).replace("\r\n", "\n").replace("\r", "\n"), f"the file {folder / name}"
    raise DataMissing(f"The folder {folder} has no {' or '.join(FILE_NAMES[split])} for the {split} split.")


def cut(text: str, share: float) -> int:
    """Where this share of the text ends: after the next paragraph, line or word, whichever comes within 2 % of it."""
    wanted, reach = int(len(text) * share), len(text) // 50
    if wanted in (0, len(text)):
        return wanted
    for boundary in ("\n\n", "\n", " "):
        found = text.find(boundary, wanted - len(boundary), wanted + reach)
        if found >= 0:
            return found + len(boundary)
    return wanted
