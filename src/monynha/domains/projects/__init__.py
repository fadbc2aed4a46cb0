"""Projects and who is in them."""

from monynha.domains.projects.models import Member, Project, Role, members, projects

__all__ = ["Member", "Project", "Role", "members", "projects"]
