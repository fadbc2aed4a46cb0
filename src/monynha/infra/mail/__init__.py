"""Mail: the message as a value, how it is written, and what sends it.

Modules:
    email_jobs        mails that wait in the queue, and the handler that writes and sends them. Start reading here.
    folder_mailer     writes each mail into a folder, while no mail server is set
    mailbox           reads the mails of that folder
    mailer            a mail as a value, its RFC 5322 form, and the protocol of a mailer
    smtp_mailer       sends a mail through an SMTP server
    template_errors   errors in templates, by file and line
    template_filters  dates and differences as each language writes them
    templates         renders MJML and text templates
"""

from monynha.infra.mail.email_jobs import EMAIL_QUEUE, EmailPayload, EmailSender, enqueue_email
from monynha.infra.mail.folder_mailer import CopyingMailer, FolderMailer
from monynha.infra.mail.mailer import Mail, Mailer
from monynha.infra.mail.templates import MailTemplates

__all__ = [
    "EMAIL_QUEUE",
    "CopyingMailer",
    "EmailPayload",
    "EmailSender",
    "FolderMailer",
    "Mail",
    "MailTemplates",
    "Mailer",
    "enqueue_email",
]
