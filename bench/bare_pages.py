"""The one page of bare_asgi.py."""

from __future__ import annotations

from functools import cache
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path

from openkap.people.models import Patient, Site

_PAGE = """<!DOCTYPE html><html lang="en"><head><title>Bare</title></head><body><h1>Patients</h1><table>
<thead><tr><th>Number<th>Name<th>Born<th>Sex</tr></thead><tbody>
{% for p in rows %}<tr><td>{{ p.record_number }}</td><td>{{ p.family }}, {{ p.given }}</td>
<td>{{ p.birth_date|date:"j M Y" }}</td><td>{{ p.birth_sex }}</td></tr>{% endfor %}
</tbody></table></body></html>"""
_template = engines["django"].from_string(_PAGE)


@cache
def _site() -> UUID:
    return Site.objects.get().pk


def page(request: HttpRequest) -> HttpResponse:
    """Twenty patients of the site, by an index."""
    rows = Patient.objects.filter(site=_site()).order_by("record_number")[:20]
    return HttpResponse(_template.render({"rows": rows}, request))


urlpatterns = [path("", page)]
