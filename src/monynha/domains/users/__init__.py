"""Users: the profile of each account.

models: the `users` resource
actions: sign-up and change of email address
account_hooks: keeps profiles in step with accounts
http, graphql: the endpoints and mutations of the actions
policies.sql: who can view and change which profile
"""

from monynha.domains.users.models import User, users

__all__ = ["User", "users"]
