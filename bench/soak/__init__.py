"""The endurance test: `python -m bench.soak`, or `make soak`.

One process of clients loads one server in the configuration of production; afterwards its memory must not have grown,
nobody but the hostile clients may have got an error, and every change must have reached every subscriber.

__main__: runs the load, prints a line each 30 seconds and the verdict
server: the server under test, started as a process on a temporary folder
workspace: the users, projects and tasks that the clients use
http_client: an HTTP client cheap enough to leave the CPU to the server
journal: what was committed and what subscribers received
results: what the clients counted, and the verdict
readers: clients that read over REST and GraphQL, some of them slowly
writers: clients that create, change and delete tasks
followers: subscribers that check every version, over WebSockets and event streams
hostile_clients: clients that break rules, read nothing or hang up
"""
