"""
The screening rules against the fact sheet.

Oracles: the ids below and the table `cases/limits.toml`, both transcribed from the safety and dosing fact
sheet apart from the content files.
"""

import re
import time
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import get_args

import msgspec
import pytest
import tomli

from openkap.chart.expression import Compare, Node, Not, Taking, Within
from openkap.chart.rule_language import parse
from openkap.chart.vocabulary import medicines, members
from openkap.kernel.content import convert, sources
from openkap.kernel.errors import ContentFault
from openkap.kernel.source import Grade, Tag
from openkap.screen.rulebook import FILES, check, conditions, diazepam_equivalents, rules
from openkap.screen.types import Arm, Finding, NamedLimit, Rule, RulesFile

CASES = Path(__file__).parent / "cases"
SHEET = tomli.loads((CASES / "limits.toml").read_text(encoding="utf-8"), parse_float=Decimal)

IDS = """
SCR-IND-1 SCR-IND-2 SCR-IND-3 SCR-IND-4 SCR-PD-1 SCR-CONS-1 SCR-ESC-1 SCR-SUP-1 SCR-ALT-1
SCR-HTN-1 SCR-HTN-2 SCR-HTN-3 SCR-HTN-4 SCR-CVD-1 SCR-CVD-2 SCR-CVD-3 SCR-VAS-1 SCR-VAS-2
SCR-NEU-1 SCR-NEU-2 SCR-NEU-3 SCR-NEU-4 SCR-NEU-5
SCR-PSY-1 SCR-PSY-2 SCR-PSY-3 SCR-BIP-1 SCR-BIP-2 SCR-SUD-1 SCR-SUD-2 SCR-SUD-3 SCR-KET-1
SCR-SI-1 SCR-SI-2 SCR-SI-3 SCR-DIS-1 SCR-BPD-1 SCR-PTSD-1
SCR-PREG-1 SCR-PREG-2 SCR-LAC-1 SCR-HEP-1 SCR-HEP-2 SCR-HEP-3 SCR-REN-1 SCR-URO-1 SCR-URO-2 SCR-THY-1
SCR-EYE-1 SCR-EYE-2 SCR-RES-1 SCR-RES-2 SCR-BMI-1 SCR-WT-1 SCR-DEC-1 SCR-AGE-1 SCR-AGE-2 SCR-AGE-3
SCR-ALL-1 SCR-POR-1 SCR-ECL-1 SCR-ASA-1 SCR-AIR-1 SCR-MED-1
DDI-BZD-1 DDI-BZD-EQ DDI-BZD-2 DDI-CNS-1 DDI-OPI-1 DDI-NTX-1 DDI-LTG-1 DDI-LI-1 DDI-MAO-1 DDI-STIM-1
DDI-THEO-1 DDI-SYMP-1 DDI-THY-1 DDI-SSRI-1 DDI-SNRI-1 DDI-AP-1 DDI-MEM-1 DDI-AHT-1 DDI-GLP-1
DDI-CYP-1 DDI-CYP-2 DDI-CYP-3 DDI-CYP-4 DDI-CYP-5 DDI-CYP-6 DDI-CYP-7 DDI-CYP-8 DDI-CYP-9 DDI-CYP-10 DDI-CYP-11
PRE-1 PRE-2 PRE-2b PRE-3 PRE-4 PRE-5 PRE-6 PRE-7 PRE-8 PRE-9 PRE-10 PRE-11
BPG-2 BPG-3 BPG-4 BPG-5 BPG-6
""".split()

# DDI-BZD-EQ: mg that are about as much as diazepam 5 mg.
EQUIVALENTS = {
    "nhs-ashton": {
        "alprazolam": "0.25", "chlordiazepoxide": "12.5", "clobazam": "10", "clonazepam": "0.25", "diazepam": "5",
        "lorazepam": "0.5", "nitrazepam": "5", "oxazepam": "10", "temazepam": "10",
    },
    "va-dod-2021": {
        "alprazolam": "0.5", "clonazepam": "0.5", "diazepam": "5", "lorazepam": "1", "oxazepam": "15",
        "temazepam": "7.5",
    },
}  # fmt: skip

# Which numbers of a rule must be those of another: ladders without gap or overlap, and lines taken over.
SAME_LIMIT = [
    ("SCR-HTN-2", "hold-systolic", "SCR-HTN-1", "systolic"),
    ("SCR-HTN-2", "hold-diastolic", "SCR-HTN-1", "diastolic"),
    ("BPG-2", "hold-systolic", "BPG-3", "systolic"),
    ("BPG-2", "hold-diastolic", "BPG-3", "diastolic"),
    ("BPG-3", "severe-systolic", "BPG-4", "systolic"),
    ("BPG-3", "severe-diastolic", "BPG-4", "diastolic"),
    ("SCR-SUP-1", "item9", "SCR-SI-1", "any"),
    ("SCR-SUP-1", "men", "SCR-SUD-2", "men"),
    ("SCR-SUP-1", "women", "SCR-SUD-2", "women"),
    ("SCR-SUP-1", "dast", "SCR-SUD-3", "caution"),
    ("SCR-THY-1", "loss", "SCR-WT-1", "change"),
    ("PRE-6", "any", "SCR-SI-1", "any"),
]


def arm_in_words(arm: Arm) -> str:
    missing = "/".join([arm.missing or "-", *sorted({other.policy for other in arm.missing_if})])
    day = "" if arm.on_dose_day == "also" else arm.on_dose_day
    then = f"then {arm.dose_day_class}" if arm.dose_day_class else ""
    return " ".join(word for word in (arm.class_, missing, day, then, ",".join(arm.routes)) if word)


def lines(rule: Rule) -> set[str]:
    """Every number of a rule as one line of the table."""
    found = set()
    for arm in rule.arm:
        for condition in conditions(arm):
            for atom in condition.atoms():
                if isinstance(atom, Compare):
                    limit = rule.limits[atom.limit]
                    words = f"{atom.fact} {atom.op} {limit.value} {limit.unit}"
                elif isinstance(atom, Within):
                    limit = rule.limits[atom.limit]
                    words = f"{atom.fact} within {limit.value}{limit.unit}"
                else:
                    continue
                loosest = "" if limit.loosest is None else f", at the loosest {limit.loosest}"
                found.add(f"{arm.class_}: {words} {limit.tag}{loosest}")
    return found


def differences(book: Mapping[str, Rule]) -> list[str]:
    """Where rules and the table transcribed from the sheet do not say the same."""
    found = []
    for name, row in SHEET.items():
        rule = book[name]
        if [arm_in_words(arm) for arm in rule.arm] != row["arms"]:
            found.append(f"{name}: arms {[arm_in_words(arm) for arm in rule.arm]}, sheet {row['arms']}")
        found += [f"{name}: {line}" for line in sorted(lines(rule) ^ set(row.get("lines", ())))]
        if rule.look_back != row.get("look_back", {}):
            found.append(f"{name}: look-backs {rule.look_back}")
        if rule.evidence != row["grade"]:
            found.append(f"{name}: grade {rule.evidence}, sheet {row['grade']}")
    return found


def test_every_rule_of_the_fact_sheet_is_there_and_no_other():
    assert sorted(rules()) == sorted(IDS) == sorted(SHEET)


def test_every_rule_is_well_formed():
    check()


@pytest.mark.hazard("HAZ-24", "C1")
def test_classes_missing_policies_numbers_look_backs_and_grades_are_those_of_the_sheet():
    assert differences(rules()) == []


def tampered(limit: NamedLimit) -> list[NamedLimit]:
    """A limit falsified as a slip would: ten times, a tenth, the sign, the unit, the span."""
    replace = msgspec.structs.replace
    if isinstance(limit.value, str):
        count, unit = limit.value.split()
        other = "wk" if unit != "wk" else "d"
        return [replace(limit, value=v) for v in (f"{count}0 {unit}", f"1{count} {unit}", f"{count} {other}")]
    changed = [replace(limit, value=v) for v in (limit.value * 10, limit.value / 10, -limit.value)]
    return [*changed, replace(limit, unit="[lb_av]" if limit.unit == "kg" else "kg")]


@pytest.mark.hazard("HAZ-19", "C2")
def test_no_number_can_be_falsified_unseen():
    tried = 0
    for rule in rules().values():
        for name, limit in rule.limits.items():
            for wrong in tampered(limit):
                book = {**rules(), rule.id: msgspec.structs.replace(rule, limits={**rule.limits, name: wrong})}
                assert any(found.startswith(f"{rule.id}:") for found in differences(book)), (rule.id, name, wrong)
                tried += 1
    assert tried > 3 * len([name for rule in rules().values() for name in rule.limits])


@pytest.mark.hazard("HAZ-19", "C2")
def test_a_limit_in_another_unit_than_its_fact_is_refused():
    for rule in rules().values():
        for name, limit in rule.limits.items():
            wrong = msgspec.structs.replace(limit, unit="[lb_av]" if limit.unit == "kg" else "kg")
            broken = msgspec.structs.replace(rule, limits={**rule.limits, name: wrong})
            with pytest.raises(ContentFault, match=re.escape(f"{rule.id}: limit {name}")):
                check({rule.id: broken})


@pytest.mark.hazard("HAZ-19", "C2")
def test_the_diazepam_equivalents_are_those_of_the_sheet():
    file = diazepam_equivalents()
    assert {t.id: {k: str(v) for k, v in t.mg.items()} for t in file.table} == EQUIVALENTS
    assert [(m.value, m.unit) for m in file.mark] == [(Decimal(8), "mg/d")]
    for table in file.table:
        assert set(table.mg) <= members("benzodiazepine")


@pytest.mark.parametrize(("rule", "limit", "other", "same"), SAME_LIMIT)
def test_a_number_taken_over_from_another_rule_is_the_same_there(rule: str, limit: str, other: str, same: str):
    mine, theirs = rules()[rule].limits[limit], rules()[other].limits[same]
    assert (mine.value, mine.unit, mine.tag) == (theirs.value, theirs.unit, theirs.tag)


def signs(node: Node, positive: bool = True) -> list[tuple[str, str]]:
    """Of every limit in a condition: in which direction it must move so that the rule fires more often."""
    if isinstance(node, Compare):
        raises_when_lower = node.op in (">", ">=")
        return [(node.limit, "lower" if raises_when_lower is positive else "higher")]
    if isinstance(node, Within):
        return [(node.limit, "higher" if positive else "lower")]
    return [sign for part in node.parts for sign in signs(part, positive is not isinstance(node, Not))]


def test_the_strict_direction_of_a_limit_is_the_one_in_which_its_rule_fires_more_often():
    borrowed = {(rule, limit) for rule, limit, _, _ in SAME_LIMIT if rule in ("SCR-HTN-2", "BPG-2", "BPG-3")}
    for rule in rules().values():
        for arm in rule.arm:
            for name, direction in signs(parse(arm.when)):
                if (rule.id, name) not in borrowed:  # the upper end of a ladder step moves with the next step
                    assert rule.limits[name].tighter == direction, (rule.id, name)


@pytest.mark.hazard("HAZ-24", "C1")
def test_every_row_carries_source_grade_and_tag():
    grades, tags = get_args(Grade), get_args(Tag)
    known = sources("screen")
    file = diazepam_equivalents()
    for row in (*rules().values(), *file.table, *file.mark):
        assert row.evidence in grades
        assert row.basis, row.id
        for part in row.basis:
            assert part.tag in tags
            assert part.what.strip()
            if part.tag in ("V", "S"):
                assert known[part.source].citation, (row.id, part.what)
    for source in known.values():
        assert source.tag in tags
        assert source.citation.strip()
        assert source.read_as.strip()


@pytest.mark.hazard("HAZ-24", "C1")
def test_no_part_is_said_to_be_better_checked_than_its_source_was_read():
    trust = ("V", "S", "K", "P", "D")
    known = sources("screen")
    for rule in rules().values():
        for part in rule.basis:
            if part.source:
                assert trust.index(part.tag) >= trust.index(known[part.source].tag), (rule.id, part.what)


@pytest.mark.hazard("HAZ-24", "C1")
def test_every_tag_of_a_limit_stands_in_the_basis_of_its_rule():
    for rule in rules().values():
        spoken = {part.tag for part in rule.basis}
        for name, limit in rule.limits.items():
            assert limit.tag in spoken, (rule.id, name)


@pytest.mark.hazard("HAZ-24", "C1")
def test_a_retraction_is_part_of_the_row_of_its_source_and_of_what_is_shown():
    rule = msgspec.structs.replace(rules()["SCR-HTN-1"], retracted="withdrawn 31 March 2026")
    assert msgspec.to_builtins(rule)["retracted"] == "withdrawn 31 March 2026"
    assert "retracted" in Finding.__slots__
    assert "retracted" in sources("screen")["field-trip-2024"].__struct_fields__


def test_no_action_tells_anyone_to_stop_a_medicine():
    for rule in rules().values():
        for sentence in re.split(r"[.;]", rule.action):
            if re.search(r"\b(stop|discontinue|withdraw|cease)", sentence, re.IGNORECASE):
                assert "Never stop" in sentence or "STOP-DAY" in sentence, (rule.id, sentence)


def test_every_rule_speaks_to_its_reader():
    for rule in rules().values():
        for part in ("title", "text", "action", "rationale"):
            assert getattr(rule, part).strip(), (rule.id, part)
        assert rule.text.endswith("."), rule.id
        assert rule.action.endswith("."), rule.id


def test_every_number_of_a_rule_is_told_in_its_text():
    """A reviewer reads the text; a limit that it does not name could change unseen."""
    spelled = {"0.5": "30 minutes", "{4}": "IV", "{3}": "III"}
    elsewhere = {("SCR-SUP-1", n) for n in ("item9", "men", "women", "dast")} | {
        ("SCR-THY-1", "tachycardia"), ("SCR-THY-1", "loss"),
    }  # fmt: skip
    for rule in rules().values():
        for name, limit in rule.limits.items():
            if (rule.id, name) in elsewhere:
                continue
            number = limit.value.split()[0] if isinstance(limit.value, str) else str(limit.value)
            words = {number, spelled.get(number, number), spelled.get(f"{{{number}}}", number)}
            if isinstance(limit.value, Decimal) and "141" in rule.text:
                words.add(str(limit.value + 1))  # BPG-2 is told in whole mmHg: 141-159, 91-99
                words.add(str(limit.value - 1))
            if name.startswith("severe"):
                continue  # the upper end of BPG-3 is told in BPG-4
            assert any(re.search(rf"(?<![\d.]){re.escape(w)}(?![\d.]*\d)", rule.text) for w in words), (rule.id, name)


def test_rules_that_use_age_or_sex_say_for_whom():
    personal = ("age", "birth-sex", "audit-c-line")
    for rule in rules().values():
        facts = {getattr(atom, "fact", "") for arm in rule.arm for c in conditions(arm) for atom in c.atoms()}
        assert bool(facts & set(personal)) == bool(rule.for_whom), rule.id


def test_only_the_dose_day_file_holds_dose_day_rules():
    for rule in rules().values():
        assert rule.dose_day == rule.id.startswith(("PRE-", "BPG-")), rule.id


def test_every_class_of_medicines_is_spoken_of_by_a_rule():
    spoken = {
        a.group
        for r in rules().values()
        for arm in r.arm
        for c in conditions(arm)
        for a in c.atoms()
        if isinstance(a, Taking)
    }
    parts = {
        "z-drug",
        "sedating-antihistamine",
        "barbiturate",
        "gabapentinoid",
        "beta-blocker",
    }  # within a spoken class
    assert {c.id for c in medicines().drug_class} == (spoken & {c.id for c in medicines().drug_class}) | parts
    for part, whole in [(p, "cns-depressant") for p in parts - {"beta-blocker"}] + [
        ("beta-blocker", "antihypertensive")
    ]:
        assert members(part) < members(whole)


# --- faults ------------------------------------------------------------------------------------------

GOOD = {
    "id": "T-1", "title": "t", "text": "t", "action": "a", "group": "mind", "evidence": "NONE",
    "basis": [{"what": "x", "tag": "D"}],
    "limits": {"top": {"value": 140, "unit": "mm[Hg]", "tighter": "lower", "tag": "D"}},
    "arm": [{"class": "hold", "when": "systolic > $top", "missing": "MB"}],
}  # fmt: skip


def one_rule(**changes: object) -> dict[str, Rule]:
    data = {"content": {"title": "t", "version": "1"}, "rule": [{**GOOD, **changes}]}
    return {rule.id: rule for rule in convert(data, RulesFile, "t.toml").rule}


def test_the_rule_from_which_the_faults_are_made_is_good():
    check(one_rule())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"arm": []}, "no arm"),
        ({"arm": [{"class": "hold", "when": "systolic > $bottom"}]}, r"\$bottom is not among its limits"),
        ({"arm": [{"class": "hold", "when": "aneurysm"}]}, "limit top is used by no condition"),
        ({"arm": [{"class": "hold", "when": "systolc > $top"}]}, "'systolc' is not a fact"),
        ({"arm": [{"class": "hold", "when": "systolic > 140"}]}, "a limit is missing"),
        ({"arm": [{"class": "hold", "when": "within(stroke-tia-on, $top)"}]}, "a number, which cannot stand there"),
        (
            {"arm": [{"class": "caution", "when": "systolic > $top"}, {"class": "hold", "when": "aneurysm"}]},
            "worst class first",
        ),
        (
            {"limits": {"top": {"value": 140, "unit": "kg", "tighter": "lower", "tag": "D"}}},
            "its fact systolic in 'mm",
        ),
        (
            {"limits": {"top": {"value": "6 mo", "tighter": "lower", "tag": "D"}}},
            "a span, which cannot stand there",
        ),
        (
            {"limits": {"top": {"value": 140, "unit": "mm[Hg]", "tighter": "lower", "tag": "D", "loosest": 130}}},
            "stricter than the limit itself",
        ),
        ({"look_back": {"weight": "30 d"}}, "'weight', which no condition reads"),
        ({"mitigation": ["safety-plan"]}, "'safety-plan' is not a fact"),
    ],
)  # fmt: skip
def test_a_faulty_rule_is_refused_with_its_reason(changes: dict[str, object], words: str):
    with pytest.raises(ContentFault, match=words):
        check(one_rule(**changes))


@pytest.mark.parametrize(
    ("value", "words"),
    [(True, "neither a number nor a span"), ("6 months", "not a span of days"), ([1], "neither a number nor a span")],
)
def test_a_limit_is_a_number_or_a_span(value: object, words: str):
    with pytest.raises(ContentFault, match=f"T-1.*{words}"):
        one_rule(limits={"top": {"value": value, "unit": "mm[Hg]", "tighter": "lower", "tag": "D"}})


def test_an_unknown_key_stops_the_load():
    with pytest.raises(ContentFault, match=r"T-1.*serverity"):
        one_rule(serverity="high")


def test_loading_all_rules_takes_less_than_25_milliseconds():
    def once() -> float:
        rules.cache_clear()
        start = time.perf_counter()
        rules()
        return time.perf_counter() - start

    assert min(once() for _ in range(5)) < 0.025


def test_every_file_of_rules_is_loaded():
    folder = Path(__file__).parents[1] / "content"
    with_rules = {p.stem for p in folder.glob("*.toml") if "[[rule]]" in p.read_text(encoding="utf-8")}
    assert with_rules == set(FILES)
