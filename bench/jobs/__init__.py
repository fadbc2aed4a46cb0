"""The benchmark of background jobs: `python -m bench.jobs`, or `make bench-jobs`.

__main__: runs all measurements in turn and prints the table
monynha: enqueues jobs, and measures how soon one begins
monynha_worker: works jobs off in a process of its own
peers: BullMQ, Procrastinate and Celery, each as its documentation says
"""
