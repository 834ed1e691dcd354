"""The sealed envelope made on the server: a word for each site, once, and what stands."""

from __future__ import annotations

import pytest

from openkap.kernel.errors import UserError
from openkap.people import services_sealed
from openkap.people.audit import Origin
from openkap.project import seal
from tests.database import Clinic


@pytest.mark.hazard("HAZ-47", "C2")
def test_the_command_prints_a_word_that_opens_and_says_what_stands(
    clinic: Clinic, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(seal, "make_ready", lambda: None)
    with pytest.raises(UserError, match="Where it lies"):
        seal.run("", state=False)
    assert seal.run("trolley", state=False) == 0
    words = capsys.readouterr().out.split()
    assert len(words) == 2  # a site each
    row, _token = services_sealed.open_seal(words[0], "Tom Typed", "nobody can sign in", origin=Origin())
    assert row.made_by is None
    assert seal.run("", state=True) == 0
    said = capsys.readouterr()
    assert said.out == "" and "shut, trolley" in said.err and "not reviewed: 1" in said.err
