"""Emails: addresses, and what is sent to them.

email_address    the normalized form of an address
email_templates  subjects and texts
auth_mailer      renders and sends
redirects        which URLs a mailed link may lead to
"""
