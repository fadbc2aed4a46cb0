// Uploads by tus-js-client, in chunks, resumed after an interruption, and ended; prints lines of JSON.
import { Upload, DefaultHttpStack } from "tus-js-client";

const [url, serviceKey, bucketName] = process.argv.slice(2);
const endpoint = `${url}/storage/v1/upload/resumable`;
const print = (what, value) => console.log(JSON.stringify({ what, value: value ?? null }));
const body = Buffer.alloc(3_000_000, "0123456789");
const headers = { authorization: `Bearer ${serviceKey}` };
const options = (objectName, more = {}) => ({
  endpoint,
  headers,
  metadata: { bucketName, objectName, contentType: "text/plain", cacheControl: "60" },
  retryDelays: [0, 100],
  ...more,
});
const run = (source, settings, onProgress) =>
  new Promise((resolve, reject) => {
    const upload = new Upload(source, { ...settings, onError: reject, onSuccess: () => resolve(upload), onProgress: (sent) => onProgress?.(upload, sent, resolve) });
    upload.start();
  });

await run(body, options("whole.txt"));
print("whole");
await run(body, options("chunks.txt", { chunkSize: 1_000_000 }));
print("chunks");
await run(body, options("creation.txt", { uploadDataDuringCreation: true }));
print("creation");
await run(body, options("deferred.txt", { uploadLengthDeferred: true, chunkSize: 1_000_000 }));
print("deferred");
// Interrupted after the first chunk, and resumed by its address as after a restart of the client.
const interrupted = await run(body, options("resumed.txt", { chunkSize: 1_000_000 }), (upload, sent, resolve) => {
  if (sent >= 1_500_000) upload.abort().then(() => resolve(upload));
});
await run(body, options("resumed.txt", { uploadUrl: interrupted.url, chunkSize: 1_000_000 }));
print("resumed");
const ended = await run(body, options("ended.txt", { chunkSize: 1_000_000 }), (upload, sent, resolve) => {
  if (sent >= 1_500_000) upload.abort().then(() => resolve(upload));
});
await Upload.terminate(ended.url, { headers, httpStack: new DefaultHttpStack({}) });
print("ended", (await fetch(ended.url, { method: "HEAD", headers: { ...headers, "tus-resumable": "1.0.0" } })).status);
const refused = await run(body, options("whole.txt")).catch((error) => error);
print("refused", refused.originalResponse.getStatus());
print("done");
