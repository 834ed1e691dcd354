"""The frame of every page and the rules that its templates, styles and scripts keep."""

import re
from pathlib import Path

import pytest
from django.template.base import Lexer, TokenType

from openkap.people.types import Role
from openkap.web.words import age
from tests.database import Clinic

PACKAGE = Path(__file__).parents[2]
STATIC = PACKAGE / "web/static/web"
TEMPLATES = sorted(PACKAGE.glob("*/templates/**/*.html"))
BRAND = {"OpenKAP", "Open", "KAP"}
SPOKEN = re.compile(r'\b(?:aria-label|placeholder|title|alt)="([^"]*)"')


def name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def static_text(template: str) -> str:
    """What a template sends as it stands, outside its tags and its translated blocks; each tag leaves a mark."""
    template = re.sub(r"{% block page_class %}.*?{% endblock %}", "", template)  # a class, not a word
    kept, translated = [], False
    for token in Lexer(template).tokenize():
        word = token.contents.split()[0] if token.token_type == TokenType.BLOCK else ""
        if word in ("blocktranslate", "comment"):
            translated = True
        elif word in ("endblocktranslate", "endcomment"):
            translated = False
        elif token.token_type == TokenType.TEXT and not translated:
            kept.append(token.contents)
        else:
            kept.append("\0")
    return "".join(kept)


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_every_string_of_a_template_can_be_translated(path: Path):
    text = static_text(path.read_text(encoding="utf-8"))
    spoken = [word for word in SPOKEN.findall(text) if re.search("[a-zA-Z]", word)]
    text = re.sub(r"<script[^>]*application/json.*?</script>", "", text, flags=re.DOTALL)
    text = re.sub(r'\sdata-theme="\w+"', "", text)  # an attribute that a page gives its frame
    shown = re.sub(r"<[^>]*>", "\n", text.replace("\0", " "))
    words = [word.strip() for word in shown.split("\n") if re.search("[a-zA-Z]{2}", word)]
    assert [word for word in words if word.strip("· ") not in BRAND] == []
    assert spoken == []


@pytest.mark.hazard("HAZ-64", "C1")
@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_no_template_holds_style_or_script_or_names_another_origin(path: Path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=[\"']|javascript:", text, re.IGNORECASE)
    assert [
        tag for tag in re.findall(r"<script[^>]*>", text) if "src=" not in tag and "application/json" not in tag
    ] == []
    assert not re.search(r"(?:https?:)?//[a-z0-9]", text, re.IGNORECASE)


def css(name: str) -> str:
    return re.sub(r"/\*.*?\*/", "", (STATIC / name).read_text(encoding="utf-8"), flags=re.DOTALL)


def test_components_take_every_colour_from_the_tokens_and_cast_no_shadow():
    text = css("components.css")
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|oklch)a?\(", text) == []
    assert "shadow" not in text
    assert not re.search(r"@import|url\(", text)
    named = set(re.findall(r"var\((--[\w-]+)", text))
    known = set(re.findall(r"(--[\w-]+):", css("tokens.css") + text))
    assert named <= known


# ---------------------------------------------------------------- contrast, by the formula of WCAG 2

STATUSES = ("stop", "hold", "caution", "info", "ok", "miss")
PAIRS = [
    *[(ink, ground, 4.5) for ink in ("ink", "ink-2", "ink-3", "accent") for ground in ("bg", "surface")],
    *[("ink-2", "sunken", 4.5), ("accent-ink", "accent", 4.5), ("accent-ink", "accent-deep", 4.5)],
    *[(status, ground, 4.5) for status in STATUSES for ground in ("surface", f"{status}-soft")],
    *[("ink", f"{status}-soft", 4.5) for status in STATUSES],
    *[("surface", status, 4.5) for status in ("stop", "hold", "ok")],
    *[("ident-ink", "ident", 4.5), ("ident-ink-2", "ident", 4.5), ("ident-focus", "ident", 3)],
    *[("edge", "surface", 3), ("edge", "bg", 3), ("focus", "surface", 3), ("focus", "bg", 3)],
]


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def theme(which: str) -> dict[str, str]:
    text = css("tokens.css")
    light, rest = text.split("@media (prefers-color-scheme: dark)")
    dark, dim = rest.split(':root[data-theme="dim"]')
    other = {"light": "", "dark": dark, "dim": dim.split("}")[0]}[which]
    colour = r"--([\w-]+): (#[0-9a-f]{6});"
    return dict(re.findall(colour, light)) | dict(re.findall(colour, other))


@pytest.mark.hazard("HAZ-81", "C1")
@pytest.mark.parametrize("which", ["light", "dark", "dim"])
def test_text_and_edges_stand_out_from_what_is_behind_them(which: str):
    colours = theme(which)
    weak = []
    for front, back, least in PAIRS:
        high, low = sorted((luminance(colours[front]), luminance(colours[back])), reverse=True)
        ratio = (high + 0.05) / (low + 0.05)
        if ratio < least:
            weak.append(f"{front} on {back}: {ratio:.2f}")
    assert weak == []


# ---------------------------------------------------------------- what a page shows to whom


def test_the_bar_shows_each_role_only_where_it_may_go(clinic: Clinic):
    def bar(role: Role) -> str:
        page = clinic.client(role).get("/today/").content.decode()
        return page.partition('aria-label="Main"')[2].partition("</nav>")[0]

    assert 'href="/people/"' in bar(Role.PRESCRIBER)
    assert 'href="/people/"' in bar(Role.COORDINATOR)
    assert 'href="/people/"' not in bar(Role.SITE_ADMIN)
    assert 'href="/people/"' not in bar(Role.BILLING)


@pytest.mark.hazard("HAZ-01", "C2")
def test_the_dark_band_says_whose_record_is_open_and_only_there(clinic: Clinic):
    client = clinic.client(Role.PRESCRIBER)
    inside = client.get(f"/p/{clinic.ida.pk}/").content.decode()
    assert 'class="ident"' in inside
    band = inside.partition('class="ident"')[2].partition("</section>")[0]
    assert all(text in band for text in ("Ida Example", "born 2 Apr 1988", clinic.ida.record_number))
    assert 'class="ident"' not in client.get("/today/").content.decode()


def test_a_person_is_a_year_older_on_the_birthday_and_not_before():
    from datetime import date

    born = date(1988, 4, 2)
    assert [age(born, day) for day in (date(2026, 4, 1), date(2026, 4, 2))] == [37, 38]


@pytest.mark.hazard("HAZ-79", "C1")
def test_a_demonstration_says_on_every_page_that_nobody_is_real(clinic: Clinic, settings):
    paths = ("/", "/account/sign-in/", "/today/", f"/p/{clinic.ida.pk}/", "/nothing/")
    client = clinic.client(Role.PRESCRIBER)
    assert all(b"everybody here is synthetic" in client.get(path, follow=True).content for path in paths)
    settings.PRODUCTION = True
    assert not any(b"synthetic" in client.get(path, follow=True).content for path in paths)


def test_staff_come_from_the_first_page_to_today_and_others_stay(clinic: Clinic):
    assert clinic.client(Role.NURSE).get("/").headers["Location"] == "/today/"
    assert clinic.client(Role.PATIENT).get("/").status_code == 200
    assert clinic.client(None).get("/").status_code == 200
