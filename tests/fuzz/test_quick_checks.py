"""The quick pass over a record: whatever the slow one, which says where, finds fault with is sent to it."""

import copy
import random
from datetime import date

import pytest

from openkap.kernel import r4
from openkap.synthetic.people import panic

JUNK = ["", "x", [], {}, None, 1, True, "2026-02-30", ["a"], [{}], {"coding": []}, {"extension": []}, "#1"]
JUNK += [{"reference": "Foo/1"}, {"reference": "Patient/1"}, {"reference": "#x"}, {"reference": "Device/1", "type": {}}]
KEYS = ["extension", "modifierExtension", "foo", "reference", "_status", "contained", "performer", "valueDate", "type"]


def places(node, found):
    """Every (holder, key) of a resource."""
    for key in list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
        found.append((node, key))
        places(node[key], found)
    return found


def references_in(node):
    """Every literal reference outside modifier extensions, by recursion."""
    if isinstance(node, list):
        return [r for item in node for r in references_in(item)]
    if not isinstance(node, dict):
        return []
    own = [node["reference"]] if isinstance(node.get("reference"), str) else []
    return own + [r for key, value in node.items() if key != "modifierExtension" for r in references_in(value)]


def test_whatever_the_slow_check_faults_the_quick_ones_send_to_it():
    chance = random.Random(3)
    sound = [entry["resource"] for entry in panic(date(2026, 11, 25)).bundle()["entry"]]
    damaged = 0
    for _ in range(600):
        resource = copy.deepcopy(chance.choice(sound))
        holder, key = chance.choice(places(resource, []))
        if isinstance(holder, dict) and chance.random() < 0.3:
            key = chance.choice(KEYS)
        holder[key] = copy.deepcopy(chance.choice(JUNK))
        if not isinstance(resource.get("resourceType"), str):
            continue
        seen = r4.survey(resource)
        at_fault = r4.entries_at_fault({
            "resourceType": "Bundle", "type": "collection", "entry": [{"resource": sound[0]}, {"resource": resource}],
        })  # fmt: skip
        assert sorted(seen.references) == sorted(references_in(resource))
        if r4.faults(resource):
            damaged += 1
            assert not seen.clean or at_fault is None or 1 in at_fault, resource
    assert damaged > 200


def test_a_sound_record_is_clean_at_once():
    bundle = panic(date(2026, 11, 25)).bundle()
    assert r4.entries_at_fault(bundle) == frozenset()
    assert all(r4.survey(entry["resource"]).clean for entry in bundle["entry"])


def test_what_cannot_be_validated_as_a_whole_is_validated_one_by_one():
    assert r4.entries_at_fault({"resourceType": "Bundle", "type": "collection", "total": float("nan")}) is None


@pytest.mark.parametrize(
    ("element", "seen"),
    [({"modifierExtension": [{"url": "u"}]}, True), ({"modifierExtension": []}, False), ({}, False)],
)
def test_a_modifier_extension_is_seen_wherever_it_stands(element, seen):
    assert r4.survey({"resourceType": "Observation", "component": [{"code": element}]}).modified is seen
