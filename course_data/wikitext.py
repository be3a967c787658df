"""WikiText-2, raw and tokens: from a folder, from the cache, from a mirror, or through the `datasets` library."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from . import hub, mirrors
from .cache import cache_folder, write_whole
from .entropy import count_words
from .errors import DataCorrupt, DataMissing
from .files import decode, read_bytes, read_text

STEMS = {"train": ("train",), "validation": ("valid", "validation"), "test": ("test",)}
WORDS = {"train": 2_088_628, "validation": 217_646, "test": 245_569}
OFFICIAL = {
    ("tokens", "validation"): "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",
    ("tokens", "test"): "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0",
    ("raw", "validation"): "4cd0f6876d07a413aa911261ff6d363c72d757d47f0fdd6015702014c89cb9c7",
    ("raw", "test"): "173c87a53759e0201f33e0ccf978e510c2042d7f2cb78229d9a50d79b9e7dd08",
}
REORDERED_TRAIN_TOKENS = "95d13288d6efc9b1b3d904d90b640f4438646bf566690cef0e83a9d550c65c89"


def load_wikitext(kind: str, split: str, data_dir: Path | None, mirror: str | None) -> tuple[str, str]:
    """The text of a split, and a sentence that says where it came from.

    Looks in data_dir, then in the cache, then fetches: from the mirror if there is one, else through `datasets`.
    """
    looked: list[str] = []
    for folder, label in ((data_dir, "the data folder"), (cache_folder(), "the cache")):
        if folder is None:
            continue
        if found := find(folder, kind, split):
            text = read_text(found)
            return text, f"WikiText-2 ({kind}), {split}, from {found}; {standing(text, kind, split)}"
        looked.append(f"{label} {folder}")
    try:
        text, origin = from_mirror(mirror, kind, split) if mirror else from_hub(kind, split)
    except DataMissing as error:
        raise DataMissing(missing(kind, split, looked, str(error))) from error
    return text, f"WikiText-2 ({kind}), {split}, from {origin}; {standing(text, kind, split)}"


def missing(kind: str, split: str, looked: list[str], fetching: str) -> str:
    """What to say when the set is nowhere."""
    where = " nor in ".join(looked)
    return (
        f"WikiText-2 ({kind}), {split}, is not in {where}. {fetching} "
        f"If you have the files, point to the folder with wikitext-2/{file_name(kind, split)}: "
        "COURSE_DATA=/path/to/folder, or data_dir= (--data-dir). If a machine nearby serves them: "
        "COURSE_MIRROR=http://host/folder. With neither, take the text that needs no files: encyclopedia."
    )


def file_name(kind: str, split: str) -> str:
    """The name in the original archive."""
    return f"wiki.{STEMS[split][0]}.{kind}"


def find(folder: Path, kind: str, split: str) -> Path | None:
    """The file with this split, under any of the names that it goes by."""
    for path in candidates(folder, kind, split):
        named = f".{kind}" in path.suffixes
        if path.is_file() and (named or (" <unk> " in read_text(path)) == (kind == "tokens")):
            return path
    return None


def candidates(folder: Path, kind: str, split: str) -> Iterator[Path]:
    """Where the split may be. The original names tell raw from tokens; of the others only the text itself does."""
    config = hub.CONFIGS[kind]
    homes = [folder / "wikitext-2", folder / config.removesuffix("-v1"), folder / config]
    homes += [folder / "wikitext" / config, folder / "Salesforce" / "wikitext" / config, folder]
    for home in homes:
        for suffix in ("", ".xz", ".gz"):
            yield home / (file_name(kind, split) + suffix)
    for home in homes if "wikitext" in folder.name else homes[:-1]:
        for stem in STEMS[split]:
            yield from (home / f"wiki.{stem}.txt", home / f"{stem}.txt", home / f"{stem}.parquet")
            yield from sorted(home.glob(f"{stem}-00000-of-00001*.parquet"))
            yield from sorted(home.glob(f"{stem}/data-00000-of-00001.arrow"))


def standing(text: str, kind: str, split: str) -> str:
    """How this text stands to the official one."""
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    if digest == OFFICIAL.get((kind, split)):
        return "byte for byte the official text"
    if digest == REORDERED_TRAIN_TOKENS:
        return "reordered: all of the official text, but six short articles may stand in another order"
    words = count_words(text)
    if words != WORDS[split]:
        return f"not the official text: {words:,} words instead of {WORDS[split]:,}"
    if (kind, split) in OFFICIAL:
        return f"not the official text: as many words, but its sha256 is {digest}"
    return f"as many words as the official text ({words:,}), sha256 {digest}"


def from_hub(kind: str, split: str) -> tuple[str, str]:
    """Through the `datasets` library, into the cache."""
    text = hub.fetch(kind, split)
    write_whole(cache_folder() / "wikitext-2" / file_name(kind, split), text.encode("utf-8"))
    return text, f"the Hugging Face Hub ({hub.REPOSITORY}, {hub.CONFIGS[kind]})"


def from_mirror(mirror: str, kind: str, split: str) -> tuple[str, str]:
    """From a folder, in place; or from a URL, into the cache once its checksum has been verified."""
    if "://" not in mirror:
        if found := find(Path(mirror).expanduser(), kind, split):
            return read_text(found), f"the mirror {found}"
        raise DataMissing(f"The mirror {mirror} is a folder without this file.")
    names = [f"wikitext-2/{file_name(kind, split)}{suffix}" for suffix in (".xz", "")]
    with mirrors.fetched(mirror, names) as (url, path):
        data = read_bytes(path)
        text = decode(data, path)
        verify(text, kind, split, url)
        write_whole(cache_folder() / "wikitext-2" / file_name(kind, split), data)
    return text, url


def verify(text: str, kind: str, split: str, url: str) -> None:
    """Refuse what is not the official text: by its checksum or, for train, which has none here, by its word count."""
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    official = OFFICIAL.get((kind, split))
    if official and digest != official:
        raise DataCorrupt(f"{url} has the wrong checksum: sha256 {digest} instead of {official}. Try another mirror.")
    if count_words(text) != WORDS[split]:
        raise DataCorrupt(f"{url} has {count_words(text):,} words instead of {WORDS[split]:,}. Try another mirror.")
