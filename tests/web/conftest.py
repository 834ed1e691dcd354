"""What crawlers share: files go to a folder of the test, and counts grow at the gate."""

from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings as here


@pytest.fixture(autouse=True)
def _own_data_folder(settings, tmp_path: Path) -> None:
    settings.ENVIRONMENT = replace(here.ENVIRONMENT, data=tmp_path / "data")
    (tmp_path / "data").mkdir()
