"""Mail: what is sent, and where it goes."""

from monynha.infra.mail.folder import FolderMailer
from monynha.infra.mail.mail import Mail, Mailer

__all__ = ["FolderMailer", "Mail", "Mailer"]
