"""Files of projects, and the pictures of users.

A file is an object of the bucket `project-files`: an upload by `/storage/v1` makes the same file as one by `/api/v1`.

models: the `files` resource
errors: what uploads fail with
media_types: the type of a body from its first bytes, and the types that are refused
file_names: names of files as they are displayed, and as part of a path
object_hook: writes the file of an object when it is uploaded, moved or removed, within the quotas
processing: the jobs that make main picture, thumbnails and placeholder of images
uploads, downloads: bodies on their way in and out
avatars: pictures of users
composition: builds the services
http, graphql: the endpoints that the declaration cannot derive
policies.sql: who can view and delete which file
"""

from monynha.domains.files.models import File, files

__all__ = ["File", "files"]
