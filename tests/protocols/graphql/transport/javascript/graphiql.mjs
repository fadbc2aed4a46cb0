// Runs GraphiQL's page with nothing drawn, and asks with the fetcher that it hands over.
import { readFileSync } from "node:fs";
import vm from "node:vm";
import { parse } from "graphql";

const [page, url, token, id] = process.argv.slice(2);
const tell = (what, more) => console.log(JSON.stringify({ what, ...more }));
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

const ask = (query, headers) => fetcher({ query, variables: { id } }, { documentAST: parse(query), headers });
tell("query", { answer: await ask("{ __typename }") });
const query = "subscription ($id: ID!) { taskChanged(projectId: $id) { title } }";
for await (const answer of ask(query, { Authorization: "Bearer junk" })) tell("forged", { answer });
const heard = ask(query, { Authorization: `Bearer ${token}` });
setTimeout(() => tell("ready"), 500);
const first = await heard.next();
tell("task", { answer: first.value });
const second = heard.next();
heard.return();
tell("stopped", { done: (await second).done });
