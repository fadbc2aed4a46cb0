// Runs the GraphiQL page without rendering, and executes requests with its fetcher.
import { readFileSync } from "node:fs";
import vm from "node:vm";
import { parse } from "graphql";

const [page, url, token, id] = process.argv.slice(2);
const report = (what, more) => console.log(JSON.stringify({ what, ...more }));
let fetcher;
const GraphiQL = { createFetcher: () => async () => "plain" };
vm.runInNewContext(readFileSync(page, "utf8"), {
  GraphiQL,
  React: { createElement: (_, props) => (fetcher = props.fetcher) },
  ReactDOM: { createRoot: () => ({ render: () => {} }) },
  document: { getElementById: () => null },
  fetch: (path, options) => fetch(url + path, options),
  AbortController,
  TextDecoderStream,
});

const execute = (query, headers) => fetcher({ query, variables: { id } }, { documentAST: parse(query), headers });
report("query", { answer: await execute("{ __typename }") });
const query = "subscription ($id: ID!) { taskChanged(projectId: $id) { title } }";
for await (const answer of execute(query, { Authorization: "Bearer junk" })) report("forged", { answer });
const results = execute(query, { Authorization: `Bearer ${token}` });
setTimeout(() => report("ready"), 500);
const first = await results.next();
report("task", { answer: first.value });
const second = results.next();
results.return();
report("stopped", { done: (await second).done });
