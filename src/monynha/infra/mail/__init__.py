"""Mail: the message as a value, and what sends it.

Modules:
    folder_mailer  writes each mail into a folder, while no mail server is set
    mailer         a mail as a value, its RFC 5322 form, and the protocol of a mailer
    smtp_mailer    sends mail through an SMTP server in the background, with retries
"""

from monynha.infra.mail.folder_mailer import FolderMailer
from monynha.infra.mail.mailer import Mail, Mailer

__all__ = ["FolderMailer", "Mail", "Mailer"]
