// Runs the sign-in flows of the official client, and prints what came of each as a line of JSON. Where a mail is
// needed it prints the address, and reads the answer from its input.
import { createClient } from "@supabase/supabase-js";
import readline from "node:readline";

const [url, key, suffix] = process.argv.slice(2);
const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const print = (what, value) => console.log(JSON.stringify({ what, value: value ?? null }));
const ask = async (what, value) => (print(what, value), (await lines.next()).value);
const password = "correct horse battery";
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
const claims = async (auth) => check("getClaims", await auth.getClaims()).claims;

// Sign-up, confirmed by the code in the mail; sign-in by password; the change of the account.
let auth = client();
const email = `ada-${suffix}@example.com`;
const signedUp = check("signUp", await auth.signUp({ email, password, options: { data: { name: "Ada" } } }));
print("signed up", [signedUp.session, signedUp.user.email === email]);
print("unconfirmed", failure(await auth.signInWithPassword({ email, password })));
let token = await ask("mail", email);
print("confirmed", check("verifyOtp", await auth.verifyOtp({ email, token, type: "signup" })).user.id === signedUp.user.id);
check("signOut", await auth.signOut());
print("wrong password", failure(await auth.signInWithPassword({ email, password: "a wrong password" })));
check("signIn", await auth.signInWithPassword({ email, password }));
print("updated", check("updateUser", await auth.updateUser({ data: { name: "Countess" } })).user.user_metadata.name);
check("reauthenticate", await auth.reauthenticate());
const nonce = await ask("mail", email);
check("updateUser", await auth.updateUser({ password: "another horse battery", nonce }));
print("identities", check("identities", await auth.getUserIdentities()).identities.map(({ provider }) => provider));

// A code by mail, and a magic link with PKCE.
auth = client();
check("signInWithOtp", await auth.signInWithOtp({ email }));
token = await ask("mail", email);
print("code", check("verifyOtp", await auth.verifyOtp({ email, token, type: "email" })).user.email === email);
print("used code", failure(await client().verifyOtp({ email, token, type: "email" })));
auth = client({ flowType: "pkce" });
check("signInWithOtp", await auth.signInWithOtp({ email, options: { emailRedirectTo: "http://localhost:3000/welcome" } }));
const code = await ask("link", email);
print("foreign verifier", failure(await client({ flowType: "pkce" }).exchangeCodeForSession(code)).length);
print("pkce", check("exchange", await auth.exchangeCodeForSession(code)).user.email === email);
check("recover", await auth.resetPasswordForEmail(email));
const recovery = await ask("link", email);
check("exchange", await auth.exchangeCodeForSession(recovery));
print("recovery", (await claims(auth)).amr[0].method);

// Two tabs that share one refresh token.
const { refresh_token } = check("getSession", await auth.getSession()).session;
const tabs = [client(), client()];
const refreshed = await Promise.all(tabs.map((tab) => tab.refreshSession({ refresh_token })));
const sessions = refreshed.map((answer) => check("refresh", answer).session);
print("two tabs", [sessions[0].refresh_token === sessions[1].refresh_token, sessions[0].user.id === sessions[1].user.id]);
print("both go on", (await Promise.all(tabs.map((tab) => tab.getUser()))).map(({ error }) => error));

// An anonymous user who becomes permanent.
auth = client();
const guest = check("signInAnonymously", await auth.signInAnonymously({ options: { data: { theme: "dark" } } })).user;
print("anonymous", [guest.is_anonymous, (await claims(auth)).is_anonymous, guest.user_metadata]);
const guestEmail = `guest-${suffix}@example.com`;
check("updateUser", await auth.updateUser({ email: guestEmail, password }));
token = await ask("mail", guestEmail);
check("verifyOtp", await auth.verifyOtp({ email: guestEmail, token, type: "email_change" }));
const permanent = check("getUser", await auth.getUser()).user;
print("permanent", [permanent.id === guest.id, permanent.is_anonymous, (await claims(auth)).is_anonymous]);
check("signIn", await client().signInWithPassword({ email: guestEmail, password }));

// A phone number: the fixed code of a test number, then a number of one's own by text message.
auth = client();
check("signInWithOtp", await auth.signInWithOtp({ phone: "+1234567890" }));
print("wrong phone code", failure(await auth.verifyOtp({ phone: "+1234567890", token: "000000", type: "sms" })));
const byPhone = check("verifyOtp", await auth.verifyOtp({ phone: "+1234567890", token: "123456", type: "sms" }));
print("phone", byPhone.user.phone);
const phone = `1555${suffix}`;
check("updateUser", await auth.updateUser({ phone }));
token = await ask("text", phone);
print("phone change", check("verifyOtp", await auth.verifyOtp({ phone, token, type: "phone_change" })).user.phone === phone);
print("resend", failure(await auth.resend({ type: "sms", phone })));
print("done");
