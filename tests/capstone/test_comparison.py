"""What a score is compared with, by hand and as published."""

import math

import pytest

from capstone.comparison import levels, nats_per_token, remarks, rivals

WIKITEXT = {"text": "wikitext2-tokens", "kind": "tokens", "split": "validation", "tokens": 304931, "words": 217646}
WIKITEXT |= {"bytes": 1121681, "ppl_word": 120.0, "bits_per_byte": 1.34, "source_ppl_word": None}


def test_known_losses_by_hand():
    drawn = {"text": "encyclopedia", "tokens": 6, "words": 3, "bytes": 4, "source_bits_per_byte": 3.0}
    guess, trigram, source = levels(drawn, 2048, {"baseline_ppl_word": math.e**4})
    assert (guess.nats, trigram.nats) == (pytest.approx(math.log(2048)), pytest.approx(2.0))
    assert source.nats == pytest.approx(2 * math.log(2))  # 12 bits for 6 tokens
    awd = next(level for level in levels(WIKITEXT, None) if "AWD" in level.label)
    assert math.exp(awd.nats * 304931 / 217646) == pytest.approx(68.6)
    assert nats_per_token(184.67158372369389, WIKITEXT) == pytest.approx(3.7247864282142413)  # the recorded run's loss
    assert levels({}, None) == []


def test_published_figures_stand_beside_the_tokens_text_alone():
    test = WIKITEXT | {"split": "test", "words": 245569, "bytes": 1256449, "ppl_word": 115.0}
    found = {rival.name: rival for rival in rivals([WIKITEXT, test])}
    assert found["AWD-LSTM"].ppl_word == {"validation": 68.6, "test": 65.8}
    assert found["MoS"].ppl_word == {"validation": 63.9, "test": 61.5}
    assert found["Mogrifier RLSTM"].ppl_word == {"validation": 56.7, "test": 55.0}
    assert found["AWD-LSTM"].bits_per_byte["validation"] == pytest.approx(math.log2(68.6) * 217646 / 1121681)
    assert [rival.name for rival in rivals([WIKITEXT])] == ["this model", "AWD-LSTM", "MoS", "Mogrifier RLSTM"]
    assert "cannot stand beside theirs" in remarks([WIKITEXT])[0]
    raw = WIKITEXT | {"text": "wikitext2-raw", "kind": "raw"}
    assert [rival.name for rival in rivals([raw])] == ["this model"]
    assert "does not apply to the raw text" in remarks([raw])[0]
    drawn = WIKITEXT | {"text": "encyclopedia", "source_ppl_word": 3.5, "source_bits_per_byte": 0.37}
    known = {"baseline": "trigram", "baseline_ppl_word": 19.0, "baseline_bits_per_byte": 0.86}
    assert [rival.name for rival in rivals([drawn], known)] == ["this model", "trigram", "the source itself"]
