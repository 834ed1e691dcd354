"""Bad input, each kind through the executable: one sentence that names the field and the remedy, and nothing else."""

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from openkap.cli.main import main
from openkap.cli.tests.command import ON, call, called, encoded, environment, inside, person
from openkap.kernel.content import Header, convert, parse_toml
from openkap.kernel.errors import ContentFault
from openkap.screen.types import RulesFile
from openkap.synthetic.case import Case, measurement

DEEP = 10_000


def patient(identity: str = "p") -> dict[str, Any]:
    return {"resourceType": "Patient", "id": identity, "birthDate": "1988-06-14"}


def bundle(*resources: dict[str, Any], **changes: Any) -> bytes:
    document = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]}
    return encoded(document | changes)


def observation(**changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "subject": {"reference": "Patient/p"},
    } | changes


STU3 = {"resourceType": "Condition", "id": "c", "clinicalStatus": "active", "subject": {"reference": "Patient/p"}}
R5 = {"resourceType": "MedicationStatement", "id": "m", "status": "recorded", "medication": {"concept": {}}}
DEEP_LIST = b'{"resourceType":"Bundle","type":"collection","entry":' + b"[" * DEEP + b"]" * DEEP + b"}"
DEEP_FORM = (
    b'{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"p","x":'
    + b'{"item":' * DEEP
    + b"1"
    + b"}" * DEEP
    + b"}}]}"
)

# what is wrong: the document, words of the field, words of the remedy
BUNDLES = {
    "not JSON": (b"{ this is not json", "not JSON", "check that the whole file was saved"),
    "half a file": (bundle(patient())[:-9], "not JSON", "check that the whole file was saved"),
    "binary garbage": (random.Random(1).randbytes(5_000), "not JSON", "check that the whole file was saved"),
    "UTF-16": ('{"resourceType":"Bundle"}'.encode("utf-16"), "UTF-16", "save it as UTF-8"),
    "Latin-1": (b'{"resourceType":"B\xfcndel"}', "not JSON", "check that the whole file was saved"),
    "NaN": (b'{"resourceType":"Bundle","total":NaN}', "not JSON", "check"),
    "Infinity": (b'{"resourceType":"Bundle","total":-Infinity}', "not JSON", "check"),
    "empty": (b"", "empty", "give a JSON document"),
    "only blanks": (b" \n\t ", "empty", "give a JSON document"),
    "10,000 lists deep": (DEEP_LIST, "nested too deeply", "check the export"),
    "10,000 objects deep": (DEEP_FORM, "nested too deeply", "check the export"),
    "a list": (b"[]", "not a JSON object", "give a FHIR R4 Bundle"),
    "a number": (b"7", "not a JSON object", "give a FHIR R4 Bundle"),
    "not FHIR": (b'{"name": "Marisol"}', "resourceType", "give a FHIR R4 Bundle"),
    "another resource": (encoded(patient()), "Patient", "give a FHIR R4 Bundle about one patient"),
    "another type of bundle": (bundle(patient(), type="batch"), "Bundle.type", "give a collection"),
    "STU3": (bundle(patient(), STU3), "clinicalStatus", "export as FHIR R4"),
    "R5": (bundle(patient(), R5), "medication", "export as FHIR R4"),
    "no patient": (bundle(observation(subject=None)), "no Patient", "include the patient's own resource"),
    "no entry": (encoded({"resourceType": "Bundle", "type": "collection"}), "no Patient", "include"),
    "two patients": (bundle(patient(), patient("q")), "2 patients", "send one bundle per patient"),
    "another person's resource": (
        bundle(patient(), observation(subject={"reference": "Patient/q"})),
        "Observation/o is about Patient/q",
        "send one bundle per patient",
    ),
}

SCORES = {
    "unknown instrument": (b'{"instrument": "gad-77", "answers": [1]}', "gad-77", "did you mean gad-7"),
    "no instrument": (b'{"answers": [1]}', "instrument", "give instrument and answers"),
    "no answers": (b'{"instrument": "gad-7"}', "answers", "give instrument and answers"),
    "answers in words": (b'{"instrument": "gad-7", "answers": "3222222"}', "answers", "give one answer per item"),
    "unknown key": (b'{"instrument": "gad-7", "answers": [], "answer": []}', "answer", "remove it"),
    "unknown sex": (b'{"instrument": "gad-7", "answers": [], "context": {"sex": "x"}}', "sex", "use male"),
    "second of a list": (b'[{"instrument": "gad-7", "answers": []}, {"instrument": 7, "answers": []}]', "[1]", "give"),
    "another resource": (bundle(patient()), "Bundle", "QuestionnaireResponse"),
    "unknown questionnaire": (
        b'{"resourceType":"QuestionnaireResponse","status":"completed","questionnaire":"http://x.example/y"}',
        "questionnaire",
        "write",
    ),
    "NaN": (b'{"instrument": "gad-7", "answers": [NaN]}', "not JSON", "check"),
    "10,000 deep": (b"[" * DEEP + b"]" * DEEP, "nested too deeply", "check"),
    "empty": (b"", "empty", "give a JSON document"),
}

PREFERENCES = {
    "unknown key": (b'{"regimes": "REG-A1"}', "regimes", "use regimen, routes"),
    "unknown regimen": (b'{"regimen": "REG-Z9"}', "REG-Z9", "use one of REG-A1"),
    "unknown route": (b'{"routes": ["eyes"]}', "eyes", "use one of"),
    "unknown modality": (b'{"modalities": ["hypnosis"]}', "hypnosis", "use one of"),
    "wished and avoided": (b'{"modalities": ["cbt"], "avoid": ["cbt"]}', "cbt", "keep it in one"),
    "negative weight": (b'{"dosing_weight_kg": -60}', "dosing_weight_kg", "give kg between"),
    "no number": (b'{"dosing_weight_kg": "eleven stone"}', "dosing_weight_kg", "correct it"),
    "NaN": (b'{"dosing_weight_kg": NaN}', "not JSON", "check"),
    "a word for yes": (b'{"start_low": "yes"}', "start_low", "correct it"),
    "a start before the decision": (b'{"start_on": "2026-11-01"}', "start_on", "choose a later day"),
    "no date": (b'{"start_on": "soon"}', "start_on", "correct it"),
    "a list": (b"[]", "preferences", "write them as"),
}


@pytest.mark.parametrize(("data", "field", "remedy"), BUNDLES.values(), ids=BUNDLES)
def test_a_case_that_cannot_be_read_is_refused_whole(data: bytes, field: str, remedy: str):
    said = call("chart", "-", stdin=data).refusal()
    assert field in said
    assert remedy in said


@pytest.mark.parametrize("command", ["assess", "screen", "plan"])
def test_every_case_command_refuses_alike(command: str):
    data = BUNDLES["two patients"][0]
    assert call(command, "-", stdin=data) == call("chart", "-", stdin=data)


@pytest.mark.parametrize(("data", "field", "remedy"), SCORES.values(), ids=SCORES)
def test_a_form_that_cannot_be_read_is_refused(data: bytes, field: str, remedy: str):
    said = call("score", "-", stdin=data).refusal()
    assert field in said
    assert remedy in said


@pytest.mark.parametrize(("data", "field", "remedy"), PREFERENCES.values(), ids=PREFERENCES)
def test_preferences_that_cannot_be_meant_are_refused(data: bytes, field: str, remedy: str, tmp_path: Path):
    path = tmp_path / "wishes.json"
    path.write_bytes(data)
    said = call("plan", "-", "--on", ON, "--preferences", path, stdin=person("eligible")).refusal()
    assert field in said
    assert remedy in said


# -- facts that cannot be meant: the record is read, the fact is not, and the list says why ----------


FACTS = {
    "negative weight": (measurement("w", "weight", -61, "kg", ON), "weight"),
    "weight in stones": (measurement("w", "weight", 9, "[stone_av]", ON), "[stone_av]"),
    "weight of a unit in words": (
        measurement("w", "weight", 61, "kg", ON) | {"valueQuantity": {"value": 61, "unit": "kg"}},
        "unit",
    ),
    "weight in 2093": (
        measurement("w", "weight", 61, "kg", ON) | {"effectiveDateTime": "2093-01-01"},
        "2093",
    ),
    "a day that does not exist": (
        measurement("w", "weight", 61, "kg", ON) | {"effectiveDateTime": "2026-02-30"},
        "2026-02-30",
    ),
}


@pytest.mark.parametrize(("resource", "words"), FACTS.values(), ids=FACTS)
def test_a_measurement_that_cannot_be_meant_is_listed_and_counts_as_missing(resource: dict[str, Any], words: str):
    case = encoded(Case(ON, measurements={"weight": []}, extra=[resource]).bundle())
    answer = call("chart", "-", "--on", ON, stdin=case)
    assert answer.status == 0
    listed = [entry["reason"] for entry in answer.json["unmapped"] if entry["resource"] == "Observation/w"]
    assert listed and all(words in reason for reason in listed), listed
    weight = [fact for fact in answer.json["facts"] if fact["name"] == "weight"]
    assert all(fact["status"] not in ("known", "absent") for fact in weight), weight
    assert inside("screen", "-", "--on", ON, stdin=case).json["verdict"] == "insufficient"


# -- large -----------------------------------------------------------------------------------------


# The kernel's own account of the highest memory of a process, asked for at its end.
WITH_PEAK = """
import sys
from openkap.cli.main import main
status = main(sys.argv[1:])
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1], file=sys.stderr)
raise SystemExit(status)
"""


def measured(words: list[str], stdin: Any = None) -> tuple[int, bytes, str, int]:
    """Status, output, errors and peak memory in MiB of a call."""
    command = [sys.executable, "-c", WITH_PEAK, *words]
    done = subprocess.run(command, stdin=stdin, capture_output=True, env=environment(), check=False)
    said, peak = done.stderr.decode().splitlines()
    return done.returncode, done.stdout, said, int(peak) // 1024


@pytest.fixture
def huge(tmp_path: Path) -> Path:
    """200 MB that begin like a bundle; sparse, so that it costs no disk."""
    path = tmp_path / "huge.json"
    path.write_bytes(bundle(patient())[:-2])
    with path.open("r+b") as file:
        file.truncate(200 * 1024 * 1024)
    return path


def test_a_bundle_of_200_megabytes_is_refused_without_reading_it(huge: Path):
    status, out, err, peak = measured(["screen", str(huge)])
    assert (status, out) == (2, b"")
    assert "larger than" in err and "export one patient at a time" in err
    assert peak < 60, f"{peak} MiB"


def test_200_megabytes_through_a_pipe_are_refused_at_the_limit(huge: Path):
    with subprocess.Popen(["cat", str(huge)], stdout=subprocess.PIPE) as source:
        status, out, err, peak = measured(["score", "-"], stdin=source.stdout)
        source.kill()
    assert (status, out) == (2, b"")
    assert "larger than" in err
    assert peak < 160, f"{peak} MiB"


# -- files and streams -----------------------------------------------------------------------------


def test_a_file_that_is_not_there_or_no_file_is_refused_by_name(tmp_path: Path):
    loop = tmp_path / "loop.json"
    loop.symlink_to(loop)
    for path in (tmp_path / "missing.json", tmp_path, loop, Path("/dev/null/case.json"), tmp_path / ("x" * 300)):
        said = call("chart", path).refusal()
        assert "cannot be read" in said and "check the name and its permissions" in said


def test_a_file_without_permission_is_refused(tmp_path: Path, monkeypatch, capfd):
    def no(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", no)  # root may read everything, so the refusal is played
    assert main(["chart", str(tmp_path / "case.json")]) == 2
    out, err = capfd.readouterr()
    assert out == "" and "cannot be read (Permission denied)" in err


@pytest.mark.parametrize(
    ("shell", "words"),
    [
        ("openkap chart - <&-", "Standard input is closed"),
        ("openkap schema score >&-", "Standard output is closed"),
        ("openkap schema score >/dev/full", "Standard output cannot be written"),
        ("openkap plan case.json --on 2026-11-25 --as html >/dev/full", "Standard output cannot be written"),
    ],
)
def test_a_stream_that_cannot_be_used_is_named(shell: str, words: str, tmp_path: Path):
    (tmp_path / "case.json").write_bytes(person("eligible"))
    done = subprocess.run(["sh", "-c", shell], capture_output=True, env=environment(), cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert words in done.stderr.decode()
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("form", ["json", "html"])
def test_a_reader_that_goes_away_is_no_fault(form: str, tmp_path: Path):
    (tmp_path / "case.json").write_bytes(person("eligible"))
    shell = f"openkap plan case.json --on {ON} --as {form} 2>err | head -c 10; test ! -s err"
    done = subprocess.run(["sh", "-c", shell], capture_output=True, env=environment(), cwd=tmp_path, check=False)
    assert (done.returncode, len(done.stdout)) == (0, 10)


def test_nothing_of_a_record_can_steer_the_terminal_or_flood_it():
    evil = observation(id="o\x1b[2J\n\nopenkap: all is well", subject={"reference": "Patient/" + "q" * 100_000})
    answer = call("chart", "-", stdin=bundle(patient(), evil))
    said = answer.refusal()
    assert "\x1b" not in said and len(said) < 1_000
    assert "send one bundle per patient" in said


# -- words -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["plot"],
        ["chart"],
        ["plan", "-", "--as", "docx"],
        ["screen", "-", "--doseday"],
        ["content"],
        ["screen", "-", "--al"],
    ],
    ids=" ".join,
)
def test_a_command_that_does_not_exist_is_refused_with_the_way_to_help(words: list[str]):
    said = call(*words).refusal()
    assert "--help" in said


# -- content ---------------------------------------------------------------------------------------


def test_a_typo_in_a_shipped_content_file_names_file_row_and_key():
    text = """
        [content]
        title = "t"
        version = "1"
        [[rule]]
        id = "SCR-X-1"
        titel = "a typo"
        """
    with pytest.raises(ContentFault) as caught:
        convert(parse_toml(text, "eligibility.toml"), RulesFile, "screen/content/eligibility.toml")
    said = str(caught.value)
    assert "screen/content/eligibility.toml" in said and "SCR-X-1" in said and "titel" in said
    assert "correct or remove it" in said
    assert "\n" not in said


def test_a_typo_in_the_header_of_a_content_file_is_named():
    with pytest.raises(ContentFault, match="verzion"):
        convert({"title": "t", "version": "1", "verzion": "1"}, Header, "x.toml")


SITE_FILES = {
    "overrides.toml": ("[[override]]\nrow = 'SCR-HTN-1'\nlimmit = 'x'\n", "limmit"),
    "signatures.toml": ("[[signature]]\nrow = 'SCR-HTN-1'\nfinger = 'x'\n", "finger"),
    "limits.toml": ("[[site_max]]\nrow = 'DOS-IV'\nmg_per_gk = 0.5\n", "mg_per_gk"),
}


@pytest.mark.parametrize(("name", "text", "field"), [(k, *v) for k, v in SITE_FILES.items()])
def test_a_typo_in_a_file_of_the_site_names_file_and_key(name: str, text: str, field: str, tmp_path: Path):
    (tmp_path / name).write_text(text, encoding="utf-8")
    said = inside("screen", "-", "--on", ON, stdin=person("eligible"), site=str(tmp_path)).refusal()
    assert name in said and field in said and "correct or remove it" in said


@pytest.mark.parametrize("name", SITE_FILES)
def test_a_file_of_the_site_that_is_no_toml_is_named(name: str, tmp_path: Path):
    (tmp_path / name).write_bytes(b"[[override\n")
    said = inside("screen", "-", "--on", ON, stdin=person("eligible"), site=str(tmp_path)).refusal()
    assert name in said and "correct" in said


@pytest.mark.parametrize("name", SITE_FILES)
def test_a_file_of_the_site_that_is_no_text_is_named(name: str, tmp_path: Path):
    (tmp_path / name).write_bytes(b"\xff\xfe\x00")
    said = inside("screen", "-", "--on", ON, stdin=person("eligible"), site=str(tmp_path)).refusal()
    assert name in said


def test_a_refused_call_leaves_no_file_behind(tmp_path: Path):
    call("plan", "-", "--as", "pdf", stdin=b"{", cwd=tmp_path).refusal()
    assert list(tmp_path.iterdir()) == []
    assert called("plan", "eligible").status == 0


OVERRIDES = {
    "a row that does not exist": ("SCR-HTN-77", "systolic", "100", "SCR-HTN-77"),
    "a limit that does not exist": ("SCR-HTN-1", "sytolic", "100", "sytolic"),
    "a limit that is loosened": ("SCR-HTN-1", "systolic", "220", "systolic"),
    "a plan row that is loosened": ("LOW-FEAR", "line", "11", "line"),
    "a plan row without such a number": ("DOS-FREQ-1", "mots", "2", "mots"),
    "a row that no site may change": ("REG-B1", "most", "2", "REG-B1"),
}


@pytest.mark.hazard("HAZ-26", "C1")
@pytest.mark.parametrize(("row", "limit", "value", "field"), OVERRIDES.values(), ids=OVERRIDES)
@pytest.mark.parametrize(
    "words", [["screen", "-", "--on", ON], ["plan", "-", "--on", ON], ["content", "check"]], ids=str
)
def test_an_override_that_may_not_be_is_refused_at_every_door(words, row, limit, value, field, tmp_path: Path):
    text = f'[[override]]\nrow = "{row}"\nlimit = "{limit}"\nvalue = {value}\n'
    text += 'reason = "made up"\nby = "a test"\non = 2026-11-01\n'
    (tmp_path / "overrides.toml").write_text(text, encoding="utf-8")
    said = inside(*words, stdin=person("eligible"), site=str(tmp_path)).refusal()
    assert "overrides.toml" in said and field in said
