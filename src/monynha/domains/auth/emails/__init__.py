"""Emails: addresses, and what is sent to them.

email_address    the normalized form of an address
action_links     the URLs that verify a token
auth_mailer      which template, with which data, in which language
security_notices what the owner of an account is told has happened to it
redirects        which URLs a mailed link may lead to
"""
