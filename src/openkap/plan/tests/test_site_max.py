"""A site's highest doses: in force from the day they were signed for."""

from __future__ import annotations

from datetime import date

import pytest

from openkap.kernel.errors import ContentFault
from openkap.kernel.site import Site
from openkap.plan.site_max import open_routes, signed_limits

ROW = """
[[site_max]]
row = "{row}"
mg_per_kg = 0.5
mg = 50
signed_by = "Dr Ines Varga"
on = {on}
reason = "r"
"""


def site(tmp_path, *rows):
    (tmp_path / "limits.toml").write_text("".join(ROW.format(row=row, on=on) for row, on in rows), encoding="utf-8")
    return Site.open(tmp_path)


def test_a_limit_is_in_force_from_its_day_on(tmp_path):
    here = site(tmp_path, ("DOS-IV", "2026-11-25"))
    assert open_routes(here, date(2026, 11, 24)) == frozenset()
    assert open_routes(here, date(2026, 11, 25)) == {"iv"}


def test_without_limits_a_site_opens_no_route_and_a_demonstration_all(tmp_path):
    assert open_routes(Site.open(tmp_path), date(2026, 11, 25)) == frozenset()
    assert {"iv", "sc", "im", "sublingual", "oral", "nasal"} == open_routes(Site(), date(2026, 11, 25))


@pytest.mark.parametrize("rows", [[("DOS-XX", "2026-01-02")], [("DOS-IV", "2026-01-02")] * 2])
def test_an_unknown_or_doubled_row_is_refused(tmp_path, rows):
    with pytest.raises(ContentFault, match=r"limits\.toml"):
        signed_limits(site(tmp_path, *rows), date(2026, 11, 25))
