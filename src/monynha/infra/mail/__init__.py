"""Mail: what is sent, and where it goes."""

from monynha.infra.mail.folder_mailer import FolderMailer
from monynha.infra.mail.mailer import Mail, Mailer

__all__ = ["FolderMailer", "Mail", "Mailer"]
