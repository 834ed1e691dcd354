"""The day of decision, the time zone, the site folder, and help."""

import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from openkap.cli.main import parser
from openkap.cli.tests.command import ON, call, called, encoded, environment, inside, person
from openkap.schedule.tests.make import tiny
from openkap.synthetic.case import Case

# -- the day ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["yesterday", "25.11.2026", "2026-02-30", "2026-W48-3", "20261125", "2026-11-25T10:00", "0001-01-01", ""]
)
def test_a_day_that_is_none_is_refused(text: str):
    said = call("screen", "-", "--on", text, stdin=person("eligible")).refusal()
    assert said.startswith("--on is") and "write it as 2026-11-25" in said


@pytest.mark.hazard("HAZ-21", "C1")
def test_on_a_later_day_the_same_record_is_stale_and_clears_nothing():
    later = call("screen", "-", "--on", "2027-06-01", stdin=person("eligible")).json
    assert later["on"] == "2027-06-01"
    assert later["verdict"] == "insufficient"
    assert any(ask["decisive"] for ask in later["ask"])


def test_on_an_earlier_day_what_came_later_is_not_used_and_is_listed():
    early = ON - timedelta(days=40)
    document = call("chart", "-", "--on", early, stdin=person("eligible")).json
    assert "weight" not in {fact["name"] for fact in document["facts"]}
    assert any(entry["resource"] == "Observation/weight-0" for entry in document["unmapped"])
    assert call("screen", "-", "--on", early, stdin=person("eligible")).json["verdict"] == "insufficient"


def test_without_a_day_it_is_today_in_utc_or_in_the_zone_named():
    before = datetime.now(UTC).date()
    document = call("chart", "-", stdin=person("eligible")).json
    assert before.isoformat() <= document["on"] <= datetime.now(UTC).date().isoformat()
    east = call("chart", "-", stdin=person("eligible"), tz="Pacific/Kiritimati").json["on"]  # UTC+14
    west = call("chart", "-", stdin=person("eligible"), tz="Etc/GMT+12").json["on"]  # UTC-12
    assert west < east


@pytest.mark.parametrize("name", ["Mars/Olympus", "../etc/passwd", "Europe"])
@pytest.mark.parametrize("flags", [[], ["--on", "2026-11-25"]], ids=["today", "a day"])
def test_a_zone_that_is_none_is_refused(name: str, flags: list[str]):
    said = call("screen", "-", *flags, stdin=person("eligible"), tz=name).refusal()
    assert "OPENKAP_TZ" in said and name in said and "Europe/Berlin" in said


# -- the site --------------------------------------------------------------------------------------

TODAY = datetime.now(UTC).date()  # signatures count from the day on which they are made

LIMITS = """\
[[site_max]]
row = "DOS-SC"
mg_per_kg = 0.5
mg = 50
signed_by = "Dr Ines Varga, medical director"
on = 2026-01-02
reason = "made up for a test"
"""


@pytest.fixture(scope="module")
def person_today() -> bytes:
    return encoded(Case(TODAY).bundle())


@pytest.fixture(scope="module")
def signed(tmp_path_factory) -> Path:
    """A site folder whose medical director has signed all rows, and no dose limit."""
    folder = tmp_path_factory.mktemp("site")
    done = call("content", "sign", "all", "--by", "Dr Ines Varga", site=str(folder))
    assert done.status == 0
    return folder


def test_a_site_folder_that_does_not_exist_is_refused_by_every_case_command(tmp_path: Path):
    nowhere = str(tmp_path / "nowhere")
    for command in ("chart", "assess", "screen", "plan"):
        said = call(command, "-", "--on", ON, stdin=person("eligible"), site=nowhere).refusal()
        assert "OPENKAP_SITE" in said and "create it or unset it" in said


@pytest.mark.hazard("HAZ-24", "C1")
def test_in_an_empty_site_folder_nothing_is_signed_and_nothing_passes(tmp_path: Path, person_today: bytes):
    document = call("screen", "-", stdin=person_today, site=str(tmp_path)).json
    assert (document["mode"], document["verdict"]) == ("production", "insufficient")
    assert {finding["truth"] for finding in document["findings"]} == {"unknown"}
    assert all("not signed" in finding["because"] for finding in document["findings"])
    refused = call("plan", "-", stdin=person_today, site=str(tmp_path))
    assert (refused.status, refused.json["mode"], refused.json["verdict"]) == (3, "production", "insufficient")


def test_with_all_rows_signed_and_no_dose_limit_every_route_is_disabled(signed: Path, person_today: bytes):
    screening = call("screen", "-", stdin=person_today, site=str(signed)).json
    assert (screening["mode"], screening["verdict"]) == ("production", "eligible")
    answer = call("plan", "-", stdin=person_today, site=str(signed))
    assert answer.status == 3
    document = answer.json
    assert (document["mode"], document["verdict"]) == ("production", "eligible")
    reasons = [reason for option in document["refused_options"] for reason in option["reasons"]]
    assert any("no highest dose is signed" in reason and "disabled" in reason for reason in reasons)
    assert "no highest dose is signed" in document["reason"]


def test_a_signed_limit_opens_its_route_and_no_other(signed: Path, person_today: bytes, tmp_path: Path):
    (tmp_path / "signatures.toml").write_bytes((signed / "signatures.toml").read_bytes())
    (tmp_path / "limits.toml").write_text(LIMITS, encoding="utf-8")
    answer = call("plan", "-", stdin=person_today, site=str(tmp_path))
    assert answer.status == 0
    document = answer.json
    assert document["mode"] == "production"
    assert {option["route"] for option in document["options"]} == {"sc"}
    assert all(step["mg"] <= 50 for option in document["options"] for step in option["dose"]["steps"])


def test_a_score_needs_no_site(tmp_path: Path):
    form = encoded({"instrument": "gad-7", "answers": [0] * 7})
    assert call("score", "-", stdin=form, site=str(tmp_path / "nowhere")).status == 0


# -- help ------------------------------------------------------------------------------------------


def commands() -> dict[str, str]:
    """Help text by command, as argparse prints it."""
    [chosen] = [action for action in parser()._actions if action.dest == "command"]
    return {name: made.format_help() for name, made in chosen.choices.items()}


def examples() -> list[str]:
    lines = [line.strip() for text in commands().values() for line in text.splitlines()]
    return [line for line in lines if re.match(r"(openkap|echo '|OPENKAP_SITE=site openkap) ", line)]


@pytest.mark.parametrize("name", commands())
def test_every_command_teaches_by_example_and_says_what_its_status_means(name: str):
    text = call(name, "--help").out.decode()
    assert "Example" in text
    assert f"openkap {name}" in text.partition("Example")[2]
    assert "Exit status" in text or name == "demo"


def test_the_first_help_names_every_command_and_every_status():
    text = call("--help").out.decode()
    known = {"score", "chart", "assess", "screen", "plan", "simulate", "schedule", "content", "schema", "demo", "serve"}
    known |= {"seal"}
    assert set(commands()) == known
    assert all(re.search(rf"^\s+{name}\s", text, re.MULTILINE) for name in commands())
    assert all(f"{status} " in text for status in (0, 2, 3))
    assert "OPENKAP_SITE" in text and "OPENKAP_TZ" in text


def test_there_are_examples_to_run():
    assert len(examples()) >= 12


@pytest.mark.parametrize("line", examples())
def test_every_example_of_the_help_runs(line: str, tmp_path: Path):
    (tmp_path / "case.json").write_bytes(encoded(Case(TODAY).bundle()))
    (tmp_path / "gad-7.json").write_bytes(b'{"instrument": "gad-7", "answers": [3,2,1,0,1,2,3]}')
    [wishes] = re.findall(r"^ +(\{\"routes.*\})$", commands()["plan"], re.MULTILINE)
    (tmp_path / "wishes.json").write_text(wishes, encoding="utf-8")
    [dose] = re.findall(r'^ +(\{"model".*?"interactions".*?\})$', commands()["simulate"], re.MULTILINE | re.DOTALL)
    (tmp_path / "dose.json").write_text(dose, encoding="utf-8")
    (tmp_path / "instance.json").write_bytes(encoded(tiny()))
    (tmp_path / "plan.json").write_text('{"instance": "tiny", "assignments": [], "groups": []}', encoding="utf-8")
    (tmp_path / "site").mkdir()
    done = subprocess.run(["sh", "-c", line], capture_output=True, env=environment(), cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    written = shlex.split(line.partition(">")[2])
    assert done.stdout or all((tmp_path / name).stat().st_size for name in written)


@pytest.mark.parametrize("name", ["eligible", "insufficient"])
def test_help_and_results_never_mix(name: str):
    assert called("screen", name).err == ""


def test_the_package_itself_is_the_command_line():
    done = subprocess.run([sys.executable, "-m", "openkap", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("openkap ")


def test_screening_says_whose_record_it_may_be():
    mixed = encoded(Case(ON, sex="M", hcg="positive").bundle())
    document = inside("screen", "-", "--on", ON, stdin=mixed).json
    assert document["whose_record"][0]["reason"].startswith("a positive pregnancy test")
    assert document["verdict"] == "eligible"
    assert "whose_record" not in inside("screen", "-", "--on", ON, stdin=encoded(Case(ON).bundle())).json
