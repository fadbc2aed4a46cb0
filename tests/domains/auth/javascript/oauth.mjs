// Runs what the official client does with an authorization server: `admin.oauth` and `oauth`.
import { createClient } from "@supabase/supabase-js";
import crypto from "node:crypto";

const [url, serviceKey, anonKey, email, password] = process.argv.slice(2);
const print = (what, value) => console.log(JSON.stringify({ what, value: value ?? null }));
const check = (what, { data, error }) => {
  if (error) throw new Error(`${what}: ${error.status} ${error.code} ${error.message}`);
  return data;
};
const failure = ({ data, error }) => [data, error?.status, error?.code];
const options = { auth: { autoRefreshToken: false, persistSession: false } };
const { oauth: admin } = createClient(url, serviceKey, options).auth.admin;
const redirect_uris = ["https://example.com/callback", "http://localhost:3000/callback"];

// Administration.
const created = check("create", await admin.createClient({ client_name: "Reports", redirect_uris }));
print("created", [created.client_name, created.redirect_uris, created.grant_types, created.response_types]);
const shown = check("get", await admin.getClient(created.client_id));
print("secret only once", [typeof created.client_secret, typeof shown.client_secret]);
const logo_uri = "https://example.com/logo.png";
const updated = check("update", await admin.updateClient(created.client_id, { logo_uri }));
print("updated", [updated.client_name, updated.logo_uri === logo_uri]);
const regenerated = check("regenerate", await admin.regenerateClientSecret(created.client_id));
print("regenerated", regenerated.client_secret !== created.client_secret);
await admin.createClient({ client_name: "Second", redirect_uris });
const page = check("list", await admin.listClients({ page: 1, perPage: 1 }));
print("listed", [page.clients.length, page.total >= 2, page.nextPage]);
print("invalid", failure(await admin.createClient({ client_name: "Bad", redirect_uris: [] })));
print("unknown", failure(await admin.getClient("00000000-0000-0000-0000-000000000000")));

// A person decides.
const { auth } = createClient(url, anonKey, options);
print("signed out", failure(await auth.oauth.getAuthorizationDetails("x"))[0]);
check("signIn", await auth.signInWithPassword({ email, password }));
const verifier = crypto.randomBytes(32).toString("base64url");
const authorize = async (scope) => {
  const query = new URLSearchParams({
    response_type: "code", client_id: created.client_id, redirect_uri: redirect_uris[0], scope, state: "s",
    code_challenge: crypto.createHash("sha256").update(verifier).digest("base64url"), code_challenge_method: "S256",
  });
  const response = await fetch(`${url}/auth/v1/oauth/authorize?${query}`, { redirect: "manual" });
  return new URL(response.headers.get("location")).searchParams.get("authorization_id");
};
let id = await authorize("read email");
const details = check("details", await auth.oauth.getAuthorizationDetails(id));
print("details", [details.authorization_id === id, details.client.name, details.scope, details.user.email === email]);
const approved = check("approve", await auth.oauth.approveAuthorization(id));
const code = new URL(approved.redirect_url).searchParams.get("code");
const body = new URLSearchParams({ grant_type: "authorization_code", code, code_verifier: verifier });
const authorization = `Basic ${btoa(`${created.client_id}:${regenerated.client_secret}`)}`;
const tokens = await (await fetch(`${url}/auth/v1/oauth/token`, { method: "POST", body, headers: { authorization } })).json();
print("tokens", Object.keys(tokens).sort());
print("user", check("getUser", await auth.getUser(tokens.access_token)).user.email === email);
id = await authorize("read");
print("consented before", Object.keys(check("details", await auth.oauth.getAuthorizationDetails(id))));
id = await authorize("write");
check("details", await auth.oauth.getAuthorizationDetails(id));
print("denied", new URL(check("deny", await auth.oauth.denyAuthorization(id)).redirect_url).searchParams.get("error"));
print("decided twice", failure(await auth.oauth.denyAuthorization(id)));
const grants = check("grants", await auth.oauth.listGrants());
print("grants", grants.map(({ client, scopes }) => [client.name, scopes]));
check("revoke", await auth.oauth.revokeGrant({ clientId: created.client_id }));
print("revoked", check("grants", await auth.oauth.listGrants()));
print("ended", failure(await auth.getUser(tokens.access_token)).slice(1));
check("delete", await admin.deleteClient(created.client_id));
print("deleted", failure(await admin.getClient(created.client_id)));
print("done");
