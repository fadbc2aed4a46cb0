"""Background jobs, as system admins see them.

policies.sql: who may enqueue jobs, work on them, and see them
"""
