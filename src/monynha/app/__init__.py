"""The top layer: builds the program from its parts, serves it, and offers it as the command `monynha`.

Packages and modules:
    catalog        the domains, in order; a new noun is one word there
    cli            the command line and its list of commands
    command_error  why a command cannot be done
    commands       one module for each command
    composition    how the parts are built and connected
    docs           writes docs/generated
    maintenance    migrations, backups, checks, the demo, and the care of the event log
    serving        starts, runs and stops the processes
"""
