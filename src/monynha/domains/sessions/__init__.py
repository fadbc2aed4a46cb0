"""Sessions as their owners see and end them, and the cookie sessions of the web app.

models        the resource `sessions`, derived for REST and GraphQL
actions       sign out everywhere, or everywhere else
policies.sql  who sees and ends which sessions, and the table of known devices
http          the endpoints that are not derived, with cookie sessions
graphql       the mutations that are not derived
"""

from monynha.domains.sessions.models import sessions

__all__ = ["sessions"]
