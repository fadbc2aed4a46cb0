// GraphiQL over this server; an access token goes into the headers below the editor.
const fetcher = GraphiQL.createFetcher({ url: "/graphql" });
const props = {
  fetcher,
  defaultEditorToolsVisibility: "headers",
  defaultHeaders: '{\n  "Authorization": "Bearer "\n}',
  defaultQuery: "{\n  __typename\n}\n",
};
ReactDOM.createRoot(document.getElementById("graphiql")).render(React.createElement(GraphiQL, props));
