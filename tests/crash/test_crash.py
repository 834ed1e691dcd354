"""What was acknowledged is stored, however the program dies (kill -9; this says nothing of a power cut)."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def start(what: str, folder: Path, script: str = "writer.py", **more) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENKAP_")}
    environment |= {"OPENKAP_DATA": str(folder), "DJANGO_SETTINGS_MODULE": "openkap.project.settings"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), environment.get("PYTHONPATH"))))
    return subprocess.Popen(
        [sys.executable, str(HERE / script), what], env=environment, stdout=subprocess.PIPE, text=True, **more
    )


@pytest.mark.slow
@pytest.mark.hazard("HAZ-75", "C1")
@pytest.mark.goal("RG-01")
def test_nothing_acknowledged_is_lost_or_half_written_when_the_program_is_killed(
    tmp_path: Path, seed: int, count: Callable[[int], int]
):
    random_ = random.Random(seed)
    with start("make", tmp_path) as maker:
        assert maker.wait(120) == 0
    acknowledged: set[str] = set()
    for _ in range(count(1000) // 2):
        with start("write", tmp_path) as writer:
            assert writer.stdout.readline() == "ready\n"
            acknowledged |= {writer.stdout.readline().strip() for _ in range(random_.randint(1, 40))}
            writer.send_signal(signal.SIGKILL)
            rest, _ = writer.communicate()
        acknowledged |= {line for line in rest.splitlines() if len(line) == 36}
    with start("read", tmp_path) as reader:
        *stored, faults = reader.communicate(timeout=120)[0].splitlines()
    assert acknowledged and acknowledged - set(stored) == set()
    assert len(stored) == len(set(stored))
    assert faults == "faults 0"


@pytest.mark.slow
@pytest.mark.hazard("HAZ-58", "C1")
@pytest.mark.parametrize(("route", "acts"), [("iv", ("draw", "start", "stop")), ("im", ("draw", "start"))])
def test_wherever_the_program_is_killed_the_drug_ledger_says_what_the_session_says(
    tmp_path: Path, route: str, acts: tuple[str, ...]
):
    with start(route, tmp_path, "doser.py") as doser:
        lines = [line.split() for line in doser.communicate(timeout=300)[0].splitlines()]
    assert tuple(line[0] for line in lines) == acts  # and no fault among them
    assert all(int(line[1]) > 20 for line in lines)  # at so many places, or nothing was tried
    assert doser.returncode == 0
