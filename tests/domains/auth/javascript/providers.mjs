// Signs in with a provider, adds it to an account and removes it. Where a browser is needed it prints the URL to open,
// and reads from its input where the browser ended.
import { createClient } from "@supabase/supabase-js";
import readline from "node:readline";

const [url, key, email, password] = process.argv.slice(2);
const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const print = (what, value) => console.log(JSON.stringify({ what, value: value ?? null }));
const browse = async (subject, address) => (print("open", [subject, address]), new URL((await lines.next()).value));
const check = (what, { data, error }) => {
  if (error) throw new Error(`${what}: ${error.status} ${error.code} ${error.message}`);
  return data;
};
const failure = ({ error }) => [error?.status, error?.code];
const memory = () => {
  const items = new Map();
  return { getItem: (k) => items.get(k) ?? null, setItem: (k, v) => void items.set(k, v), removeItem: (k) => void items.delete(k) };
};
const client = (auth = {}) =>
  createClient(url, key, { auth: { autoRefreshToken: false, storage: memory(), detectSessionInUrl: false, ...auth } }).auth;
const options = { skipBrowserRedirect: true, redirectTo: `${url}/board?tab=1` };
const providers = async (auth) => check("identities", await auth.getUserIdentities()).identities.map(({ provider }) => provider);

// A new person, by PKCE.
let auth = client({ flowType: "pkce" });
let begun = check("signInWithOAuth", await auth.signInWithOAuth({ provider: "keycloak", options }));
let ended = await browse("new", begun.url);
print("returns to", [ended.pathname, ended.searchParams.get("tab")]);
const code = ended.searchParams.get("code");
print("stolen code", (await client({ flowType: "pkce" }).exchangeCodeForSession(code)).error?.name);
const session = check("exchange", await auth.exchangeCodeForSession(code)).session;
print("session", [typeof session.provider_token, session.user.app_metadata.provider]);
print("amr", check("claims", await auth.getClaims()).claims.amr[0].method);
print("new person", await providers(auth));
print("last identity", failure(await auth.unlinkIdentity(session.user.identities[0])));

// Somebody with a password adds a provider, enters by it, and removes it.
auth = client();
const own = check("signIn", await auth.signInWithPassword({ email, password })).user;
begun = check("linkIdentity", await auth.linkIdentity({ provider: "keycloak", options }));
ended = new URLSearchParams((await browse("linked", begun.url)).hash.slice(1));
check("setSession", await auth.setSession({ access_token: ended.get("access_token"), refresh_token: ended.get("refresh_token") }));
print("linked", await providers(auth));
begun = check("signInWithOAuth", await auth.signInWithOAuth({ provider: "keycloak", options }));
ended = new URLSearchParams((await browse("linked", begun.url)).hash.slice(1));
print("entered", check("getUser", await auth.getUser(ended.get("access_token"))).user.id === own.id);
const { identities } = check("identities", await auth.getUserIdentities());
check("unlink", await auth.unlinkIdentity(identities.find(({ provider }) => provider === "keycloak")));
print("unlinked", await providers(auth));
print("id token", failure(await auth.signInWithIdToken({ provider: "google", token: "x" })));
print("done");
