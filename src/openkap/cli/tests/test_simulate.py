"""`openkap simulate` as outside checks call it."""

import subprocess
import sys
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from openkap.cli.tests.command import call, encoded, inside

DOSE = {"at_min": 0, "route": "iv", "amount_mg_per_kg": 0.5, "duration_min": 40}


def asked(doses: list[dict[str, Any]] | None = None, **more: Any) -> bytes:
    base: dict[str, Any] = {"model": None, "drug": "ketamine", "subject": {"weight_kg": 70, "age_y": 40}}
    return encoded(base | {"doses": doses or [DOSE], "times_min": [0, 20, 40, 90], "population": None} | more)


def test_the_answer_has_the_keys_of_the_contract_and_satisfies_its_schema():
    answer = call("simulate", "-", stdin=asked(population={"n": 200, "seed": 7}))
    assert (answer.status, answer.err) == (0, "")
    found = answer.json
    assert {"openkap", "content", "mode", "analytes", "unit", "model", "source", "warnings"} <= set(found)
    assert found["unit"] == "ng/mL" and found["model"] == "otto-2021-racemic"
    assert found["analytes"]["ketamine"]["typical"][2] == pytest.approx(160, abs=1)
    assert found["analytes"]["ketamine"]["p05"][2] < 160 < found["analytes"]["ketamine"]["p95"][2]
    schema = call("schema", "simulate").json
    assert list(Draft202012Validator(schema).iter_errors(found)) == []
    without = inside("simulate", "-", stdin=asked()).json
    assert list(Draft202012Validator(schema).iter_errors(without)) == []
    assert without["analytes"]["ketamine"]["p05"] is None


BEYOND = [
    ("iv per kg", [DOSE | {"amount_mg_per_kg": 1.01}]),
    ("iv in mg", [{"at_min": 0, "route": "iv", "amount_mg": 75, "duration_min": 40}]),
    ("iv split in two", [DOSE | {"amount_mg_per_kg": 0.6}, DOSE | {"amount_mg_per_kg": 0.6, "at_min": 10}]),
    ("im at the line", [{"at_min": 0, "route": "im", "amount_mg_per_kg": 2.0}]),
    ("sc", [{"at_min": 0, "route": "sc", "amount_mg_per_kg": 1.1}]),
    ("oral", [{"at_min": 0, "route": "oral", "amount_mg": 176}]),
    ("lozenge", [{"at_min": 0, "route": "sublingual", "amount_mg": 401}]),
    ("nasal racemate, by the other drug's line", [{"at_min": 0, "route": "nasal", "amount_mg": 85}]),
]


@pytest.mark.hazard("HAZ-09", "C2")
@pytest.mark.parametrize("doses", [case[1] for case in BEYOND], ids=[case[0] for case in BEYOND])
def test_an_amount_beyond_never_is_refused_and_nothing_is_computed(doses: list[dict[str, Any]]):
    said = inside("simulate", "-", stdin=asked(doses)).refusal()
    assert said.startswith("doses[0]") and said.endswith("give less.")


@pytest.mark.hazard("HAZ-09", "C2")
def test_a_fourth_device_in_a_session_is_beyond_never_and_on_another_day_it_is_not():
    def devices(*minutes: int) -> bytes:
        doses = [{"at_min": at, "route": "nasal", "amount_mg": 28} for at in minutes]
        return asked(doses, drug="esketamine")

    assert inside("simulate", "-", stdin=devices(0, 5, 10)).status == 0
    assert "is never" in (said := inside("simulate", "-", stdin=devices(0, 5, 10, 15)).refusal()) or "beyond" in said
    assert inside("simulate", "-", stdin=devices(0, 5, 10, 1440)).status == 0


def test_a_bolus_into_a_vein_is_computed_with_a_warning():
    answer = inside("simulate", "-", stdin=asked([{"at_min": 0, "route": "iv", "amount_mg": 20}]))
    assert answer.status == 0
    assert any("never ordered" in text for text in answer.json["warnings"])


def test_a_drug_without_a_limit_by_this_route_says_so():
    answer = inside("simulate", "-", stdin=asked(drug="esketamine"))
    assert any("No dose limit exists for esketamine by route iv" in text for text in answer.json["warnings"])


@pytest.mark.parametrize("document", [b"", b"{", b"[]", b"null", b'{"model": "nope"}', b'{"a": 1, "a": 2}'])
def test_what_is_no_request_ends_with_two_and_one_sentence(document: bytes):
    inside("simulate", "-", stdin=document).refusal()


def test_a_picture_comes_instead_of_the_document():
    answer = inside("simulate", "-", "--as", "svg", "--theme", "dark", stdin=asked(population={"n": 100, "seed": 1}))
    assert answer.status == 0 and answer.out.startswith(b"<svg") and answer.out.rstrip().endswith(b"</svg>")


def test_a_site_that_has_not_signed_the_set_is_told_so(tmp_path: Any):
    answer = inside("simulate", "-", stdin=asked(), site=str(tmp_path))
    assert answer.status == 0 and answer.json["mode"] == "production"
    assert any("Not signed at this site: otto-2021-racemic, otto-2021" in text for text in answer.json["warnings"])


def test_the_other_commands_do_not_load_numpy():
    program = "import sys; from openkap.cli.main import main; main(['content', 'check']); print('numpy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.rstrip().endswith("False")


def test_a_picture_comes_as_png_too_the_same_each_time_and_each_theme_its_own():
    def made(theme: str) -> bytes:
        answer = inside("simulate", "-", "--as", "png", "--theme", theme, stdin=asked(population={"n": 100, "seed": 1}))
        assert answer.status == 0
        return answer.out

    first = made("dark")
    assert first.startswith(b"\x89PNG") and first[16:24] == (1920).to_bytes(4, "big") + (1160).to_bytes(4, "big")
    assert first == made("dark") != made("print")


def test_without_typst_a_png_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "typst", None)
    said = inside("simulate", "-", "--as", "png", stdin=asked()).refusal()
    assert "pip install openkap[pdf]" in said
