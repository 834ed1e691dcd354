"""The plan document: its shape, its refusals, and what it never does."""

import json
from decimal import Decimal

import msgspec
import pytest

from openkap.kernel.errors import NoSolution
from openkap.plan import library
from openkap.plan.preferences import read_preferences
from openkap.plan.propose import propose
from openkap.plan.tests.people import ON, finding, formulation, reading, screening, view
from openkap.plan.types import Effect, Statement
from openkap.screen.types import Ask

PANIC = {"panic": True, "gad": False}


def plan(chart=None, verdict=None, levels=None, wishes=None, **more):
    given = read_preferences(wishes, ON)
    return propose(chart or view(), verdict or screening(), formulation(**(levels or {"cognitive": 1})), given, **more)


KEYS = [
    "on", "verdict", "draft", "signable", "patient", "summary", "ask", "missing", "programme", "regimen", "options",
    "refused_options", "modalities", "alternatives", "monitoring", "measures", "consent_topics", "preparation_topics",
    "adverse_events", "expectations", "adaptive_anxiety", "limits", "claims", "attributes", "findings",
    "fact_versions", "site_values", "unsigned", "sources", "content_rows",
]  # fmt: skip


def test_the_document_has_every_part_and_is_json():
    document = plan()
    assert list(document) == KEYS
    text = msgspec.json.Encoder(decimal_format="number").encode(document)
    again = json.loads(text)
    assert again["regimen"]["dose"]["mg"] == 17.5
    assert again["patient"]["synthetic"] is True
    assert again["patient"]["age"] == 42


@pytest.mark.parametrize("verdict", ["exclude", "hold", "insufficient"])
def test_a_verdict_that_forbids_gives_no_plan_but_the_findings_and_what_to_ask(verdict):
    ask = Ask("weight", "What is the weight?", ("SCR-WT-1",), True, "no record")
    with pytest.raises(NoSolution) as refused:
        plan(verdict=screening(verdict, finding("SCR-HTN-1", "hold"), ask=(ask,)))
    document = refused.value.document
    assert document["verdict"] == verdict
    assert document["findings"][0]["rule"] == "SCR-HTN-1"
    (asked,) = document["ask"]
    assert (asked["fact"], asked["rules"], asked["decisive"]) == ("weight", ["SCR-WT-1"], True)
    assert verdict in document["reason"]
    assert refused.value.code == "no-solution"


@pytest.mark.parametrize("verdict", ["hold", "insufficient"])
def test_a_draft_is_marked_and_can_never_be_signed(verdict):
    document = plan(verdict=screening(verdict), draft=True)
    assert (document["draft"], document["signable"]) == (True, False)
    assert [s for s in document["programme"]["sessions"] if s["kind"] == "dose"]


def test_a_draft_for_the_excluded_has_no_dose_and_no_regimen():
    document = plan(verdict=screening("exclude"), draft=True)
    assert document["regimen"] is None
    assert document["options"] == []
    assert document["monitoring"] is None
    kinds = {s["kind"] for s in document["programme"]["sessions"]}
    assert not kinds & {"dose", "integration", "check-in"}
    assert "therapy" in kinds


def test_a_draft_of_an_eligible_person_is_not_signable_and_a_plan_is():
    assert plan(draft=True)["signable"] is False
    assert plan()["signable"] is True
    assert plan(verdict=screening("caution", finding("SCR-PD-1")))["signable"] is True


@pytest.mark.hazard("HAZ-31", "C1")
def test_nothing_is_preselected_and_every_option_has_reasons_against_it():
    document = plan()
    words = {"selected", "preselected", "recommended", "default", "best", "preferred", "chosen", "score", "probability"}

    def keys(value):
        if isinstance(value, dict):
            yield from value
            for inner in value.values():
                yield from keys(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from keys(inner)

    assert not set(keys(document)) & words
    first, *others = document["options"]
    assert all(set(o) == set(first) for o in others)
    assert all(o["for"] and o["against"] and o["evidence"] and o["basis"] for o in document["options"])
    assert document["missing"] is not None


@pytest.mark.hazard("HAZ-28", "C1")
def test_every_option_shows_population_n_and_whether_it_is_borrowed():
    for option in plan()["options"]:
        assert option["population"]
        assert option["n"]
        assert option["borrowed"] is (option["id"] != "REG-A1")  # the person has GAD; REG-A3 was studied in SAD
        assert option["verified"] in (True, False, "secondary")
    retracted = next(o for o in plan()["options"] if o["id"] == "REG-B3")
    assert "retracted" in retracted["retracted"]
    assert any("EVI-7" in w for w in retracted["warnings"])


@pytest.mark.hazard("HAZ-28", "C1")
def test_every_effect_of_the_alternatives_has_interval_n_population_grade_and_source():
    fields = {f.name for f in msgspec.structs.fields(Effect)}
    for chart in ({}, PANIC, {"gad": False, "social-anxiety": True}, {"gad": False}):
        for row in plan(view(**chart))["alternatives"]:
            assert row["effects"], row["id"]
            for effect in row["effects"]:
                assert set(effect) == fields
                assert all(effect[name] for name in ("estimate", "interval", "n", "population", "grade", "source"))


def test_the_alternatives_speak_of_the_persons_own_disorder():
    by_id = {a["id"]: a["effect"] for a in plan(view(**PANIC))["alternatives"]}
    assert by_id["OPT-KETAMINE"]["state"] == "no trial found"
    assert by_id["OPT-SSRI"]["estimate"] == "risk ratio 1.38"
    assert by_id["OPT-BETA-BLOCKER"]["state"] == "no figure in the fact sheets"
    social = {a["id"]: a["effect"] for a in plan(view(gad=False, **{"social-anxiety": True}))["alternatives"]}
    assert social["OPT-KETAMINE"]["interval"] == "95 % CI 3.45-242.6"
    assert list(by_id)[:2] == ["OPT-CBT", "OPT-EXPOSURE"]


def test_the_two_obligatory_statements_open_the_limits():
    texts = [row["id"] for row in plan()["limits"]]
    assert texts[:2] == ["MOD-SAY-1", "MOD-SAY-2"]
    assert {"EVI-1", "EVI-3", "EVI-4", "EVI-5", "EVI-6", "EVI-7", "BMK-0"} <= set(texts)
    assert {f"NEU-{n}" for n in range(1, 9)} <= {r["id"] for r in plan()["limits"] if r["hypothesis"]}


def test_panic_says_that_there_is_no_trial_and_gad_does_not_carry_its_row():
    assert "EVI-2" in {r["id"] for r in plan(view(**PANIC))["limits"]}
    assert "EVI-2" not in {r["id"] for r in plan()["limits"]}
    assert "MKT-2" in {c["id"] for c in plan(view(**PANIC))["claims"]}
    assert "MKT-2" not in {c["id"] for c in plan()["claims"]}


def test_every_claim_of_the_plan_stands_with_its_label():
    claims = plan(view(**PANIC))["claims"]
    assert {c["id"] for c in claims} == {f"MKT-{n}" for n in range(1, 16)}
    assert all(c["label"] and c["says"] and c["basis"] for c in claims)


@pytest.mark.parametrize(
    ("route", "wishes", "watch", "stay"),
    [
        ("sc", {}, "MON-SC", 120), ("iv", {"routes": ["iv"]}, "MON-IV", 100),
        ("im", {"regimen": "REG-C1"}, "MON-IM", 120), ("nasal", {"regimen": "REG-C2"}, "MON-IN", 120),
        ("sublingual", {"regimen": "REG-C1", "routes": ["sublingual"]}, "MON-SL", 120),
    ],
)  # fmt: skip
@pytest.mark.hazard("HAZ-12", "C1")
def test_monitoring_follows_the_route(route, wishes, watch, stay):
    monitoring = plan(wishes=wishes)["monitoring"]
    assert (monitoring["route"], monitoring["id"], monitoring["min_stay_min"]) == (route, watch, stay)
    assert monitoring["vitals_min"][0] == -5
    assert len(monitoring["limits"]) == 15
    assert [d["id"] for d in monitoring["discharge"]] == [f"DIS-{n}" for n in range(1, 11)]
    assert [d["id"] for d in monitoring["rescue"]] == [f"RES-{n}" for n in range(1, 9)]
    assert monitoring["continuous"]


def test_consent_has_the_regulatory_frame_every_topic_and_every_adverse_event():
    document = plan(view(gad=False, **{"social-anxiety": True}))
    ids = {t["id"] for t in document["consent_topics"]}
    assert {f"REGUL-{n}" for n in range(1, 9)} <= ids
    assert len([i for i in ids if i.startswith("CON-")]) == 17
    assert len(document["preparation_topics"]) == 13
    assert {e["id"] for e in document["adverse_events"]} == {r.id for r in library.adverse_events().event}


def test_expectations_are_plain_sentences_with_a_source_and_no_forecast():
    rows = plan(view(**PANIC))["expectations"]
    assert "EXP-PANIC" in {r["id"] for r in rows}
    assert "EXP-GAD" not in {r["id"] for r in rows}
    assert all(any(b["source"] for b in r["basis"]) for r in rows)
    assert sum("of 100" in r["text"] for r in rows) >= 5
    assert "EXP-NO-PREDICTION" in {r["id"] for r in rows}


def test_measures_follow_the_cadence_with_the_scale_of_the_disorder():
    document = plan(view(**PANIC), wishes={"regimen": "REG-A3"})
    at = {m["at"] for m in document["measures"]}
    assert at == {"intake", "weekly", "before-dose", "during-dose", "integration", "end", "follow-up"}
    assert {"pdss-sr", "fq"} <= set(document["measures"][0]["instruments"])
    weekly = next(m for m in document["measures"] if m["at"] == "weekly")["instruments"]
    assert weekly == ["oasis", "gad-7", "pdss-sr", "phq-9"]
    assert len([m for m in document["measures"] if m["at"] == "follow-up"]) == 4


def test_social_anxiety_is_measured_by_the_lsas_and_each_week_by_the_spin():
    document = plan(view(gad=False, social_anxiety=True))
    at = {m["at"]: m["instruments"] for m in document["measures"]}
    assert at["weekly"] == ["oasis", "gad-7", "spin", "phq-9"]
    assert "lsas-sr" in at["intake"]
    assert {"lsas-sr", "oasis", "wsas", "eq-5d-5l", "pgic"} <= set(at["end"])


def test_a_draft_carries_what_to_ask_as_the_screening_lists_it():
    ask = Ask("weight", "What is the weight?", ("SCR-WT-1",), True, "no record")
    document = plan(verdict=screening("insufficient", ask=(ask,)), draft=True)
    assert [(a["fact"], a["rules"], a["decisive"]) for a in document["ask"]] == [("weight", ["SCR-WT-1"], True)]
    assert plan()["ask"] == []


def test_every_modality_says_why_it_is_named():
    found = {m["id"]: m["rationale"] for m in plan(levels={"cognitive": 2})["modalities"]}
    assert found["cbt"].startswith("First choice: cognitive 2 of 3; ")
    assert all(text.endswith(".") for text in found.values())


def test_what_is_missing_stands_first_and_the_most_decisive_leads():
    ask = Ask("des-ii", "DES?", ("SCR-DIS-1",), True, "no record")
    document = plan(view(des_ii=None, session_fear=None), screening("caution", ask=(ask,)), {"past_event": 1})
    keys = list(document)
    assert keys.index("missing") < keys.index("programme")
    facts = [m["fact"] for m in document["missing"]]
    assert facts[0] == "des-ii"
    assert facts.count("des-ii") == 1
    assert document["missing"][0]["rules"] == ["SCR-DIS-1", "emdr", "art"]
    assert "session-fear" in facts


@pytest.mark.hazard("HAZ-19", "C1")
def test_the_document_keeps_the_fingerprint_of_every_row_it_used():
    document = plan(view(**PANIC))
    rows = document["content_rows"]
    assert {"REG-A1", "DOS-SC", "LOW-PANIC", "panic", "CAL-WEEKLY", "INT-1", "MOD-SAY-1", "DOS-FREQ-1"} <= set(rows)
    assert set(rows) <= set(library.rows())
    cited = {b["source"] for s in document["programme"]["sessions"] for b in s["basis"]} - {""}
    assert cited <= {s["id"] for s in document["sources"]}


def test_statements_carry_evidence_tags_and_sources():
    for part in ("limits", "expectations", "adaptive_anxiety", "consent_topics", "preparation_topics"):
        for row in plan()[part]:
            assert row["basis"]
            assert row["evidence"]
            assert isinstance(library.rows()[row["id"]], Statement)


@pytest.mark.hazard("HAZ-30", "C1")
def test_age_and_weight_are_the_only_personal_attributes_that_change_a_plan():
    document = plan()
    assert [a["row"] for a in document["attributes"]] == ["LOW-AGE", "DOS-WT-1"]
    other = view()
    object.__setattr__(other.chart.patient, "birth_sex", "M")
    object.__setattr__(other.chart.patient, "gender", "male")
    changed = plan(other)
    for key in ("programme", "regimen", "options", "modalities", "measures"):
        assert changed[key] == document[key]


def test_an_unknown_disorder_gives_a_draft_that_shows_everything():
    document = plan(view(gad=None, panic=None, agoraphobia=None), screening("insufficient"), draft=True)
    assert document["summary"]["disorders"] == []
    assert "EVI-2" in {r["id"] for r in document["limits"]}


def test_severity_lists_the_scores_on_the_record():
    chart = view(more=(reading("gad-7", 17), reading("phq-9", 6)))
    assert plan(chart)["summary"]["severity"] == [
        {"instrument": "gad-7", "total": Decimal(17), "on": "2026-11-25"},
        {"instrument": "phq-9", "total": Decimal(6), "on": "2026-11-25"},
    ]
