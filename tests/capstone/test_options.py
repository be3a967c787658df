"""Options, files and presets: what wins, and how faults are told."""

import json
from dataclasses import asdict, fields

import pytest

from capstone.config import Config, flag
from capstone.errors import ConfigError
from capstone.options import go_on, read_options, saved_config
from capstone.presets import PRESETS
from capstone.train import main as train


def told(error: pytest.ExceptionInfo[ConfigError]) -> list[str]:
    """The faults of the message."""
    return str(error.value).splitlines()[1:]


@pytest.mark.parametrize("name", PRESETS)
def test_presets_hold(name):
    assert PRESETS[name].faults() == []
    assert PRESETS[name].name == name
    assert read_options(["--preset", name]).settings == PRESETS[name]


def test_command_line_wins_over_file_over_preset(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('n_layer = 3\nlr = 1\npositions = "sinusoidal"\n', encoding="utf-8")
    settings = read_options(["--preset", "wikitext2-cpu", "--config", str(file), "--n-layer", "5"]).settings
    assert (settings.n_layer, settings.lr, settings.positions) == (5, 1.0, "sinusoidal")
    assert settings.n_embd == PRESETS["wikitext2-cpu"].n_embd


def test_every_field_can_be_set_in_both_ways(tmp_path):
    other = {int: 264, float: 0.25, str: "other"}
    texts = {"pieces": "mine", "positions": "sinusoidal", "attention": "day03", "precision": "float32"}
    texts |= {"guard": "stop", "board": "none", "profile": 3, "kernels": "pieces", "optimizer": "muon", "compile": "on"}
    values = {f.name: texts.get(f.name, other.get(type(f.default))) for f in fields(Config)}
    file = tmp_path / "all.json"
    file.write_text(json.dumps(values), encoding="utf-8")
    arguments = [text for name, value in values.items() for text in (flag(name), str(value))]
    assert asdict(read_options(["--config", str(file)]).settings) == values
    assert asdict(read_options(arguments).settings) == values


def test_resolved_configuration_is_saved(trained):
    saved = saved_config(trained)
    assert (saved.name, saved.steps, saved.n_embd, saved.precision) == ("tiny", 12, 16, "float32")
    assert read_options(["--config", str(trained / "config.json")]).settings == saved


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("two.toml", "n_heads = 3\nlr = 'fast'\n"),
        ("two.json", '{"n_heads": 3, "lr": "fast"}'),
    ],
)
def test_file_with_two_faults_tells_both(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        read_options(["--config", str(tmp_path / name)])
    assert told(error) == [
        f"  - {name} has the unknown key 'n_heads'; is it 'n_head'?",
        f"  - {name}: lr is 'fast': it must be a number",
    ]
    assert error.value.exit_code == 2


def test_faults_of_file_and_values_are_told_at_once(tmp_path):
    (tmp_path / "one.toml").write_text("dropout = 1.5\nwarmup = 3", encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        read_options(["--config", str(tmp_path / "one.toml"), "--n-embd", "6", "--block-size", "0"])
    assert told(error) == [
        "  - one.toml has the unknown key 'warmup'; is it 'warmup_fraction'?",
        "  - --block-size is 0: it must be at least 1",
        "  - --n-embd is 6: it must be a multiple of --n-head, 4",
        "  - --dropout is 1.5: it must be from 0 up to, but not including, 1",
    ]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--vocab-size", "256"),
        ("--steps", "0"),
        ("--lr", "nan"),
        ("--lr", "0"),
        ("--floor-lr", "1"),
        ("--warmup-fraction", "1.01"),
        ("--weight-decay", "-1"),
        ("--beta2", "1"),
        ("--max-norm", "0"),
        ("--seed", "-1"),
        ("--name", "a/b"),
    ],
)
def test_a_value_that_cannot_be_is_named(option, value):
    with pytest.raises(ConfigError) as error:
        read_options([option, value])
    assert len(told(error)) == 1
    assert told(error)[0].startswith(f"  - {option} is ")


def test_broken_file_and_missing_file_are_told(tmp_path):
    (tmp_path / "broken.toml").write_text("lr = = 3", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"broken\.toml is not TOML"):
        read_options(["--config", str(tmp_path / "broken.toml")])
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_options(["--config", str(tmp_path / "none.toml")])


def test_misspelt_option_is_answered_with_the_right_one(capsys):
    with pytest.raises(SystemExit) as end:
        train(["--n-leyer", "3"])
    assert end.value.code == 2
    shown = capsys.readouterr()
    assert "--n-layer" in shown.out + shown.err


def test_batch_is_divided_between_processes_and_parts(monkeypatch):
    assert read_options(["--batch-size", "12", "--accumulate", "3"]).settings.accumulate == 3
    with pytest.raises(ConfigError) as error:
        read_options(["--batch-size", "12", "--accumulate", "5"])
    assert told(error) == ["  - --batch-size is 12: it must be a multiple of --accumulate, 5"]
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert read_options(["--batch-size", "12", "--accumulate", "3"]).settings.batch_size == 12
    with pytest.raises(ConfigError, match="a multiple of the number of processes, 4, times --accumulate, 2"):
        read_options(["--batch-size", "12", "--accumulate", "2"])
    monkeypatch.setenv("WORLD_SIZE", "many")
    with pytest.raises(ConfigError, match="WORLD_SIZE is 'many': start all processes with torchrun"):
        read_options([])


def test_resume_auto_begins_or_goes_on(trained):
    arguments = ["--runs", str(trained.parent), "--pieces", "reference", "--resume", "auto", "--name"]
    assert go_on(read_options([*arguments, "none"]), [*arguments, "none"], False).resume == ""
    there = go_on(read_options([*arguments, "tiny"]), [*arguments, "tiny"], False)
    assert there.resume == str(trained)
    assert there.settings == saved_config(trained)
    other = [*arguments, "tiny", "--lr", "0.5"]
    with pytest.raises(ConfigError, match=r"--lr was .* and cannot become 0\.5"):
        go_on(read_options(other), other, False)


def test_restart_goes_on_with_the_run_of_its_own_job(trained, monkeypatch):
    arguments = ["--runs", str(trained.parent), "--name", "tiny", "--config", str(trained / "config.json")]
    options = read_options(arguments)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "another")
    assert go_on(options, arguments, True).resume == ""
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", (trained / "job.txt").read_text(encoding="utf-8").strip())
    assert go_on(options, arguments, True).resume == str(trained)
    assert go_on(options, arguments, False).resume == ""
