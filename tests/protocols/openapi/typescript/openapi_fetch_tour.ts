// A strict program over openapi-fetch, whose types openapi-typescript generated from the document.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Project = components["schemas"]["Project"];
type ProjectPart = components["schemas"]["ProjectPart"];

const url = process.env.URL ?? "";
const credentials = { email: "fetch@tour.example.com", password: "a long secret" };
const anonymous = createClient<paths>({ baseUrl: url });
const account = await anonymous.POST("/api/v1/users", { body: { name: "Ines", ...credentials } });
if (account.error) throw new Error(account.error.error.message);

const signedIn = await fetch(`${url}/auth/v1/token?grant_type=password`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(credentials),
});
const { access_token: token } = (await signedIn.json()) as { access_token: string };
const client = createClient<paths>({ baseUrl: url, headers: { authorization: `Bearer ${token}` } });

const created = await client.POST("/api/v1/projects", { body: { name: "Website" } });
if (created.error) throw new Error(created.error.error.message);
// The whole type: no field is optional.
const project: Project = created.data.data;
const name: string = project.name;
const id: string = project.id;

const task = await client.POST("/api/v1/projects/{id}/tasks", {
  params: { path: { id } },
  body: { title: "Build", priority: "urgent", tags: ["build"] },
});
if (task.error) throw new Error(task.error.error.message);
const changed = await client.PUT("/api/v1/tasks/{id}", {
  params: { path: { id: task.data.data.id } },
  body: { data: { status: "done" } },
});
if (changed.error) throw new Error(changed.error.error.message);
const page = await client.GET("/api/v1/projects/{id}/tasks", { params: { path: { id }, query: { include: "project" } } });
if (page.error) throw new Error(page.error.error.message);
const titles: string[] = page.data.data.map((row) => row.title);
const projectNames: (string | undefined)[] = page.data.data.map((row) => row.project?.name);
const trimmed = await client.GET("/api/v1/projects/{id}", { params: { path: { id }, query: { fields: "name" } } });
const part = trimmed.data?.data as ProjectPart | undefined;
const refused = await client.POST("/api/v1/projects", { body: { name: "" } });
const code: string | undefined = refused.error?.error.code;

console.log(JSON.stringify({ name, titles, projectNames, status: changed.data.data.status, part, code }));
