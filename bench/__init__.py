"""The benchmark of the README: Monynha, other servers and pgbench on the same database.

__main__: runs the rounds and prints the table (`make bench`)
targets: a server under test, started as a process
launchers: how Monynha and the other servers are started
dataset: the database with a million tasks, and access tokens
documents: the GraphQL documents of each server
pgbench_limit: what PostgreSQL alone reaches with the same statements
report: the table
chart: the same as a chart (SVG)
scale: does the cost of a read grow with the number of rows?
fuzz: random requests, none of which may fail with a 5xx
files: transfers of files beside nginx (`make bench-files`)
realtime: the benchmark of sockets
soak: the endurance test
jobs: the benchmark of background jobs
"""
