// Runs the storage calls of the official client, and prints what came of each as a line of JSON.
import { createClient } from "@supabase/supabase-js";

const [url, anonKey, serviceKey, email, password, projectId] = process.argv.slice(2);
const print = (what, value) => console.log(JSON.stringify({ what, value: value ?? null }));
const check = (what, { data, error }) => {
  if (error) throw new Error(`${what}: ${error.message}`);
  return data;
};
const options = { auth: { persistSession: false, autoRefreshToken: false } };
const service = createClient(url, serviceKey, options);
const user = createClient(url, anonKey, options);
const { data: session } = await user.auth.signInWithPassword({ email, password });

const bucketName = `js-${Date.now()}`;
check("createBucket", await service.storage.createBucket(bucketName, { public: true, fileSizeLimit: "1mb" }));
check("updateBucket", await service.storage.updateBucket(bucketName, { public: true, fileSizeLimit: null }));
print("bucket", check("getBucket", await service.storage.getBucket(bucketName)).public);
const bucket = service.storage.from(bucketName);
check("upload", await bucket.upload("a/b.txt", new Blob(["hello"], { type: "text/plain" }), { metadata: { a: 1 } }));
const info = check("info", await bucket.info("a/b.txt"));
print("info", { size: info.size, cacheControl: info.cacheControl, metadata: info.metadata, type: info.contentType });
print("exists", [(await bucket.exists("a/b.txt")).data, (await bucket.exists("a/c.txt")).data]);
print("list", check("list", await bucket.list("a")).map((entry) => entry.name));
check("copy", await bucket.copy("a/b.txt", "a/copy.txt"));
check("move", await bucket.move("a/copy.txt", "moved.txt"));
print("download", await check("download", await bucket.download("moved.txt")).text());
const publicUrl = bucket.getPublicUrl("moved.txt").data.publicUrl;
print("public", await (await fetch(publicUrl)).text());
const signed = check("sign", await bucket.createSignedUrl("moved.txt", 60, { download: "name.txt" })).signedUrl;
print("signed", (await fetch(signed)).headers.get("content-disposition"));
const upload = check("signUpload", await bucket.createSignedUploadUrl("signed.txt"));
check("uploadToSignedUrl", await bucket.uploadToSignedUrl(upload.path, upload.token, Buffer.from("signed")));
print("removed", check("remove", await bucket.remove(["moved.txt", "a/b.txt", "signed.txt"])).length);
check("emptyBucket", await service.storage.emptyBucket(bucketName));
check("deleteBucket", await service.storage.deleteBucket(bucketName));

// The seed's storage service: files of a project.
const files = user.storage.from("project-files");
const path = `${projectId}/${session.user.id}/${Date.now()}.txt`;
check("project upload", await files.upload(path, Buffer.from("of a project"), { contentType: "text/plain" }));
print("project", await check("project download", await files.download(path)).text());
print("project public", (await fetch(files.getPublicUrl(path).data.publicUrl)).status);
print("foreign", (await files.upload(`${crypto.randomUUID()}/${session.user.id}/a.txt`, Buffer.from("x"))).error.message);
print("done");
