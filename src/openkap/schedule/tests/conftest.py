"""Fixtures of this room's tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from openkap.schedule.tests.telling import switch_on
from tests.postboxes import Post, Smtp


@pytest.fixture
def site(tmp_path: Path, settings: Any, smtp: Smtp, post: Post) -> Path:
    """The folder of a site that has messages to patients on."""
    switch_on(tmp_path, settings, smtp, post)
    return tmp_path
