"""CIFAR-10 as a folder or an archive; unpacked once, whole, and nothing but its own files."""

import os
import pickle
import sys
import tarfile
import threading

import pytest

from course_data import CourseDataError, DataCorrupt, DataMissing, cifar
from course_data.images import load_images

from .server import kept
from .tiny_images import FOLDER, archive, cifar_files, let_be_official, write_all

FILES = cifar_files()
PACKED = archive(FILES)
REAL_DIGESTS = {
    "train": "1e91790dbaf241617ca1f29a9aba08eb9a62df84cc90676b47edd05ad2ab3c94",
    "test": "9a4c74f5c8b6f2c4e13d3a1dfb43a5a8cda8a9da515e99fd620d2013a1a6287a",
}


@pytest.fixture(autouse=True)
def official(request, monkeypatch):
    """Let the little files be the official ones, but for the tests of the real ones."""
    if "real_data" not in request.fixturenames:
        let_be_official(monkeypatch, FILES)


def labels_of_test(**where):
    """Load the test split; its labels."""
    return load_images("cifar10", "test", **where).labels.tolist()


@pytest.mark.parametrize("home", ["cifar10", "CIFAR10", "."])
@pytest.mark.parametrize("kind", ["folder", "tar.gz", "tar.xz", "tgz", "tar"])
def test_the_places_where_it_lies(tmp_path, cache, home, kind):
    if kind == "folder":
        write_all(tmp_path / home / FOLDER, FILES)
    else:
        data = archive(FILES, {"tar": "", "tgz": "gz"}.get(kind, kind[-2:]))
        write_all(tmp_path / home, {f"cifar-10-python.{kind}": data})
    train, test = (load_images("cifar10", split, data_dir=tmp_path) for split in ("train", "test"))
    first = pickle.loads(FILES["data_batch_1"])
    assert train.images[:3].numpy().tobytes() == first["data"].tobytes()
    assert train.images.shape == (15, 3, 32, 32)
    assert train.labels.tolist() == [0, 1, 2] * 5
    assert test.labels.tolist() == [0, 1, 2, 3]
    assert (test.name, test.kind, test.classes[3]) == ("cifar10", "real", "cat")
    assert test.source.startswith(f"CIFAR-10, test, from {tmp_path}")
    assert test.source.endswith(", the official images")
    assert cache.exists() == (kind != "folder")


def test_the_folder_itself_may_be_named(tmp_path):
    write_all(tmp_path / FOLDER, FILES)
    assert len(load_images("cifar10", "test", data_dir=tmp_path / FOLDER)) == 4


def test_unpacked_once(tmp_path, cache, monkeypatch):
    write_all(tmp_path / "cifar10", {"cifar-10-python.tar.gz": PACKED})
    labels_of_test(data_dir=tmp_path)
    monkeypatch.setattr(cifar, "unpack", None)
    assert labels_of_test(data_dir=tmp_path) == [0, 1, 2, 3]
    assert labels_of_test() == [0, 1, 2, 3]
    assert kept(cache) == sorted(FILES)


def test_two_at_once_unpack_once(tmp_path, monkeypatch):
    write_all(tmp_path, {"cifar-10-python.tar.gz": PACKED})
    unpack, unpacked, labels = cifar.unpack, [], []
    monkeypatch.setattr(cifar, "unpack", lambda *where: (unpacked.append(where), unpack(*where)))
    threads = [threading.Thread(target=lambda: labels.append(labels_of_test(data_dir=tmp_path))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert labels == [[0, 1, 2, 3]] * 4
    assert len(unpacked) == 1


def tear(folder, how):
    torn = folder / "data_batch_4"
    if how == "missing":
        torn.unlink()
    elif how == "truncated":
        torn.write_bytes(torn.read_bytes()[:-100])
    else:
        torn.write_bytes(bytes(torn.stat().st_size))


@pytest.mark.parametrize("how", ["missing", "truncated", "altered"])
def test_a_torn_unpacking_is_noticed_and_redone(tmp_path, cache, how):
    write_all(tmp_path, {"cifar-10-python.tar.gz": PACKED})
    labels_of_test(data_dir=tmp_path)
    tear(cache / "cifar10" / FOLDER, how)
    with pytest.raises(DataMissing, match=r"\(where it is damaged\)"):
        labels_of_test()
    assert labels_of_test(data_dir=tmp_path) == [0, 1, 2, 3]
    assert labels_of_test() == [0, 1, 2, 3]


def test_what_a_killed_unpacking_left_is_swept_up(tmp_path, cache):
    write_all(tmp_path, {"cifar-10-python.tar.gz": PACKED})
    write_all(cache / "cifar10" / f"unpacking-{FOLDER}", {"data_batch_1": b"half", "stray": b""})
    assert labels_of_test(data_dir=tmp_path) == [0, 1, 2, 3]
    assert kept(cache) == sorted(FILES)


def test_an_interrupted_unpacking_leaves_nothing(tmp_path, cache, monkeypatch):
    def interrupted(archive, called, folder):
        (folder / "data_batch_1").write_bytes(FILES["data_batch_1"])
        raise KeyboardInterrupt

    write_all(tmp_path, {"cifar-10-python.tar.gz": PACKED})
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(cifar, "unpack", interrupted)
        labels_of_test(data_dir=tmp_path)
    assert kept(cache) == []
    assert labels_of_test(data_dir=tmp_path) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("how", "said"), [("missing", "data_batch_4 is missing: "), ("altered", r"data_batch_4 is truncated or damaged \(")]
)
def test_a_torn_folder_of_the_users_is_named_unless_the_archive_lies_beside_it(tmp_path, how, said):
    write_all(tmp_path / FOLDER, FILES)
    tear(tmp_path / FOLDER, how)
    with pytest.raises(DataCorrupt, match=said) as caught:
        labels_of_test(data_dir=tmp_path)
    assert str(caught.value).startswith(str(tmp_path / FOLDER / "data_batch_4"))
    write_all(tmp_path, {"cifar-10-python.tar.gz": PACKED})
    assert labels_of_test(data_dir=tmp_path) == [0, 1, 2, 3]


class Bomb:
    """Unpickled, it would make a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_a_pickle_that_is_not_official_is_never_run(tmp_path):
    bomb = {**FILES, "test_batch": pickle.dumps(Bomb(tmp_path / "bombed"))}
    write_all(tmp_path / "a" / FOLDER, bomb)
    write_all(tmp_path / "b", {"cifar-10-python.tar.gz": archive(bomb)})
    for place in ("a", "b"):
        with pytest.raises(DataCorrupt, match="test_batch"):
            labels_of_test(data_dir=tmp_path / place)
    assert not (tmp_path / "bombed").exists()
    pickle.loads(bomb["test_batch"])
    assert (tmp_path / "bombed").exists()


def member(name, kind=tarfile.REGTYPE, link="", size=0):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, size
    return info


def test_an_archive_writes_nothing_but_the_files_of_the_set(tmp_path, cache):
    data_dir = tmp_path / "data" / "cifar10"
    outside = str(tmp_path / "outside")
    strays = [
        (member("../../outside", size=1), b"x"),
        (member(outside, size=1), b"x"),
        (member(f"{FOLDER}/../../../outside", size=1), b"x"),
        (member(f"{FOLDER}/link", tarfile.SYMTYPE, str(tmp_path)), b""),
        (member(f"{FOLDER}/link/outside", size=1), b"x"),
        (member(f"{FOLDER}/data_batch_1", tarfile.SYMTYPE, outside), b""),
        (member(f"{FOLDER}/data_batch_2", tarfile.LNKTYPE, "/etc/hostname"), b""),
        (member(f"{FOLDER}/data_batch_3", tarfile.FIFOTYPE), b""),
        (member(f"{FOLDER}/test_batch", tarfile.DIRTYPE), b""),
        (member(f"{FOLDER}/readme.html", size=1), b"x"),
    ]
    write_all(data_dir, {"cifar-10-python.tar.gz": archive(FILES, more=strays)})
    assert labels_of_test(data_dir=data_dir.parent) == [0, 1, 2, 3]
    assert kept(cache) == sorted(FILES)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "data"]


@pytest.mark.parametrize("folder", ["", "./", "../../", "/", "./cifar-10-batches-py/"])
def test_however_the_archive_names_its_folder(tmp_path, cache, folder):
    write_all(tmp_path, {"cifar-10-python.tar.gz": archive(FILES, folder=folder)})
    assert labels_of_test(data_dir=tmp_path) == [0, 1, 2, 3]
    assert kept(cache) == sorted(FILES)


WRONG = {**FILES, "data_batch_2": FILES["data_batch_3"]}
FEWER = {name: data for name, data in FILES.items() if name not in ("data_batch_5", "batches.meta")}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (archive(WRONG), "is damaged: its data_batch_2 has the md5 .* instead of"),
        (archive(FEWER), "or not whole: it has no data_batch_5, batches.meta"),
        (archive({}), "is not the archive of CIFAR-10"),
        (b"", "is truncated or damaged"),
        (b"<html>Please log in</html>", "is truncated or damaged"),
        (PACKED[: len(PACKED) // 2], "is truncated or damaged"),
        (archive(FILES, "xz")[:-5000], "is truncated or damaged"),
        (archive(FILES, "")[:30_000], "truncated|not whole"),
        (PACKED[:20_000] + bytes(100) + PACKED[20_100:], "damaged"),
    ],
    ids=["wrong", "fewer", "empty tar", "nothing", "html", "half", "half xz", "half tar", "altered"],
)
def test_a_corrupt_archive_is_named_and_leaves_nothing(tmp_path, cache, data, said):
    path = tmp_path / "cifar-10-python.tar.gz"
    write_all(tmp_path, {path.name: data})
    with pytest.raises(DataCorrupt, match=said) as caught:
        labels_of_test(data_dir=tmp_path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert kept(cache) == []


def test_a_file_that_is_too_large_is_not_even_read(tmp_path, monkeypatch):
    monkeypatch.setattr(cifar, "LARGEST", 100)
    write_all(tmp_path, {"cifar-10-python.tar.gz": PACKED})
    with pytest.raises(DataCorrupt, match=r"its data_batch_1 has [\d,]+ bytes"):
        labels_of_test(data_dir=tmp_path)


def test_missing_says_where_it_looked_and_what_to_type(tmp_path, cache):
    with pytest.raises(DataMissing) as caught:
        labels_of_test(data_dir=tmp_path)
    said = str(caught.value)
    for part in (str(tmp_path), str(cache), "127.0.0.1:9/cifar-10-python.tar.gz", "COURSE_DATA=", "textures"):
        assert part in said
    assert "\n" not in said


def test_without_torchvision(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    with pytest.raises(CourseDataError, match="needs torchvision: pip install torchvision"):
        labels_of_test()


def test_the_real_files(real_data, cache):
    if not (real_data / "cifar10").is_dir():
        pytest.skip("real data: COURSE_DATA has no cifar10/")
    for split, count in (("train", 50_000), ("test", 10_000)):
        images = load_images("cifar10", split, data_dir=real_data)
        assert images.images.shape == (count, 3, 32, 32)
        assert images.labels.bincount().tolist() == [count // 10] * 10
        assert images.digest == REAL_DIGESTS[split]
    if (folder := cache / "cifar10" / FOLDER).is_dir():
        assert tuple(pickle.loads((folder / "batches.meta").read_bytes())["label_names"]) == cifar.CLASSES
