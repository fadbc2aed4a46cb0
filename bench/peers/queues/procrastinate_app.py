"""Enqueues jobs into Procrastinate and works them off in this process; prints jobs a second as JSON."""

import asyncio
import json
import logging
import os
import sys
import time

from procrastinate import App, PsycopgConnector

app = App(connector=PsycopgConnector(conninfo=os.environ["PEER_DATABASE_URL"]))


@app.task(queue="bench")
async def do_nothing(number):
    pass


async def main(count):
    logging.disable(logging.CRITICAL)
    async with app.open_async():
        if not await app.check_connection_async():
            await app.schema_manager.apply_schema_async()
        begin = time.perf_counter()
        for number in range(count // 4):
            await do_nothing.defer_async(number=number)
        one_by_one = (count // 4) / (time.perf_counter() - begin)
        begin = time.perf_counter()
        await do_nothing.batch_defer_async(*({"number": number} for number in range(count)))
        in_bulk = count / (time.perf_counter() - begin)
        total = count + count // 4
        begin = time.perf_counter()
        await app.run_worker_async(queues=["bench"], concurrency=10, wait=False, install_signal_handlers=False)
        worked_off = total / (time.perf_counter() - begin)
    print(json.dumps({"worked_off": worked_off, "one_by_one": one_by_one, "in_bulk": in_bulk}))


asyncio.run(main(int(sys.argv[1])))
