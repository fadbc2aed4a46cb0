// GraphiQL over this server; an access token goes into the headers below the editor.
const plain = GraphiQL.createFetcher({ url: "/graphql" });

function isSubscription(params, { documentAST } = {}) {
  const operations = (documentAST?.definitions ?? []).filter((one) => one.kind === "OperationDefinition");
  const asked = operations.find((one) => one.name?.value === params.operationName) ?? operations[0];
  return asked?.operation === "subscription";
}

// Subscriptions come as server-sent events, read by fetch: EventSource could send no token.
async function* events(params, headers, signal) {
  const sent = { ...headers, "content-type": "application/json", accept: "text/event-stream" };
  const answer = await fetch("/graphql", { method: "POST", headers: sent, body: JSON.stringify(params), signal });
  if (!answer.ok) {
    yield await answer.json();
    return;
  }
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let unread = "";
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    const blocks = (unread + piece.value).split("\n\n");
    unread = blocks.pop();
    for (const block of blocks) {
      const data = block.match(/^data: (.+)$/m);
      if (data) yield JSON.parse(data[1]);
    }
  }
}

function subscription(params, headers) {
  const stop = new AbortController();
  const heard = events(params, headers, stop.signal);
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () =>
      heard.next().catch((problem) => {
        if (stop.signal.aborted) return { done: true, value: undefined };
        throw problem;
      }),
    return() {
      stop.abort();
      return Promise.resolve({ done: true, value: undefined });
    },
  };
}

const fetcher = (params, options = {}) =>
  isSubscription(params, options) ? subscription(params, options.headers) : plain(params, options);
const props = {
  fetcher,
  defaultEditorToolsVisibility: "headers",
  defaultQuery: '# To ask as somebody, put this into the headers below:\n# {"Authorization": "Bearer <access token>"}\n{\n  __typename\n}\n',
};
ReactDOM.createRoot(document.getElementById("graphiql")).render(React.createElement(GraphiQL, props));
