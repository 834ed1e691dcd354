"""What all tests share: how many cases are drawn and from which seed, the marks, and the FHIR referees."""

import os
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher
from hypothesis import HealthCheck
from hypothesis import settings as profiles

from tests.database import Clinic, let_tables_be_emptied, make_clinic
from tests.postboxes import Post, Smtp, running
from tests.referees.referees import Referees

GATE = os.environ.get("OPENKAP_GATE") == "1"
FIXED_SEED = 20261125
SEED = int(os.environ.get("OPENKAP_SEED", FIXED_SEED))

# everyday: few cases, the same each time. fresh: few cases from the seed given on the command line.
# gate: full counts, new cases each time.
_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "print_blob": True}
profiles.register_profile("everyday", max_examples=40, derandomize=True, database=None, **_COMMON)
profiles.register_profile("fresh", max_examples=40, database=None, **_COMMON)
profiles.register_profile("gate", max_examples=5_000, **_COMMON)
profiles.load_profile("gate" if GATE else os.environ.get("OPENKAP_PROFILE", "everyday"))


def pytest_report_header() -> str:
    size = "full counts" if GATE else "everyday counts"
    return f"openkap: {size}, seed {SEED} (OPENKAP_SEED={SEED} repeats it)"


# They walk every page or open a browser: slow, and the same on either database. Every day they run on one.
WALKS = (
    "tests/browser/",
    "tests/web/test_every_page.py",
    "tests/web/test_guards.py",
    "tests/architecture/test_routes.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        names = getattr(item, "fixturenames", ())
        if item.nodeid.startswith(WALKS):
            item.add_marker("slow")
            item.add_marker("walk")
        if "seed" in names:
            item.add_marker("seeded")
        if {"db", "transactional_db", "live_server"} & set(names) or item.get_closest_marker("django_db"):
            item.add_marker("database")
        if "referees" in names:  # one worker keeps the one child process; it reads 90 MB of definitions
            item.add_marker("slow")
            item.add_marker(pytest.mark.xdist_group("referees"))


@pytest.fixture(scope="session")
def seed() -> int:
    """Seed for tests that draw their own cases; `make test` runs them from a fresh one too."""
    return SEED


@pytest.fixture(scope="session")
def count() -> Callable[[int], int]:
    """How many cases to draw: `count(100_000)` is that many at the gate, a hundredth every day."""
    return lambda full: full if GATE else max(full // 100, 10)


@pytest.fixture(scope="session")
def rounds() -> Callable[[int], int]:
    """As `count`, of what takes seconds each time: all of them at the gate, one every day."""
    return lambda full: full if GATE else 1


@pytest.fixture(scope="session")
def referees() -> Iterator[Referees]:
    """
    Independent FHIR R4 validators: `referees.check(resources)` gives the faults they find.

    Tests that use it are slow by themselves and run in `make test`, not in `make check`.
    """
    with Referees() as running:
        yield running


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> None:
    """SQLite in a file, as at a site: in memory it has no write-ahead log and no second connection."""
    test = settings.DATABASES["default"].setdefault("TEST", {})
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite"):
        test["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")
    else:
        test["NAME"] = f"test_{worker_id}"
        settings.DATABASES["default"]["OPTIONS"].pop("pool", None)  # it would hold the database open at the end


@pytest.fixture(scope="session", autouse=True)
def _quick_and_emptiable() -> None:
    """Passwords of tests cost a millisecond instead of a hundred; append-only tables can be emptied."""
    Argon2PasswordHasher.time_cost, Argon2PasswordHasher.memory_cost, Argon2PasswordHasher.parallelism = 1, 8, 1
    let_tables_be_emptied()


@pytest.fixture
def clinic(db: None) -> Clinic:
    """Two sites, everyone with a role, four patients (tests/database.py)."""
    return make_clinic()


@pytest.fixture
def smtp() -> Iterator[Smtp]:
    """A mail server that keeps what it takes (tests/postboxes.py)."""
    yield from running(Smtp())


@pytest.fixture
def post() -> Iterator[Post]:
    """A hook that keeps what it takes."""
    yield from running(Post())


@pytest.fixture(autouse=True)
def bars_of_other_routes(request: pytest.FixtureRequest) -> Iterator[None]:
    """Bars are kept by role: those made from the few routes of a test are no bars of the product."""
    yield
    if request.node.get_closest_marker("urls"):
        from openkap.web import navigation
        from openkap.web.templatetags import shell

        for module in (navigation, shell):
            for one in vars(module).values():
                if hasattr(one, "cache_clear") and one.__module__ == module.__name__:
                    one.cache_clear()
