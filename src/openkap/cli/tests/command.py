"""The executable as a stranger calls it, and the people it is called with."""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from openkap.cli.main import main
from openkap.synthetic.case import Case
from openkap.synthetic.people import people

ON = date(2026, 11, 25)
EXECUTABLE = Path(sys.executable).with_name("openkap")
_ENCODER = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True)
class Outcome:
    """What a call left behind."""

    status: int
    out: bytes
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out, parse_constant=_no_constant)

    def refusal(self) -> str:
        """The sentence of a refused call, after checking that it is all there is."""
        assert self.status == 2, (self.status, self.err, self.out[:200])
        assert self.out == b""
        return self.sentence()

    def sentence(self) -> str:
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("openkap"), self.err
        assert lines[0].endswith((".", "?")), self.err
        return lines[0].partition(": ")[2]


def environment(**changes: str) -> dict[str, str]:
    """The environment of a call: nobody's own settings, only the given ones."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENKAP_")}
    kept["PATH"] = f"{EXECUTABLE.parent}{os.pathsep}{kept.get('PATH', '')}"
    return kept | {f"OPENKAP_{name.upper()}": value for name, value in changes.items()}


def call(*words: str | Path | date, stdin: bytes = b"", cwd: Path | None = None, **settings: str) -> Outcome:
    """Run `openkap` with these words; settings are `site=` and `tz=`."""
    done = subprocess.run(
        [EXECUTABLE, *map(str, words)],
        input=stdin,
        capture_output=True,
        env=environment(**settings),
        cwd=cwd,
        timeout=60,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))


def inside(*words: str | Path | date, stdin: bytes = b"", **settings: str) -> Outcome:
    """The same call within this process: twenty times as fast, for tests that are not about the executable."""
    out, err = io.TextIOWrapper(io.BytesIO()), io.StringIO()
    with tempfile.NamedTemporaryFile() as file, _settings(settings):
        file.write(stdin)
        file.flush()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main([file.name if word == "-" else str(word) for word in words])
    return Outcome(status, out.buffer.getvalue(), err.getvalue())  # type: ignore[attr-defined]


@contextlib.contextmanager
def _settings(changes: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    wanted = environment(**changes)
    try:
        os.environ.clear()
        os.environ.update(wanted)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def encoded(document: Any) -> bytes:
    return _ENCODER.encode(document)


@cache
def person(name: str) -> bytes:
    """One person's bundle for each verdict, on the day of decision."""
    makers = {
        "eligible": lambda: people(ON)["worry"],
        "caution": lambda: people(ON)["panic"],
        "insufficient": lambda: people(ON)["stage"],
        "hold": lambda: Case(ON, answers={"altered-state-willing": False}),
        "exclude": lambda: Case(ON, answers={"aneurysm": True}),
    }
    return encoded(makers[name]().bundle())


VERDICTS = ("eligible", "caution", "hold", "exclude", "insufficient")


@cache
def called(command: str, name: str, *flags: str) -> Outcome:
    """A command on one of the people on the day of decision; each call is made once."""
    return call(command, "-", "--on", ON.isoformat(), *flags, stdin=person(name))


def _no_constant(text: str) -> Any:
    raise AssertionError(f"{text} is not JSON")
