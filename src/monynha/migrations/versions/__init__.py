"""The revisions in order, each of which runs the SQL file of its name.

0001_auth, 0002_users, 0003_posts, 0004_projects, 0005_tasks, 0006_idempotency, 0007_events, 0008_notifications,
0009_activity, 0010_accounts, 0011_jobs, 0012_storage, 0013_files
"""
