"""The page of a run: whole, on its own, true, and made of whatever there is."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest

from capstone.config import Config, flag
from capstone.errors import CapstoneError
from capstone.metrics import scores
from capstone.report.__main__ import main as report
from capstone.report.gather import find, gather
from capstone.report.page import page
from capstone.report.tables import meanings, pieces, times, whose

ROOT = Path(__file__).parents[2]
ALONE = {"meta", "br", "img", "link", "input", "hr"}  # have no end tag


class Reader(HTMLParser):
    """Reads a page: its tags, whether each is closed, its text, and what it would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.fetched: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.add(tag)
        self.ids += [values["id"]] if "id" in values else []
        self.fetched += [values[name] for name in ("src", "srcset", "xlink:href") if name in values]
        self.fetched += [values["href"]] if tag not in ("a",) and "href" in values else []
        if tag not in ALONE:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in ALONE:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture(scope="module")
def made(trained, tmp_path_factory) -> str:
    """The page of the finished run."""
    path = tmp_path_factory.mktemp("page") / "new" / "page.html"
    assert report([str(trained), "--to", str(path)]) == 0
    return path.read_text(encoding="utf-8")


@pytest.fixture
def stopped(copied) -> Path:
    """A run that ended at step 7, after its first validation."""
    folder = copied()
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if json.loads(line)["step"] <= 7]
    (folder / "metrics.jsonl").write_text("".join(kept) + '{"step": 8, "tok', encoding="utf-8")
    for name in ("evaluation.json", "samples.txt", "curve.png"):
        (folder / name).unlink()
    return folder


def text_of(folder: Path) -> str:
    return Reader(page(gather(folder))).text


def test_page_needs_nothing_else(made):
    seen = Reader(made)
    assert seen.open == []
    assert seen.tags.isdisjoint({"script", "link", "iframe", "object"})
    assert all(place.startswith(("#", "data:")) for place in seen.fetched)
    assert re.findall(r"url\((?!#)|@import", made) == []
    assert len(made) < 1_000_000
    assert len(seen.ids) == len(set(seen.ids))


def test_pictures_take_their_colours_from_the_page(made):
    pictures = re.findall(r"<svg.*?</svg>", made, re.DOTALL)
    assert len(pictures) == 4
    for picture in pictures:
        assert re.findall(r"(?<!&)#[0-9a-fA-F]{6}\b", picture) == []
        assert set(re.findall(r"var\((--[\w-]+)\)", picture)) <= set(re.findall(r"(--[\w-]+):", made))
        assert "<text" in picture  # letters are letters
        used = set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", picture))
        assert used <= set(re.findall(r"id=\"([^\"]+)\"", picture))


def test_page_says_what_the_run_says(made, trained):
    values = json.loads((trained / "evaluation.json").read_text(encoding="utf-8"))
    seen = Reader(made).text
    for part in (
        f"{values['loss']:.4f}",
        f"{values['ppl_token']:.2f}",
        f"{values['ppl_word']:.2f}",
        f"{values['bits_per_byte']:.4f}",
        f"{values['tokens_seen']:,} tokens seen",
        values["tokenizer"],
        "4 of 16 tokens",
        "interpolated trigram of words",
        "Every piece is the reference's.",
        "--n-layer 1 (default 2)",
        values["data_digest"],
        values["machine"],
        "python -m capstone.train --pieces reference --vocab-size 300",
        f"python -m capstone.train --config {trained.as_posix()}/config.json",
    ):
        assert part in seen, part
    assert "finished 12 steps" in seen
    assert "not finished" not in seen and "--resume" not in seen


def test_every_setting_is_there_with_its_meaning(made):
    assert [name for _, name, _ in meanings()] == list(Config.__dataclass_fields__)
    seen = Reader(made).text
    for group, name, meaning in meanings():
        assert flag(name) in seen
        assert re.sub(r"\s+", " ", meaning) in seen
        assert group in seen


def test_what_a_model_writes_is_shown_and_not_obeyed(copied):
    folder = copied()
    (folder / "samples.txt").write_text("<unk> & <script>alert(1)</script>\n\n----\n\n</pre>second\n", encoding="utf-8")
    text = page(gather(folder))
    assert "&lt;unk&gt; &amp; &lt;script&gt;" in text
    seen = Reader(text)
    assert seen.open == [] and "script" not in seen.tags
    assert "</pre>second" in seen.text


def test_run_that_is_not_finished(stopped):
    seen = text_of(stopped)
    assert "not finished 7 of 12 steps" in seen
    assert f"python -m capstone.train --resume {stopped.as_posix()}" in seen
    look = next(record for record in gather(stopped).records if "val_loss" in record)
    sizes = gather(stopped).latest["validation"]
    found = scores(look["val_loss"], sizes["tokens"], sizes["words"], sizes["bytes"])
    assert f"perplexity per word {found.ppl_word:.2f}" in seen
    assert "16 of 16 tokens" in seen
    assert "validation" in [row["part"] for row in times(gather(stopped))]


def test_run_without_a_step(copied):
    folder = copied()
    for path in folder.iterdir():
        if path.is_file() and path.name not in ("config.json", "sessions.jsonl"):
            path.unlink()
    assert "not begun it has not taken a step yet" in text_of(folder)


def test_run_that_the_guard_stopped(stopped):
    event = {"step": 8, "tokens": 512, "lr": 0.001, "guard": "stop", "reason": "the loss is NaN"}
    lines = (stopped / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[:-1]
    (stopped / "metrics.jsonl").write_text("\n".join([*lines, json.dumps(event)]) + "\n", encoding="utf-8")
    seen = text_of(stopped)
    assert "stopped by the guard at step 8 of 12: the loss is NaN" in seen
    assert "8 stop the loss is NaN" in seen


def test_run_in_several_sessions(copied):
    folder = copied()
    first = json.loads((folder / "sessions.jsonl").read_text(encoding="utf-8"))
    again = first | {"step": 6, "processes": 2, "command": "torchrun -m capstone.train --resume it", "torch": "9.9"}
    (folder / "sessions.jsonl").write_text(f"{json.dumps(first)}\n{json.dumps(again)}\n", encoding="utf-8")
    text = page(gather(folder))
    seen = Reader(text).text
    assert "resumed" in re.findall(r"<svg.*?</svg>", text, re.DOTALL)[3]
    assert f"{first['command']} torchrun -m capstone.train --resume it" in seen
    assert "9.9" in seen and first["torch"] in seen


def test_old_run_has_less(copied):
    """One from before sessions, times and most settings: what it says is shown, and nothing else is made up."""
    folder = copied()
    (folder / "sessions.jsonl").unlink()
    for name, dropped in (
        ("config.json", {"guard", "accumulate", "profile", "max_norm"}),
        ("evaluation.json", {"seconds_of", "progress", "processes", "checkpoint_share"}),
    ):
        values = json.loads((folder / name).read_text(encoding="utf-8"))
        kept = {key: value for key, value in values.items() if key not in dropped} | {"fashion": "old"}
        (folder / name).write_text(json.dumps(kept), encoding="utf-8")
    (folder / "metrics.jsonl").unlink()
    seen = Reader(text := page(gather(folder))).text
    assert "data:image/png;base64," in text and "<svg" not in text
    assert '--fashion "old"' in seen and "Of another version of the course" in seen
    assert "The guard" not in seen and "Where the time went" not in seen


def test_other_splits_stand_beside(copied):
    folder = copied()
    values = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    test = values | {"split": "test", "ppl_word": 98.76}
    (folder / "scores.json").write_text(json.dumps({"evaluations": [values, test]}), encoding="utf-8")
    run = gather(folder)
    assert [each["split"] for each in run.evaluations] == ["validation", "test"]
    assert "98.76" in text_of(folder)


def test_whose_pieces_by_day():
    chosen = {"LayerNorm": "mine", "causal_mask": "mine", "GPT": "mine", "GPTConfig": "reference"}
    chosen |= {"train_bpe": "reference", "long_gone": "reference"}
    rows = pieces(SimpleNamespace(values={"pieces": chosen}, latest={}))
    assert rows == [
        {"day": "?", "whose": "reference", "names": "long_gone"},
        {"day": "2", "whose": "yours", "names": "LayerNorm, causal_mask"},
        {"day": "3", "whose": "both", "names": "yours: GPT; reference: GPTConfig"},
        {"day": "4", "whose": "reference", "names": "train_bpe"},
    ]
    assert whose(rows) == "Yours are the pieces of day 2, 3 (in part); the rest are the reference's."
    assert whose(rows[1:2]) == "Every piece is yours."


def test_what_cannot_be_reported_is_told_in_a_sentence(copied, tmp_path, monkeypatch):
    folder = copied()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CapstoneError, match=r"There is no run wikitext2-cqu: .* Is it wikitext2-cpu\?"):
        find("wikitext2-cqu")
    with pytest.raises(CapstoneError, match="is no run of the capstone"):
        gather(find("day01-mnist"))
    with pytest.raises(CapstoneError, match=r"there is no config\.json in it"):
        gather(tmp_path)
    mine = tmp_path / "mine.html"
    mine.write_text("<p>mine</p>", encoding="utf-8")
    with pytest.raises(CapstoneError, match="is no report: it would be lost"):
        report([str(folder), "--no-baseline", "--to", str(mine)])
    assert mine.read_text(encoding="utf-8") == "<p>mine</p>"
    with pytest.raises(CapstoneError, match="is a folder: name a file"):
        report([str(folder), "--no-baseline", "--to", str(tmp_path)])
    (folder / "evaluation.json").write_text('{"loss": 1', encoding="utf-8")
    with pytest.raises(CapstoneError, match=r"evaluation\.json cannot be read"):
        report([str(folder)])


def test_a_text_that_is_gone_costs_the_trigram_alone(copied, capsys):
    folder = copied()
    values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(values | {"text": "gone/town.txt"}), encoding="utf-8")
    assert report([str(folder)]) == 0
    shown = capsys.readouterr()
    assert "Without a trigram" in shown.err
    assert shown.out.strip() == str(folder / "report.html")
    assert report([str(folder), "--no-baseline"]) == 0  # its own page is made anew


@pytest.mark.parametrize("name", ["default", "wikitext2-cpu"])
def test_recorded_runs_have_a_page_by_their_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where there is no runs/ of that name
    assert find(name) == ROOT / "docs" / "runs" / name
    folder = Path(shutil.copytree(find(name), tmp_path / name))
    (folder / "index.html").unlink()
    assert report([str(folder), "--no-baseline"]) == 0
    seen = Reader((folder / "index.html").read_text(encoding="utf-8"))
    assert f"docs/runs/{name}/config.json" in seen.text
    assert "python -m capstone.train" in seen.text
