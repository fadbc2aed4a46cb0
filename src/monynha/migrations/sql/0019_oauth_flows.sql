-- Signing in with a provider: what is remembered while the browser is there. Runs as monynha_owner.
-- Policies and grants are in domains/auth/policies.sql.

-- One visit to a provider, from `/authorize` to `/callback`. It is deleted when the browser comes back.
create table auth.oauth_flows (
  id uuid primary key default gen_random_uuid(),
  provider text not null,
  -- Hashes of what the browser carries: the state in its address, and the cookie that binds the state to it.
  state_hash text not null,
  -- Null while a link to sign in with a further provider was not opened yet.
  browser_hash text,
  redirect_to text not null,
  -- The client's own, for the code that it is given (RFC 7636).
  code_challenge text,
  code_challenge_method text,
  -- Who adds the provider to their account, and in which session: signing out ends the visit.
  linking_user_id uuid references auth.users (id) on delete cascade,
  linking_session_id uuid references auth.sessions (id) on delete cascade,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  constraint oauth_flow_state_is_unique unique (state_hash)
);

create index oauth_flows_expires_at_idx on auth.oauth_flows (expires_at);
-- Of the foreign keys, for the deletion of an account or a session.
create index oauth_flows_linking_user_id_idx on auth.oauth_flows (linking_user_id) where linking_user_id is not null;
create index oauth_flows_linking_session_id_idx on auth.oauth_flows (linking_session_id)
  where linking_session_id is not null;

alter table auth.oauth_flows enable row level security;
alter table auth.oauth_flows force row level security;

-- The provider's tokens until the client has exchanged its code, encrypted with a key that only the code contains.
alter table auth.authorization_codes add column sealed_provider_tokens bytea;
