"""Monynha: a self-hosted back end and board for teams that plan work together."""

__version__ = "0.1.0"
