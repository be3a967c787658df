"""MNIST wherever it lies, and nothing else in its place."""

import gzip
import hashlib
import sys

import pytest
from torchvision.datasets import MNIST

from course_data import DataCorrupt, DataMissing, mnist
from course_data.images import load_images

from .server import kept, serving
from .tiny_images import idx_files, pack, write_all

FILES = idx_files()
IMAGES, LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


@pytest.fixture(autouse=True)
def official(request, monkeypatch):
    """Let the little files be the official ones, and torchvision's addresses lead nowhere; not for the real files."""
    if "real_data" in request.fixturenames:
        return
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}
    monkeypatch.setattr(mnist, "OFFICIAL", digests)
    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:9/mnist/"])


@pytest.fixture
def server():
    packed = {f"/mnist/{name}.gz": gzip.compress(data) for name, data in FILES.items()}
    with serving(packed) as running:
        yield running


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz"])
@pytest.mark.parametrize(
    "place",
    ["mnist/NAME", "MNIST/raw/NAME", "mnist/MNIST/raw/NAME", "raw/NAME", "NAME", "mnist/DOTTED", "mnist/NAME/NAME"],
)
def test_the_places_where_it_lies(tmp_path, monkeypatch, place, suffix):
    if place.endswith("NAME/NAME") and suffix:
        pytest.skip("nobody packs those")
    for name, data in FILES.items():
        path = tmp_path / (place.replace("NAME", name).replace("DOTTED", name.replace("-idx", ".idx")) + suffix)
        write_all(path.parent, {path.name: pack(data, suffix)})
    train, test = (load_images("mnist", split, data_dir=tmp_path) for split in ("train", "test"))
    assert train.images.numpy().tobytes() == FILES["train-images-idx3-ubyte"][16:]
    assert train.images.shape == (5, 1, 28, 28)
    assert train.labels.tolist() == [9, 8, 7, 6, 5]
    assert test.labels.tolist() == [9, 8, 7]
    assert (test.name, test.split, test.kind) == ("mnist", "test", "real")
    assert test.source.startswith(f"MNIST, test, from {tmp_path}")
    assert test.source.endswith(", the official images")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert load_images("mnist", "test").digest == test.digest


def test_what_is_loaded_may_be_written_to(tmp_path):
    write_all(tmp_path, FILES)
    images = load_images("mnist", "test", data_dir=tmp_path)
    images.images.zero_()
    images.labels.zero_()


def test_the_files_may_lie_in_two_places(tmp_path, cache):
    write_all(tmp_path, {IMAGES: FILES[IMAGES]})
    write_all(cache / "mnist", {LABELS: FILES[LABELS]})
    said = load_images("mnist", "test", data_dir=tmp_path).source
    assert f"from {tmp_path / IMAGES} and {cache / 'mnist' / LABELS}" in said


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (gzip.compress(FILES[IMAGES])[:-9], "is truncated or damaged"),
        (b"<html>Please log in</html>", "is truncated or damaged"),
        (b"", r"its 0 bytes have not the checksum of MNIST's t10k-images-idx3-ubyte"),
        (
            gzip.compress(FILES["train-images-idx3-ubyte"]),
            "is damaged, or of another set: its 3,936 bytes .*Fashion-MN",
        ),
    ],
)
def test_a_corrupt_file_is_named(tmp_path, data, said):
    write_all(tmp_path / "mnist", {f"{IMAGES}.gz": data, LABELS: FILES[LABELS]})
    with pytest.raises(DataCorrupt, match=said) as caught:
        load_images("mnist", "test", data_dir=tmp_path)
    assert str(caught.value).startswith(str(tmp_path / "mnist" / f"{IMAGES}.gz"))


def test_missing_says_where_it_looked_and_what_to_type(tmp_path, cache):
    with pytest.raises(DataMissing) as caught:
        load_images("mnist", "train", data_dir=tmp_path)
    said = str(caught.value)
    for part in (str(tmp_path), str(cache), "127.0.0.1:9/mnist/train-images", "refused", "COURSE_DATA=", "digits"):
        assert part in said
    assert "\n" not in said
    assert "Errno" not in said
    with pytest.raises(DataMissing, match="does not exist"):
        load_images("mnist", "train", data_dir=tmp_path / "nowhere")


def test_fetched_once_then_from_the_cache(server, cache):
    first = load_images("mnist", "test", mirror=server.address)
    assert f"from {server.address}/mnist/{IMAGES}.gz, the official images" in first.source
    second = load_images("mnist", "test", mirror=server.address)
    assert second.digest == first.digest
    assert str(cache) in second.source
    assert [path for path, _ in server.asked] == [f"/mnist/{IMAGES}.gz", f"/mnist/{LABELS}.gz"]
    assert kept(cache) == [f"{IMAGES}.gz", f"{LABELS}.gz"]


def test_a_mirror_of_what_torchvision_left(server):
    server.files = {f"/MNIST/raw/{name}": data for name, data in FILES.items()}
    assert load_images("mnist", "train", mirror=server.address).labels.tolist() == [9, 8, 7, 6, 5]


def test_a_cut_connection_goes_on_where_it_stopped(server):
    server.cuts, server.chunk = 1, 700
    load_images("mnist", "test", mirror=server.address)
    assert (f"/mnist/{IMAGES}.gz", "bytes=700-") in server.asked


@pytest.mark.parametrize("data", [gzip.compress(b"another", mtime=0), gzip.compress(FILES[IMAGES])[:-9], b"<html>"])
def test_what_is_not_official_never_reaches_the_cache(server, cache, data):
    server.files[f"/mnist/{IMAGES}.gz"] = data
    with pytest.raises(DataCorrupt, match=rf"^{server.address}/mnist/{IMAGES}\.gz is "):
        load_images("mnist", "test", mirror=server.address)
    assert kept(cache) == []


def test_a_damaged_file_in_the_cache_is_fetched_again(server, cache):
    write_all(cache / "mnist", {f"{IMAGES}.gz": gzip.compress(FILES[IMAGES])[:-9]})
    with pytest.raises(DataMissing, match=rf"\(where {IMAGES}\.gz is damaged\)"):
        load_images("mnist", "test")
    load_images("mnist", "test", mirror=server.address)
    assert load_images("mnist", "test").labels.tolist() == [9, 8, 7]


def test_a_damaged_unpacked_file_in_the_cache_does_not_hide_the_fetched_one(server, cache):
    write_all(cache / "mnist", {IMAGES: b"damaged"})
    load_images("mnist", "test", mirror=server.address)
    assert load_images("mnist", "test").labels.tolist() == [9, 8, 7]


def test_the_official_addresses_are_tried_in_turn(server, monkeypatch):
    good, bad = f"{server.address}/mnist/", f"{server.address}/damaged/"
    server.files[f"/damaged/{IMAGES}.gz"] = b"damaged"
    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:9/", bad, good])
    assert f"from {good}{IMAGES}.gz" in load_images("mnist", "test").source


def test_a_folder_as_a_mirror(tmp_path, monkeypatch, cache):
    write_all(tmp_path / "mnist", {f"{name}.gz": gzip.compress(FILES[name]) for name in (IMAGES, LABELS)})
    monkeypatch.setenv("COURSE_MIRROR", str(tmp_path))
    assert load_images("mnist", "test").labels.tolist() == [9, 8, 7]
    assert not cache.exists()
    with pytest.raises(DataMissing, match="is a folder without this file"):
        load_images("mnist", "train")


def test_a_torchvision_that_does_not_fit_is_only_needed_for_its_addresses(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    with pytest.raises(DataMissing, match="pip install torchvision"):
        load_images("mnist", "test")
    write_all(tmp_path, FILES)
    assert len(load_images("mnist", "test", data_dir=tmp_path)) == 3


def test_the_real_files(real_data):
    if not mnist.find(real_data, IMAGES):
        pytest.skip("real data: COURSE_DATA has no mnist/")
    for split, count, ones in (("train", 60_000, 6742), ("test", 10_000, 1135)):
        images = load_images("mnist", split, data_dir=real_data)
        assert images.images.shape == (count, 1, 28, 28)
        assert images.labels.bincount()[1] == ones


def test_the_checksums_are_those_of_what_torchvision_fetches(real_data):
    for name, digest in MNIST.resources:
        packed = mnist.find(real_data, name.removesuffix(".gz"))
        if not packed or packed.suffix != ".gz":
            pytest.skip("real data: COURSE_DATA has no mnist/*.gz")
        assert hashlib.md5(packed.read_bytes()).hexdigest() == digest
        assert hashlib.sha256(gzip.decompress(packed.read_bytes())).hexdigest() == mnist.OFFICIAL[packed.stem]
