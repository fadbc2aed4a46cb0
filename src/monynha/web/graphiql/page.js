// GraphiQL over this server; an access token goes into the headers below the editor.
const fetcher = GraphiQL.createFetcher({ url: "/graphql" });
const props = {
  fetcher,
  defaultEditorToolsVisibility: "headers",
  defaultQuery: '# To ask as somebody, put this into the headers below:\n# {"Authorization": "Bearer <access token>"}\n{\n  __typename\n}\n',
};
ReactDOM.createRoot(document.getElementById("graphiql")).render(React.createElement(GraphiQL, props));
