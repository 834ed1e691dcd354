"""
Every page as somebody sees it: links followed, forms filled in, over whatever routes there are.

Nothing here knows a single page, so that a new one is covered on the day it comes.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import Resolver404, resolve

from tests.database import Clinic
from tests.matrix import Route, address, routes

LEAVING = {"account_logout"}
TEXTS = {"text", "search", "tel", "email", "url", "password", "number", "textarea"}


@dataclass
class Form:
    """A form of a page: method, where it goes, and (kind, value) of each field by name, choices as lists."""

    method: str
    action: str
    fields: list[tuple[str, str, str]] = field(default_factory=list)


class Page(HTMLParser):
    """Links and forms of a page."""

    def __init__(self, html: str):
        super().__init__()
        self.links: list[str] = []
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._select = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        a = {name: value or "" for name, value in attrs}
        if tag == "a" and a.get("href"):
            self.links.append(a["href"])
        elif tag == "form":
            self._form = Form(a.get("method", "get").lower(), a.get("action", ""))
            self.forms.append(self._form)
        elif self._form is not None and tag in ("input", "textarea", "button") and a.get("name"):
            kind = a.get("type", "text") if tag == "input" else tag
            self._form.fields.append((a["name"], kind, a.get("value", "")))
        elif self._form is not None and tag == "select" and a.get("name"):
            self._select = a["name"]
        elif self._form is not None and tag == "option" and self._select and a.get("value"):
            self._form.fields.append((self._select, "option", a["value"]))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = ""


@dataclass(frozen=True)
class Seen:
    """One reply."""

    path: str
    route: str
    response: HttpResponseBase

    @property
    def text(self) -> str:
        if getattr(self.response, "streaming", False):
            return b"".join(self.response.streaming_content).decode(errors="replace")  # type: ignore[attr-defined]
        return self.response.content.decode(errors="replace")  # type: ignore[attr-defined]


def crawl(client: Client, clinic: Clinic, *, each: int = 3) -> list[Seen]:
    """
    Every page that this browser reaches by links from the first one, and every route for every patient.

    Args:
        each: of one route with one patient, so many pages are opened.
    """
    people = (clinic.ida, clinic.noah, clinic.otto, clinic.far)
    start = ["/"]
    start += [address(r, p.pk) for r in routes() for p in (people if "patient_id" in r.holds else people[:1])]
    waiting, known, opened, found = deque(start), set(start), Counter[str](), []
    while waiting:
        path = waiting.popleft()
        route = route_of(path)
        if route is None or route in LEAVING:
            continue
        patient = re.search(r"/p/([0-9a-f-]{36})/", path)
        which = f"{route} {patient[1] if patient else ''}"
        if opened[which] >= each:
            continue
        opened[which] += 1
        response = client.get(path)
        seen = Seen(path, route, response)
        found.append(seen)
        if response.status_code in (301, 302, 303):
            targets = [response.headers["Location"]]
        elif "html" in response.headers.get("Content-Type", ""):
            targets = Page(seen.text).links
        else:
            targets = []
        for target in targets:
            there = inside(path, target)
            if there and there not in known:
                known.add(there)
                waiting.append(there)
    return found


def inside(here: str, target: str) -> str:
    """The path that a link leads to; empty if it leaves the clinic or stays on the page."""
    parts = urlsplit(urljoin(f"http://testserver{here}", target))
    if parts.netloc != "testserver" or parts.scheme != "http":
        return ""
    return parts.path + (f"?{parts.query}" if parts.query else "")


def route_of(path: str) -> str | None:
    try:
        return resolve(urlsplit(path).path).view_name
    except Resolver404:
        return None


def send_forms(client: Client, pages: Iterable[Seen], fill: Callable[[str, str], str]) -> list[Seen]:
    """
    Send every form with POST of these pages once, its text fields filled by `fill(name, kind)`.

    Returns:
        The replies.
    """
    sent: set[tuple[str, str, tuple[str, ...]]] = set()
    replies = []
    for page in pages:
        if page.response.status_code != 200 or "html" not in page.response.headers.get("Content-Type", ""):
            continue
        for form in Page(page.text).forms:
            to = inside(page.path, form.action or page.path)
            route = route_of(to) if to else None
            key = (route or "", urlsplit(to).path, tuple(name for name, _, _ in form.fields))
            if form.method != "post" or route is None or route in LEAVING or key in sent:
                continue
            sent.add(key)
            replies.append(Seen(to, route, client.post(to, filled(form, fill))))
    return replies


def filled(form: Form, fill: Callable[[str, str], str]) -> dict[str, list[str]]:
    """What a person would send: text in every text field, one choice of each group, hidden fields as they are."""
    data: dict[str, list[str]] = {}
    for name, kind, value in form.fields:
        if kind in ("hidden", "button"):
            data.setdefault(name, []).append(value)
        elif kind in TEXTS:
            data[name] = [fill(name, kind)]
        elif kind == "date":
            data[name] = [value or "1988-04-02"]
        elif kind in ("radio", "option", "checkbox"):
            data.setdefault(name, [value or "on"])
    return data


def reachable(route: Route) -> bool:
    """Whether a test may call it without ending its own session."""
    return route.name not in LEAVING
