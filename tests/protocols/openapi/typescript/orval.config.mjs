// The client is one file over `fetch`, with the base URL of the program under test.
export default {
  monynha: {
    input: { target: process.env.DOCUMENT },
    output: { target: process.env.OUTPUT, client: "fetch", mode: "single", baseUrl: process.env.URL },
  },
};
