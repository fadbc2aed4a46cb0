"""People: the accounts of the system, for its admins.

models: the `people` resource
actions: invite, promote, demote, ban, unban, sign out, reset the password, delete
http, graphql: the endpoints and mutations of the actions
policies.sql: who may act on people
"""

from monynha.domains.people.models import Person, people

__all__ = ["Person", "people"]
