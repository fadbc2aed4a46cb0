"""Accounts: who can authenticate, and what is stored about them.

account             `Account` and `Identity` values, read from rows
factor              `Factor` values: the second factors that an account shows
account_events      audit events about an account
account_repository  reads and writes accounts as the system actor "auth"
breached_passwords  looks passwords up in a file of known ones
hooks               what later domains do when an account is created or changed
devices             the browser and system of a user agent, as people know them
metadata            size and content of the two metadata objects
passwords           hashes, verifies and validates passwords
"""
