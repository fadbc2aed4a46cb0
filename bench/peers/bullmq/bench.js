// Enqueues jobs into BullMQ and works them off in this process; prints jobs a second as JSON.
import { Queue, Worker } from "bullmq";

const connection = { host: "127.0.0.1", port: Number(process.env.VALKEY_PORT), maxRetriesPerRequest: null };
const count = Number(process.argv[2]);
const singles = 3000;
const writers = 16;

const queue = new Queue("bench", { connection });
await queue.obliterate({ force: true });

let next = 0;
let begin = performance.now();
await Promise.all(
  Array.from({ length: writers }, async () => {
    while (next < singles) {
      const number = next++;
      await queue.add("job", { number });
    }
  }),
);
const oneByOne = (singles * 1000) / (performance.now() - begin);
await queue.obliterate({ force: true });

begin = performance.now();
for (let first = 0; first < count; first += 1000) {
  await queue.addBulk(Array.from({ length: 1000 }, (_, n) => ({ name: "job", data: { number: first + n } })));
}
const inBulk = (count * 1000) / (performance.now() - begin);

const worker = new Worker("bench", async () => {}, { connection, concurrency: 100, autorun: false });
let done = 0;
const finished = new Promise((resolve) => worker.on("completed", () => ++done === count && resolve()));
await worker.waitUntilReady();
begin = performance.now();
worker.run();
await finished;
const workedOff = (count * 1000) / (performance.now() - begin);
await worker.close();
await queue.obliterate({ force: true });
await queue.close();
console.log(JSON.stringify({ worked_off: workedOff, one_by_one: oneByOne, in_bulk: inBulk }));
