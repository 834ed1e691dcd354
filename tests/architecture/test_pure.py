"""The rooms import without a web framework, and without the libraries that are slow to load."""

import subprocess
import sys

PROGRAM = """
import importlib, pkgutil, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"django", "ninja"}:
            raise ModuleNotFoundError(f"{name} is absent in this test", name=name)

sys.meta_path.insert(0, Absent())
import openkap

names = [m.name for m in pkgutil.walk_packages(openkap.__path__, "openkap.") if ".tests" not in m.name]
for name in names:
    importlib.import_module(name)
print(len(names))
print(*sorted({"pint", "fhirkit", "typst", "numpy"} & set(sys.modules)))
"""


def test_every_module_imports_with_django_absent_and_no_slow_library_is_loaded_by_importing():
    run = subprocess.run([sys.executable, "-W", "error", "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    count, slow = run.stdout.splitlines()
    assert int(count) > 10
    assert slow == ""
