"""How the processes of a run find each other, and that they are of one mind."""

from datetime import timedelta

import pytest
import torch.distributed as dist

from capstone import meeting
from capstone.errors import CapstoneError
from capstone.pieces import choose, digests


def test_a_rank_with_other_pieces_is_told(monkeypatch):
    choices = choose("reference", processes=2)
    same = digests(choices)
    other = {**same, "day06_ddp/ddp.py": "mine 0123"}
    monkeypatch.setattr(meeting, "gathered", lambda _: [same, same])
    meeting.agree_on_pieces(choices)
    monkeypatch.setattr(meeting, "gathered", lambda _: [same, same, other])
    with pytest.raises(CapstoneError, match="Rank 2 has other pieces than rank 0") as error:
        meeting.agree_on_pieces(choices)
    assert "  - day06_ddp/ddp.py: reference → mine" in str(error.value)


def test_after_a_restart_nobody_goes_to_the_old_place(monkeypatch):
    """The store of torchrun still says where rank 0 was before; there is nobody, or somebody else."""
    known = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    stranger = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    stranger.set(meeting.KEY, "another word")
    for name, value in {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(known.port), "RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(meeting, "KEPT", [])
    known.set(meeting.KEY, f"{stranger.port} the word of a rank that is gone")
    assert not meeting.answers("127.0.0.1", stranger.port, "the word of a rank that is gone")
    meeting.meet_anew(timedelta(seconds=60))  # rank 0, of this attempt
    place = meeting.os.environ["MASTER_PORT"]
    assert place not in (str(known.port), str(stranger.port))
    monkeypatch.setenv("MASTER_PORT", str(known.port))
    monkeypatch.setenv("RANK", "1")
    meeting.meet_anew(timedelta(seconds=60))
    assert meeting.os.environ["MASTER_PORT"] == place
