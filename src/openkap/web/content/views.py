"""Content review: what is unsigned and what that means, every row with its sources, signing, the site's own limits."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.http import Http404, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from openkap.kernel.content import content_version
from openkap.kernel.errors import UserError
from openkap.kernel.site import Site
from openkap.people.policy import staff
from openkap.people.request import ClinicRequest, origin_of
from openkap.people.types import Role
from openkap.review.catalogue import cited_sources, limits_of
from openkap.review.effects import effect
from openkap.review.page_rows import Reviewer, row_view
from openkap.web.content import actions
from openkap.web.content.forms import LimitForm, ReasonForm, ShowForm, SignForm
from openkap.web.content.lines import Line, Wanted, chosen, is_practice, lines, site_now
from openkap.web.people.tried import answer

readers = staff(Role.SITE_ADMIN, Role.PRESCRIBER)
signers = staff(Role.PRESCRIBER, step_up=True)
setters = staff(Role.SITE_ADMIN, Role.PRESCRIBER, step_up=True)

PAGE = 60


@readers
def index(request: ClinicRequest) -> HttpResponse:
    """What is unsigned, by chapter, and what that disables; what else needs a decision."""
    found = lines(site_now())
    signable = [line for line in found if line.state]
    by_chapter: dict[str, list[Line]] = {}
    for line in found:
        by_chapter.setdefault(line.chapter.id, []).append(line)
    table = []
    for listed in by_chapter.values():
        states = Counter(line.state for line in listed)
        chapter = listed[0].chapter
        rest = len(listed) - states["signed"] if chapter.signed else 0
        table.append({"chapter": chapter, "rows": len(listed), "open": rest, "effect": effect(chapter)})
    context = {
        "table": [row for row in table if row["effect"]],
        "unsigned_kinds": [row for row in table if not row["effect"]],
        "signable": len(signable),
        "states": Counter(line.state for line in signable),
        "open": sum(line.state != "signed" for line in signable),
        "marks": Counter(mark for line in found for mark in line.marks),
        "version": content_version(),
        "practice": is_practice(),
    }
    return render(request, "content/index.html", context)


@readers
def rows(request: ClinicRequest) -> HttpResponse:
    """Rows that fit what is asked for; a prescriber chooses some of them to sign."""
    found = lines(site_now())
    form, fit = _asked(request.GET, found)
    start = _start(request.GET.get("from", ""))
    query = request.GET.copy()
    query.pop("from", None)
    after = query.copy()
    after["from"] = str(start + PAGE)
    context = {
        "form": form,
        "lines": fit[start : start + PAGE],
        "count": len(fit),
        "to_sign": sum(line.state not in ("", "signed") for line in fit),
        "query": query.urlencode(),
        "after": after.urlencode() if start + PAGE < len(fit) else "",
        "signs": request.principal.has(Role.PRESCRIBER),
        "practice": is_practice(),
    }
    return render(request, "content/rows.html", context)


@readers
def row(request: ClinicRequest, chapter: str, row: str) -> HttpResponse:
    """One row whole: values, basis, readings, signature and its history, limits a site may set."""
    site = site_now()
    line = _line(site, chapter, row)
    works = cited_sources().get(line.chapter.room, {})
    view = row_view(line.row, line.chapter, Reviewer(site, timezone.localdate()))
    context = {
        "line": line,
        "view": view,
        "effect": effect(line.chapter),
        "works": {part["source"]: works[part["source"]] for part in view["parts"] if part["source"] in works},
        "limits": limits_of(line.row),
        "overrides": site.overrides.get(line.row.id, {}),
        "signature": site.signatures.get(line.row.id),
        "history": [one for one in reversed(site.signed_before) if one.row == line.row.id],
        "set_before": [one for one in reversed(site.overridden_before) if one.row == line.row.id],
        "signs": request.principal.has(Role.PRESCRIBER),
        "practice": is_practice(),
    }
    return render(request, "content/row.html", context)


@signers
def sign(request: ClinicRequest) -> HttpResponse:
    """Sign one row or a chosen set, as they stand on this page."""
    site = site_now()
    found = lines(site)
    if request.method == "POST":
        seen = dict(pair.rpartition("@")[::2] for pair in request.POST.getlist("row"))
        wanted = [line for line in found if line.state and line.row.id in seen]
        shown = {line.row.id: seen[line.row.id] for line in wanted}
    else:
        seen = {}
        wanted = _picked(request.GET, found)
        shown = {line.row.id: line.fingerprint for line in wanted}
    now = timezone.localdate()
    in_a_year = now.replace(year=now.year + 1, day=min(now.day, 28))
    form = SignForm(request.POST or None, initial={"review_by": in_a_year})

    def act() -> HttpResponse:
        if set(seen) != set(shown):
            raise UserError(_("A row on this page exists no more: choose the rows again."))
        said = form.cleaned_data
        actions.sign(
            request.principal, shown, review_by=said["review_by"], meaning=said["meaning"], origin=origin_of(request)
        )
        if len(wanted) == 1:
            return HttpResponseRedirect(_url(wanted[0]))
        return HttpResponseRedirect(reverse("content:index"))

    changed = {line.row.id for line in wanted if shown[line.row.id] != line.fingerprint}
    context = {
        "wanted": [(line, shown[line.row.id], line.row.id in changed) for line in wanted],
        "practice": is_practice(),
    }
    return answer(request, "content/sign.html", form, act, context)


@signers
def withdraw(request: ClinicRequest, chapter: str, row: str) -> HttpResponse:
    """Take back the signature of a row."""
    site = site_now()
    line = _line(site, chapter, row)
    now = site.signatures.get(line.row.id)
    form = ReasonForm(request.POST or None, initial={"seen": now.fingerprint if now else ""})

    def act() -> HttpResponse:
        said = form.cleaned_data
        actions.withdraw(
            request.principal, line.row.id, seen=said["seen"], reason=said["reason"], origin=origin_of(request)
        )
        return HttpResponseRedirect(_url(line))

    if now is None and request.method != "POST":
        return HttpResponseRedirect(_url(line))
    context = {"line": line, "signature": now, "effect": effect(line.chapter), "practice": is_practice()}
    return answer(request, "content/withdraw.html", form, act, context)


@setters
def limit(request: ClinicRequest, chapter: str, row: str, limit: str) -> HttpResponse:
    """The site's own value of one limit, set or ended."""
    site = site_now()
    line = _line(site, chapter, row)
    shipped = limits_of(line.row).get(limit)
    if shipped is None:
        raise Http404
    own = site.overrides.get(line.row.id, {}).get(limit)
    ending = "end" in request.POST
    kind = ReasonForm if ending else LimitForm
    form = kind(request.POST or None, initial={"seen": line.fingerprint})

    def act() -> HttpResponse:
        said = form.cleaned_data
        about = {"seen": said["seen"], "reason": said["reason"], "origin": origin_of(request)}
        if ending:
            actions.end_limit(request.principal, line.row.id, limit, **about)
        else:
            actions.set_limit(request.principal, line.row.id, limit, said["value"], **about)
        return HttpResponseRedirect(_url(line))

    context: dict[str, Any] = {
        "line": line,
        "name": limit,
        "limit": shipped,
        "own": own,
        "practice": is_practice(),
        "end": form if ending else ReasonForm(initial={"seen": line.fingerprint}, prefix=None, auto_id="end_%s"),
        "ending": ending,
    }
    return answer(request, "content/limit.html", form, act, context)


# ---------------------------------------------------------------- parts of the above


def _asked(query: QueryDict, found: list[Line]) -> tuple[ShowForm, list[Line]]:
    rooms = list(dict.fromkeys(line.chapter.room for line in found))
    names = list(dict.fromkeys((line.chapter.id, line.chapter.title) for line in found))
    form = ShowForm(query, rooms=rooms, chapters=names)
    return form, chosen(found, Wanted(**form.cleaned_data)) if form.is_valid() else []


def _start(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0


def _picked(query: QueryDict, found: list[Line]) -> list[Line]:
    """The rows named one by one, or with `all` every row of the list that waits to be signed."""
    if "all" in query:
        return [line for line in _asked(query, found)[1] if line.state not in ("", "signed")]
    names = set(query.getlist("row"))
    return [line for line in found if line.state and line.row.id in names]


def _line(site: Site, chapter: str, row: str) -> Line:
    found = next((line for line in lines(site) if line.chapter.id == chapter and line.row.id == row), None)
    if found is None:
        raise Http404
    return found


def _url(line: Line) -> str:
    return reverse("content:row", args=[line.chapter.id, line.row.id])
