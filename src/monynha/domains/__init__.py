"""The domains of the application. Each one imports only domains before it in this list.

audit: the audit log
auth: accounts, sessions and tokens, and the Supabase-compatible /auth/v1
users: the profile of each account
people: the accounts of the system, for its admins
sessions: where users are signed in, and the cookie sessions of the web app
jobs: background jobs
posts: posts of users
projects: projects and their members
invitations: email addresses that are invited to projects
tasks: tasks of projects
storage: buckets and objects, and the Supabase-compatible /storage/v1
files: files of projects, the processing of images, and the pictures of users
notifications: notifications of users
activity: who changed what in a project
reports: weekly mails to project owners, and analytics for system admins
exports: ZIP files of what is a user's own

A domain has models (its resources), policies.sql (who can do what), and, where the generated operations do not
suffice, actions, http and graphql. Only http and graphql import protocols.
"""
