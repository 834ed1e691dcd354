"""The WSGI application. It refuses to load where it would be unsafe to serve (checks.py)."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openkap.project.settings")

from django.conf import settings
from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()  # sets Django up, which the modules below need

from openkap.project import keeper  # noqa: E402
from openkap.project.checks import refuse_if_unsafe  # noqa: E402
from openkap.project.start import settle_content  # noqa: E402

refuse_if_unsafe()
settle_content()
if settings.ENVIRONMENT.checkpoints:
    keeper.start(settings.ENVIRONMENT.checkpoints)
