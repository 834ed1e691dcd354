"""The WSGI application. It refuses to load where it would be unsafe to serve (checks.py)."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openkap.project.settings")

from django.core.wsgi import get_wsgi_application

from openkap.project.checks import refuse_if_unsafe

application = get_wsgi_application()
refuse_if_unsafe()
