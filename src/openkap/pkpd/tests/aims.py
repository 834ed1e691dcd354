"""The search for a function that turns an aim into an amount; none may exist."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from types import FunctionType

import openkap.pkpd

# What a caller would hand in to get a dose out, and what an amount would be called on its way out.
AIMS = re.compile(r"target|aim|goal|desired|wanted|wish|seek|reach|level|concentration|ng_per_ml|effect_at|peak|auc_of")
AMOUNTS = re.compile(r"dose|amount|mg|rate|infusion|input|request", re.IGNORECASE)
VERBS = re.compile(
    r"dose_for(?![a-z])|amount_for(?![a-z])|solve_for|invert|inverse_of|titrate|recommend|suggest|convert|equivalent_dose"
)


def modules() -> list[str]:
    """Every module of the room."""
    return [f"openkap.pkpd.{m.name}" for m in pkgutil.iter_modules(openkap.pkpd.__path__) if m.name != "tests"]


def public(names: list[str]) -> Iterator[tuple[str, FunctionType]]:
    """Every public function and method of these modules."""
    for path in names:
        loaded = importlib.import_module(path)
        module = path.rpartition(".")[2]
        for name, value in vars(loaded).items():
            if name.startswith("_") or getattr(value, "__module__", "") != loaded.__name__:
                continue
            if inspect.isfunction(value):
                yield f"{module}.{name}", value
            elif inspect.isclass(value):
                for method, code in vars(value).items():
                    if inspect.isfunction(code) and not method.startswith("_"):
                        yield f"{module}.{name}.{method}", code


def inverse(name: str, function: FunctionType) -> bool:
    """True if a function could be asked `which dose gives this?`."""
    signature = inspect.signature(function)
    aims = [p for p in signature.parameters if AIMS.search(p)]
    gives = str(signature.return_annotation)
    return bool(VERBS.search(name)) or bool(aims and (AMOUNTS.search(gives) or AMOUNTS.search(name)))
