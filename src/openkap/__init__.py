"""OpenKAP: ketamine-assisted intensive treatment of anxiety disorders."""

__version__ = "0.1.0"
