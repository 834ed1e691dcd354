"""Small, seeded damage to a FHIR bundle: the kinds of fault that real exports have, and some that none has."""

import copy
import random
from collections.abc import Iterator
from typing import Any

Json = Any

UNITS = """
kg g mg [lb_av] [lb_tr] lb lbs KG [stone_av] mm[Hg] mmHg kPa cm[H2O] /min bpm Hz % 1 cm m [in_i] [ft_i] mm U/L ukat/L
mg/dL mg/dl mg/L umol/L mmol/L m[IU]/L mU/L u[IU]/mL ng/dL pmol/L mL/min/{1.73_m2} mL/min ms s {score} {beats}/min
""".split()
SYSTEMS = ["http://unitsofmeasure.org", "http://unitsofmeasure.org/", "http://snomed.info/sct", "", None]
STATUSES = """
final amended corrected registered preliminary cancelled entered-in-error unknown Final completed in-progress stopped
active inactive draft on-hold intended not-taken rejected proposed current retired ordered
""".split()
VERIFICATIONS = "confirmed unconfirmed provisional differential refuted entered-in-error certain Confirmed".split()
CLINICALS = "active recurrence relapse inactive remission resolved better".split()
JUNK: list[Json] = [
    None,
    True,
    False,
    0,
    -1,
    7.5,
    1e308,
    10**40,
    "",
    "x",
    "2093-01-01",
    "2026-02-30",
    [],
    {},
    [None],
    [[]],
    {"x": 1},
]
REFERENCES = [
    "Patient/other",
    "http://a/Patient/other",
    "urn:uuid:0",
    "#p",
    "#",
    "",
    "/",
    "Group/1",
    "Patient/synthetic/_history/2",
]
REFERENCES += [
    "Patient/synthetic",
    "Observation/weight-0",
    "Practitioner/synthetic-clinician",
    "Patient/SYNTHETIC",
    "patient/synthetic",
]
DATES = [
    "2093-01-01",
    "2026",
    "2026-11",
    "1900-01-01",
    "2026-11-25T23:30:00-11:00",
    "2026-11-25T24:00:00Z",
    "soon",
    "",
    None,
]


def mutated(document: Json, draw: random.Random, times: int) -> Json:
    """A damaged copy."""
    document = copy.deepcopy(document)
    for _ in range(times):
        draw.choice(DAMAGE)(document, draw)
    return document


def _nodes(root: Json) -> Iterator[tuple[Json, Any]]:
    """Every (holder, key) below a root."""
    stack = [root]
    while stack:
        node = stack.pop()
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield node, key
            if isinstance(value, (dict, list)):
                stack.append(value)


def _somewhere(document: Json, draw: random.Random, *keys: str) -> tuple[Json, Any] | None:
    found = [(holder, key) for holder, key in _nodes(document) if not keys or key in keys]
    return draw.choice(found) if found else None


def _resource(document: Json, draw: random.Random, *kinds: str) -> Json | None:
    entries = document.get("entry") if isinstance(document, dict) else None
    found = [
        entry["resource"]
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict)
        and isinstance(entry.get("resource"), dict)
        and (not kinds or entry["resource"].get("resourceType") in kinds)
    ]
    return draw.choice(found) if found else None


def _put(document: Json, draw: random.Random, values: list, *keys: str) -> None:
    place = _somewhere(document, draw, *keys)
    if place:
        place[0][place[1]] = draw.choice(values)


def unit(document: Json, draw: random.Random) -> None:
    place = _somewhere(document, draw, "valueQuantity", "doseQuantity", "high", "low")
    if place and isinstance(place[0][place[1]], dict):
        quantity = place[0][place[1]]
        key = draw.choice(["code", "system", "unit", "comparator", "value"])
        pools = {"code": [*UNITS, None, 7], "system": SYSTEMS, "unit": UNITS, "comparator": ["<", ">="]}
        quantity[key] = draw.choice(pools.get(key, [*JUNK, -70, 70000, "70"]))


def status(document: Json, draw: random.Random) -> None:
    _put(document, draw, [*STATUSES, *JUNK[:4], ["final"]], "status", "intent")


def verification(document: Json, draw: random.Random) -> None:
    resource = _resource(document, draw, "Condition")
    if resource is not None:
        key, words = draw.choice([("verificationStatus", VERIFICATIONS), ("clinicalStatus", CLINICALS)])
        system = (
            f"http://terminology.hl7.org/CodeSystem/condition-{'ver-status' if words is VERIFICATIONS else 'clinical'}"
        )
        codes = [{"system": system, "code": word} for word in draw.sample(words, draw.choice([1, 1, 1, 2]))]
        resource[key] = draw.choice([{"coding": codes}, {"coding": codes}, {"text": words[0]}, words[0], None])


def modifier(document: Json, draw: random.Random) -> None:
    found = [holder[key] for holder, key in _nodes(document) if isinstance(holder[key], dict)]
    if found:
        draw.choice(found)["modifierExtension"] = [{"url": "http://example.org/negated", "valueBoolean": True}]


def rules(document: Json, draw: random.Random) -> None:
    resource = _resource(document, draw)
    if resource is not None:
        resource["implicitRules"] = "http://example.org/rules"


def reference(document: Json, draw: random.Random) -> None:
    _put(document, draw, [*REFERENCES, *JUNK[:4]], "reference")


def subject(document: Json, draw: random.Random) -> None:
    resource = _resource(document, draw)
    if resource is not None:
        resource[draw.choice(["subject", "patient"])] = draw.choice(
            [{"reference": draw.choice(REFERENCES)}, None, {}, []]
        )


def moment(document: Json, draw: random.Random) -> None:
    _put(
        document,
        draw,
        DATES,
        "effectiveDateTime",
        "authored",
        "recordedDate",
        "dateTime",
        "birthDate",
        "valueDate",
        "date",
    )


def code(document: Json, draw: random.Random) -> None:
    _put(
        document, draw, ["29463-7", "8302-2", "8480-6", "F20.0", "F17.200", "260385009", "10828004", "x", None], "code"
    )


def link(document: Json, draw: random.Random) -> None:
    _put(document, draw, ["aneurysm", "weight", "escort", "prior-treatment", "1", None, 7], "linkId")


def value(document: Json, draw: random.Random) -> None:
    place = _somewhere(document, draw)
    if place:
        place[0][place[1]] = copy.deepcopy(draw.choice(JUNK))


def shape(document: Json, draw: random.Random) -> None:
    place = _somewhere(document, draw)
    if place:
        place[0][place[1]] = draw.choice([[place[0][place[1]]], {"value": place[0][place[1]]}, str(place[0][place[1]])])


def removal(document: Json, draw: random.Random) -> None:
    place = _somewhere(document, draw)
    if place:
        del place[0][place[1]]


def kind(document: Json, draw: random.Random) -> None:
    _put(
        document,
        draw,
        ["Observation", "Condition", "Patient", "List", "MedicationStatement", "Consent", "Bundle", 7],
        "resourceType",
    )


def twin(document: Json, draw: random.Random) -> None:
    resource = _resource(document, draw)
    if resource is not None and isinstance(document.get("entry"), list):
        again = copy.deepcopy(resource)
        if draw.random() < 0.7:
            place = _somewhere(again, draw)
            if place:
                place[0][place[1]] = copy.deepcopy(draw.choice(JUNK))
        document["entry"].insert(draw.randrange(len(document["entry"]) + 1), {"resource": again})


DAMAGE = [unit, unit, status, status, verification, modifier, rules, reference, subject, moment, code, link]
DAMAGE += [value, shape, removal, kind, twin]
