"""Content of the room: whole, traced, reviewable; faults are named."""

from decimal import Decimal

import msgspec
import pytest

from openkap.kernel.content import sources
from openkap.kernel.errors import ContentFault
from openkap.pkpd import library
from openkap.pkpd.library import _check_model, every_row, models, numbers, say, told, warning_rows
from openkap.pkpd.types import CHECKED_TAGS, CHECKED_WORDS


@pytest.mark.hazard("HAZ-24", "C1")
def test_every_number_of_every_set_says_how_it_was_read_and_where():
    for row in models().values():
        for part in numbers(row):
            assert part.checked in CHECKED_WORDS
            assert part.source in sources("pkpd") or CHECKED_TAGS[part.checked] in ("D", "K"), (row.id, part)


@pytest.mark.hazard("HAZ-30", "C1")
def test_every_set_says_in_whom_it_was_fitted_and_where_blood_was_taken():
    for row in models().values():
        assert row.studied and row.site in ("venous", "arterial", "unstated")
    assert {row.id for row in models().values() if row.weight_kg is None} == {
        "kamp-2020",
        "domino-1982",
        "clements-1981",
    }


def test_every_set_of_sections_1_and_2_is_there_or_rejected_with_a_reason():
    usable = "otto-2021 otto-2021-racemic perez-ruixo-2021 simons-2022 sl-generic im-generic sc-generic"
    assert set(f"{usable} nasal-racemic-generic kamp-2020 domino-1982 clements-1981".split()) == set(models())
    never = "hijazi-2003 herd-2007 hornik-2018 flint-2017 klamt ashraf-2020 sigtermans-2009 jonkman-2017 henthorn-2018"
    assert set(f"{never} hasan-2021 wang-2019 glue-2020-cr".split()) == set(library.rejected())


def test_no_depot_stands_on_an_arterial_set():
    for row in models().values():
        assert not (row.low_evidence and row.site == "arterial")


def test_row_ids_are_single_and_texts_hold_only_numbers_that_exist():
    ids = [row.id for row in every_row()]
    assert len(ids) == len(set(ids)) > 80
    for file in ("covariates", "effects"):
        assert all("{" not in told(row) for row in library.statements(file).values())


def test_every_sentence_is_used():
    from pathlib import Path

    code = "".join(p.read_text(encoding="utf-8") for p in Path(library.__file__).parent.parent.rglob("*.py"))
    assert [name for name in warning_rows() if f'"{name}"' not in code] == []
    assert say("PKW-FEW", n=5).startswith("Percentiles of 5")


@pytest.mark.hazard("HAZ-24", "C1")
def test_a_set_that_varies_what_it_lacks_or_cites_nothing_is_refused():
    row, works = models()["otto-2021"], sources("pkpd")
    stray = msgspec.structs.replace(row.variation[0], name="V9")
    with pytest.raises(ContentFault, match=r"varies .'V9'"):
        _check_model(msgspec.structs.replace(row, variation=(stray,)), works)
    silent = msgspec.structs.replace(row.parameter[0], source="")
    with pytest.raises(ContentFault, match="names no source"):
        _check_model(msgspec.structs.replace(row, parameter=(silent, *row.parameter[1:])), works)
    dangling = msgspec.structs.replace(row.parameter[0], source="nowhere-1999", value=Decimal(1))
    with pytest.raises(ContentFault, match="nowhere-1999"):
        _check_model(msgspec.structs.replace(row, parameter=(dangling,)), works)
