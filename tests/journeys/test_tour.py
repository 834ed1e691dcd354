"""The tour shows what the program prints today, not what it printed once."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOUR = (ROOT / "docs" / "tour.md").read_text(encoding="utf-8")


def test_the_three_people_of_the_tour_are_those_of_the_demonstration(tmp_path):
    openkap = Path(sys.executable).with_name("openkap")
    command = [str(openkap), "demo", "--walk", "--on", "2026-11-25", "--out", "demo-out"]
    printed = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    shown = [block for block in re.findall(r"```console\n(.*?)\n```", TOUR, re.DOTALL) if block.startswith("== ")]
    assert len(shown) == 3
    for block in shown:
        assert block in printed


def test_the_tour_of_the_clinic_lists_the_staff_that_the_demonstration_prints():
    from openkap.project import demonstration

    clinic = (ROOT / "docs" / "clinic.md").read_text(encoding="utf-8")
    assert "\n".join(demonstration.sign_ins()) in clinic
    assert f"with the password: {demonstration.PASSWORD}\n" in clinic


def test_pictures_are_light_and_each_is_shown():
    shown = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md"))
    for picture in (ROOT / "docs" / "images").rglob("*.png"):
        assert picture.stat().st_size <= 120_000, picture.name
        assert picture.name in shown


def test_every_picture_and_page_the_documents_point_at_is_there():
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} points at {target}"
