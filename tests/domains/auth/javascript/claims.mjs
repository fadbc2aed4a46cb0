// Signs up, and verifies the access token by the published keys: url, key, email.
import { createClient } from "@supabase/supabase-js";

const [url, key, email] = process.argv.slice(2);
const requested = [];
const client = createClient(url, key, {
  auth: { persistSession: false, autoRefreshToken: false },
  global: {
    fetch: (input, init) => {
      requested.push(new URL(input.url ?? input).pathname);
      return fetch(input, init);
    },
  },
});
const { data, error } = await client.auth.signUp({ email, password: "correct horse battery" });
if (error) throw error;
requested.length = 0;
const claims = await client.auth.getClaims();
if (claims.error) throw claims.error;
const text = data.session.access_token;
const forged = await client.auth.getClaims(`${text.slice(0, -8)}AAAAAAAA`);
console.log(
  JSON.stringify({
    header: claims.data.header,
    sub: claims.data.claims.sub,
    userId: data.user.id,
    requested,
    forged: forged.error?.name ?? null,
  }),
);
