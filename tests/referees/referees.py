"""Independent FHIR R4 validators, run as one child process for the whole test session."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).parent
NODE_MODULES = HERE.parents[1] / "node_modules"


@dataclass(frozen=True, slots=True)
class RefereeFault:
    """What a referee finds wrong: which referee, in which resource (`Type/id`), where and why."""

    referee: str
    resource: str
    path: str
    message: str


class Referees:
    """`@medplum/core` (structure, choices, invariants) and npm `fhir` (required codes, reference types)."""

    def __enter__(self) -> Self:
        if not NODE_MODULES.is_dir():
            raise FileNotFoundError("node_modules is missing: run `make dev` once (needs Node 20 and npm).")
        self._node = subprocess.Popen(
            ["node", str(HERE / "referees.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._node.communicate()

    def check(self, resources: Iterable[dict[str, Any]] | dict[str, Any]) -> list[RefereeFault]:
        """
        The faults in these resources, and in the entries of those that are Bundles.

        Args:
            resources: one resource, or several; each as JSON would carry it.

        Returns:
            All faults; empty for good R4. Show it in the assertion: `assert referees.check(r) == []`.
        """
        given = [resources] if isinstance(resources, dict) else resources
        flat = [inner for resource in given for inner in _with_entries(resource)]
        stdin, stdout = self._node.stdin, self._node.stdout
        assert stdin
        assert stdout
        stdin.write(json.dumps(flat, default=float) + "\n")
        stdin.flush()
        answer = stdout.readline()
        if not answer:
            raise RuntimeError(f"the referees stopped with exit code {self._node.wait()}; their message is above")
        return [
            RefereeFault(fault["referee"], _name(flat[fault["index"]]), fault["path"], fault["message"])
            for fault in json.loads(answer)
        ]


def _with_entries(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield resource
    for entry in resource.get("entry", ()) if resource.get("resourceType") == "Bundle" else ():
        if "resource" in entry:
            yield from _with_entries(entry["resource"])


def _name(resource: dict[str, Any]) -> str:
    return f"{resource.get('resourceType')}/{resource.get('id', '(no id)')}"
