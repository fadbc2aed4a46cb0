"""Services: the use cases of auth, each a class with its dependencies as constructor arguments.

sign_up          creates accounts
sign_up_gate     who may create an account: everybody, nobody, or who is invited
sign_in          signs in by password
sessions         creates, refreshes and ends sessions
session_activity  when sessions are used, stored rarely
verification     mails one-time tokens and verifies them
update_user      what users change of their own account
phone_accounts   sign-up by phone number, and codes by text message
phone_change     changes a phone number, by confirmation of the new one
anonymous_users  accounts without credentials
unused_anonymous_users  deletes those who do not come back
email_change     changes an email address, by confirmation of both addresses
admin            manages all accounts
audit_log        the audit log in the words of GoTrue
admin_links      one-time links and invitations for admins
expired_credentials  deletes expired sessions and tokens
account_service  what other domains and the command line use
authentication   finds the actor of a request by its bearer token
rate_limits      counts sign-in attempts, emails and text messages
constant_time    response durations that reveal nothing
"""
