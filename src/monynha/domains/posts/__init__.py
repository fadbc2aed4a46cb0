"""Posts: texts that every signed-in user can read.

models: the `posts` resource
policies.sql: who can view and change which post
"""

from monynha.domains.posts.models import Post, posts

__all__ = ["Post", "posts"]
