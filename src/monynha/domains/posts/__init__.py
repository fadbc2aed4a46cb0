"""Posts: what people tell everybody."""

from monynha.domains.posts.models import Post, posts

__all__ = ["Post", "posts"]
