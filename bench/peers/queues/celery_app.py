"""Enqueues jobs into Celery and lets one worker process work them off; prints jobs a second as JSON."""

import json
import os
import subprocess
import sys
import time

import redis
from celery import Celery

BROKER_URL = os.environ["PEER_BROKER_URL"]
app = Celery("celery_app", broker=BROKER_URL)
# Late acknowledgement, so that a job survives its worker, as those of the other queues do.
app.conf.update(task_ignore_result=True, task_acks_late=True, broker_connection_retry_on_startup=True)


@app.task
def do_nothing(number):
    pass


def main(count):
    broker = redis.Redis.from_url(BROKER_URL)
    broker.flushdb()
    begin = time.perf_counter()
    for number in range(count):
        do_nothing.delay(number)
    one_by_one = count / (time.perf_counter() - begin)
    command = (sys.executable, "-m", "celery", "-A", "celery_app", "worker", "--concurrency=1", "--loglevel=ERROR")
    worker = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while broker.llen("celery") == count:
        time.sleep(0.002)
    begin = time.perf_counter()
    while broker.llen("celery") or broker.hlen("unacked"):
        time.sleep(0.005)
    worked_off = count / (time.perf_counter() - begin)
    worker.terminate()
    worker.wait()
    print(json.dumps({"worked_off": worked_off, "one_by_one": one_by_one}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
