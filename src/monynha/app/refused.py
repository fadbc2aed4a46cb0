"""Why a command does nothing, in one line for who typed it."""


class Refused(Exception):
    """The command cannot be done; the message says why, and nothing was changed."""
