"""Buckets and objects with the wire of Supabase Storage; the bucket `project-files` holds the files of projects.

names, errors: what clients may name, and what they are answered
objects, hooks: objects as values, and what later domains do when one changes
object_repository, listing, buckets: rows, by the rights of the caller
uploads, resumable: bodies on their way in
bodies: where bodies are, and the deletion of those that no object refers to
rendering: images in another size or format
signed_urls: tokens to read or upload one object
transactions: repeated transactions, and violated constraints as errors
composition: builds the services
http: the endpoints of /storage/v1
policies.sql: who can do what with which bucket and object
"""
