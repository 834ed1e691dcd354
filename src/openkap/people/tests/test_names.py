"""Names as people type them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openkap.people import names

BORN = date(1988, 4, 2)


def fits(typed: str, family: str, first: str, number: str = "000114") -> bool:
    kept = names.folded(family, first, number, BORN)
    return all(any(f" {word}" in kept for word in readings) for readings in names.asked(typed))


@pytest.mark.parametrize(
    ("typed", "family", "first"),
    [
        ("ma", "Oduya", "Marisol"),
        ("oduya mar", "Oduya", "Marisol"),
        ("mar od", "Oduya", "Marisol"),
        ("hakansson", "Håkansson", "Björn"),
        ("HÅKANSSON bjorn", "Håkansson", "Björn"),
        ("dang", "Đặng", "Minh Anh"),
        ("yilmaz", "Yılmaz", "Elif"),
        ("wojcik", "Wójcik", "Katarzyna"),
        ("obrien", "O'Brien", "Liam"),
        ("o'brien", "O'Brien", "Liam"),
        ("brien", "O’Brien", "Liam"),
        ("meiling", "Chen", "Mei-Ling"),
        ("mei ling", "Chen", "Mei-Ling"),
        ("strasse", "Straße", "Anna"),
        ("王", "王", "芳"),
        ("иван", "Петров", "Иван"),
        ("محمد", "علي", "محمد"),
        ("114", "Oduya", "Marisol"),
        ("000114", "Oduya", "Marisol"),
        ("1988-04-02", "Oduya", "Marisol"),
        ("2.4.1988", "Oduya", "Marisol"),
        ("4/2/1988", "Oduya", "Marisol"),
        ("02/04/1988 mar", "Oduya", "Marisol"),
        ("2 April 1988", "Oduya", "Marisol"),
        ("19880402", "Oduya", "Marisol"),
    ],
)
def test_what_people_type_finds_whom_they_mean(typed: str, family: str, first: str):
    assert names.enough(typed)
    assert fits(typed, family, first)


@pytest.mark.parametrize("typed", ["duya", "mo", "mar x", "3.4.1988", "14", "marisola", "_", "%", "_a"])
def test_what_does_not_begin_a_word_finds_nobody(typed: str):
    assert not (names.asked(typed) and fits(typed, "Oduya", "Marisol"))


@pytest.mark.parametrize("typed", ["", " ", "m", "'", "%%", "__"])
def test_less_than_two_letters_is_not_enough(typed: str):
    assert not names.enough(typed)


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_name_is_found_by_itself_whatever_its_letters(family: str, first: str):
    assert fits(f"{family} {first}", family, first) or names._DATES[0][0].search(names.plain(f"{family} {first}"))


def test_names_that_begin_alike_have_one_key_in_either_order():
    key = names.like_key("Oduya", "Marisol")
    assert key == names.like_key("Odum", "Marisa") == names.like_key("Márta", "Odulf")
    assert key != names.like_key("Oduya", "Tom")
