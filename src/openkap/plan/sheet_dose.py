"""Second part of the printed plan: regimens side by side, and the dose table of the one that is drafted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openkap.plan import words
from openkap.plan.blocks import Block, Citations, bullets, cell, facts, heading, item, line, section, table, text

Document = Mapping[str, Any]


def options(document: Document, cite: Citations) -> dict[str, Any]:
    """Every regimen that survives, in one form; none is marked. Below, those that do not, with the reasons."""
    refused = [
        item(" ".join(words.sentence(r) for r in row["reasons"]), label=row["title"], code=row["id"])
        for row in document["refused_options"]
    ]
    blocks: list[Block] = []
    if document["options"]:
        blocks.append(
            table(
                "Regimens side by side",
                ["Regimen", "First dose", "For", "Against", "Evidence"],
                [_option(option, cite) for option in document["options"]],
                wide=[3, 3, 4, 5, 5],
            )
        )
    else:
        blocks.append(text("No regimen survives, or the verdict leaves no place for doses.", "strong"))
    if refused:
        blocks.append(heading("Not offered, and why"))
        blocks.append(bullets(refused, "Regimens not offered"))
    lead = "Listed by the fixed order of templates, not by fit. None is chosen: the prescriber states the choice."
    return section("options", "Options side by side", *blocks, lead=lead)


def _option(option: Mapping[str, Any], cite: Citations) -> list[dict[str, Any]]:
    dose = option["dose"]
    absolute, per_kg = words.dose_words(dose["steps"][0], dose["weight_kg"])
    trial: list[str | dict[str, str]] = [
        line(option["evidence"], "strong"),
        words.sentence(option["result"]),
        f"n: {_count(option['n'])}; population: {option['population']}",
        line(words.standing(option["evidence_class"], option["verified"], option["basis"]), "muted"),
    ]
    if option["borrowed"]:
        trial.insert(0, line("Borrowed from another population", "warn"))
    if option.get("retracted"):
        trial.append(line(f"Retracted: {option['retracted']}", "warn"))
    return [
        cell(line(option["title"], "strong"), words.ROUTE_WORDS[option["route"]], line(option["id"], "muted")),
        cell(
            line(absolute, "strong"),
            per_kg,
            f"{option['doses']} {'dose' if option['doses'] == 1 else 'doses'}, {option['interval']}",
        ),
        cell(*map(words.sentence, option["for"])),
        cell(*map(words.sentence, option["against"])),
        cell(*trial, cite=cite.of(option)),
    ]


def _count(n: int | None) -> str:
    return "not given" if n is None else words.figure(n)


def regimen(document: Document, cite: Citations) -> dict[str, Any]:
    """The drafted regimen: amounts with their weight and its date, steps, reasons to start low, warnings, basis."""
    drafted = document["regimen"]
    if drafted is None:
        why = (
            "The verdict is exclude: a draft without dosing sessions."
            if document["verdict"] == "exclude"
            else "No regimen."
        )
        return section("regimen", "Regimen", text(why, "strong"))
    dose = drafted["dose"]
    chosen = (
        "Named in the preferences."
        if drafted["chosen_by"] == "preferences"
        else "First of the options by order, so that there is something to compare. That is no choice."
    )
    blocks: list[Block | None] = [
        facts(
            ("Template", f"{drafted['title']} ({drafted['id']})"),
            ("Why this one", chosen),
            ("Drug and route", f"{drafted['drug']}, {words.ROUTE_WORDS[drafted['route']]}"),
            ("Sessions", f"{words.figure(drafted['sessions'])}, {drafted['interval']}"),
            ("Duration", words.figure(dose["duration_min"], "min") if dose["duration_min"] is not None else ""),
            ("Dosing weight", _dosing_weight(dose)),
            ("Next step", words.sentence(dose["next_step"])),
            ("Needs", "; ".join(drafted["needs"])),
            label="The drafted regimen",
        ),
        table(
            "Doses, each as mg and as mg/kg",
            ["From dose", "Amount", "By weight", "Dosing weight", "When"],
            [_step(step, dose) for step in dose["steps"]],
            wide=[2, 3, 3, 4, 7],
        ),
    ]
    if dose["start_low"]:
        blocks.append(heading("Starts at the low end because"))
        blocks.append(bullets([item(words.sentence(why)) for why in dose["start_low_because"]], "Reasons to start low"))
    if drafted["warnings"]:
        blocks.append(
            {
                "kind": "warnings",
                "label": "Read before signing",
                "items": [words.sentence(w) for w in drafted["warnings"]],
            }
        )
    blocks.append(heading("Basis"))
    said = words.standing(drafted["evidence_class"], drafted["verified"], drafted["basis"])
    blocks.append(
        text(
            f"{words.sentence(drafted['evidence'])} {words.sentence(said)}",
            cite=cite.of(drafted),
        )
    )
    blocks.append(
        bullets([item(words.sentence(part)) for part in words.basis_words(drafted["basis"])], "Basis of the regimen")
    )
    if drafted.get("reading"):
        blocks.append(heading("How open points of the template were read"))
        blocks.append(bullets([item(reading) for reading in drafted["reading"]], "Readings to confirm"))
    return section("regimen", "Regimen drafted for comparison", *blocks)


def _dosing_weight(dose: Mapping[str, Any]) -> str:
    if dose["weight_kg"] is None:
        return "not known: no amount in mg can be computed"
    said = words.figure(dose["weight_kg"], "kg")
    measured = dose["measured_weight_kg"]
    if measured is None:
        return f"{said}, chosen by the prescriber; no recent measured weight"
    weighed = f"measured {words.figure(measured, 'kg')} on {words.long_date(dose['weight_on'])}"
    return (
        f"{said}, {weighed}"
        if measured != dose["weight_kg"]
        else f"{said}, measured on {words.long_date(dose['weight_on'])}"
    )


def _step(step: Mapping[str, Any], dose: Mapping[str, Any]) -> list[dict[str, Any]]:
    absolute, per_kg = words.dose_words(step, dose["weight_kg"])
    unrounded, rounded = step["unrounded_mg"], step["mg"]
    exact = f"unrounded {words.figure(unrounded, 'mg')}" if unrounded is not None and unrounded != rounded else ""
    return [
        cell(line(f"Dose {words.figure(step['dose'])}", "strong")),
        cell(line(absolute, "strong"), line(exact, "muted")),
        cell(line(per_kg, "strong")),
        cell(_short_weight(dose)),
        cell(words.sentence(step["condition"])),
    ]


def _short_weight(dose: Mapping[str, Any]) -> str:
    if dose["weight_kg"] is None:
        return "not known"
    on = f", {words.long_date(dose['weight_on'])}" if dose["weight_on"] else ""
    return f"{words.figure(dose['weight_kg'], 'kg')}{on}"
