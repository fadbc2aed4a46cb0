-- Applications that act for a person with scopes: clients, authorizations, consents, and the sessions they get.
-- Runs as monynha_owner. Policies and grants are in domains/auth/policies.sql.

-- An application, registered by an admin or by itself (RFC 7591).
create table auth.oauth_clients (
  id uuid primary key default gen_random_uuid(),
  registration_type text not null,
  client_type text not null,
  token_endpoint_auth_method text not null,
  -- SHA-256 of a secret of 256 random bits; null for public clients, which have none.
  secret_hash text,
  name text not null default '',
  client_uri text not null default '',
  logo_uri text not null default '',
  redirect_uris text[] not null,
  grant_types text[] not null,
  -- What the client may request at most.
  scopes text[] not null,
  is_enabled boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint oauth_client_registration_type_is_known check (registration_type in ('manual', 'dynamic')),
  constraint oauth_client_type_is_known check (client_type in ('public', 'confidential')),
  constraint oauth_client_authenticates_by_its_type check (
    case client_type
      when 'public' then token_endpoint_auth_method = 'none' and secret_hash is null
      else token_endpoint_auth_method in ('client_secret_basic', 'client_secret_post') and secret_hash is not null
    end
  ),
  constraint oauth_client_has_redirect_uris check (cardinality(redirect_uris) between 1 and 10),
  constraint oauth_client_grant_types_are_known check (
    grant_types <@ '{authorization_code,refresh_token}' and 'authorization_code' = any (grant_types)
  ),
  constraint oauth_client_scopes_are_known check (scopes <@ '{read,write,admin,openid,profile,email}')
);

create index oauth_clients_created_at_idx on auth.oauth_clients (created_at desc, id desc);

-- What a person allows a client: the scopes of all approvals together.
create table auth.oauth_consents (
  user_id uuid not null references auth.users (id) on delete cascade,
  client_id uuid not null references auth.oauth_clients (id) on delete cascade,
  scopes text[] not null,
  granted_at timestamptz not null default now(),
  primary key (user_id, client_id)
);

create index oauth_consents_client_id_idx on auth.oauth_consents (client_id);

-- A request for authorization, from the authorization endpoint until its code is exchanged.
create table auth.oauth_authorizations (
  id uuid primary key default gen_random_uuid(),
  client_id uuid not null references auth.oauth_clients (id) on delete cascade,
  -- The person who opened it first; nobody else may see or decide it.
  user_id uuid references auth.users (id) on delete cascade,
  status text not null default 'pending',
  redirect_uri text not null,
  scopes text[] not null,
  state text,
  nonce text,
  code_challenge text not null,
  -- Whether the person is asked although they have consented before.
  requires_prompt boolean not null default false,
  code_hash text,
  -- The session in which it was approved: the code is void once that has ended.
  approved_in uuid,
  -- What the code was exchanged for; it ends if the code is presented again. Without a foreign key, since the row
  -- must outlive the session to recognise the code.
  session_id uuid,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  constraint oauth_authorization_status_is_known check (status in ('pending', 'approved', 'denied', 'redeemed', 'void')),
  constraint oauth_authorization_code_is_unique unique (code_hash)
);

create index oauth_authorizations_client_id_idx on auth.oauth_authorizations (client_id);
create index oauth_authorizations_user_id_idx on auth.oauth_authorizations (user_id);
create index oauth_authorizations_expires_at_idx on auth.oauth_authorizations (expires_at);

-- A session that a client has; null for one in which the person signed in themselves.
alter table auth.sessions
  add column oauth_client_id uuid references auth.oauth_clients (id) on delete cascade,
  add column oauth_scopes text[];
create index sessions_oauth_client_id_idx on auth.sessions (oauth_client_id) where oauth_client_id is not null;

alter table auth.oauth_clients enable row level security;
alter table auth.oauth_clients force row level security;
alter table auth.oauth_consents enable row level security;
alter table auth.oauth_consents force row level security;
alter table auth.oauth_authorizations enable row level security;
alter table auth.oauth_authorizations force row level security;
