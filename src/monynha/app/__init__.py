"""The top layer: builds the program from its parts, serves it, and offers it as the command `monynha`.

Packages and modules:
    cli            the command line and its list of commands
    command_error  why a command cannot be done
    commands       one module for each command
    composition    which domains there are, and how the parts are connected
    docs           the documents generated from the code
    maintenance    migrations, backups, checks, the demo, and the care of the event log
    serving        starts, runs and stops the processes
"""
