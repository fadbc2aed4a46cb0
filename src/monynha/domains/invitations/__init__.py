"""Invitations: email addresses that are invited to a project.

models: the `invitations` resource
tokens: the secret of the link in an invitation's mail
mailer: the mail
limits: how many invitations a manager may send, and an address may get
actions: invite, revoke, send again, accept, decline
visits: what the page behind the mailed link does
invited_addresses: which addresses may sign up where sign-up is by invitation
expiry: the job that ends an invitation when its time is over
http, graphql: the endpoints and mutations of the actions
policies.sql: who can view which invitation
"""

from monynha.domains.invitations.models import Invitation, invitations

__all__ = ["Invitation", "invitations"]
