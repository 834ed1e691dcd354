"""
FHIR people that others made, one bundle each, generated when the tests run; none is kept here.

carebundle 0.5.0 and clinosim 0.6.5 (PyPI) generate from a seed; @medplum/mock 4.5.2 (npm) ships samples.
"""

import json
import logging
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Person = dict[str, Any]

CLINOSIM_SCENARIOS = (
    "acute_mi",
    "hemorrhagic_stroke",
    "cerebral_infarction",
    "atrial_fibrillation_rvr",
    "heart_failure_exacerbation",
    "copd_exacerbation",
    "liver_cirrhosis_decompensated",
)
_SHARED = ("Practitioner", "PractitionerRole", "Organization", "Location")
_MOCK = """
import * as mock from '@medplum/mock';
const found = Object.values(mock).flat().filter((value) => value && typeof value === 'object' && value.resourceType);
console.log(JSON.stringify(found));
"""


def carebundle_people(seed: int, each: int) -> Iterator[Person]:
    """People of every profile: one visit, a history of visits, and one with planted defects."""
    import carebundle

    for profile in carebundle.PROFILES:
        for index in range(each):
            for sex in ("F", "M"):
                chosen = {"profile": profile, "seed": seed, "sex": sex, "index": index}
                yield json.loads(carebundle.to_json(carebundle.generate_bundle(**chosen)))
        yield json.loads(carebundle.to_json(carebundle.generate_history(profile=profile, seed=seed, visits=4)))


def clinosim_people(seed: int, scenario: str, count: int) -> Iterator[Person]:
    """Hospital patients of one scenario, each with everything that refers to them."""
    logging.disable(logging.WARNING)  # it says of every document that no text was asked for
    try:
        from clinosim.api import SimulatorConfig, convert_cif_to_fhir, run_forced
        from clinosim.modules.output.cif_writer import write_cif
        from clinosim.types.config import ForcedScenario

        dataset = run_forced(ForcedScenario(disease_id=scenario, count=count), SimulatorConfig(random_seed=seed))
        with tempfile.TemporaryDirectory() as folder:
            write_cif(dataset, f"{folder}/cif")
            convert_cif_to_fhir(f"{folder}/cif", f"{folder}/fhir")
            lines = [
                line
                for file in sorted(Path(folder, "fhir").rglob("*.ndjson"))
                for line in file.read_text().splitlines()
            ]
    finally:
        logging.disable(logging.NOTSET)
    yield from split(json.loads(line) for line in lines)


def medplum_people() -> Iterator[Person]:
    """The sample patients of @medplum/mock; earlier versions of a record are left out."""
    run = subprocess.run(
        ["node", "--input-type=module", "--eval", _MOCK],
        cwd=Path(__file__).parents[2],
        check=True,
        capture_output=True,
        text=True,
    )
    latest = {(r["resourceType"], r.get("id", n)): r for n, r in enumerate(json.loads(run.stdout))}
    yield from split(latest.values())


def split(resources: Any) -> Iterator[Person]:
    """One bundle per patient: the patient, what is about him or her, and the staff."""
    listed = list(resources)
    for patient in (r for r in listed if r["resourceType"] == "Patient" and "id" in r):
        own = [r for r in listed if _subject(r) == f"Patient/{patient['id']}"]
        shared = [r for r in listed if r["resourceType"] in _SHARED]
        entries = [{"resource": r} for r in (patient, *own, *shared)]
        yield {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _subject(resource: Person) -> str | None:
    return next(
        (resource[k].get("reference") for k in ("subject", "patient") if isinstance(resource.get(k), dict)), None
    )
