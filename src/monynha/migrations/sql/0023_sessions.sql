-- Sessions as their owners see them, the devices that an account was used from, and exports of one's own data.

alter table auth.sessions add column device text;
comment on column auth.sessions.device is 'Browser and system in words that people know; null for one that began before.';
alter table auth.sessions add column last_used_at timestamptz;
comment on column auth.sessions.last_used_at is
  'A time at which an access token was used, written rarely: the session may have been refreshed since.';

-- The list of one account's sessions, newest first, whatever the number of all.
create index sessions_user_id_created_at_idx on auth.sessions (user_id, created_at desc, id desc);
drop index auth.sessions_user_id_idx;

create table auth.known_devices (
  user_id uuid not null references auth.users (id) on delete cascade,
  device text not null,
  network text not null,
  last_seen_at timestamptz not null default now(),
  primary key (user_id, device, network),
  constraint known_device_is_short check (length(device) <= 100 and length(network) <= 50)
);
comment on table auth.known_devices is
  'From which devices (without versions) and networks (wider than an address) an account was signed in to.';
create index known_devices_last_seen_at_idx on auth.known_devices (last_seen_at);
alter table auth.known_devices enable row level security;
alter table auth.known_devices force row level security;

-- With the rights of its owner, since no client has any on the schema auth: its condition is the right. A plain view of
-- one table, so that a row can be deleted through it.
create view public.sessions with (security_barrier) as
  select
    s.id, coalesce(s.device, 'Unknown device') as device, s.ip, s.aal, s.created_at,
    greatest(s.created_at, s.refreshed_at, s.last_used_at) as last_used_at,
    s.id is not distinct from (select nullif(auth.jwt() ->> 'session_id', '')::uuid) as is_current,
    (extract(epoch from greatest(s.created_at, s.refreshed_at, s.last_used_at)) * 1000000)::bigint as version
  from auth.sessions s
  where s.user_id = (select auth.uid()) and (s.not_after is null or s.not_after > now());
comment on view public.sessions is 'The live sessions of the caller, without what their tokens are made of.';
