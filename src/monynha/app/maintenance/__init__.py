"""Work on the database besides serving: migrations, backups, checks, example data, and old events.

Modules:
    audit_archive  moves old audit events from the database to the object store
    audit_report   checks the audit log against its seals
    backup         writes backups that are verified, and restores them
    clean_up       deletes what is no longer needed, once a day
    demo           creates example data
    doctor         checks settings, servers, the login and all rights
    event_archive  moves old events from the database to the object store
    line_archive   stores lines of JSON as one compressed file
    migration      brings the database to this release
"""
