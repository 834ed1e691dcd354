"""The plan on paper."""

import re
import sys
import zlib

import pytest

from openkap.kernel.errors import UserError
from openkap.plan.pdf import plan_pdf
from openkap.plan.tests.documents import PEOPLE, document, from_json


def inside(paper: bytes) -> bytes:
    """The paper with its compressed objects opened."""
    found = [paper]
    for start in re.finditer(rb"stream\r?\n", paper):
        try:
            found.append(zlib.decompressobj().decompress(paper[start.end() :]))
        except zlib.error:
            continue
    return b"\n".join(found)


@pytest.mark.parametrize("name", sorted(PEOPLE))
def test_every_plan_can_be_put_on_paper_twice_the_same_and_from_json_too(name):
    made = document(name)
    paper = plan_pdf(made)
    assert paper.startswith(b"%PDF-")
    assert plan_pdf(from_json(made)) == paper


def test_the_paper_is_tagged_for_those_who_listen_and_claims_pdf_ua():
    objects = inside(plan_pdf(document("panic")))
    assert b"/StructTreeRoot" in objects
    assert re.search(rb"/Lang ?\(en", objects)
    assert b"pdfuaid:part>1<" in objects


def test_the_paper_is_a4_and_not_a_book():
    objects = inside(plan_pdf(document("panic")))
    sizes = set(re.findall(rb"/MediaBox ?\[([\d. ]+)\]", objects))
    assert {tuple(round(float(n)) for n in s.split()) for s in sizes} == {(0, 0, 595, 842)}
    assert len(re.findall(rb"/Type ?/Page\b", objects)) <= 14


def test_a_name_that_looks_like_typst_is_only_a_name():
    made = document("panic")
    made["patient"]["name"] = '#panic("x") *bold* $1$ \\ " [brackets] <b>'
    assert plan_pdf(made).startswith(b"%PDF-")


def test_without_typst_the_sentence_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(UserError, match=r"pip install openkap\[pdf\]"):
        plan_pdf(document("panic"))
