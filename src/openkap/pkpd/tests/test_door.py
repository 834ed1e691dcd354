"""The public door of the room: nothing turns a target into an amount; documents and pictures say what they are."""

import inspect
import re
from typing import Any
from xml.etree import ElementTree

import pytest

from openkap.pkpd.effect import expectation
from openkap.pkpd.picture import COLOURS, INSET, inset, picture
from openkap.pkpd.simulate import document
from openkap.pkpd.tests.aims import inverse, modules, public
from openkap.pkpd.tests.asking import course, request


@pytest.mark.hazard("HAZ-31", "C1")
def test_no_public_function_takes_a_target_and_returns_an_amount():
    found = dict(public(modules()))
    assert len(found) > 40 and "simulate.simulate" in found
    assert [name for name, function in found.items() if inverse(name, function)] == []
    assert "numpy" not in [p for f in found.values() for p in inspect.signature(f).parameters]


def test_the_search_for_such_a_function_would_find_one():
    def dose_for(subject: object, target_ng_per_ml: float) -> float:
        return target_ng_per_ml

    def plan(target: float) -> "DoseMg":  # type: ignore[name-defined]  # noqa: F821
        return target

    assert inverse("x.dose_for", dose_for) and inverse("x.plan", plan)


def test_every_public_function_says_what_it_does():
    assert [name for name, function in public(modules()) if not function.__doc__ and not name.endswith(DATA)] == []


DATA = (".x", ".y", ".axes", ".band", ".doses", ".line", ".step", ".of", ".instantaneous", ".sure", ".exchange")


POPULATION = {"n": 200, "seed": 1}


def test_the_document_has_the_keys_of_the_contract_and_numbers_for_each_time():
    asked_for = request(None, drug="ketamine", population=POPULATION)
    found = document(course(None, drug="ketamine", population=POPULATION), expectation(asked_for))
    assert {"analytes", "unit", "model", "source", "warnings"} <= set(found)
    assert found["unit"] == "ng/mL" and found["model"] == "otto-2021-racemic"
    for analyte in ("ketamine", "norketamine"):
        assert {"typical", "p05", "p50", "p95"} == set(found["analytes"][analyte])
        assert all(len(line) == 4 for line in found["analytes"][analyte].values())
    assert found["expectation"]["ready_at_min"]["0.9"] > 40
    assert any("extrapolated" in text for text in found["expectation"]["notes"])


def test_without_a_population_there_is_a_typical_line_and_no_band():
    found = document(course("otto-2021"))
    assert found["analytes"]["ketamine"]["p05"] is None
    assert found["sample"]["ketamine"] is None and found["population"] is None


def test_a_set_without_norketamine_gives_null():
    assert document(course("kamp-2020"))["analytes"]["norketamine"] is None


# -- pictures --------------------------------------------------------------------------------------------

SVG = "{http://www.w3.org/2000/svg}"


def drawn(theme: Any = "light", **more: Any) -> ElementTree.Element:
    times = list(range(0, 241, 5))
    return ElementTree.fromstring(
        picture(course("otto-2021", times_min=times, population=POPULATION, **more), theme=theme)
    )


def texts(root: ElementTree.Element) -> list[str]:
    return [node.text or "" for node in root.iter(f"{SVG}text")]


@pytest.mark.hazard("HAZ-10", "C2")
def test_a_picture_shows_doses_with_units_bands_with_names_and_its_gist_for_a_screen_reader():
    dose = [{"at_min": 0, "route": "iv", "amount_mg_per_kg": 0.5, "duration_min": 40}]
    root = drawn(doses=dose)
    said = texts(root)
    assert "35 mg (0.5 mg/kg) iv over 40 min at 0 min" in said
    assert {"ng/mL", "time, min", "5 to 95 % between people", "5 to 95 % over several sets", "35 mg"} <= set(said)
    assert "5 to 95 % of blood samples" in said
    assert "Esketamine in plasma, expected; set otto-2021, venous samples" in said
    assert root.get("role") == "img"
    described = root.find(f"{SVG}desc")
    assert described is not None and "Typical peak" in (described.text or "")
    assert not [text for text in said if re.fullmatch(r"\d+(\.\d+)? ?(mg)?/?", text) and text.endswith("/")]


@pytest.mark.hazard("HAZ-81", "C2")
@pytest.mark.parametrize("theme", COLOURS)
def test_each_theme_can_be_read_and_lines_differ_by_more_than_colour(theme: str):
    root = drawn(theme)
    paper = COLOURS[theme]["paper"]
    for name in ("ink", "main", "other", "wide"):
        assert contrast(COLOURS[theme][name], paper) >= (4.5 if name == "ink" else 3.0), (theme, name)
    dashes = [line.get("stroke-dasharray") for line in root.iter(f"{SVG}polyline")]
    assert sorted(map(str, dashes)) == ["2 4", "2 4", "7 5", "None"]  # samples, norketamine, ketamine


def contrast(one: str, two: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    high, low = sorted((light(one), light(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_an_inset_takes_the_colours_of_its_page_marks_a_window_and_stays_inside_its_box():
    found = course("otto-2021", times_min=list(range(0, 241, 5)), population=POPULATION)
    text = inset(found, window=(30, 90))
    ElementTree.fromstring(text)
    assert "#" not in text.replace("&#", "") and "var(--accent)" in text and "<rect" in text
    points = [tuple(map(float, p.split(","))) for line in re.findall(r'points="([^"]+)"', text) for p in line.split()]
    assert all(INSET.left <= x <= INSET.width - INSET.right and INSET.top <= y <= INSET.height for x, y in points)


def test_a_picture_needs_no_script_no_font_and_no_address():
    text = picture(course("otto-2021", times_min=list(range(0, 241, 5))))
    assert not re.search(r"<script|<style|href|url\(|@import|font-face", text)
    assert text.count("http") == 1  # the name space


def test_a_long_course_keeps_its_peaks_and_stays_small():
    doses = [{"at_min": 1440 * d, "route": "iv", "amount_mg": 35, "duration_min": 40} for d in range(12)]
    found = course("otto-2021", doses, times_min=list(range(0, 14 * 1440, 5)))
    text = picture(found)
    assert len(text) < 60_000 and "and 9 more" in text and "time, d" in text
    heights = [float(p.split(",")[1]) for p in re.findall(r'points="([^"]+)"', text)[-1].split()]
    assert min(heights) == pytest.approx(min(heights[: len(heights) // 13]), abs=3)


def test_one_time_or_no_drug_yet_is_drawn_too():
    late = [{"at_min": 500, "route": "iv", "amount_mg": 35, "duration_min": 40}]
    assert "<svg" in picture(course("otto-2021", late, times_min=[0.0, 10.0]))
    assert "<svg" in picture(course("otto-2021", times_min=[40.0]))
