"""The rooms import without a web framework, and without the libraries that are slow to load."""

import subprocess
import sys

BLOCK = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"django", "ninja", "allauth", "whitenoise", "granian", "psycopg"}:
            raise ModuleNotFoundError(f"{name} is absent in this test", name=name)

sys.meta_path.insert(0, Absent())
"""

PROGRAM = """
import importlib, pkgutil
import openkap

KEPT = ("store", "floor", "known", "effects", "live", "heart")  # of dose: the session in the database


def needs_framework(name):
    room, *rest = name.split(".")[1:]
    if room in {"web", "project"} or (room == "people" and rest not in ([], ["types"], ["policy"])):
        return True
    if room == "dose" and rest[:1] in ([name] for name in KEPT):
        return True
    return bool(rest) and rest[0].partition("_")[0] in {
        "models", "selectors", "services", "forms", "views", "urls", "apps", "admin", "migrations", "templatetags"
    }


names = [m.name for m in pkgutil.walk_packages(openkap.__path__, "openkap.") if ".tests" not in m.name]
names = [name for name in names if not needs_framework(name)]
for name in names:
    importlib.import_module(name)
print(len(names))
print(*sorted({"pint", "fhirkit", "typst", "numpy", "ortools", "pandas"} & set(sys.modules)))
"""

WALK = """
import contextlib, io, tempfile
from openkap.cli.main import main

with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
    assert main(["demo", "--write", folder]) == 0
    for command in ("chart", "assess", "screen", "plan"):
        assert main([command, f"{folder}/panic.json"]) == 0
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"django", "allauth"}))
"""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)


def test_every_pure_module_imports_with_django_absent_and_no_slow_library_is_loaded_by_importing():
    run = python("-W", "error", "-c", BLOCK + PROGRAM)
    assert run.returncode == 0, run.stderr
    count, slow = run.stdout.splitlines()
    assert int(count) > 10
    assert slow == ""


def test_the_reasoning_runs_from_bundle_to_plan_with_django_absent():
    run = python("-c", BLOCK + WALK)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == ""
