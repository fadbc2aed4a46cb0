"""Work on the database besides serving: migrations, backups, checks, example data, and old events.

Modules:
    backup                 writes backups that are verified, and restores them
    demo                   creates example data
    doctor                 checks settings, servers, the login and all rights
    event_log_maintenance  creates and drops partitions of the event log, once a day
    migration              brings the database to this release
"""
