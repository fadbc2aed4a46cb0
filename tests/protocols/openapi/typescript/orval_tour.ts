// A strict program over the client that orval generated from the document.
import { createProject, createTask, createUser, getProject, listProjectTasks, updateTask } from "./orval.js";
import type { Project, Task } from "./orval.js";

const url = process.env.URL ?? "";
const credentials = { email: "orval@tour.example.com", password: "a long secret" };
const account = await createUser({ name: "Ines", ...credentials });
if (account.status !== 201) throw new Error(account.data.error.message);

const signedIn = await fetch(`${url}/auth/v1/token?grant_type=password`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(credentials),
});
const { access_token: token } = (await signedIn.json()) as { access_token: string };
const signed = { headers: { authorization: `Bearer ${token}` } };

const created = await createProject({ name: "Website" }, {}, signed);
if (created.status !== 201) throw new Error(created.data.error.message);
// The whole type: no field is optional.
const project: Project = created.data.data;
const name: string = project.name;

const task = await createTask(project.id, { title: "Build", priority: "urgent", tags: ["build"] }, {}, signed);
if (task.status !== 201) throw new Error(task.data.error.message);
const changed = await updateTask(task.data.data.id, { data: { status: "done" } }, {}, signed);
if (changed.status !== 200) throw new Error(changed.data.error.message);
const page = await listProjectTasks(project.id, { include: "project" }, signed);
if (page.status !== 200) throw new Error(page.data.error.message);
const titles: string[] = page.data.data.map((row: Task) => row.title);
const projectNames: (string | undefined)[] = page.data.data.map((row) => row.project?.name);
const refused = await createProject({ name: "" }, {}, signed);
const code: string | undefined = refused.status === 422 ? refused.data.error.code : undefined;
const unseen = await getProject(account.data.data.id, {}, signed);

console.log(
  JSON.stringify({ name, titles, projectNames, status: changed.data.data.status, code, unseen: unseen.status }),
);
