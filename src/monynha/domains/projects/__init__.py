"""Projects and their members.

models: the `projects` and `members` resources
ephemeral_events: cursor positions, delivered to the members online and not stored
policies.sql: who can view and change which project and which member
"""

from monynha.domains.projects.models import Member, Project, Role, members, projects

__all__ = ["Member", "Project", "Role", "members", "projects"]
