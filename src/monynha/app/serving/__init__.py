"""Serving: takes the port, starts the servers, runs one or more worker processes, and stops everything in order.

Modules:
    lifecycle       the order of starting and stopping (`serve`)
    listen_socket   opens the port
    loader          imports the application while the servers start
    memory          lets freed memory go back to the system
    uvicorn_server  serves HTTP in one process
    valkey_check    refuses processes that share a database but not a Valkey
    worker          the program of one worker process
    worker_pool     starts the worker processes, and replaces those that exit
"""
