// Subscribes with graphql-ws and graphql-sse, and reports what they receive, one line each.
import { createClient as overSocket } from "graphql-ws";
import { createClient as overEvents } from "graphql-sse";

const [kind, url, token, other_project, id] = process.argv.slice(2);
const report = (what, more) => console.log(JSON.stringify({ what, ...more }));
const headers = { Authorization: `Bearer ${token}` };
const client =
  kind === "graphql-ws"
    ? overSocket({
        url: url.replace("http", "ws"),
        connectionParams: headers,
        retryAttempts: 0,
        on: { closed: (event) => report("closed", { code: event.code }) },
      })
    : overEvents({ url, headers, retryAttempts: 0 });

const query = `subscription ($id: ID!) {
  taskChanged(projectId: $id) { action title assignee { name } }
}`;

function subscribe(what, request) {
  client.subscribe(request, {
    next: (answer) => report(what, { answer }),
    error: (error) => report(`${what} error`, { error: Array.isArray(error) ? error : String(error.message ?? error.code) }),
    complete: () => report(`${what} complete`),
  });
}

subscribe("refused", { query, variables: { id: other_project } });
subscribe("query", { query: "{ __typename }" });
subscribe("invalid", { query: "subscription { nothing }" });
subscribe("task", { query, variables: { id } });
setTimeout(() => report("ready"), 500);
process.stdin.on("data", () => {
  client.dispose();
  process.exit(0);
});
