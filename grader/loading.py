"""Load a day's folder as a private package, with nothing, one file or one name changed.

A day's files import their siblings (`from .attention import …`), so a changed file must be seen by them. Each `Version`
is therefore a package of its own, loaded afresh; the files on disk are never touched.
"""

import ast
import importlib.util
import itertools
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType

Edit = Callable[[str], str]
_numbers = itertools.count(1)


class Version:
    """One version of a day's folder.

    Args:
        folder: `curriculum/dayNN_…` or `solutions/dayNN_…`.
        edits: file stem → function that changes its source before it runs.
        replacements: file stem → names to set once it has run.
    """

    def __init__(
        self,
        folder: Path,
        edits: Mapping[str, Edit] | None = None,
        replacements: Mapping[str, Mapping[str, object]] | None = None,
    ):
        self.folder = folder
        self.edits = edits or {}
        self.replacements = replacements or {}
        self.package = f"_{folder.parent.name}_{folder.name}_{next(_numbers)}"

    def __enter__(self) -> "Version":
        package = ModuleType(self.package)
        package.__path__ = []
        sys.modules[self.package] = package
        _finder.versions[self.package] = self
        return self

    def __exit__(self, *_: object) -> None:
        del _finder.versions[self.package]
        for name in [name for name in sys.modules if name.split(".")[0] == self.package]:
            del sys.modules[name]

    def module(self, stem: str) -> ModuleType:
        """Import one file of the folder, by its name without `.py`."""
        _expect_file(self.file(stem))
        return importlib.import_module(f"{self.package}.{stem}")

    def file(self, stem: str) -> Path:
        """The file of a module, by its stem, or of a text, by its name with the ending."""
        return self.folder / (stem if "." in stem else f"{stem}.py")

    def text(self, name: str) -> str:
        """A text of the folder, such as "week1_review.md", with this version's edit."""
        source = read_text(self.file(name))
        return self.edits[name](source) if name in self.edits else source

    def recipe(self) -> "Recipe":
        """What another process needs to load the same version."""
        sources = {stem: edit(read_text(self.file(stem))) for stem, edit in self.edits.items()}
        swaps = {
            stem: {name: _home_of(value) for name, value in names.items()} for stem, names in self.replacements.items()
        }
        return Recipe(self.folder, sources, swaps)


@dataclass(frozen=True)
class Recipe:
    """A version as plain data.

    Args:
        sources: file stem → its changed source.
        swaps: file stem → name to set → (file in which the value is defined, its name there).
    """

    folder: Path
    sources: Mapping[str, str]
    swaps: Mapping[str, Mapping[str, tuple[str, str]]]

    def version(self, load: Callable[[str], object]) -> Version:
        """The version again; `load` gives the module of a file."""
        edits = {stem: partial(_instead, source) for stem, source in self.sources.items()}
        replacements = {
            stem: {name: _entry(load(file), there) for name, (file, there) in names.items()}
            for stem, names in self.swaps.items()
        }
        return Version(self.folder, edits, replacements)


def _instead(source: str, _: str) -> str:
    return source


def _home_of(value: object) -> tuple[str, str]:
    name = getattr(value, "__name__", "")
    module = sys.modules.get(getattr(value, "__module__", ""))
    file = getattr(module, "__file__", None)
    if not name or file is None:
        raise TypeError(f"{value!r} cannot be loaded again in another process")
    return file, name


def _entry(module: object, name: str) -> object:
    """The value of an entry of a catalogue, or of any other name of its file."""
    value = getattr(module, name)
    return getattr(value, "value", value)


def version_of(module: ModuleType) -> Version | None:
    """The version that a module was loaded for."""
    return _finder.versions.get(module.__name__.split(".")[0])


class _VersionLoader(Loader):
    def __init__(self, version: Version, stem: str):
        self.version, self.stem = version, stem

    def exec_module(self, module: ModuleType) -> None:
        path = self.version.file(self.stem)
        source = read_text(path)
        if self.stem in self.version.edits:
            source = self.version.edits[self.stem](source)
        module.__file__ = str(path)
        exec(_compiled(source, str(path)), module.__dict__)
        for name, value in self.version.replacements.get(self.stem, {}).items():
            setattr(module, name, value)


class _VersionFinder(MetaPathFinder):
    def __init__(self) -> None:
        self.versions: dict[str, Version] = {}

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        package, _, stem = fullname.partition(".")
        version = self.versions.get(package)
        if version is None or not version.file(stem).is_file():
            return None
        return ModuleSpec(fullname, _VersionLoader(version, stem), origin=str(version.file(stem)))


def _expect_file(path: Path) -> None:
    """Raises OSError, with a sentence on what is there instead of a file."""
    if path.is_file():
        return
    if path.is_symlink():
        raise FileNotFoundError(f"{path} is a link that leads to no file ({os.readlink(path)}).")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, and should be a file.")
    if path.exists():
        raise OSError(f"{path} is not a file that can be read from beginning to end.")
    raise FileNotFoundError(f"{path} is not there. Was it renamed, or moved?")


def read_text(path: Path) -> str:
    """A file's text. Raises SyntaxError if it is not UTF-8, or what it says that it is."""
    try:
        text = importlib.util.decode_source(path.read_bytes())
    except (SyntaxError, UnicodeDecodeError) as error:
        raise SyntaxError("the file is not UTF-8 text: save it as UTF-8", (str(path), 1, 0, "")) from error
    except PermissionError as error:
        raise PermissionError(f"{path} cannot be read: you have no permission to read it.") from error
    if "\0" in text:
        raise SyntaxError("there are null bytes in the file, so it is no text: save it anew", (str(path), 1, 0, ""))
    return text


_finder = _VersionFinder()
sys.meta_path.append(_finder)


@lru_cache(maxsize=1024)
def _compiled(source: str, path: str) -> CodeType:
    try:
        return compile(source, path, "exec", dont_inherit=True)
    except (RecursionError, MemoryError) as error:
        raise SyntaxError("something is nested too deeply for Python to read it", (path, 1, 0, "")) from error


@cache
def siblings(path: Path) -> set[str]:
    """The stems of the files beside `path` that it imports (`from .attention import …`), read without running it."""
    tree = ast.parse(path.read_bytes())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 1]
    return {node.module for node in imports if node.module} | {
        alias.name for node in imports if not node.module for alias in node.names
    }


def load_file(path: Path) -> ModuleType:
    """Run a file that is nobody's package (a check's file, a catalogue) as a module of its own."""
    name = f"_{path.parent.name}_{path.stem}_{next(_numbers)}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
